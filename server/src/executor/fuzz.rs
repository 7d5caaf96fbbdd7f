//! Entry points for fuzzing: the output of a process. See `fuzz/` and `tests/it/corpora.rs`.

use super::MAX_LINE_BYTES;
use super::lines::in_pieces;

/// A process's output: the first byte is the size of the pieces in which it is read. The lines must not depend on that,
/// and none may be too long.
pub fn log_lines(data: &[u8]) {
    let Some((size, output)) = data.split_first() else { return };
    let whole = in_pieces(output, output.len());
    let pieces = in_pieces(output, usize::from(*size));
    assert_eq!(whole.len(), pieces.len(), "the number of lines depends on how they are read");
    for (one, other) in whole.iter().zip(&pieces) {
        assert_eq!((&one.text, one.run), (&other.text, other.run), "a line depends on how it is read");
        assert!(one.text.len() <= MAX_LINE_BYTES, "a line has {} bytes", one.text.len());
        assert!(!one.text.contains('\n'), "{:?}", one.text);
    }
}
