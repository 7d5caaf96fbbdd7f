//! Handlers in EventFlow's own form: `exports.handler = async (event, context) => …`, `def handler(event, context)`.

use domain::manifest::{Manifest, Runtime};

use super::evidence::Evidence;
use super::javascript::{self, stem};
use super::{Found, Undecided, explain, pyfile};

/// Files of Node in which a handler is looked for, without their endings.
const PLACES: [&str; 6] = ["index", "handler", "main", "src/index", "src/handler", "src/main"];

/// A handler that is seen in the code.
pub(super) fn own(evidence: &Evidence) -> Result<Option<Found>, Undecided> {
    let python = || own_python(evidence);
    match (own_node(evidence), evidence.has("package.json")) {
        (Some(found), true) => Ok(Some(found)),
        (found, _) => Ok(python()?.or(found)),
    }
}

fn own_node(evidence: &Evidence) -> Option<Found> {
    let main = evidence.package()["main"].as_str().and_then(|main| javascript::resolve(evidence, main));
    let known = PLACES.iter().filter_map(|place| javascript::resolve(evidence, place));
    let path = main.into_iter().chain(known).find(|path| {
        evidence.text(path).is_some_and(|text| {
            let module = javascript::module(text);
            module.exports("handler")
                || module
                    .default
                    .as_deref()
                    .is_some_and(|default| default.starts_with('{') && default.contains("handler"))
        })
    })?;
    let handler = format!("{}.handler", stem(&path));
    let explanation = explain::found("a handler", &path, &format!("`{handler}` gets each event"), "handler");
    let bundle = javascript::bundle_for(evidence, &handler);
    Some(Found::handled(Runtime::Node, handler, None, explanation).with(bundle))
}

fn own_python(evidence: &Evidence) -> Result<Option<Found>, Undecided> {
    let has = |path: &str| evidence.text(path).is_some_and(|text| pyfile::module(text).function("handler").is_some());
    let names = python_files(evidence);
    let with: Vec<_> = names.iter().filter(|name| has(name)).cloned().collect();
    let known = ["main.py", "handler.py"].into_iter().find(|name| with.iter().any(|found| found == name));
    let path = match (known, with.as_slice()) {
        (Some(name), _) => name.to_owned(),
        (None, [only]) => only.clone(),
        (None, []) => return Ok(None),
        (None, several) => {
            let choices = several
                .iter()
                .map(|name| format!("`\"handler\": \"{}.handler\"`", name.trim_end_matches(".py")))
                .collect();
            let question = format!("which of {} has the handler?", several.join(", "));
            return Err(Undecided::Tie { question, choices });
        }
    };
    let handler = format!("{}.handler", path.trim_end_matches(".py"));
    let explanation = explain::found("a handler", &path, &format!("`{handler}` gets each event"), "handler");
    Ok(Some(Found::handled(Runtime::Python, handler, None, explanation)))
}

/// What the names alone say, where no code says more.
pub(super) fn fallback(evidence: &Evidence) -> Result<Option<Found>, Undecided> {
    let has_python = !python_files(evidence).is_empty();
    let has_node = evidence.names().any(|name| javascript::is_code(name) && !name.contains(".config."));
    let scripts = ["index.js", "index.mjs", "index.cjs", "index.ts"];
    let runtime = if evidence.has("package.json") && (has_node || !has_python) {
        // A program in an image needs no handler: nothing is invented for it.
        if evidence.has("Dockerfile") && node_file(evidence).is_none() {
            return Ok(None);
        }
        Runtime::Node
    } else if has_python {
        Runtime::Python
    } else if evidence.first(&scripts).is_some() {
        Runtime::Node
    } else {
        return Ok(None);
    };
    let handler = match runtime {
        Runtime::Node => node_handler(evidence)?,
        _ => python_handler(evidence)?,
    };
    let explanation = format!(
        "Found no web application and no handler of a known shape: this looks like {}, with the handler `{handler}`; set `handler` in \
         function.json to change it",
        runtime.as_str()
    );
    let bundle = javascript::bundle_for(evidence, &handler).filter(|_| runtime == Runtime::Node);
    Ok(Some(Found::plain(Manifest { handler: Some(handler), ..Manifest::of(runtime) }, explanation).with(bundle)))
}

/// The file that `main` of `package.json` names, or `index`, when it is there.
fn node_file(evidence: &Evidence) -> Option<String> {
    javascript::resolve(evidence, &node_stem(evidence))
}

fn node_stem(evidence: &Evidence) -> String {
    let package = evidence.package();
    let inside = |main: &&str| !main.starts_with('/') && !main.split('/').any(|part| part == "..");
    let main = package["main"].as_str().map(|main| main.trim_start_matches("./")).filter(inside);
    match main {
        Some(main) if !main.is_empty() => stem(main).trim_end_matches('/').to_owned(),
        _ => "index".to_owned(),
    }
}

pub(super) fn node_handler(evidence: &Evidence) -> Result<String, Undecided> {
    Ok(format!("{}.handler", node_stem(evidence)))
}

pub(super) fn python_handler(evidence: &Evidence) -> Result<String, Undecided> {
    let names = python_files(evidence);
    let known = ["main.py", "handler.py"].into_iter().find(|name| names.iter().any(|found| found == name));
    let name = match (known, names.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, []) => "main.py",
        (None, several) => {
            return Err(Undecided::Missing(format!(
                "which of {} has the handler? Name it main.py or handler.py, or say it in function.json (\"handler\": \"FILE.FUNCTION\")",
                several.join(", ")
            )));
        }
    };
    Ok(format!("{}.handler", name.trim_end_matches(".py")))
}

/// The Python files directly in the folder but `setup.py` and tests, sorted.
fn python_files(evidence: &Evidence) -> Vec<String> {
    let about_it = |name: &str| {
        matches!(name, "setup.py" | "conftest.py" | "__init__.py" | "manage.py")
            || name.starts_with("test_")
            || name.ends_with("_test.py")
    };
    evidence
        .names()
        .filter(|name| !name.contains('/') && name.ends_with(".py") && !about_it(name))
        .map(str::to_owned)
        .collect()
}
