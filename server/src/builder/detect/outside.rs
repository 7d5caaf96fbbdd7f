//! References from a folder's files to paths outside it, which will be missing because a version contains only the
//! folder.
//!
//! Reads texts; knows nothing of what surrounds the folder.

use std::collections::BTreeSet;
use std::path::{Component, Path};
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::evidence::Evidence;

/// References that are listed; there may be more.
pub const MAX_OUTSIDE: usize = 20;

/// A reference is shown up to so many letters.
const MAX_LETTERS: usize = 120;

/// Levels of a TOML file that are looked into.
const MAX_LEVELS: usize = 8;

/// Where `package.json` lists packages.
const SECTIONS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// A file and its reference, as written there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Outside {
    /// The file, by its path below the folder.
    pub file: String,
    /// What it says.
    pub reference: String,
    /// Levels above the folder, and the path from there; `None` where only its place in a workspace is known.
    pub place: Option<(usize, String)>,
}

/// What JavaScript and TypeScript import by a path.
static IMPORT: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*["'](\.[^"'\n]{0,300})["']"#));

/// Where Python looks for modules, from the folder that the program is started in.
static PYTHON_PATH: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"sys\.path\.(?:append|insert|extend)\([^)\n]{0,80}["'](\.\.[^"'\n]{0,300})["']"#));

/// A file of settings that builds on another one.
static EXTENDS: LazyLock<Regex> = LazyLock::new(|| regex(r#""(?:extends|path)"\s*:\s*"(\.[^"\n]{0,300})""#));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("it is a constant")
}

/// All references that lead out of the folder, by file, [`MAX_OUTSIDE`] at most.
pub fn outside(evidence: &Evidence) -> Vec<Outside> {
    let mut found = BTreeSet::new();
    package(evidence, &mut found);
    python(evidence, &mut found);
    manifests(evidence, &mut found);
    let is_script = |name: &str| {
        name.rsplit_once('.').is_some_and(|(_, ending)| matches!(ending, "js" | "mjs" | "cjs" | "ts" | "mts" | "cts"))
    };
    let texts = evidence.texts(is_script).map(|text| (text, &*IMPORT));
    let texts = texts.chain(evidence.texts(|name| name.ends_with(".py")).map(|text| (text, &*PYTHON_PATH)));
    let texts = texts.chain(evidence.texts(|name| name == "tsconfig.json").map(|text| (text, &*EXTENDS)));
    for ((name, text), pattern) in texts {
        // Python's are from where the program is started, the others from where the file is.
        let from = if name.ends_with(".py") { "" } else { name.rsplit_once('/').map_or("", |(folder, _)| folder) };
        for captures in pattern.captures_iter(text) {
            note(&mut found, name, from, &captures[1], &captures[1]);
        }
    }
    found.into_iter().take(MAX_OUTSIDE).collect()
}

fn package(evidence: &Evidence, found: &mut BTreeSet<Outside>) {
    let package = evidence.package();
    let is_root = package.get("workspaces").is_some() || evidence.has("pnpm-workspace.yaml");
    let sections = SECTIONS.iter().filter_map(|section| package[section].as_object());
    for (name, wanted) in sections.flatten().filter_map(|(name, wanted)| Some((name, wanted.as_str()?))) {
        let path = ["file:", "link:", "portal:"].iter().find_map(|prefix| wanted.strip_prefix(prefix));
        note(found, "package.json", "", path.unwrap_or(wanted), wanted);
        if wanted.starts_with("workspace:") && !is_root {
            let reference = short(&format!("{name}@{wanted}"));
            found.insert(Outside { file: "package.json".into(), reference, place: None });
        }
    }
    let listed = package["workspaces"].as_array().or_else(|| package["workspaces"]["packages"].as_array());
    for pattern in listed.into_iter().flatten().filter_map(Value::as_str) {
        note(found, "package.json", "", pattern, pattern);
    }
}

fn python(evidence: &Evidence, found: &mut BTreeSet<Outside>) {
    for line in evidence.text("requirements.txt").into_iter().flat_map(str::lines) {
        let line = line.split(" #").next().unwrap_or_default().trim();
        // `-e ../lib`, `../lib`, `-r ../more.txt`, `lib @ file:../lib`.
        let word = line.split([' ', '=']).rfind(|word| !word.is_empty()).unwrap_or_default();
        let path = word.strip_prefix("file://").or(word.strip_prefix("file:")).unwrap_or(word);
        note(found, "requirements.txt", "", path, line);
    }
}

/// `path = "../lib"` in TOML, and `replace x => ../lib` in `go.mod`.
fn manifests(evidence: &Evidence, found: &mut BTreeSet<Outside>) {
    for name in ["pyproject.toml", "Pipfile", "Cargo.toml"] {
        let table = evidence.text(name).and_then(|text| text.parse::<toml::Table>().ok());
        if let Some(table) = table {
            paths(&toml::Value::Table(table), 0, &mut |path| note(found, name, "", path, path));
        }
    }
    for line in evidence.text("go.mod").into_iter().flat_map(str::lines) {
        if let Some((_, path)) = line.split_once("=>") {
            note(found, "go.mod", "", path.trim(), path.trim());
        }
    }
}

fn paths(value: &toml::Value, level: usize, each: &mut impl FnMut(&str)) {
    match value {
        toml::Value::Table(table) if level < MAX_LEVELS => table.iter().for_each(|(key, value)| match value {
            toml::Value::String(path) if key == "path" || key == "url" => {
                each(path.strip_prefix("file:").unwrap_or(path))
            }
            value => paths(value, level + 1, each),
        }),
        toml::Value::Array(list) if level < MAX_LEVELS => list.iter().for_each(|value| paths(value, level + 1, each)),
        _ => {}
    }
}

/// Takes down a path that leads out of the folder, from a folder in it.
fn note(found: &mut BTreeSet<Outside>, file: &str, from: &str, path: &str, reference: &str) {
    if let Some(place) = leaves(from, path) {
        found.insert(Outside { file: file.to_owned(), reference: short(reference), place: Some(place) });
    }
}

/// Levels above the folder, and the path from there.
fn leaves(from: &str, path: &str) -> Option<(usize, String)> {
    if path.starts_with('/') {
        return None;
    }
    let (mut above, mut inner): (usize, Vec<String>) = (0, Vec::new());
    for component in Path::new(from).components().chain(Path::new(path).components()) {
        match component {
            Component::ParentDir if inner.pop().is_none() => above += 1,
            Component::Normal(name) => inner.push(name.to_string_lossy().into_owned()),
            _ => {}
        }
    }
    (above > 0).then(|| (above, inner.join("/")))
}

fn short(text: &str) -> String {
    text.chars().take(MAX_LETTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let names = files.iter().map(|(name, _)| (*name).to_owned());
        let texts = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let found = outside(&Evidence::new(names, texts));
        found.into_iter().map(|outside| (outside.file, outside.reference)).collect()
    }

    #[test]
    fn what_leads_out_of_the_folder_is_found_where_it_is_written() {
        let package = r#"{"dependencies": {"a": "file:../lib", "b": "workspace:*", "c": "^1.0.0", "d": "file:./inner"},
            "devDependencies": {"e": "link:../../tools"}}"#;
        let table: [(&str, &str, &[&str]); 9] = [
            ("package.json", package, &["b@workspace:*", "file:../lib", "link:../../tools"]),
            (
                "package.json",
                r#"{"workspaces": ["packages/*", "../other"], "dependencies": {"b": "workspace:*"}}"#,
                &["../other"],
            ),
            (
                "requirements.txt",
                "flask\n-e ../lib  # ours\n-r ../base.txt\n./here\nx @ file:../x\n",
                &["-e ../lib", "-r ../base.txt", "x @ file:../x"],
            ),
            (
                "pyproject.toml",
                "[tool.poetry.dependencies]\na = { path = \"../lib\", develop = true }\n[tool.uv.sources]\nb = { path = \"lib\" }\n",
                &["../lib"],
            ),
            ("Cargo.toml", "[dependencies]\na = { path = \"../a\" }\n", &["../a"]),
            ("go.mod", "module m\nreplace example.com/a => ../a\n", &["../a"]),
            ("tsconfig.json", "{ // base\n \"extends\": \"../tsconfig.base.json\" }", &["../tsconfig.base.json"]),
            (
                "src/deep/a.ts",
                "import x from '../../../shared/x';\nimport y from '../../y';\nexport * from \"../b\";\nconst z = require('../../../z')",
                &["../../../shared/x", "../../../z"],
            ),
            ("app.py", "import sys\nsys.path.append('../shared')\nsys.path.insert(0, 'lib')\n", &["../shared"]),
        ];
        for (file, text, expected) in table {
            let expected: Vec<_> =
                expected.iter().map(|reference| (file.to_owned(), (*reference).to_owned())).collect();
            assert_eq!(of(&[(file, text)]), expected, "{file}");
        }
        assert_eq!(
            of(&[("package.json", "not JSON"), ("Cargo.toml", "="), ("a.js", "require('/etc/x'); '../no'")]),
            []
        );
    }

    #[test]
    fn a_place_is_counted_from_the_file() {
        assert_eq!(leaves("", "../shared/x"), Some((1, "shared/x".into())));
        assert_eq!(leaves("src/a", "../../../../x/../y"), Some((2, "y".into())));
        for (from, path) in [("", "x"), ("src", "../x"), ("", "/x"), ("", "a/../b")] {
            assert_eq!(leaves(from, path), None, "{from} {path}");
        }
    }
}
