//! Whether something can be run here: the caller's faults are found before anything is made for it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::{Code, Error, Form, Spec};
use super::Sandbox;
use super::error::io_error;
use crate::tree::open_to_all;

/// The least memory that an interpreter starts with.
const MIN_MEMORY_MB: u64 = 16;

impl Sandbox {
    /// Checks that a specification can be run here; returns the folder with the function's files.
    pub(super) fn check<'s>(&self, spec: &'s Spec) -> Result<&'s Path, Error> {
        let artifact = match &spec.code {
            Code::Folder(folder) => folder,
            Code::Image(_) => {
                let why = "the sandbox runs processes of this host".to_owned();
                return Err(Error::Unsupported { form: Form::Image, why });
            }
        };
        check_env(&spec.env)?;
        check_folder(artifact)?;
        let closed = |folder: &Path| !fs::metadata(folder).is_ok_and(|meta| meta.mode() & 0o005 == 0o005);
        if self.home.host.identity.changes() && closed(artifact) {
            let folder = artifact.display();
            open_to_all(artifact).map_err(io_error(format!(
                "make the files of {folder} readable for the user that the function runs as"
            )))?;
        }
        if spec.limits.memory_mb < MIN_MEMORY_MB {
            return Err(Error::Refused(format!(
                "memory_mb is {}, and must be at least {MIN_MEMORY_MB}",
                spec.limits.memory_mb
            )));
        }
        if spec.limits.pids == 0 {
            return Err(Error::Refused("pids is 0, and must be at least 1".into()));
        }
        Ok(artifact)
    }
}

pub(super) fn check_env(env: &BTreeMap<String, String>) -> Result<(), Error> {
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(Error::Refused(format!(
                "{name:?} cannot be a variable: its name is empty or holds '=', or there is a zero byte in it"
            )));
        }
    }
    Ok(())
}

pub(super) fn check_folder(folder: &Path) -> Result<(), Error> {
    match folder.is_absolute() && folder.is_dir() {
        true => Ok(()),
        false => Err(Error::Refused(format!("{} is not a folder, or not an absolute path", folder.display()))),
    }
}
