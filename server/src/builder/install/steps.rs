//! Performs the steps that detection asked for, after dependencies are installed.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::site::Site;
use crate::builder::detect::{PROVIDED, Provided, Step};
use crate::builder::{Error, files, survey};
use crate::executor;

/// What compiles TypeScript handlers; pinned, so that a build makes the same today and tomorrow.
const ESBUILD: &str = "esbuild@0.25.12";

/// Programs that packages bring are found first, as they are by a package manager's scripts.
const WITH_OWN_PROGRAMS: &str =
    r#"PATH="$PWD/node_modules/.bin:$PWD/.python/bin:$PATH" PYTHONPATH="$PWD/.python" exec "$@""#;

fn content(provided: Provided) -> &'static str {
    match provided {
        Provided::Asgi => include_str!("../../../../runtimes/provided/asgi.py"),
        Provided::Static => include_str!("../../../../runtimes/provided/static.cjs"),
    }
}

pub(super) async fn carry_out(site: &Site<'_>, steps: &[Step]) -> Result<(), Error> {
    for step in steps {
        match step {
            Step::Provide(provided) => {
                provide(&site.folder, *provided).map_err(Error::failed(format!("write {}", provided.path())))?;
            }
            Step::Bundle { entry, output, esm } => bundle(site, entry, output, *esm).await?,
            Step::Run(command) => {
                let words = with_own_programs(site, command);
                site.run_as(&words.iter().map(String::as_str).collect::<Vec<_>>(), &command.join(" ")).await?;
            }
            Step::Try(command) => {
                let words = with_own_programs(site, command);
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                if let Some(why) = site.attempt(&words, &command.join(" ")).await? {
                    site.journal.log(format!("Going on without: {why}")).await;
                }
            }
            // They belong to the installation, and are done.
            Step::PythonPackage(_) | Step::KeepDevelopment => {}
        }
    }
    Ok(())
}

fn with_own_programs(site: &Site<'_>, command: &[String]) -> Vec<String> {
    // Compilers may be where no sandbox's PATH leads; what packages bring is not to be taken from the host.
    let here = command.first().filter(|_| site.recording.is_none());
    let compiler = here.filter(|program| ["go", "cargo"].contains(&program.as_str()));
    let compiler = compiler.and_then(|program| survey::program(program)).map(|path| path.display().to_string());
    let mut whole = ["sh", "-c", WITH_OWN_PROGRAMS, "sh"].map(str::to_owned).to_vec();
    whole.extend(compiler.or_else(|| command.first().cloned()));
    whole.extend(command.iter().skip(1).cloned());
    whole
}

async fn bundle(site: &Site<'_>, entry: &str, output: &str, esm: bool) -> Result<(), Error> {
    let format = if esm { "--format=esm" } else { "--format=cjs" };
    let outfile = format!("--outfile={output}");
    let command = [
        "npm",
        "exec",
        "--yes",
        "--no-update-notifier",
        "--package",
        ESBUILD,
        "--",
        "esbuild",
        entry,
        "--bundle",
        "--platform=node",
        "--target=node20",
        "--packages=external",
        "--sourcemap=inline",
        "--log-level=warning",
        format,
        &outfile,
    ];
    site.run(&command).await
}

fn provide(folder: &Path, provided: Provided) -> io::Result<()> {
    write(folder, provided.path(), content(provided).as_bytes())
}

/// Writes a file of the platform's, whose path begins with [`PROVIDED`]. A link in its place, or in that of its folder, is the
/// repository's, and leads anywhere: it is removed.
pub(super) fn write(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let own = folder.join(PROVIDED);
    if fs::symlink_metadata(&own).is_ok_and(|meta| !meta.is_dir()) {
        files::remove(&own)?;
    }
    fs::create_dir_all(&own)?;
    // The server closes what it makes to all others, and sandboxes have users of their own.
    fs::set_permissions(&own, Permissions::from_mode(0o755))?;
    let path = folder.join(name);
    files::remove(&path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(0o644))
}

/// Where the program of Node is in what was built, when it is not the host's: see `executor::OWN_NODE`.
pub(super) fn bring_node(folder: &Path, program: Option<&Path>) -> io::Result<()> {
    let own = folder.join(PROVIDED);
    if fs::symlink_metadata(&own).is_ok_and(|meta| !meta.is_dir()) {
        files::remove(&own)?;
    }
    // What the repository has there is none of ours.
    files::remove(&own.join("node"))?;
    let Some(program) = program else { return Ok(()) };
    let path = folder.join(executor::OWN_NODE);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent)?;
    for folder in parent.ancestors().take_while(|above| *above != folder) {
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    }
    // The same file under another name, where it is the same disk: it is large, and never changes.
    fs::hard_link(program, &path).or_else(|_| fs::copy(program, &path).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_provided_takes_the_place_of_links_and_follows_none() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join(PROVIDED)).unwrap();
        provide(folder.path(), Provided::Asgi).unwrap();
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        let file = folder.path().join(Provided::Asgi.path());
        fs::remove_file(&file).unwrap();
        let target = elsewhere.path().join("x");
        std::os::unix::fs::symlink(&target, &file).unwrap();
        provide(folder.path(), Provided::Asgi).unwrap();
        assert!(!target.exists() && fs::read_to_string(file).unwrap().contains("ASGI"));
    }
}
