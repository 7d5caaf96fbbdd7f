//! Functions that come as files and become images: puts their files, the wrapper and a Dockerfile into a folder that an image is
//! built from.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use domain::manifest::{self, Manifest};

use super::detect::Step;
use super::dockerfile::{self, Base};
use super::generated::{APP, LISTS, Parts, WRAPPERS};
use super::install::{self, Command, Tools};
use super::journal::Journal;
use super::manifest::check_handler;
use super::scratch::Scratch;
use super::{Bases, Error, Order, files};
use crate::executor::{Code, Runtime, Spec, copy_wrappers};
use crate::tree;

/// The files of a function, and what was found out about them.
pub(super) struct Files<'f> {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) steps: Vec<Step>,
    /// The build's name.
    pub(super) build: &'f str,
}

/// What an image of files is built from.
///
/// # Errors
/// [`Error::Refused`] for what the author can change.
pub(super) async fn source(
    tools: &Tools,
    bases: &Bases,
    order: &Order,
    files: Files<'_>,
    scratch: &Scratch,
    journal: &Journal,
) -> Result<dockerfile::Source, Error> {
    let Files { folder, manifest, steps, build } = files;
    let what = (manifest.runtime, steps.as_slice());
    let commands = install::plan(tools, &folder, what, (build, order.function.uuid()), scratch, journal).await?;
    // What commands make is not there yet: then the first start tells.
    if commands.iter().all(|command| command.by_lists) {
        check_handler(&folder, &manifest)?;
    }
    let (image, setting) = match manifest.runtime {
        manifest::Runtime::Python | manifest::Runtime::PythonFlask => (&bases.python, "EVENTFLOW_IMAGE_PYTHON"),
        _ => (&bases.node, "EVENTFLOW_IMAGE_NODE"),
    };
    let code = Code::Image(image.clone());
    let runtime = Spec::of(&order.namespace, &order.name, 0, code, manifest.clone())?.runtime;
    let lists: Vec<&str> = LISTS.into_iter().filter(|name| files::has(&folder, name)).collect();
    let says_token = files::text(&folder, ".npmrc")?.is_some_and(|text| text.contains("NPM_TOKEN"));
    let parts =
        Parts { base: image, runtime: &runtime, manifest: &manifest, commands: &commands, lists: &lists, says_token };
    let text = parts.dockerfile();
    journal.log(format!("There is no Dockerfile: it is built by this one, on the image {image} ({setting})")).await;
    for line in text.lines() {
        journal.log(format!("  {line}")).await;
    }
    let context = scratch.path("packed");
    let (made, replaces) = (context.clone(), replaced(&commands));
    scratch
        .block(move |_| {
            pack(&folder, &made, &runtime, &text, &replaces).map_err(Error::failed("prepare the image's files"))
        })
        .await?;
    let generated = Some(Base { image: image.clone(), setting });
    Ok(dockerfile::Source { folder: context, manifest, secrets: Vec::new(), generated })
}

/// Folders of the source that are installed anew: what the source has there would be mixed with that.
fn replaced(commands: &[Command]) -> Vec<&'static str> {
    let installs = commands.iter().any(|command| command.by_lists);
    if installs { vec!["node_modules", ".python"] } else { Vec::new() }
}

fn pack(folder: &Path, context: &Path, runtime: &Runtime, text: &str, replaced: &[&str]) -> io::Result<()> {
    // It may say where the source is from, and with which password.
    files::remove(&folder.join(".git"))?;
    for name in replaced {
        files::remove(&folder.join(name))?;
    }
    let wrappers = context.join(WRAPPERS);
    fs::create_dir_all(&wrappers)?;
    copy_wrappers(runtime, &wrappers)?;
    fs::set_permissions(&wrappers, Permissions::from_mode(0o755))?;
    let app = context.join(APP);
    fs::rename(folder, &app)?;
    // They are nobody's in the image, and run as one who owns none of them.
    tree::open_to_all(&app)?;
    files::write_new(&context.join(dockerfile::FILE), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_wrapper_and_dockerfile_are_put_together() {
        let root = tempfile::tempdir().unwrap();
        let (folder, context) = (root.path().join("source"), root.path().join("packed"));
        for name in ["index.js", ".git/config", "node_modules/a/index.js"] {
            fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            fs::write(folder.join(name), "x").unwrap();
            fs::set_permissions(folder.join(name), Permissions::from_mode(0o600)).unwrap();
        }
        let runtime = Runtime::Node { handler: "index.handler".into() };
        pack(&folder, &context, &runtime, "FROM a\n", &["node_modules"]).unwrap();
        let mode = fs::metadata(context.join("app/index.js")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        assert!(context.join("eventflow/node/wrapper.cjs").is_file());
        assert!(!context.join("app/.git").exists() && !context.join("app/node_modules").exists());
        assert_eq!(fs::read_to_string(context.join("Dockerfile")).unwrap(), "FROM a\n");
    }
}
