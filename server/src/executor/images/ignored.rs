//! `.dockerignore`: which files of a source are no part of what an image is built from.

use regex::{RegexSet, RegexSetBuilder};

/// The most patterns, and the longest one.
const MAX_PATTERNS: usize = 1000;
const MAX_PATTERN_BYTES: usize = 1024;

/// The most `*` and `?` of all patterns: each of them may fit at every place of every path.
const MAX_WILDCARDS: usize = 1000;

/// The largest of what the patterns become, in memory.
const MAX_COMPILED: usize = 4 << 20;

/// Tells by its patterns which paths are left out. The last one that fits decides.
#[derive(Debug, Clone)]
pub struct Ignored {
    patterns: RegexSet,
    /// For each pattern, whether it takes back what earlier ones leave out.
    keeps: Vec<bool>,
}

impl Ignored {
    /// Reads the text of a `.dockerignore`.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (mut patterns, mut keeps) = (Vec::new(), Vec::new());
        let mut wildcards = 0;
        for (index, line) in text.lines().enumerate() {
            let wrong = |why: &str| format!(".dockerignore, line {}: {why}", index + 1);
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let line = line.trim();
            let (keep, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
            if keep && pattern.is_empty() {
                return Err(wrong("nothing follows the `!`"));
            }
            if pattern.len() > MAX_PATTERN_BYTES || patterns.len() >= MAX_PATTERNS {
                return Err(wrong(&format!(
                    "more than {MAX_PATTERNS} patterns, or more than {MAX_PATTERN_BYTES} bytes in one"
                )));
            }
            wildcards += pattern.bytes().filter(|c| b"*?".contains(c)).count();
            if wildcards > MAX_WILDCARDS {
                return Err(wrong(&format!("the patterns have more than {MAX_WILDCARDS} `*` and `?` together")));
            }
            let Some(pattern) = clean(pattern) else { continue };
            let pattern = translated(&pattern).ok_or_else(|| wrong("this is no pattern"))?;
            if regex::Regex::new(&pattern).is_err() {
                return Err(wrong("this is no pattern"));
            }
            patterns.push(pattern);
            keeps.push(keep);
        }
        let patterns = RegexSetBuilder::new(&patterns).size_limit(MAX_COMPILED).build();
        Ok(Self {
            patterns: patterns.map_err(|_| ".dockerignore: its patterns take too much memory".to_owned())?,
            keeps,
        })
    }

    /// Whether a path, with `/` between its parts, is left out.
    pub fn leaves_out(&self, path: &str) -> bool {
        self.patterns.matches(path).iter().max().is_some_and(|last| !self.keeps[last])
    }

    /// Whether something in a folder that is left out may be taken back.
    pub fn takes_back(&self) -> bool {
        self.keeps.contains(&true)
    }
}

/// A pattern without what says nothing in a path; `None` for one that fits nothing here.
fn clean(pattern: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The pattern as a regular expression, which fits also what is below; `None` if it ends within something.
fn translated(pattern: &str) -> Option<String> {
    let mut out = String::from("^");
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                out.push_str(if rest.peek().is_none() { ".*" } else { "(.*/)?" });
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => {
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                loop {
                    match rest.next()? {
                        ']' => break,
                        '-' => out.push('-'),
                        '\\' => out.push_str(&regex::escape(&rest.next()?.to_string())),
                        // What means something within brackets to the library alone.
                        c => out.push_str(&regex::escape(&c.to_string())),
                    }
                }
                out.push(']');
            }
            '\\' => out.push_str(&regex::escape(&rest.next()?.to_string())),
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    out.push_str("(/.*)?$");
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves_out(patterns: &str, path: &str) -> bool {
        Ignored::parse(patterns).unwrap().leaves_out(path)
    }

    #[test]
    fn the_last_pattern_that_fits_decides() {
        for (patterns, path, out) in [
            ("node_modules", "node_modules", true),
            ("node_modules", "node_modules/a/b.js", true),
            ("node_modules", "a/node_modules", false),
            ("**/node_modules", "a/node_modules/x", true),
            ("**/node_modules", "node_modules", true),
            ("/build/", "build/x", true),
            ("./build", "build", true),
            ("*.md", "a.md", true),
            ("*.md", "docs/a.md", false),
            ("*/*.md", "docs/a.md", true),
            ("docs/**", "docs/a/b", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("a.c", "abc", false),
            ("a+(b)", "a+(b)", true),
            ("{a,b}", "a", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("*.md\n!README.md", "README.md", false),
            ("!README.md\n*.md", "README.md", true),
            ("docs\n!docs/a", "docs/a/b", false),
            ("docs\n!docs/a", "docs/b", true),
            ("# docs\n\n \n", "docs", false),
            ("../x", "x", false),
            ("a/../b", "b", true),
            (".", "x", false),
            ("*", "x", true),
            ("[[:alpha:]]", "b]", false),
        ] {
            assert_eq!(leaves_out(patterns, path), out, "{patterns:?} {path}");
        }
        assert!(Ignored::parse("a\n!b").unwrap().takes_back() && !Ignored::parse("a").unwrap().takes_back());
    }

    #[test]
    fn what_is_no_pattern_is_told_with_its_line() {
        for text in ["a\n!", "a\n[b", "a\nb\\", "a\n[z-a]"] {
            let why = Ignored::parse(text).unwrap_err();
            assert!(why.starts_with(".dockerignore, line 2: "), "{text}: {why}");
        }
        let why = Ignored::parse(&"*a*b\n".repeat(MAX_WILDCARDS / 2 + 1)).unwrap_err();
        assert!(why.contains("more than 1000 `*` and `?`"), "{why}");
        assert!(Ignored::parse(&"a\n".repeat(MAX_PATTERNS + 1)).is_err());
        assert!(Ignored::parse(&"a".repeat(MAX_PATTERN_BYTES + 1)).is_err());
    }
}
