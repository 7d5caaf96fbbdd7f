//! Finds out what a repository is: how it is started, and what has to be done before that.
//!
//! One pure function over a listing and the texts of a few files, see [`Evidence`]. It runs nothing and reads nothing by
//! itself. What it finds comes with a sentence for the build's log that says why, and how to change it.
//!
//! | order | evidence |
//! | --- | --- |
//! | 1 | `web:` in a `Procfile` |
//! | 2 | a Node web application: a web framework, a `start` script, a file that listens |
//! | 3 | a Python web application (WSGI, ASGI, Django) |
//! | 4 | a handler in the shape of another platform, or in ours |
//! | 5 | a program in Go, Rust, for Deno or Bun; a static site |
//! | 6 | a `Dockerfile`, where an executor runs images |
//!
//! A project in two languages is the one that its own code speaks: `package.json` for tools beside a Python application is
//! no Node project.

mod evidence;
mod explain;
mod handlers;
mod javascript;
mod node;
mod others;
mod outside;
mod platforms;
mod procfile;
mod pyfile;
mod python;
#[cfg(test)]
mod tests;

use domain::manifest::{Adapter, Manifest, Runtime};
use serde::{Deserialize, Serialize};

pub use evidence::{Evidence, MAX_DEPTH, MAX_NAMES, MAX_TEXT_BYTES, MAX_TEXTS, is_wanted};
pub use outside::{MAX_OUTSIDE, Outside, outside};

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

/// Looks for one kind of project.
type Way = fn(&Evidence) -> Result<Option<Found>, Undecided>;

/// What the evidence says.
///
/// # Errors
/// [`Undecided`] when it says nothing, or too much.
pub fn detect(evidence: &Evidence, tools: Toolchains) -> Result<Found, Undecided> {
    evidence.check()?;
    let python_first = python::is_a_python_project(evidence);
    let mut ways: Vec<Way> = vec![procfile::detect];
    match python_first {
        true => ways.extend([python::detect as Way, platforms::detect_python, node::detect]),
        false => ways.extend([node::detect as Way, python::detect, platforms::detect_node]),
    }
    ways.extend([platforms::detect_node as Way, platforms::detect_python]);
    for (index, way) in ways.into_iter().enumerate() {
        if let Some(found) = way(evidence)? {
            return Ok(found);
        }
        // After the `Procfile`, and before their code is taken for Node's.
        if index == 0
            && let Some(found) = others::javascript_runtimes(evidence, tools)?
        {
            return Ok(found);
        }
    }
    if let Some(found) = handlers::own(evidence)? {
        return Ok(found);
    }
    if let Some(found) = others::detect(evidence, tools)? {
        return Ok(found);
    }
    if let Some(found) = handlers::fallback(evidence)? {
        return Ok(found);
    }
    if evidence.has("Dockerfile") {
        return Ok(Found::plain(
            Manifest::of(Runtime::Docker),
            "Found a Dockerfile and nothing that starts without it",
        ));
    }
    Err(others::nothing(evidence))
}

/// The handler of a runtime whose manifest names none; `None` for runtimes without one.
///
/// # Errors
/// [`Undecided`] when several files could have it.
pub fn handler(evidence: &Evidence, runtime: Runtime) -> Result<Option<String>, Undecided> {
    match runtime {
        Runtime::Node => handlers::node_handler(evidence).map(Some),
        Runtime::Python => handlers::python_handler(evidence).map(Some),
        Runtime::PythonFlask => Ok(python::wsgi_handler(evidence)),
        Runtime::Command | Runtime::Docker => Ok(None),
    }
}

/// Whether a manifest leaves something to be found out in its files: a handler, or what is to be compiled.
pub fn leaves_open(manifest: &Manifest) -> bool {
    match manifest.runtime {
        Runtime::Node => true,
        Runtime::Python | Runtime::PythonFlask => manifest.handler.is_none(),
        Runtime::Command | Runtime::Docker => false,
    }
}

/// What has to be done for a manifest that somebody has written: a handler in TypeScript is compiled.
pub fn steps_for(evidence: &Evidence, manifest: &Manifest) -> Vec<Step> {
    match (manifest.runtime, &manifest.handler) {
        (Runtime::Node, Some(handler)) => javascript::bundle_for(evidence, handler).into_iter().collect(),
        _ => Vec::new(),
    }
}

impl Found {
    fn plain(manifest: Manifest, explanation: impl Into<String>) -> Self {
        Self { manifest, steps: Vec::new(), explanation: explanation.into() }
    }

    /// A program that listens on `$PORT`.
    fn program(command: Vec<String>, explanation: impl Into<String>) -> Self {
        Self::plain(Manifest { command: Some(command), ..Manifest::of(Runtime::Command) }, explanation)
    }

    /// A handler, with the adapter of the platform that it was written for.
    fn handled(runtime: Runtime, handler: String, adapter: Option<Adapter>, explanation: impl Into<String>) -> Self {
        Self::plain(Manifest { handler: Some(handler), adapter, ..Manifest::of(runtime) }, explanation)
    }

    fn with(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.steps.extend(steps);
        self
    }
}

/// `words` as program and arguments, where no shell is needed to understand them; with a shell around them otherwise.
fn command_of(line: &str) -> Vec<String> {
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
