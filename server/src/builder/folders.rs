//! Repositories with several functions: which folders could be registered, and which one `eventflow.json` assigns to a
//! function.
//!
//! ```json
//! { "functions": [{ "name": "hello", "path": "functions/hello" }] }
//! ```
//!
//! Knows files and their limits; [`detect`] decides what a folder is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use domain::function::OfferedFolder;
use domain::function::texts::MAX_OFFERED;
use serde::Deserialize;

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

/// The contents of [`LIST`].
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
    let functions = list(folder)?;
    let Some(own) = functions.iter().find(|listed| listed.name == name) else {
        if functions.is_empty() || functions.iter().any(Listed::is_root) {
            return Ok(None);
        }
        return Err(refused(format!(
            "{LIST} lists no function `{name}`: register one under a name that it lists, or a folder with its `path`"
        )));
    };
    let Some(inner) = own.folder(folder) else {
        return Err(refused(format!("{LIST} says that `{name}` is in `{}`, and there is no such folder", own.path)));
    };
    Ok(Some(inner).filter(|inner| !inner.as_os_str().is_empty()))
}

/// What a list says; nothing where there is none.
fn list(folder: &Path) -> Result<Vec<Listed>, Error> {
    let Some(text) = files::json_text(folder, LIST)? else { return Ok(Vec::new()) };
    // Somebody else's file of this name lists no functions.
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| refused(format!("{LIST} is not JSON: {error}")))?;
    if value.get("functions").is_none() {
        return Ok(Vec::new());
    }
    let list: List = serde_json::from_value(value).map_err(|error| {
        refused(format!("{LIST} does not fit: {error}; write {{\"functions\": [{{\"name\": \"hello\", \"path\": \"functions/hello\"}}]}}"))
    })?;
    if list.functions.len() > MAX_LISTED {
        return Err(refused(format!("{LIST} lists more than {MAX_LISTED} functions")));
    }
    Ok(list.functions)
}

impl Listed {
    fn is_root(&self) -> bool {
        matches!(self.path.trim_matches('/'), "" | ".")
    }

    /// Its folder below the one with the list; `None` when there is none.
    fn folder(&self, root: &Path) -> Option<PathBuf> {
        let inner = files::inner_path(self.path.trim_start_matches('/'))?;
        files::real_folder(root, &inner).is_ok().then_some(inner)
    }
}

/// Folders below this one that could be functions, by their paths: those that a list names, or else all in which something is
/// recognized. One within another is a part of it.
///
/// # Errors
/// When the disk fails.
pub(super) fn offers(folder: &Path, tools: Toolchains) -> Result<Vec<OfferedFolder>, Error> {
    // A list that cannot be read is refused elsewhere, and names nothing.
    let listed = list(folder).unwrap_or_default();
    if !listed.is_empty() {
        return offers_of(folder, &listed, tools);
    }
    let mut found: Vec<OfferedFolder> = Vec::new();
    for path in candidates(folder)? {
        let is_part = found.iter().any(|offer| Path::new(&path).starts_with(&offer.path));
        if !is_part && let Some((recognized_as, name)) = what(&folder.join(&path), tools)? {
            found.push(OfferedFolder { path, recognized_as, name });
        }
    }
    Ok(found)
}

/// The folders of a list that are there, whatever is in them: its author says that they are functions.
fn offers_of(folder: &Path, listed: &[Listed], tools: Toolchains) -> Result<Vec<OfferedFolder>, Error> {
    let mut found: BTreeMap<String, OfferedFolder> = BTreeMap::new();
    for listed in listed.iter().filter(|listed| !listed.is_root()) {
        let Some(inner) = listed.folder(folder) else { continue };
        let Some(path) = inner.to_str().filter(|path| !path.is_empty()) else { continue };
        if found.len() >= MAX_FOLDERS {
            break;
        }
        let recognized_as = match what(&folder.join(&inner), tools)? {
            Some((recognized_as, _)) => recognized_as,
            None => format!("listed in {LIST}"),
        };
        let name = Some(listed.name.clone()).filter(|name| domain::name::fits(name));
        let offer = OfferedFolder { path: path.to_owned(), recognized_as, name };
        found.entry(path.to_owned()).or_insert(offer);
    }
    Ok(found.into_values().collect())
}

/// The error of a folder that is no function itself, with those below it that could be.
pub(super) fn with_offers(error: Error, mut offers: Vec<OfferedFolder>) -> Error {
    match error {
        Error::Refused(why) if !offers.is_empty() => {
            let shown: Vec<_> = offers.iter().map(shown).collect();
            let message = format!("{why}. These folders can be registered, each with its `path`: {}", some(&shown));
            offers.truncate(MAX_OFFERED);
            Error::Offered { message, folders: offers }
        }
        error => error,
    }
}

fn shown(OfferedFolder { path, recognized_as, name }: &OfferedFolder) -> String {
    match name {
        Some(name) => format!("`{path}` as `{name}` ({recognized_as})"),
        None => format!("`{path}` ({recognized_as})"),
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

/// What a folder is, and what it calls itself; `None` when it is nothing that runs.
fn what(folder: &Path, tools: Toolchains) -> Result<Option<(String, Option<String>)>, Error> {
    let own = files::json_text(folder, "function.json").ok().flatten();
    if let Some(manifest) = own.and_then(|text| manifest::parse_text(&text).ok()) {
        let name = manifest.name.filter(|name| domain::name::fits(name));
        return Ok(Some((format!("function.json: {}", manifest.runtime.as_str()), name)));
    }
    let found = detect::detect(&survey::look(folder)?, tools).ok();
    Ok(found.map(|found| {
        let what = found.explanation.split([':', ';']).next().unwrap_or_default();
        (what.strip_prefix("Found ").unwrap_or(what).chars().take(MAX_LETTERS).collect(), None)
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
            ("functions/c/function.json", r#"{"name": "run-it", "runtime": "command", "command": ["./run"]}"#),
            ("functions/shared/README.md", ""),
            ("node_modules/x/index.js", NODE),
            (".hidden/index.js", NODE),
            ("a/b/c/d/index.js", NODE),
        ]);
        std::os::unix::fs::symlink(root.path().join("functions/a"), root.path().join("link")).unwrap();
        let found = offers(root.path(), Toolchains::default()).unwrap();
        let paths: Vec<_> = found.iter().map(|offer| offer.path.as_str()).collect();
        assert_eq!(paths, ["functions/a", "functions/b", "functions/c"]);
        assert_eq!((found[0].recognized_as.as_str(), &found[0].name), ("a handler in index.js", &None));
        assert_eq!(
            (found[2].recognized_as.as_str(), found[2].name.as_deref()),
            ("function.json: command", Some("run-it"))
        );
        let error = with_offers(Error::Refused("nothing".into()), found.clone());
        let text = error.to_string();
        assert!(
            text.starts_with(
                "nothing. These folders can be registered, each with its `path`: `functions/a` (a handler"
            ),
            "{text}"
        );
        assert!(text.contains("`functions/c` as `run-it` (function.json"), "{text}");
        assert_eq!(error.offered(), found);
        assert!(error.is_refused());
    }

    #[test]
    fn of_a_list_its_folders_are_offered_with_their_names() {
        let list = r#"{"functions": [
            {"name": "beta", "path": "/functions/b/"}, {"name": "No Name", "path": "functions/a"}, {"name": "root", "path": "."},
            {"name": "up", "path": "../x"}, {"name": "gone", "path": "functions/c"}, {"name": "again", "path": "functions/b"}
        ]}"#;
        let root = folder(&[
            (LIST, list),
            ("functions/a/index.js", NODE),
            ("functions/b/README.md", "nothing"),
            ("functions/d/index.js", NODE),
        ]);
        let offer = |path: &str, recognized_as: &str, name: Option<&str>| OfferedFolder {
            path: path.into(),
            recognized_as: recognized_as.into(),
            name: name.map(str::to_owned),
        };
        assert_eq!(
            offers(root.path(), Toolchains::default()).unwrap(),
            [
                offer("functions/a", "a handler in index.js", None),
                offer("functions/b", "listed in eventflow.json", Some("beta"))
            ]
        );
        // One that does not fit names nothing, and what is there is found.
        fs::write(root.path().join(LIST), "{").unwrap();
        let found = offers(root.path(), Toolchains::default()).unwrap();
        assert_eq!(found.iter().map(|offer| offer.path.as_str()).collect::<Vec<_>>(), ["functions/a", "functions/d"]);
    }

    #[test]
    fn what_is_offered_has_limits_and_can_be_shown() {
        let offered = |path: String| OfferedFolder { path, recognized_as: "a\u{1b}[31mb".into(), name: None };
        let mut offers: Vec<_> = (0..40).map(|n| offered(format!("f{n}"))).collect();
        offers[1].path = "bad\u{1b}[2Jpath".into();
        let error = with_offers(Error::Refused("nothing".into()), offers).plain();
        assert!(error.to_string().ends_with("and 10 more") && !error.to_string().contains('\u{1b}'), "{error}");
        let kept = error.offered();
        assert_eq!((kept.len(), kept[1].path.as_str(), kept[0].recognized_as.as_str()), (MAX_OFFERED - 1, "f2", "ab"));
    }

    #[test]
    fn a_list_says_which_folder_a_function_is() {
        let list = r#"{"functions": [{"name": "a", "path": "functions/a"}, {"name": "b", "path": "functions/b"}, {"name": "up", "path": "../x"}]}"#;
        let root = folder(&[(LIST, list), ("functions/a/index.js", NODE)]);
        assert_eq!(listed(root.path(), "a").unwrap(), Some("functions/a".into()));
        let text = |name: &str| listed(root.path(), name).unwrap_err().to_string();
        assert!(text("b").contains("there is no such folder"), "{}", text("b"));
        assert!(text("up").contains("there is no such folder"), "{}", text("up"));
        assert!(text("c").contains("lists no function `c`"), "{}", text("c"));
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
