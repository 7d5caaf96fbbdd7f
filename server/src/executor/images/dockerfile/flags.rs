//! The flags of `COPY` and `ADD`.

use super::{Fault, Instruction};

/// All of them.
const FLAGS: [&str; 8] = ["from", "chown", "chmod", "link", "parents", "exclude", "checksum", "keep-git-dir"];

/// The flags at the beginning of an instruction, and what follows them.
#[derive(Debug)]
pub(super) struct Flags<'i> {
    pub(super) all: Vec<(&'i str, Option<&'i str>)>,
    pub(super) rest: &'i str,
}

impl<'i> Flags<'i> {
    /// The value of a flag.
    pub(super) fn value(&self, name: &str) -> Option<&'i str> {
        self.all.iter().find(|(flag, _)| *flag == name).and_then(|(_, value)| *value)
    }
}

/// Reads the flags of a `COPY` or `ADD`. Engines take quotes and escapes in them: nobody needs those, and they are refused.
pub(super) fn flags(instruction: &Instruction) -> Result<Flags<'_>, Fault> {
    let mut rest = instruction.rest.as_str();
    let mut flags: Vec<(&str, Option<&str>)> = Vec::new();
    while rest.starts_with("--") {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after.trim_start();
        let (name, value) = word[2..].split_once('=').map_or((&word[2..], None), |(name, value)| (name, Some(value)));
        let is_plain = !word.contains(['"', '\'', '\\', '`']) && (name != "from" || !word.contains('$'));
        let is_new = flags.iter().all(|(flag, _)| *flag != name || name == "exclude");
        if !FLAGS.contains(&name) || !is_plain || !is_new {
            let why = format!("`{} {}` is not understood", instruction.name, domain::text::shown(word));
            return Err(Fault::new(instruction.line, why));
        }
        flags.push((name, value));
    }
    Ok(Flags { all: flags, rest })
}
