//! What a folder without `function.json` probably is, and where its handler is when nobody says.
//!
//! Reads names of files, `package.json`, and whether flask is asked for; runs nothing.

use std::fs;
use std::path::Path;

use domain::manifest::{Manifest, Runtime};
use serde_json::Value;

use crate::builder::{Error, files};

/// Where the node wrapper looks for the file of a handler.
const NODE_ENDINGS: [&str; 5] = [".js", ".mjs", ".cjs", "/index.js", "/index.mjs"];

/// A manifest with all defaults for what is in the folder, its handler included.
///
/// # Errors
/// [`Error::Refused`] when nothing is there that tells; also when what is there cannot be read.
pub fn guess(folder: &Path) -> Result<Manifest, Error> {
    let runtime = runtime(folder)?;
    let mut manifest = Manifest::of(runtime);
    manifest.handler = handler(folder, runtime)?;
    Ok(manifest)
}

fn runtime(folder: &Path) -> Result<Runtime, Error> {
    if files::has(folder, "Dockerfile") {
        return Ok(Runtime::Docker);
    }
    if files::has(folder, "app.py") && asks_for_flask(folder)? {
        return Ok(Runtime::PythonFlask);
    }
    if files::has(folder, "package.json") {
        return Ok(Runtime::Node);
    }
    if !python_files(folder)?.is_empty() {
        return Ok(Runtime::Python);
    }
    if ["index.js", "index.mjs", "index.cjs"].iter().any(|name| files::has(folder, name)) {
        return Ok(Runtime::Node);
    }
    Err(Error::Refused(
        "there is no function.json, and nothing that says what this is (Dockerfile, app.py with flask, package.json, *.py, index.js); \
         add a function.json with a `runtime`, or name the folder that the function is in"
            .into(),
    ))
}

fn asks_for_flask(folder: &Path) -> Result<bool, Error> {
    let requirements = files::text(folder, "requirements.txt")?.unwrap_or_default();
    let is_flask = |line: &str| {
        let name =
            line.trim().split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).next().unwrap_or_default();
        name.eq_ignore_ascii_case("flask")
    };
    let imports_flask = |line: &str| {
        let mut words = line.split(|c: char| c.is_whitespace() || c == ',' || c == '.').filter(|word| !word.is_empty());
        matches!(words.next(), Some("import" | "from")) && words.next() == Some("flask")
    };
    let app = files::text(folder, "app.py")?.unwrap_or_default();
    Ok(requirements.lines().any(is_flask) || app.lines().any(imports_flask))
}

/// The handler when the manifest names none; `None` for runtimes without one.
pub(in crate::builder) fn handler(folder: &Path, runtime: Runtime) -> Result<Option<String>, Error> {
    Ok(match runtime {
        Runtime::Node => Some(node_handler(folder)?),
        Runtime::Python => Some(python_handler(folder)?),
        Runtime::PythonFlask | Runtime::Command | Runtime::Docker => None,
    })
}

fn node_handler(folder: &Path) -> Result<String, Error> {
    let package = match files::json_text(folder, "package.json")? {
        Some(text) => serde_json::from_str::<Value>(&text)
            .map_err(|error| Error::Refused(format!("package.json is not JSON: {error}")))?,
        None => Value::Null,
    };
    let main = package["main"]
        .as_str()
        .map(|main| main.trim_start_matches("./"))
        .filter(|main| files::inner_path(main).is_some());
    let stem = match main {
        Some(main) if !main.is_empty() => {
            [".js", ".mjs", ".cjs"].iter().find_map(|ending| main.strip_suffix(ending)).unwrap_or(main)
        }
        _ => "index",
    };
    Ok(format!("{}.handler", stem.trim_end_matches('/')))
}

fn python_handler(folder: &Path) -> Result<String, Error> {
    let names = python_files(folder)?;
    let known = ["main.py", "handler.py"].into_iter().find(|name| names.iter().any(|found| found == name));
    let name = match (known, names.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, []) => "main.py",
        (None, several) => {
            return Err(Error::Refused(format!(
                "which of {} has the handler? Name it main.py or handler.py, or say it in function.json (\"handler\": \"FILE.FUNCTION\")",
                several.join(", ")
            )));
        }
    };
    Ok(format!("{}.handler", name.trim_end_matches(".py")))
}

/// The Python files directly in the folder but `setup.py` and tests, sorted.
fn python_files(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = || Error::failed("list the function's folder");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let is_file = entry.file_type().map_err(failed())?.is_file();
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        let about_it = name == "setup.py"
            || name == "conftest.py"
            || name == "__init__.py"
            || name.starts_with("test_")
            || name.ends_with("_test.py");
        if is_file && name.ends_with(".py") && !about_it {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Refuses a handler whose file is not there: better now than at the start of each instance.
pub(in crate::builder) fn check_handler(folder: &Path, manifest: &Manifest) -> Result<(), Error> {
    let stem = |handler: &str| handler.rsplit_once('.').map(|(stem, _)| stem.to_owned()).unwrap_or_default();
    let candidates: Vec<String> = match (manifest.runtime, &manifest.handler) {
        (Runtime::Node, Some(handler)) => {
            NODE_ENDINGS.iter().map(|ending| format!("{}{ending}", stem(handler))).collect()
        }
        (Runtime::Python, Some(handler)) => {
            let module = stem(handler).replace('.', "/");
            vec![format!("{module}.py"), format!("{module}/__init__.py")]
        }
        (Runtime::PythonFlask, _) => vec!["app.py".to_owned()],
        _ => return Ok(()),
    };
    // A dependency may hold the handler, and then the path is where the wrapper will find it, or not.
    if candidates.iter().any(|name| folder.join(name).exists()) {
        return Ok(());
    }
    let wanted = manifest
        .handler
        .as_deref()
        .map_or("a python-flask function".to_owned(), |handler| format!("the handler `{handler}`"));
    Err(Error::Refused(format!("{wanted} needs one of these files, and there is none: {}", candidates.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(entries: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in entries {
            fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    #[test]
    fn each_kind_of_folder_is_recognised() {
        type Row = (&'static [(&'static str, &'static str)], Runtime, Option<&'static str>);
        let table: [Row; 12] = [
            (&[("Dockerfile", ""), ("package.json", "{}")], Runtime::Docker, None),
            (
                &[("app.py", ""), ("requirements.txt", "gunicorn\nFlask>=2 # web\n"), ("package.json", "{}")],
                Runtime::PythonFlask,
                None,
            ),
            (&[("app.py", "from flask import Flask\n")], Runtime::PythonFlask, None),
            (&[("app.py", "import flask\n")], Runtime::PythonFlask, None),
            (
                &[("app.py", "import flaskish\n"), ("requirements.txt", "flask-cors\n")],
                Runtime::Python,
                Some("app.handler"),
            ),
            (&[("package.json", "{}"), ("main.py", "")], Runtime::Node, Some("index.handler")),
            (&[("package.json", r#"{"main": "./src/start.mjs"}"#)], Runtime::Node, Some("src/start.handler")),
            (&[("package.json", r#"{"main": "../up.js"}"#)], Runtime::Node, Some("index.handler")),
            (&[("main.py", ""), ("handler.py", ""), ("other.py", "")], Runtime::Python, Some("main.handler")),
            (&[("handler.py", ""), ("other.py", "")], Runtime::Python, Some("handler.handler")),
            (&[("resize.py", ""), ("test_resize.py", ""), ("index.js", "")], Runtime::Python, Some("resize.handler")),
            (&[("index.mjs", "")], Runtime::Node, Some("index.handler")),
        ];
        for (entries, runtime, handler) in table {
            let manifest = guess(folder(entries).path()).unwrap();
            assert_eq!((manifest.runtime, manifest.handler.as_deref()), (runtime, handler), "{entries:?}");
        }
    }

    #[test]
    fn a_folder_that_tells_nothing_is_refused_with_what_would_help() {
        let error = guess(folder(&[("README.md", "")]).path()).unwrap_err();
        assert!(error.is_refused() && error.to_string().contains("add a function.json"), "{error}");
        let error = guess(folder(&[("a.py", ""), ("b.py", "")]).path()).unwrap_err();
        assert!(error.to_string().contains("which of a.py, b.py has the handler?"), "{error}");
        let error = guess(folder(&[("package.json", "{")]).path()).unwrap_err();
        assert!(error.to_string().contains("package.json is not JSON"), "{error}");
    }

    #[test]
    fn a_handler_without_its_file_is_refused() {
        let mut manifest = Manifest::of(Runtime::Node);
        manifest.handler = Some("src/index.handler".into());
        let here = folder(&[]);
        let error = check_handler(here.path(), &manifest).unwrap_err();
        assert!(error.to_string().contains("src/index.js, src/index.mjs"), "{error}");
        fs::create_dir(here.path().join("src")).unwrap();
        fs::write(here.path().join("src/index.cjs"), "").unwrap();
        check_handler(here.path(), &manifest).unwrap();
        let mut manifest = Manifest::of(Runtime::Python);
        manifest.handler = Some("pkg.sub.handler".into());
        let error = check_handler(here.path(), &manifest).unwrap_err();
        assert!(error.to_string().contains("pkg/sub.py"), "{error}");
    }
}
