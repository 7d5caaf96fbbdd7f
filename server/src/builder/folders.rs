//! A repository with several functions: which of its folders could be registered, and which one `eventflow.json` says that a
//! function is.
//!
//! ```json
//! { "functions": [{ "name": "hello", "path": "functions/hello" }] }
//! ```
//!
//! Knows files and their limits; what a folder is, [`detect`] says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::detect::{self, Toolchains};
use super::{Error, files, manifest, survey};
use crate::tree::{self, Bounds, Kind, Next, When};

/// The file that lists the functions of a repository.
pub(super) const LIST: &str = "eventflow.json";

/// Levels of folders that are looked into for functions.
const MAX_DEPTH: usize = 3;

/// Folders that are looked at.
const MAX_FOLDERS: usize = 100;

/// Files and folders that are walked past.
const MAX_ENTRIES: usize = 20_000;

/// Folders that an error names.
const MAX_OFFERED: usize = 30;

/// Functions in a list.
const MAX_LISTED: usize = 200;

/// Letters of what a folder is.
const MAX_LETTERS: usize = 100;

/// Folders in which no function of the repository's own is.
const SKIPPED: [&str; 10] =
    ["node_modules", "__pycache__", "venv", "test", "tests", "__tests__", "docs", "vendor", "dist", "build"];

/// One of these is in a folder that is a project, or a small function.
const SIGNS: [&str; 20] = [
    "function.json",
    "package.json",
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "Procfile",
    "go.mod",
    "Cargo.toml",
    "deno.json",
    "Dockerfile",
    "index.html",
    "index.js",
    "index.mjs",
    "index.ts",
    "handler.js",
    "handler.py",
    "main.py",
    "app.py",
    "server.js",
    "serverless.yml",
];

/// A folder that could be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Offer {
    /// Below the folder that was looked through, as `path` takes it.
    pub(super) path: String,
    /// What it is, in a few words.
    pub(super) what: String,
}

/// What [`LIST`] says.
#[derive(Debug, Deserialize)]
struct List {
    functions: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    name: String,
    path: String,
}

/// The folder that a list says a function of this name is; `None` where there is no list, or it says the folder itself.
///
/// # Errors
/// When the list cannot be read, or names others only.
pub(super) fn listed(folder: &Path, name: &str) -> Result<Option<PathBuf>, Error> {
    let Some(text) = files::json_text(folder, LIST)? else { return Ok(None) };
    // Somebody else's file of this name lists no functions.
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| refused(format!("{LIST} is not JSON: {error}")))?;
    if value.get("functions").is_none() {
        return Ok(None);
    }
    let list: List = serde_json::from_value(value).map_err(|error| {
        refused(format!("{LIST} does not fit: {error}; write {{\"functions\": [{{\"name\": \"hello\", \"path\": \"functions/hello\"}}]}}"))
    })?;
    if list.functions.len() > MAX_LISTED {
        return Err(refused(format!("{LIST} lists more than {MAX_LISTED} functions")));
    }
    let Some(own) = list.functions.iter().find(|listed| listed.name == name) else {
        let root = list.functions.iter().any(|listed| matches!(listed.path.trim_matches('/'), "" | "."));
        if root || list.functions.is_empty() {
            return Ok(None);
        }
        let offers: Vec<_> =
            list.functions.iter().map(|listed| format!("`{}` (`{}`)", listed.path, listed.name)).collect();
        return Err(refused(format!(
            "{LIST} lists no function `{name}`: register one of its names, or one of its folders with `path`: {}",
            some(&offers)
        )));
    };
    let inner = files::inner_path(own.path.trim_start_matches('/'));
    let there = inner.filter(|inner| files::real_folder(folder, inner).is_ok());
    let Some(inner) = there else {
        return Err(refused(format!("{LIST} says that `{name}` is in `{}`, and there is no such folder", own.path)));
    };
    Ok(Some(inner).filter(|inner| !inner.as_os_str().is_empty()))
}

/// Folders below this one in which something is recognised, by their paths. One within another is a part of it.
///
/// # Errors
/// When the disk fails.
pub(super) fn offers(folder: &Path, tools: Toolchains) -> Result<Vec<Offer>, Error> {
    let mut found: Vec<Offer> = Vec::new();
    for path in candidates(folder)? {
        let is_part = found.iter().any(|offer| Path::new(&path).starts_with(&offer.path));
        if !is_part && let Some(what) = what(&folder.join(&path), tools)? {
            found.push(Offer { path, what });
        }
    }
    Ok(found)
}

/// The error of a folder that is no function itself, with those below it that are.
pub(super) fn with_offers(error: Error, offers: &[Offer]) -> Error {
    match error {
        Error::Refused(why) if !offers.is_empty() => {
            let shown: Vec<_> = offers.iter().map(|offer| format!("`{}` ({})", offer.path, offer.what)).collect();
            refused(format!("{why}. These folders can be registered, each with its `path`: {}", some(&shown)))
        }
        error => error,
    }
}

/// Folders with a sign of a project, those that hold others first.
fn candidates(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let mut paths = BTreeSet::new();
    let mut seen = 0;
    tree::walk(folder, Bounds::default(), When::Before, |entry| {
        seen += 1;
        if seen > MAX_ENTRIES || paths.len() >= MAX_FOLDERS {
            return Ok(Next::Stop);
        }
        let name = entry.path.file_name().and_then(|name| name.to_str()).unwrap_or(".");
        match entry.kind {
            Kind::Folder => {
                let deep = entry.path.components().count() > MAX_DEPTH;
                Ok(if deep || name.starts_with('.') || SKIPPED.contains(&name) { Next::Skip } else { Next::Go })
            }
            Kind::File => {
                let parent = entry.path.parent().and_then(Path::to_str).filter(|parent| !parent.is_empty());
                paths.extend(parent.filter(|_| SIGNS.contains(&name)).map(str::to_owned));
                Ok(Next::Go)
            }
            Kind::Link | Kind::Other => Ok(Next::Go),
        }
    })
    .map_err(Error::failed("look through the source"))?;
    Ok(paths)
}

/// What a folder is; `None` when it is nothing that runs.
fn what(folder: &Path, tools: Toolchains) -> Result<Option<String>, Error> {
    let own = files::json_text(folder, "function.json").ok().flatten();
    if let Some(manifest) = own.and_then(|text| manifest::parse_text(&text).ok()) {
        return Ok(Some(format!("function.json: {}", manifest.runtime.as_str())));
    }
    let found = detect::detect(&survey::look(folder)?, tools).ok();
    Ok(found.map(|found| {
        let what = found.explanation.split([':', ';']).next().unwrap_or_default();
        what.strip_prefix("Found ").unwrap_or(what).chars().take(MAX_LETTERS).collect()
    }))
}

fn some(list: &[String]) -> String {
    let more = list.len().saturating_sub(MAX_OFFERED);
    let shown = list[..list.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn refused(why: String) -> Error {
    Error::Refused(why)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    const NODE: &str = "exports.handler = async (event, context) => 1;";

    #[test]
    fn folders_in_which_something_is_recognised_are_offered() {
        let root = folder(&[
            ("README.md", ""),
            ("functions/a/index.js", NODE),
            ("functions/a/lib/index.js", NODE),
            ("functions/b/main.py", "def handler(event, context):\n    return 1\n"),
            ("functions/c/function.json", r#"{"runtime": "command", "command": ["./run"]}"#),
            ("functions/shared/README.md", ""),
            ("node_modules/x/index.js", NODE),
            (".hidden/index.js", NODE),
            ("a/b/c/d/index.js", NODE),
        ]);
        std::os::unix::fs::symlink(root.path().join("functions/a"), root.path().join("link")).unwrap();
        let found = offers(root.path(), Toolchains::default()).unwrap();
        let paths: Vec<_> = found.iter().map(|offer| offer.path.as_str()).collect();
        assert_eq!(paths, ["functions/a", "functions/b", "functions/c"]);
        assert_eq!(found[0].what, "a handler in index.js");
        assert_eq!(found[2].what, "function.json: command");
        let error = with_offers(Error::Refused("nothing".into()), &found).to_string();
        assert!(
            error.starts_with(
                "nothing. These folders can be registered, each with its `path`: `functions/a` (a handler"
            ),
            "{error}"
        );
    }

    #[test]
    fn a_list_says_which_folder_a_function_is() {
        let list = r#"{"functions": [{"name": "a", "path": "functions/a"}, {"name": "b", "path": "functions/b"}, {"name": "up", "path": "../x"}]}"#;
        let root = folder(&[(LIST, list), ("functions/a/index.js", NODE)]);
        assert_eq!(listed(root.path(), "a").unwrap(), Some("functions/a".into()));
        let text = |name: &str| listed(root.path(), name).unwrap_err().to_string();
        assert!(text("b").contains("there is no such folder"), "{}", text("b"));
        assert!(text("up").contains("there is no such folder"), "{}", text("up"));
        assert!(
            text("c").contains("lists no function `c`") && text("c").contains("`functions/a` (`a`)"),
            "{}",
            text("c")
        );
        for (list, fits) in [
            ("{}", true),
            (r#"{"functions": []}"#, true),
            (r#"{"functions": [{"name": "x", "path": "."}]}"#, true),
            (r#"{"functions": ["x"]}"#, false),
            ("{", false),
        ] {
            let root = folder(&[(LIST, list)]);
            assert_eq!(listed(root.path(), "a").is_ok(), fits, "{list}");
        }
    }
}
