//! The lines of a Dockerfile, with those joined that one instruction consists of.

use std::sync::LazyLock;

use regex::Regex;

use super::Fault;

/// What continues a line unless the file says otherwise.
const ESCAPE: char = '\\';

/// `# escape=x`, and its like, at the top.
static DIRECTIVE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S.*?)\s*$").expect("it is one"));

/// `<<END`, behind which lines follow up to one that is `END`.
static DOCUMENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?:^|\s)\d*<<(-?)["']?([A-Za-z_][A-Za-z0-9_]*)["']?"#).expect("it is one"));

/// What one instruction is, and the line that it begins in.
#[derive(Debug)]
pub(super) struct Logical {
    pub(super) line: usize,
    pub(super) text: String,
    /// Whether lines followed that are its input.
    pub(super) has_document: bool,
}

/// All of them, and the character that continues a line.
pub(super) fn read(text: &str) -> Result<(char, Vec<Logical>), Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.split('\n').map(|line| line.trim_end_matches('\r')).collect();
    let escape = escape(&lines)?;
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if is_nothing(lines[at]) {
            at += 1;
            continue;
        }
        let first = at;
        let mut joined = String::new();
        loop {
            let continued = push(&mut joined, lines[at], escape, at + 1)?;
            at += 1;
            while continued && at < lines.len() && is_nothing(lines[at]) {
                at += 1;
            }
            if !continued || at >= lines.len() {
                break;
            }
        }
        let text = joined.trim().to_owned();
        if text.ends_with(escape) {
            return Err(Fault::new(
                first + 1,
                format!("its last line ends with `{escape}` after a space: take it away"),
            ));
        }
        let behind = document(&text, &lines[at..]);
        at += behind;
        found.push(Logical { line: first + 1, text, has_document: behind > 0 });
    }
    Ok((escape, found))
}

/// Whether a line is empty or a comment.
fn is_nothing(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// Adds a line, and says whether it goes on in the next one.
fn push(joined: &mut String, line: &str, escape: char, number: usize) -> Result<bool, Fault> {
    let Some(front) = line.trim_end_matches([' ', '\t']).strip_suffix(escape) else {
        joined.push_str(line);
        return Ok(false);
    };
    if front.ends_with(escape) {
        let why = format!(
            "it ends with `{escape}{escape}`, which some engines take for the end and others do not: put a space between"
        );
        return Err(Fault::new(number, why));
    }
    joined.push_str(front);
    Ok(true)
}

/// What the comments at the top say that continues a line.
fn escape(lines: &[&str]) -> Result<char, Fault> {
    for (index, line) in lines.iter().enumerate() {
        let Some(said) = DIRECTIVE.captures(line.trim()) else { break };
        if said[1].eq_ignore_ascii_case("escape") {
            return match &said[2] {
                "\\" => Ok('\\'),
                "`" => Ok('`'),
                _ => Err(Fault::new(index + 1, "`escape` is `\\` or a backtick")),
            };
        }
    }
    Ok(ESCAPE)
}

/// The number of lines that are an instruction's input.
fn document(text: &str, following: &[&str]) -> usize {
    let takes_one = ["RUN", "COPY", "ADD"]
        .iter()
        .any(|name| text.get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name)));
    if !takes_one {
        return 0;
    }
    let mut behind = 0;
    for said in DOCUMENT.captures_iter(text) {
        let strips = !said[1].is_empty();
        let is_end = |line: &&str| {
            let line = if strips { line.trim_start_matches('\t') } else { *line };
            line == &said[2]
        };
        // Without an end it is something else, of a shell's.
        match following[behind..].iter().position(is_end) {
            Some(end) => behind += end + 1,
            None => break,
        }
    }
    behind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(usize, String, bool)> {
        read(text).unwrap().1.into_iter().map(|one| (one.line, one.text, one.has_document)).collect()
    }

    #[test]
    fn a_line_goes_on_after_what_the_file_says() {
        assert_eq!(texts("A \\\nb \\ \t\n c"), [(1, "A b  c".to_owned(), false)]);
        assert_eq!(
            texts("# escape=`\nA `\nb\nC \\\nD"),
            [(2, "A b".to_owned(), false), (4, "C \\".to_owned(), false), (5, "D".to_owned(), false)]
        );
        // No longer at the top.
        assert_eq!(texts("A\n# escape=`\nB `\nC").len(), 3);
        assert!(read("# escape=x\nA").is_err());
        assert_eq!(texts("\u{feff}A"), [(1, "A".to_owned(), false)]);
        assert_eq!(texts("A \\\n"), [(1, "A".to_owned(), false)]);
    }

    #[test]
    fn the_parts_of_a_name_are_one_name_in_two_lines() {
        assert_eq!(texts("FR\\\nOM x"), [(1, "FROM x".to_owned(), false)]);
    }

    #[test]
    fn what_would_continue_what_is_printed_is_refused() {
        assert!(read("RUN a \\ \\").is_err());
        assert!(read("RUN a \\\\\nb").is_err());
    }

    #[test]
    fn a_document_ends_where_it_says() {
        let found =
            texts("RUN <<EOF\nFROM x\nEOF\nCOPY <<A <<-\"B\" /\n1\nA\n\tB\nRUN cat <<E\nUSER x\nRUN x $((1<<2))");
        let shown: Vec<_> = found.iter().map(|(line, _, document)| (*line, *document)).collect();
        assert_eq!(shown, [(1, true), (4, true), (8, false), (9, false), (10, false)]);
    }
}
