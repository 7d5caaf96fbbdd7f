//! What a repository can turn out to be, and what has to be done before it is started.

use domain::manifest::{Adapter, Manifest, Runtime};
use serde::{Deserialize, Serialize};

use super::explain;

/// A pinned ASGI server of the platform's own, for applications whose requirements bring none.
pub const UVICORN: &str = "uvicorn==0.38.0";

/// What the host offers beside Node and Python.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchains {
    /// The Go compiler.
    pub go: bool,
    /// Cargo and a Rust compiler.
    pub rust: bool,
    /// Deno.
    pub deno: bool,
    /// Bun.
    pub bun: bool,
    /// The executor runs images.
    pub images: bool,
}

/// What a repository is.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// How it is started; all that it does not say has its default.
    pub manifest: Manifest,
    /// What has to be done before, in this order, after its dependencies were installed.
    pub steps: Vec<Step>,
    /// One sentence for people: what was found, and how to change it.
    pub explanation: String,
}

/// What has to be done after a repository's dependencies were installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// A file of the platform's, in the folder [`PROVIDED`].
    Provide(Provided),
    /// A Python package that nothing in the repository brings.
    PythonPackage(String),
    /// A TypeScript file and what it imports of the repository's become one JavaScript file.
    Bundle {
        /// The TypeScript file.
        entry: String,
        /// The JavaScript file.
        output: String,
        /// As an ES module.
        esm: bool,
    },
    /// A command in the function's folder.
    Run(Vec<String>),
    /// A command whose failure leaves the rest as it is.
    Try(Vec<String>),
    /// What `package.json` lists for development is needed to run, too.
    KeepDevelopment,
}

/// The folder below the function's in which files of the platform's are.
pub const PROVIDED: &str = ".eventflow";

/// A file of the platform's that becomes a part of the artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Provided {
    /// Starts an ASGI application on whatever server there is.
    Asgi,
    /// Serves a folder of files.
    Static,
}

impl Provided {
    /// Its path below the function's folder.
    pub fn path(self) -> &'static str {
        match self {
            Self::Asgi => ".eventflow/asgi.py",
            Self::Static => ".eventflow/static.cjs",
        }
    }
}

/// Why nothing was decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// Something is missing; one sentence for people.
    #[error("{0}")]
    Missing(String),
    /// There are several, and nothing says which.
    #[error("{}", explain::tie(.question, .choices))]
    Tie {
        /// What is asked.
        question: String,
        /// What could be chosen, each as `function.json` would have it.
        choices: Vec<String>,
    },
}

impl Found {
    pub(super) fn plain(manifest: Manifest, explanation: impl Into<String>) -> Self {
        Self { manifest, steps: Vec::new(), explanation: explanation.into() }
    }

    /// A program that listens on `$PORT`.
    pub(super) fn program(command: Vec<String>, explanation: impl Into<String>) -> Self {
        Self::plain(Manifest { command: Some(command), ..Manifest::of(Runtime::Command) }, explanation)
    }

    /// A handler, with the adapter of the platform that it was written for.
    pub(super) fn handled(
        runtime: Runtime,
        handler: String,
        adapter: Option<Adapter>,
        explanation: impl Into<String>,
    ) -> Self {
        Self::plain(Manifest { handler: Some(handler), adapter, ..Manifest::of(runtime) }, explanation)
    }

    pub(super) fn with(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.steps.extend(steps);
        self
    }
}

/// `words` as program and arguments, where no shell is needed to understand them; with a shell around them otherwise.
pub(super) fn command_of(line: &str) -> Vec<String> {
    let shell = |line: &str| vec!["sh".to_owned(), "-c".to_owned(), line.to_owned()];
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+% ".contains(c);
    // Here Python is only called by its version.
    let named = |word: &str| if word == "python" { "python3".to_owned() } else { word.to_owned() };
    let words: Vec<String> = line.split_whitespace().map(named).collect();
    let line = if words.iter().any(|word| word == "python3") { words.join(" ") } else { line.to_owned() };
    let line = line.as_str();
    match words.first() {
        // A word with `=` in front of the program sets a variable.
        Some(first) if line.chars().all(plain) && !first.contains('=') && first != "cd" => words,
        _ => shell(line),
    }
}
