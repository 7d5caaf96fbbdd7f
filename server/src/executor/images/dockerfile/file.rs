//! A Dockerfile as a list of instructions.

use std::collections::BTreeMap;

use super::{Fault, lines};

/// The longest Dockerfile.
pub const MAX_BYTES: usize = 256 * 1024;

/// The most instructions.
const MAX_INSTRUCTIONS: usize = 1000;

/// All instructions.
pub(super) const KNOWN: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// The values of build arguments, by their names.
pub type Arguments = BTreeMap<String, String>;

/// A Dockerfile that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// The character that continues a line, and takes the next one's meaning away.
    pub(super) escape: char,
    pub(super) instructions: Vec<Instruction>,
}

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The line that it begins in, from 1.
    pub line: usize,
    /// Its name in capitals.
    pub name: &'static str,
    /// What follows it, with continued lines joined.
    pub rest: String,
    /// Whether lines follow that are its input.
    pub(super) has_document: bool,
}

impl Instruction {
    /// It as it is shown to people.
    pub fn shown(&self) -> String {
        let rest: Vec<_> = self.rest.split_whitespace().collect();
        domain::text::shown(&format!("{} {}", self.name, rest.join(" ")))
    }
}

impl Dockerfile {
    /// Reads a Dockerfile.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn parse(text: &[u8]) -> Result<Self, Fault> {
        if text.len() > MAX_BYTES {
            return Err(Fault::new(1, format!("it has {} bytes, and may have {MAX_BYTES}", text.len())));
        }
        let text = std::str::from_utf8(text).map_err(|error| {
            let line = text[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            Fault::new(line, "it is no UTF-8 text")
        })?;
        let (escape, lines) = lines::read(text)?;
        if lines.len() > MAX_INSTRUCTIONS {
            return Err(Fault::new(lines[MAX_INSTRUCTIONS].line, format!("more than {MAX_INSTRUCTIONS} instructions")));
        }
        let instructions = lines.into_iter().map(instruction).collect::<Result<Vec<_>, _>>()?;
        match instructions.iter().find(|instruction| instruction.name != "ARG") {
            None => Err(Fault::new(1, "there is no `FROM`: it names the image that the build begins with")),
            Some(first) if first.name != "FROM" => Err(Fault::new(
                first.line,
                format!("`{}` before the first `FROM`: only `ARG` may be there", first.name),
            )),
            Some(_) => Ok(Self { escape, instructions }),
        }
    }
}

fn instruction(line: lines::Logical) -> Result<Instruction, Fault> {
    let end = line.text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(line.text.len());
    let (word, rest) = line.text.split_at(end);
    let name = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(word));
    // What engines take for the end of the name; other white space is not.
    let ends = rest.is_empty() || rest.starts_with(['\t', '\u{b}', '\u{c}', '\r', ' ']);
    let Some(name) = name.filter(|_| ends) else { return Err(unknown(&line)) };
    let rest = rest.trim();
    if rest.is_empty() {
        return Err(Fault::new(line.line, format!("nothing follows `{name}`")));
    }
    // Engines say this without the line.
    if name == "ENV" && !rest.contains(|c: char| c == '=' || c.is_whitespace()) {
        return Err(Fault::new(
            line.line,
            format!("`ENV {rest}` has no value: write `ENV NAME=VALUE`", rest = domain::text::shown(rest)),
        ));
    }
    Ok(Instruction { line: line.line, name, rest: rest.to_owned(), has_document: line.has_document })
}

fn unknown(line: &lines::Logical) -> Fault {
    let word = line.text.split_whitespace().next().unwrap_or_default();
    let upper = word.to_ascii_uppercase();
    let nearest = KNOWN.into_iter().map(|known| (strsim::damerau_levenshtein(&upper, known), known)).min();
    let hint = match nearest {
        Some((far, known)) if far * 2 <= known.len() => format!(": did you mean `{known}`?"),
        _ => ": does the line before it lack a `\\` at its end?".to_owned(),
    };
    Fault::new(line.line, format!("there is no instruction `{}`{hint}", domain::text::shown(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Dockerfile {
        Dockerfile::parse(text.as_bytes()).unwrap()
    }

    fn fault(text: &str) -> String {
        Dockerfile::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn instructions_have_their_lines_and_what_follows_them() {
        let file = parsed("# a comment\n\nfrom busybox\n  Run echo a && \\\n# another\n\n  echo b\r\nCMD [\"a\"]\n");
        let found: Vec<_> = file.instructions.iter().map(|one| (one.line, one.name, one.rest.as_str())).collect();
        assert_eq!(
            found,
            [(3, "FROM", "busybox"), (4, "RUN", "echo a &&   echo b"), (8, "CMD", "[\"a\"]")],
            "{file:?}"
        );
        assert_eq!(file.instructions[1].shown(), "RUN echo a && echo b");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert_eq!(fault("FROM a\nRUNN x"), "Dockerfile, line 2: there is no instruction `RUNN`: did you mean `RUN`?");
        assert!(
            fault("FROM a\nRUN x &&\n  apt-get update")
                .contains("line 3: there is no instruction `apt-get`: does the line before")
        );
        assert_eq!(fault("FROM a\nENV x"), "Dockerfile, line 2: `ENV x` has no value: write `ENV NAME=VALUE`");
        assert_eq!(fault("FROM a\nUSER"), "Dockerfile, line 2: nothing follows `USER`");
        assert!(fault("RUN x").contains("line 1: `RUN` before the first `FROM`"));
        assert!(fault("# nothing\nARG A=1").contains("there is no `FROM`"));
        assert!(fault("").contains("there is no `FROM`"));
        assert!(fault("FROM a\nRUN x \\\\\ny").contains("line 2:"));
        assert!(Dockerfile::parse(b"FROM a\nRUN \xff").unwrap_err().to_string().contains("line 2: it is no UTF-8"));
        assert!(fault(&"x".repeat(MAX_BYTES + 1)).contains("may have"));
        assert!(fault(&format!("FROM a\n{}", "RUN x\n".repeat(MAX_INSTRUCTIONS))).contains("line 1001: more than"));
    }
}
