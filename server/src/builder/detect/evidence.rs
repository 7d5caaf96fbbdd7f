//! The evidence for detection: names of files, and the texts of some of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Undecided;

/// Levels of folders that are looked into.
pub const MAX_DEPTH: usize = 4;

/// Names that are looked at; the rest is left out.
pub const MAX_NAMES: usize = 5_000;

/// Texts that are read.
pub const MAX_TEXTS: usize = 150;

/// A longer text is not read.
pub const MAX_TEXT_BYTES: u64 = 256 * 1024;

/// Files whose text says what a project is, wherever they are called so at the root.
const DESCRIPTIONS: [&str; 44] = [
    "Procfile",
    "package.json",
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "Pipfile.lock",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pylock.toml",
    "setup.py",
    "setup.cfg",
    ".python-version",
    ".nvmrc",
    ".node-version",
    "runtime.txt",
    "serverless.yml",
    "serverless.yaml",
    "template.yaml",
    "template.yml",
    "host.json",
    "project.yml",
    "func.yaml",
    "func.yml",
    "function.yaml",
    "function.yml",
    "vercel.json",
    "netlify.toml",
    "stack.yml",
    "stack.yaml",
    "wrangler.toml",
    "wrangler.json",
    "wrangler.jsonc",
    "appwrite.json",
    "appwrite.config.json",
    "app.yaml",
    "firebase.json",
    "go.mod",
    "Cargo.toml",
    "deno.json",
    "deno.jsonc",
    "bunfig.toml",
    "tsconfig.json",
    "pnpm-workspace.yaml",
];

/// Folders in which no code of the project's own is.
const SKIPPED: [&str; 12] = [
    "node_modules",
    ".git",
    ".python",
    "__pycache__",
    "venv",
    ".venv",
    "test",
    "tests",
    "__tests__",
    "docs",
    "vendor",
    ".github",
];

const CODE: [&str; 8] = ["js", "mjs", "cjs", "ts", "mts", "cts", "py", "go"];

/// Names and texts of one project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    names: BTreeSet<String>,
    texts: BTreeMap<String, String>,
    wanted: Option<String>,
    /// `package.json`, or nothing.
    package: Value,
}

/// Whether the text of a file says something about what a project is.
pub fn is_wanted(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if path.split('/').any(|part| SKIPPED.contains(&part)) || path.split('/').count() > MAX_DEPTH {
        return false;
    }
    if folder.is_empty() && DESCRIPTIONS.contains(&name) {
        return true;
    }
    let code = name.rsplit_once('.').is_some_and(|(_, ending)| CODE.contains(&ending));
    let is_beside =
        name.contains(".test.") || name.contains(".spec.") || name.ends_with(".d.ts") || name.contains(".config.");
    code && !is_beside && !name.starts_with("test_") && !name.ends_with("_test.py") && !name.ends_with("_test.go")
}

impl Evidence {
    /// Of all names, and of the texts of those that [`is_wanted`] names.
    pub fn new(names: impl IntoIterator<Item = String>, texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let texts: BTreeMap<String, String> = texts.into_iter().collect();
        let package = texts.get("package.json").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Self { names: names.into_iter().collect(), texts, wanted: None, package }
    }

    /// Of several handlers, the one that somebody has named.
    #[must_use]
    pub fn wanting(mut self, handler: Option<&str>) -> Self {
        self.wanted = handler.map(str::to_owned);
        self
    }

    pub(super) fn wants(&self) -> Option<&str> {
        self.wanted.as_deref()
    }

    /// What is no JSON, and should be, is reported before anything is made of the rest.
    pub(super) fn check(&self) -> Result<(), Undecided> {
        match self.text("package.json").map(serde_json::from_str::<Value>) {
            Some(Err(error)) => Err(Undecided::Missing(format!("package.json is not JSON: {error}"))),
            _ => Ok(()),
        }
    }

    /// Whether there is such a file.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The first of the names that is there.
    pub(super) fn first<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.has(name))
    }

    /// Whether something is below the folder.
    pub(super) fn has_folder(&self, folder: &str) -> bool {
        self.below(folder).next().is_some()
    }

    /// The paths below a folder.
    pub(super) fn below(&self, folder: &str) -> impl Iterator<Item = &str> {
        let prefix = format!("{folder}/");
        self.names.iter().map(String::as_str).filter(move |name| name.starts_with(&prefix))
    }

    /// All names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The text of a file, when it was read.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The texts whose names fit, in the order of their names.
    pub(super) fn texts(&self, fits: impl Fn(&str) -> bool) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().filter(move |(name, _)| fits(name)).map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// `package.json`, or nothing.
    pub(super) fn package(&self) -> &Value {
        &self.package
    }

    /// Whether `package.json` names a package among what the program needs, or among what its development does.
    pub(super) fn depends_on(&self, name: &str) -> bool {
        let package = self.package();
        ["dependencies", "optionalDependencies", "devDependencies"]
            .iter()
            .any(|section| package[section].get(name).is_some())
    }

    /// `package.json` says that `.js` is an ES module.
    pub(super) fn is_esm(&self) -> bool {
        self.package()["type"] == "module"
    }
}

/// The values of all lines `key: value` of a YAML file. Tags of CloudFormation and templates make such files no YAML for
/// most parsers; what is looked for stands in a line of its own.
pub(super) fn yaml_values<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim().trim_start_matches("- ").trim_start();
            let value = line.strip_prefix(key)?.strip_prefix(':')?;
            let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            (!value.is_empty()).then_some(value)
        })
        .collect()
}
