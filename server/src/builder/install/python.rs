//! Runs `pip`, depending on `requirements.txt`, `pyproject.toml` or `Pipfile`.

pub(super) mod project;

use pep440_rs::{Version, VersionSpecifiers};

use super::site::Site;
use super::steps;
use crate::builder::cache::key;
use crate::builder::inspect::{self, Question};
use crate::builder::{Error, files};

// Python is asked with `-I` everywhere: without it the folder of the function comes first in the module path, and a `pip.py` or
// `platform.py` of the repository's would run in place of what is meant. pip is compiled for nobody: `-B`.

/// Where the packages go, below the function's folder; the executor puts it into the module path.
const TARGET: &str = ".python";

/// What pip is given for a project without `requirements.txt`.
const REQUIREMENTS: &str = ".eventflow/requirements.txt";
const CONSTRAINTS: &str = ".eventflow/constraints.txt";

/// `more` are packages beside those that are asked for, each of one version.
pub(super) async fn install(site: &Site<'_>, more: &[&str]) -> Result<(), Error> {
    let own = files::text(&site.folder, "requirements.txt")?.unwrap_or_default();
    let listed = requirements(&own).next().is_some();
    let project: Option<project::Dependencies> = match listed {
        true => None,
        false => inspect::ask(Question::Project { folder: site.folder.clone() }).await?,
    };
    if !listed && project.is_none() && more.is_empty() {
        return Ok(());
    }
    check_version(site, project.as_ref().and_then(|project| project.python.as_deref())).await?;
    let mut arguments = Vec::new();
    // What follows from the text alone can be cached; what is asked for beside a lock is a part of its key.
    let (text, asked) = match &project {
        None => {
            arguments.extend(listed.then_some(["--requirement", "requirements.txt"]).into_iter().flatten());
            (own, String::new())
        }
        Some(project) => {
            let held =
                project.lock.as_ref().map(|lock| format!(", held to the versions in {lock}")).unwrap_or_default();
            site.journal.log(format!("Installing what {} asks for{held}", project.from)).await;
            let (asked, locked) = (project.requirements.join("\n") + "\n", project.constraints.join("\n") + "\n");
            let failed = || Error::failed("write what pip is to install");
            steps::write(&site.folder, REQUIREMENTS, asked.as_bytes()).map_err(failed())?;
            steps::write(&site.folder, CONSTRAINTS, locked.as_bytes()).map_err(failed())?;
            arguments.extend(["--requirement", REQUIREMENTS, "--constraint", CONSTRAINTS]);
            if project.lock.is_some() { (locked, asked) } else { (asked, String::new()) }
        }
    };
    let key = cache_key(site, &text, &format!("{} {asked}", more.join(" "))).await?;
    site.cached(TARGET, key, || async {
        // Packages of the repository's own would be mixed with those that are installed.
        files::remove(&site.folder.join(TARGET)).map_err(Error::failed("remove an old .python"))?;
        let mut command = vec!["python3", "-IB", "-m", "pip", "install"];
        command.extend(&arguments);
        command.extend([
            "--target",
            TARGET,
            "--no-compile",
            "--no-input",
            "--progress-bar",
            "off",
            "--disable-pip-version-check",
            "--no-warn-script-location",
            "--root-user-action",
            "ignore",
        ]);
        command.extend(more);
        site.run(&command).await?;
        // The artifact is read-only: what is not compiled now is compiled at each start. By hash, not by time, so that the
        // same packages are the same bytes. A file for another Python fails, and is left as it is.
        let compile = ["python3", "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", TARGET];
        if let Some(why) = site.attempt(&compile, &compile.join(" ")).await? {
            site.journal.log(format!("Not everything could be compiled, which is no fault: {why}")).await;
        }
        Ok(())
    })
    .await
}

/// A project whose `requires-python` leaves out the server's Python does not run here; nor does one that is developed with a newer
/// one. What is developed with an older one most likely does.
async fn check_version(site: &Site<'_>, required: Option<&str>) -> Result<(), Error> {
    let pin = files::text(&site.folder, ".python-version")?;
    let pin = pin.as_deref().and_then(pinned);
    if required.is_none() && pin.is_none() {
        return Ok(());
    }
    let answer = site.ask(&["python3", "-I", "-c", "import platform; print(platform.python_version())"]).await?;
    let Ok(here) = answer.trim().parse::<Version>() else { return Ok(()) };
    let refused = |what: String| {
        Error::Refused(format!("{what}, and there is {here} on this server: have another Python installed"))
    };
    if let Some(required) = required.filter(|required| !is_met(required, &here)) {
        return Err(refused(format!("the project wants Python {} (`requires-python`)", short(required))));
    }
    match pin {
        Some(pin) if minor(&pin) > minor(&here) => {
            Err(refused(format!("the project is developed with Python {pin} (.python-version)")))
        }
        Some(pin) if minor(&pin) < minor(&here) => {
            site.journal.log(format!("The project is developed with Python {pin}, and runs on {here} here")).await;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Bytes of a range of versions.
const MAX_RANGE: usize = 256;

/// The version that a `.python-version` begins with; other interpreters, and names of environments, say nothing.
fn pinned(text: &str) -> Option<Version> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    if line.len() > MAX_RANGE {
        return None;
    }
    line.trim_start_matches("cpython-").parse().ok()
}

/// Whether a version is what a range wants (PEP 440). One that cannot be read wants nothing.
fn is_met(range: &str, version: &Version) -> bool {
    range.len() > MAX_RANGE || range.parse::<VersionSpecifiers>().map_or(true, |range| range.contains(version))
}

fn minor(version: &Version) -> (u64, u64) {
    let release = version.release();
    (release.first().copied().unwrap_or(0), release.get(1).copied().unwrap_or(0))
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Lines that mean something.
fn requirements(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.split(" #").next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Whether each line names just one version of one package of the registry.
fn is_pinned(text: &str) -> bool {
    let option = |line: &str| line.starts_with("--hash=");
    requirements(text).all(|line| {
        let line = line.trim_end_matches('\\').trim();
        let one_version =
            line.split_once("==").is_some_and(|(_, version)| !version.starts_with('=') && !version.contains('*'));
        option(line) || one_version && !line.starts_with('-') && !line.contains("://")
    })
}

/// What `.python` follows from; `None` when it also follows from what a registry has today, or from the function's own files.
async fn cache_key(site: &Site<'_>, text: &str, more: &str) -> Result<Option<String>, Error> {
    if !is_pinned(text) {
        return Ok(None);
    }
    let version =
        site.ask(&["python3", "-I", "-c", "import sys, platform; print(sys.version, platform.platform())"]).await?;
    Ok(Some(key(&["python 1", &version, text, more, &site.given.fingerprint])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_pinned_is_cached() {
        for text in [
            "six==1.16.0",
            "# all\nsix==1.16.0 # why\n\nflask[async]==3.0.0 ; python_version > '3'",
            "six==1.16.0 \\\n    --hash=sha256:ab",
        ] {
            assert!(is_pinned(text), "{text}");
        }
        for text in
            ["six", "six>=1", "six==1.*", "-r other.txt", "-e .", "./local", "six===1", "a @ https://host/a==1.whl"]
        {
            assert!(!is_pinned(text), "{text}");
        }
    }

    #[test]
    fn what_a_project_says_of_python_is_read() {
        let here: Version = "3.11.2".parse().unwrap();
        for (range, met) in [
            (">=3.8,<4.0", true),
            (">=3.8, <4", true),
            ("~=3.11", true),
            ("==3.11.*", true),
            (">=3.12", false),
            ("<3.11", false),
            ("~=3.10.0", false),
            ("!=3.11.2", false),
            ("whatever", true),
        ] {
            assert_eq!(is_met(range, &here), met, "{range}");
        }
        for (text, expected) in [
            ("3.12\n", Some((3, 12))),
            ("# why\n3.10.4\n", Some((3, 10))),
            ("cpython-3.13.0", Some((3, 13))),
            ("pypy3.10-7.3.12", None),
            ("my-env", None),
            ("", None),
        ] {
            assert_eq!(pinned(text).as_ref().map(minor), expected, "{text}");
        }
    }

    #[test]
    fn comments_are_no_requirements() {
        assert_eq!(requirements("# a\n\n  \n").count(), 0);
        assert_eq!(requirements("a # b\n").collect::<Vec<_>>(), ["a"]);
    }
}
