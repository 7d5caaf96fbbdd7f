//! The sentences of the build's log that explain what was detected.

use std::fmt::Write;

/// A choice is shown so often at most.
const MAX_CHOICES: usize = 12;

/// `Which …? Set `handler` in function.json to one of: a, b`.
pub(super) fn tie(question: &str, choices: &[String]) -> String {
    let mut text = format!("{question} Say which in function.json, one of: ");
    let shown: Vec<_> = choices.iter().take(MAX_CHOICES).map(String::as_str).collect();
    text.push_str(&shown.join(", "));
    if choices.len() > MAX_CHOICES {
        let _ = write!(text, " and {} more", choices.len() - MAX_CHOICES);
    }
    text
}

/// What was found, where, what is started by it, and what changes it.
pub(super) fn found(what: &str, place: &str, started: &str, field: &str) -> String {
    format!("Found {what} in {place}: {started}; set `{field}` in function.json to change it")
}

/// A command as somebody would type it.
pub(super) fn shown(command: &[String]) -> String {
    match command {
        [shell, flag, line] if shell == "sh" && flag == "-c" => format!("`{line}`"),
        words => format!("`{}`", words.join(" ")),
    }
}
