//! The dependencies of a project without `requirements.txt`: `pyproject.toml` (PEP 621 and Poetry's own tables) and
//! `Pipfile` as requirements, and the lock file (uv, Poetry, PDM, `pylock.toml`, Pipenv) as constraints, which pip
//! combines.
//!
//! Reads texts; runs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::builder::{Error, files};

/// More lines than these no project has.
const MAX_LINES: usize = 5_000;

/// The input for pip.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::builder) struct Dependencies {
    /// The file that it is from, for the log.
    pub(super) from: String,
    /// The lock that it is held to, for the log.
    pub(super) lock: Option<String>,
    pub(super) requirements: Vec<String>,
    /// One version of each package, by the lock.
    pub(super) constraints: Vec<String>,
    /// `requires-python`, as it is written.
    pub(super) python: Option<String>,
}

/// Reads names and versions from a lock file.
type ReadLock = fn(&str) -> Result<Vec<(String, String)>, String>;

/// The texts of a project's files.
pub(super) struct Files<'t> {
    pub(super) text: &'t dyn Fn(&str) -> Option<String>,
}

/// What the project asks for; `None` when it has no such file, or asks for nothing.
///
/// # Errors
/// What cannot be read, or is not supported, by its name.
pub(super) fn asked(files: &Files<'_>) -> Result<Option<Dependencies>, String> {
    let mut asked = if let Some(text) = (files.text)("pyproject.toml") {
        pyproject(&text)?
    } else if let Some(text) = (files.text)("Pipfile") {
        pipfile(&text)?
    } else if (files.text)("environment.yml").or((files.text)("environment.yaml")).is_some() {
        return Err(
            "environment.yml asks for conda, which is not supported: list the packages in requirements.txt".into()
        );
    } else {
        return Ok(None);
    };
    if asked.requirements.is_empty() {
        return Ok(None);
    }
    let locks: [(&str, ReadLock); 5] = [
        ("uv.lock", toml_lock),
        ("poetry.lock", toml_lock),
        ("pdm.lock", toml_lock),
        ("pylock.toml", toml_lock),
        ("Pipfile.lock", pipfile_lock),
    ];
    for (name, read) in locks {
        if let Some(text) = (files.text)(name) {
            let packages = read(&text).map_err(|error| format!("{name} cannot be read: {error}"))?;
            asked.constraints = one_version_each(packages);
            asked.lock = Some(name.to_owned());
            break;
        }
    }
    let fits = |line: &String| !line.contains(['\n', '\r', '\0']);
    if asked.requirements.len() + asked.constraints.len() > MAX_LINES
        || !asked.requirements.iter().chain(&asked.constraints).all(fits)
    {
        return Err(format!("{} asks for more than {MAX_LINES} packages, or has a line break in one", asked.from));
    }
    Ok(Some(asked))
}

fn pyproject(text: &str) -> Result<Dependencies, String> {
    let table: Table = text.parse().map_err(|error| format!("pyproject.toml is not TOML: {error}"))?;
    let mut asked = Dependencies { from: "pyproject.toml".to_owned(), ..Dependencies::default() };
    if let Some(project) = table.get("project").and_then(Value::as_table) {
        asked.python = project.get("requires-python").and_then(Value::as_str).map(str::to_owned);
        let listed = project.get("dependencies").and_then(Value::as_array);
        asked.requirements.extend(listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    let poetry = table.get("tool").and_then(|tool| tool.get("poetry")?.get("dependencies")?.as_table());
    if asked.requirements.is_empty()
        && let Some(poetry) = poetry
    {
        asked.python = asked.python.or_else(|| poetry.get("python").and_then(Value::as_str).map(version_of));
        for (name, wanted) in poetry.iter().filter(|(name, _)| *name != "python") {
            asked.requirements.extend(requirement(name, wanted)?);
        }
    }
    Ok(asked)
}

fn pipfile(text: &str) -> Result<Dependencies, String> {
    let table: Table = text.parse().map_err(|error| format!("Pipfile is not TOML: {error}"))?;
    let mut asked = Dependencies { from: "Pipfile".to_owned(), ..Dependencies::default() };
    let python = table.get("requires").and_then(|requires| requires.get("python_version")?.as_str());
    asked.python = python.map(|version| format!("=={version}.*"));
    for (name, wanted) in table.get("packages").and_then(Value::as_table).into_iter().flatten() {
        asked.requirements.extend(requirement(name, wanted)?);
    }
    Ok(asked)
}

/// A line of pip's for a package and its version as Poetry and Pipenv write it; `None` for what need not be installed.
fn requirement(name: &str, wanted: &Value) -> Result<Option<String>, String> {
    let table = match wanted {
        Value::String(version) => return Ok(Some(format!("{name}{}", version_of(version)))),
        Value::Table(table) => table,
        Value::Array(_) => return Ok(Some(name.to_owned())),
        _ => return Err(format!("what is asked for of `{name}` is neither a version nor a table")),
    };
    let text = |key: &str| table.get(key).and_then(Value::as_str);
    if table.get("optional").and_then(Value::as_bool) == Some(true) {
        return Ok(None);
    }
    let extras: Vec<&str> =
        table.get("extras").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
    let marker = text("markers").map(|marker| format!("; {marker}")).unwrap_or_default();
    if let Some(git) = text("git") {
        let commit = ["rev", "tag", "branch", "ref"]
            .iter()
            .find_map(|key| text(key))
            .map(|commit| format!("@{commit}"))
            .unwrap_or_default();
        return Ok(Some(format!("{name}{extras} @ git+{git}{commit}{marker}")));
    }
    if let Some(url) = text("url") {
        return Ok(Some(format!("{name}{extras} @ {url}{marker}")));
    }
    if let Some(path) = text("path") {
        return match path.starts_with('/') || path.split('/').any(|part| part == "..") {
            true => Err(format!("`{name}` is at `{path}`, outside of the function's folder")),
            false => Ok(Some(format!("./{path}"))),
        };
    }
    Ok(Some(format!("{name}{extras}{}{marker}", version_of(text("version").unwrap_or("*")))))
}

/// Poetry's `^1.2`, `~1.2`, `1.2` and `*` in the words of PEP 440.
fn version_of(text: &str) -> String {
    let one = |part: &str| -> Option<String> {
        let part = part.trim();
        let next = |version: &str, at: usize| -> Option<String> {
            let numbers: Vec<u64> = version.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
            let at = at.min(numbers.len().saturating_sub(1));
            let mut raised: Vec<String> = numbers.iter().take(at).map(ToString::to_string).collect();
            raised.push((numbers.get(at)? + 1).to_string());
            Some(raised.join("."))
        };
        Some(match part {
            "" | "*" => String::new(),
            _ if part.starts_with('^') => {
                let version = part[1..].trim();
                let first = version.split('.').position(|number| number != "0").unwrap_or(0);
                format!(">={version},<{}", next(version, first)?)
            }
            _ if part.starts_with('~') && !part.starts_with("~=") => {
                let version = part[1..].trim();
                format!(">={version},<{}", next(version, 1)?)
            }
            _ if part.starts_with(['=', '<', '>', '!', '~']) => part.replace(' ', ""),
            _ => format!("=={part}"),
        })
    };
    // Alternatives are left open; the lock has more, or pip takes the newest.
    if text.contains('|') {
        return String::new();
    }
    text.split(',').filter_map(one).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",")
}

/// `[[package]]` with name and version: uv, Poetry, PDM; `[[packages]]`: PEP 751.
fn toml_lock(text: &str) -> Result<Vec<(String, String)>, String> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let packages = ["package", "packages"].iter().find_map(|key| table.get(*key)?.as_array());
    let pair = |package: &Value| {
        let local = package.get("source").is_some_and(|source| {
            ["editable", "virtual", "directory", "git", "path"].iter().any(|key| source.get(key).is_some())
        });
        let field = |name: &str| package.get(name).and_then(Value::as_str).map(str::to_owned);
        (!local).then(|| Some((field("name")?, field("version")?))).flatten()
    };
    Ok(packages.into_iter().flatten().filter_map(pair).collect())
}

fn pipfile_lock(text: &str) -> Result<Vec<(String, String)>, String> {
    let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let pair = |(name, package): (&String, &Json)| {
        let version = package["version"].as_str()?.strip_prefix("==")?;
        Some((name.clone(), version.to_owned()))
    };
    Ok(json["default"].as_object().into_iter().flatten().filter_map(pair).collect())
}

/// A package that the lock has in several versions, for several systems, is left to pip.
fn one_version_each(packages: Vec<(String, String)>) -> Vec<String> {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, version) in packages {
        versions.entry(name.to_lowercase()).or_default().insert(version);
    }
    let single = versions.into_iter().filter(|(_, versions)| versions.len() == 1);
    single.flat_map(|(name, versions)| versions.into_iter().map(move |version| format!("{name}=={version}"))).collect()
}

/// What the project in a folder asks for when it has no `requirements.txt`. Its files may be expensive to read: see [`inspect`](crate::builder::inspect).
///
/// # Errors
/// [`Error::Refused`] with what cannot be read, or is not supported, by its name.
pub(in crate::builder) fn project_of(folder: &Path) -> Result<Option<Dependencies>, Error> {
    let text = |name: &str| files::text(folder, name).ok().flatten();
    asked(&Files { text: &text }).map_err(Error::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Result<Option<Dependencies>, String> {
        let text = |name: &str| files.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
        asked(&Files { text: &text })
    }

    #[test]
    fn each_kind_of_project_becomes_requirements_and_constraints() {
        let pep = "[project]\nname = 'x'\nrequires-python = '>=3.10'\ndependencies = ['fastapi>=0.110', 'httpx']\n";
        let lock = "[[package]]\nname = 'fastapi'\nversion = '0.115.0'\n[[package]]\nname = 'x'\nversion = '1'\nsource = { virtual = '.' }\n\
            [[package]]\nname = 'both'\nversion = '1'\n[[package]]\nname = 'both'\nversion = '2'\n";
        let found = of(&[("pyproject.toml", pep), ("uv.lock", lock)]).unwrap().unwrap();
        assert_eq!(
            (found.requirements.join(" "), found.constraints.join(" ")),
            ("fastapi>=0.110 httpx".into(), "fastapi==0.115.0".into())
        );
        assert_eq!((found.lock.as_deref(), found.python.as_deref()), (Some("uv.lock"), Some(">=3.10")));

        let poetry = "[tool.poetry.dependencies]\npython = '^3.11'\nflask = '^3.0.1'\nsix = '*'\nredis = { version = '~5.0', extras = ['hiredis'] }\nzero = '^0.2.3'\nno = { version = '1', optional = true }\n";
        let found =
            of(&[("pyproject.toml", poetry), ("poetry.lock", "[[package]]\nname = 'Flask'\nversion = '3.0.3'\n")])
                .unwrap()
                .unwrap();
        assert_eq!(found.requirements, ["flask>=3.0.1,<4", "redis[hiredis]>=5.0,<5.1", "six", "zero>=0.2.3,<0.3"]);
        assert_eq!((found.constraints.join(""), found.python.as_deref()), ("flask==3.0.3".into(), Some(">=3.11,<4")));

        let pipfile = "[packages]\nflask = '*'\nrequests = { version = '==2.32.0', extras = ['socks'] }\n[requires]\npython_version = '3.11'\n";
        let locked =
            r#"{ "default": { "flask": { "version": "==3.1.0" } }, "develop": { "pytest": { "version": "==8" } } }"#;
        let found = of(&[("Pipfile", pipfile), ("Pipfile.lock", locked)]).unwrap().unwrap();
        assert_eq!(
            (found.requirements.join(" "), found.constraints.join(" ")),
            ("flask requests[socks]==2.32.0".into(), "flask==3.1.0".into())
        );
    }

    #[test]
    fn what_is_not_supported_is_named() {
        assert!(of(&[("environment.yml", "name: x")]).unwrap_err().contains("conda"));
        assert!(of(&[("pyproject.toml", "[")]).unwrap_err().contains("not TOML"));
        let outside = "[tool.poetry.dependencies]\nx = { path = '../x' }\n";
        assert!(of(&[("pyproject.toml", outside)]).unwrap_err().contains("outside"));
        assert_eq!(of(&[("pyproject.toml", "[tool.black]\n")]).unwrap(), None);
        let broken = "[project]\ndependencies = [\"a\\n-r /etc/passwd\"]\n";
        assert!(of(&[("pyproject.toml", broken)]).is_err());
    }
}
