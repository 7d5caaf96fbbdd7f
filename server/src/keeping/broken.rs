//! Functions that are running according to the log but cannot run here, because their artifact is not on this server.
//! That is a fault of the installation (a database restored without its artifacts, a folder that the servers do not
//! share), so it is not recorded in the log, and it ends as soon as the artifact appears.

use std::collections::BTreeMap;

use domain::function::{self, Status};
use parking_lot::Mutex;

use super::order::Key;
use super::settings::ArtifactPath;
use crate::store::{FunctionRow, VersionRow};

/// Functions listed by name in a message; the others are only counted.
const NAMED: usize = 5;

/// The functions whose artifact is missing.
#[derive(Debug, Default)]
pub(super) struct Broken(Mutex<BTreeMap<Key, Missing>>);

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

/// The error message for a missing artifact.
pub(super) fn missing(digest: &str, version: u32) -> String {
    format!(
        "the artifact {digest} of version {version} is not on this server: build the function again, or restore the folder of \
         artifacts"
    )
}

impl Broken {
    /// Checks whether the artifact of a version that takes calls is on this server. An image has none: the executor
    /// pulls it.
    pub(super) fn look(&self, artifacts: &ArtifactPath, namespace: &str, name: &str, made: &VersionRow) {
        let key = (made.function, made.number);
        let Some(digest) = made.artifact().filter(|digest| artifacts(digest).is_none()) else {
            self.0.lock().remove(&key);
            return;
        };
        let name = format!("{namespace}/{name}");
        let missing = Missing { name, version: made.number, digest: digest.to_owned() };
        let new = self.0.lock().insert(key, missing).is_none();
        if new {
            tracing::error!(function = %made.function, namespace, version = made.number, digest, "artifact of a running function is missing: rebuild it, or restore the artifacts folder");
        }
    }

    /// Forgets a function's faults except for those of these versions, or all if there are none.
    pub(super) fn keep(&self, id: function::Id, versions: &[u32]) {
        self.0.lock().retain(|(function, version), _| *function != id || versions.contains(version));
    }

    /// Why a running function cannot run on this server, if it cannot.
    pub(super) fn of(&self, artifacts: &ArtifactPath, row: &FunctionRow) -> Option<String> {
        let mut broken = self.0.lock();
        let runs = row.state == Status::Running;
        broken.retain(|(function, _), missing| *function != row.id || (runs && artifacts(&missing.digest).is_none()));
        let (_, missing) = broken.range((row.id, 0)..=(row.id, u32::MAX)).next()?;
        Some(missing.reason())
    }

    /// The number and names of the functions that cannot run on this server, as a message; `None` if all can. Forgets
    /// those whose artifact has appeared.
    pub(super) fn all(&self, artifacts: &ArtifactPath) -> Option<String> {
        let mut broken = self.0.lock();
        broken.retain(|_, missing| artifacts(&missing.digest).is_none());
        // A function may be missing several versions.
        let functions: BTreeMap<_, _> = broken.iter().map(|((id, _), missing)| (*id, missing.name.as_str())).collect();
        if functions.is_empty() {
            return None;
        }
        let names: Vec<_> = functions.values().take(NAMED).copied().collect();
        let more = if functions.len() > NAMED { ", …" } else { "" };
        Some(format!(
            "the artifacts of {} running functions are not on this server ({}{more}): build them again, or restore the folder \
             of artifacts; servers on one database need one folder (EVENTFLOW_ARTIFACTS)",
            functions.len(),
            names.join(", ")
        ))
    }
}
