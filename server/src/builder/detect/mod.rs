//! Detects what a repository is: how it is started, and what has to be done before that.
//!
//! A pure function over a list of files and the texts of some of them, see [`Evidence`]. It runs nothing and reads
//! nothing itself. Each result comes with a sentence for the build's log that says why, and how to change it.
//!
//! | order | evidence |
//! | --- | --- |
//! | 1 | `web:` in a `Procfile` |
//! | 2 | a Node web application: a web framework, a `start` script, a file that listens |
//! | 3 | a Python web application (WSGI, ASGI, Django) |
//! | 4 | a handler in the form of another platform, or of EventFlow |
//! | 5 | a program in Go, Rust, for Deno or Bun; a static site |
//! | 6 | a `Dockerfile`, if an executor runs images |
//!
//! A project in two languages counts as the one of its own code: `package.json` for the tools of a Python application
//! does not make it a Node project.

mod evidence;
mod explain;
mod found;
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

use domain::manifest::{Manifest, Runtime};

pub use evidence::{Evidence, MAX_DEPTH, MAX_NAMES, MAX_TEXT_BYTES, MAX_TEXTS, is_wanted};
pub use found::{Found, PROVIDED, Provided, Step, Toolchains, UVICORN, Undecided};
pub use outside::{MAX_OUTSIDE, Outside, outside};

/// A detector for one kind of project.
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
