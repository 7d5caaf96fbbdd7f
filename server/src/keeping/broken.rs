//! Functions that run, as far as the log knows, and cannot run here: their artifact is not on this server. That is a fault of
//! the installation (a database that was restored without its artifacts, a folder that servers do not share), so it is not
//! in the log, and it is over as soon as the artifact is there.

use std::collections::BTreeMap;

use domain::function::{self, Status};
use parking_lot::Mutex;

use super::{Fleet, Inner};
use crate::store::{FunctionRow, VersionRow};

/// Functions that are named where all are counted.
const NAMED: usize = 5;

/// The functions whose artifact is missing.
#[derive(Debug, Default)]
pub(super) struct Broken(Mutex<BTreeMap<function::Id, Missing>>);

#[derive(Debug)]
struct Missing {
    /// Namespace and name.
    name: String,
    version: u32,
    digest: String,
}

impl Missing {
    fn reason(&self) -> String {
        missing(&self.digest, self.version)
    }
}

/// What is said of a missing artifact.
pub(super) fn missing(digest: &str, version: u32) -> String {
    format!(
        "the artifact {digest} of version {version} is not on this server: build the function again, or restore the folder of \
         artifacts"
    )
}

impl Inner {
    /// Looks whether the artifact of a version is here.
    pub(super) fn look_for_artifact(&self, namespace: &str, name: &str, made: &VersionRow) {
        match (self.artifacts)(&made.digest) {
            Some(_) => self.is_whole(made.function),
            None => {
                let name = format!("{namespace}/{name}");
                let missing = Missing { name, version: made.number, digest: made.digest.clone() };
                let new = self.broken.0.lock().insert(made.function, missing).is_none();
                if new {
                    tracing::error!(function = %made.function, namespace, version = made.number, digest = made.digest, "the artifact of a running function is missing: build it again, or restore the folder of artifacts");
                }
            }
        }
    }

    /// Nothing is missing of it, or nothing is wanted.
    pub(super) fn is_whole(&self, id: function::Id) {
        self.broken.0.lock().remove(&id);
    }

    /// Forgets what is there again.
    fn look_again(&self) {
        self.broken.0.lock().retain(|_, missing| (self.artifacts)(&missing.digest).is_none());
    }
}

impl Fleet {
    /// Why a function that should run cannot run on this server, if that is so.
    pub fn fault_of(&self, row: &FunctionRow) -> Option<String> {
        let mut broken = self.inner.broken.0.lock();
        let missing = broken.get(&row.id)?;
        if row.state != Status::Running || (self.inner.artifacts)(&missing.digest).is_some() {
            broken.remove(&row.id);
            return None;
        }
        Some(missing.reason())
    }

    /// How many functions cannot run on this server, and which, for people; `None` when all can.
    pub fn faults(&self) -> Option<String> {
        self.inner.look_again();
        let broken = self.inner.broken.0.lock();
        if broken.is_empty() {
            return None;
        }
        let names: Vec<_> = broken.values().take(NAMED).map(|missing| missing.name.as_str()).collect();
        let more = if broken.len() > NAMED { ", …" } else { "" };
        Some(format!(
            "the artifacts of {} running functions are not on this server ({}{more}): build them again, or restore the folder \
             of artifacts; servers on one database need one folder (EVENTFLOW_ARTIFACTS)",
            broken.len(),
            names.join(", ")
        ))
    }
}
