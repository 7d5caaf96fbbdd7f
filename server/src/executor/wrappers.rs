//! The runtimes' wrappers and the few files of `/etc`, embedded in the binary: written at the start for the sandbox, and into the
//! images that are made of functions that come as files.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Runtime;
use crate::tree;

/// A file of `runtimes/`: its path, there and below the folder, and its content.
macro_rules! runtime {
    ($path:literal) => {
        ($path, include_bytes!(concat!("../../../runtimes/", $path)))
    };
}

/// A library that is preloaded into programs and answers for the C library: `runtimes/preload/interfaces.c`, compiled.
pub(super) const INTERFACES: &str = "preload/interfaces.so";

/// Path below the folder, and content.
const FILES: &[(&str, &[u8])] = &[
    runtime!("node/wrapper.cjs"),
    runtime!("node/answer.cjs"),
    runtime!("node/body.cjs"),
    runtime!("node/environment.cjs"),
    runtime!("node/event.cjs"),
    runtime!("node/exports.cjs"),
    runtime!("node/failures.cjs"),
    runtime!("node/json.cjs"),
    runtime!("node/lines.cjs"),
    runtime!("node/load.cjs"),
    runtime!("python/wrapper.py"),
    runtime!("python/eventflow_answer.py"),
    runtime!("python/eventflow_body.py"),
    runtime!("python/eventflow_event.py"),
    runtime!("python/eventflow_failures.py"),
    runtime!("python/eventflow_http.py"),
    runtime!("python/eventflow_json.py"),
    runtime!("python/eventflow_lines.py"),
    runtime!("python/eventflow_load.py"),
    runtime!("python/eventflow_signal.py"),
    runtime!("python/eventflow_wsgi.py"),
    runtime!("python-flask/wrapper.py"),
    // Adapters for handlers of other platforms.
    runtime!("adapters/node/appwrite.cjs"),
    runtime!("adapters/node/aws-lambda.cjs"),
    runtime!("adapters/node/azure-functions.cjs"),
    runtime!("adapters/node/fetch.cjs"),
    runtime!("adapters/node/fn.cjs"),
    runtime!("adapters/node/google-functions.cjs"),
    runtime!("adapters/node/knative.cjs"),
    runtime!("adapters/node/netlify.cjs"),
    runtime!("adapters/node/nuclio.cjs"),
    runtime!("adapters/node/openfaas.cjs"),
    runtime!("adapters/node/openwhisk.cjs"),
    runtime!("adapters/node/shared-aws-event.cjs"),
    runtime!("adapters/node/shared-aws-files.cjs"),
    runtime!("adapters/node/shared-express.cjs"),
    runtime!("adapters/node/shared-folder.cjs"),
    runtime!("adapters/node/shared-missing.cjs"),
    runtime!("adapters/node/shared-request.cjs"),
    runtime!("adapters/node/shared-rewrites.cjs"),
    runtime!("adapters/node/shared-routes.cjs"),
    runtime!("adapters/node/shared-server.cjs"),
    runtime!("adapters/node/shared-web.cjs"),
    runtime!("adapters/node/shared-wrangler.cjs"),
    runtime!("adapters/node/shared-yaml.cjs"),
    runtime!("adapters/node/vercel.cjs"),
    runtime!("adapters/python/appwrite.py"),
    runtime!("adapters/python/aws-lambda.py"),
    runtime!("adapters/python/azure-functions.py"),
    runtime!("adapters/python/eventflow_apps.py"),
    runtime!("adapters/python/eventflow_aws.py"),
    runtime!("adapters/python/eventflow_request.py"),
    runtime!("adapters/python/eventflow_routes.py"),
    runtime!("adapters/python/eventflow_yaml.py"),
    runtime!("adapters/python/fn.py"),
    runtime!("adapters/python/google-functions.py"),
    runtime!("adapters/python/knative.py"),
    runtime!("adapters/python/nuclio.py"),
    runtime!("adapters/python/openfaas.py"),
    runtime!("adapters/python/openwhisk.py"),
    runtime!("adapters/python/vercel.py"),
    (INTERFACES, include_bytes!(concat!(env!("OUT_DIR"), "/interfaces.so"))),
    ("etc/passwd", b"function:x:1000:1000::/tmp:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"),
    ("etc/group", b"function:x:1000:\nnogroup:x:65534:\n"),
    ("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n"),
    ("etc/hosts", b"127.0.0.1 localhost\n::1 localhost\n"),
    // Where the sandbox's network process answers DNS queries.
    ("etc/resolv.conf", b"nameserver 127.0.0.53\n"),
];

/// The folders of the wrappers of Node, and of Python.
const OF_NODE: [&str; 2] = ["node/", "adapters/node/"];
const OF_PYTHON: [&str; 3] = ["python/", "python-flask/", "adapters/python/"];

/// Writes the wrappers of a runtime to `folder`, where everybody can read them.
///
/// # Errors
/// When the disk fails.
pub fn copy(runtime: &Runtime, folder: &Path) -> io::Result<()> {
    let wanted: &[&str] = match runtime {
        Runtime::Node { .. } => &OF_NODE,
        Runtime::Python { .. } | Runtime::PythonFlask => &OF_PYTHON,
        Runtime::Command(_) => &[],
    };
    let files = FILES.iter().filter(|(path, _)| wanted.iter().any(|folder| path.starts_with(folder)));
    write_files(files, folder)
}

/// Writes the files to `data_dir/runtimes/<digest>` unless they exist, and returns that folder.
pub(super) fn write(data_dir: &Path) -> io::Result<PathBuf> {
    let mut digest = Sha256::new();
    for (path, content) in FILES {
        digest.update(path.as_bytes());
        digest.update([0]);
        digest.update(content);
        digest.update([0]);
    }
    let runtimes = data_dir.join("runtimes");
    let folder = runtimes.join(&hex::encode(digest.finalize())[..16]);
    if folder.is_dir() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&runtimes)?;
    let unfinished = tempfile::Builder::new().prefix(".unfinished-").tempdir_in(&runtimes)?;
    write_files(FILES.iter(), unfinished.path())?;
    let unfinished = unfinished.keep();
    match std::fs::rename(&unfinished, &folder) {
        Ok(()) => Ok(folder),
        // Another server was faster and wrote the same content.
        Err(_) if folder.is_dir() => tree::remove(&unfinished).map(|()| folder),
        Err(error) => Err(error),
    }
}

fn write_files<'f>(files: impl Iterator<Item = &'f (&'f str, &'f [u8])>, folder: &Path) -> io::Result<()> {
    for (path, content) in files {
        let file = folder.join(path);
        let parent = file.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)?;
        std::fs::write(&file, content)?;
        // Functions run as other users, who must be able to traverse every folder above a file.
        for above in parent.ancestors().take_while(|above| *above != folder) {
            std::fs::set_permissions(above, Permissions::from_mode(0o755))?;
        }
        std::fs::set_permissions(&file, Permissions::from_mode(0o644))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn everybody_can_read_every_file_and_go_through_every_folder() {
        let data = tempfile::tempdir().unwrap();
        let folder = write(data.path()).unwrap();
        for (path, _) in FILES {
            for place in folder.join(path).ancestors().take_while(|place| *place != folder) {
                let mode = std::fs::metadata(place).unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, if place.is_dir() { 0o755 } else { 0o644 }, "{}", place.display());
            }
        }
    }

    #[test]
    fn an_image_gets_the_wrappers_of_its_runtime_alone() {
        let folder = tempfile::tempdir().unwrap();
        copy(&Runtime::PythonFlask, folder.path()).unwrap();
        assert!(folder.path().join("python-flask/wrapper.py").is_file());
        assert!(folder.path().join("python/eventflow_http.py").is_file());
        assert!(!folder.path().join("node").exists() && !folder.path().join("etc").exists());
    }

    #[test]
    fn every_file_of_a_wrapper_is_carried() {
        let runtimes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtimes");
        for runtime in ["node", "python", "python-flask", "adapters/node", "adapters/python"] {
            for entry in std::fs::read_dir(runtimes.join(runtime)).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                let is_test = name.starts_with("test_") || name.ends_with(".test.cjs");
                let is_program = name.ends_with(".py") || name.ends_with(".cjs");
                let carried = FILES.iter().any(|(path, _)| *path == format!("{runtime}/{name}"));
                assert_eq!(carried, is_program && !is_test, "{runtime}/{name}");
            }
        }
    }
}
