//! The fields of log lines have one name each, and docs/guide/logs.md lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What begins a log line or a span in the code.
const MACROS: &[&str] = &["error!(", "warn!(", "info!(", "debug!(", "trace!(", "info_span!(", "debug_span!("];

#[test]
fn every_field_of_the_log_is_listed_and_every_listed_one_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut used = BTreeMap::new();
    walk(&root.join("src"), &mut used);
    assert!(used.len() > 30, "the fields were not found: {used:?}");
    let page = std::fs::read_to_string(root.join("../docs/guide/logs.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('|').map(|(names, _)| names));
    let listed: BTreeSet<String> =
        rows.flat_map(|names| names.split(',')).map(|name| name.trim().trim_matches('`').to_owned()).collect();
    // The settings of the log are in the page, too, in upper case.
    let listed: BTreeSet<_> = listed.into_iter().filter(|name| name.to_lowercase() == *name).collect();
    for (field, place) in &used {
        assert!(
            listed.contains(field),
            "{place}: the field `{field}` is not in docs/guide/logs.md: is there a name for it already?"
        );
        assert_ne!(field, "message", "{place}: the text of a line has this name");
    }
    for field in &listed {
        assert!(used.contains_key(field), "docs/guide/logs.md lists `{field}`, which no line has");
    }
}

fn walk(folder: &Path, used: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !matches!(name, "tests" | "contract") {
            walk(&path, used);
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("\nmod tests {").next().unwrap();
            for start in MACROS.iter().flat_map(|name| code.match_indices(name).map(move |(at, _)| at + name.len())) {
                if code[..start].lines().last().unwrap().trim_start().starts_with("//") {
                    continue;
                }
                for field in arguments(&code[start..]).iter().filter_map(|argument| field(argument)) {
                    used.insert(field.to_owned(), path.display().to_string());
                }
            }
        }
    }
}

/// What stands between the commas of a macro's call.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    let mut all = vec![String::new()];
    for letter in text.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 1 => {
                all.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        all.last_mut().unwrap().push(letter);
    }
    all
}

/// The field that an argument sets: `%run`, `run = …`.
fn field(argument: &str) -> Option<&str> {
    let argument = argument.trim().trim_start_matches(['%', '?']);
    let end = argument.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(argument.len());
    let (name, rest) = argument.split_at(end);
    let rest = rest.trim_start();
    (!name.is_empty() && (rest.is_empty() || (rest.starts_with('=') && !rest.starts_with("==")))).then_some(name)
}
