//! `pip`, by what is in `requirements.txt`.

use super::{Site, key};
use crate::builder::{Error, files};

// Python is asked with `-I` everywhere: without it the folder of the function comes first in the module path, and a `pip.py` or
// `platform.py` of the repository's would run in place of what is meant.

/// Where the packages go, below the function's folder; the executor puts it into the module path.
const TARGET: &str = ".python";

pub(super) async fn install(site: &Site<'_>) -> Result<(), Error> {
    let Some(text) = files::text(&site.folder, "requirements.txt")? else {
        return Ok(());
    };
    if requirements(&text).next().is_none() {
        return Ok(());
    }
    let key = cache_key(site, &text).await?;
    site.cached(TARGET, key, || async {
        // Packages of the repository's own would be mixed with those that are installed.
        files::remove(&site.folder.join(TARGET)).map_err(Error::failed("remove an old .python"))?;
        site.run(&[
            "python3",
            "-I",
            "-m",
            "pip",
            "install",
            "--requirement",
            "requirements.txt",
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
        ])
        .await?;
        // The artifact is read-only: what is not compiled now is compiled at each start. By hash, not by time, so that the
        // same packages are the same bytes. A file for another Python fails, and is left as it is.
        match site
            .run(&["python3", "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", TARGET])
            .await
        {
            Err(Error::Refused(message)) => {
                site.journal.say(format!("Not everything could be compiled, which is no fault: {message}")).await
            }
            result => result?,
        }
        Ok(())
    })
    .await
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
async fn cache_key(site: &Site<'_>, text: &str) -> Result<Option<String>, Error> {
    if !is_pinned(text) {
        return Ok(None);
    }
    let version =
        site.ask(&["python3", "-I", "-c", "import sys, platform; print(sys.version, platform.platform())"]).await?;
    Ok(Some(key(&["python 1", &version, text])))
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
    fn comments_are_no_requirements() {
        assert_eq!(requirements("# a\n\n  \n").count(), 0);
        assert_eq!(requirements("a # b\n").collect::<Vec<_>>(), ["a"]);
    }
}
