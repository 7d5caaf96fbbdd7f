//! Files of Git LFS: in the repository there are pointers in their place, and they are named, since a function that reads one finds
//! three lines of text.
//!
//! Asks no server for them.

use std::path::Path;

use super::names::entry;
use crate::builder::files;

/// A pointer is no smaller, and no larger; its own rules allow up to 1,024 bytes, which none has.
const SIZES: std::ops::RangeInclusive<u64> = 100..=300;

/// Files of that size that are looked into.
const MAX_CANDIDATES: usize = 500;

/// Files that the log names.
const MAX_NAMED: usize = 10;

const BEGINNING: &str = "version https://git-lfs.github.com/spec/v1\n";

/// Takes down a line of `ls-tree -l` whose file may be a pointer.
pub(super) fn note(candidates: &mut Vec<String>, line: &str) {
    let (size, path) = entry(line);
    if SIZES.contains(&size) && line.starts_with("100") && candidates.len() < MAX_CANDIDATES {
        candidates.push(path.to_owned());
    }
}

/// What the log says of pointers among the files; `None` when there are none.
pub(super) fn told(folder: &Path, candidates: &[String]) -> Option<String> {
    let is_pointer = |path: &&String| {
        let path = Path::new(path.as_str());
        let parent = files::real_folder(folder, path.parent().unwrap_or(Path::new("")));
        let name = path.file_name().and_then(|name| name.to_str());
        let (Ok(parent), Some(name)) = (parent, name) else { return false };
        files::text(&parent, name).ok().flatten().is_some_and(|text| text.starts_with(BEGINNING))
    };
    let pointers: Vec<_> = candidates.iter().filter(is_pointer).map(|path| format!("`{path}`")).collect();
    let more = pointers.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = pointers[..pointers.len().min(MAX_NAMED)].join(", ");
    (!pointers.is_empty()).then(|| {
        format!("Git LFS is not asked for files: there are pointers in the place of {shown}{more}. Commit them as they are, or fetch them when the function starts.")
    })
}
