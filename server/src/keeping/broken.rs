//! Functions that run, as far as the log knows, and cannot run here: their artifact is not on this server. That is a fault of
//! the installation (a database that was restored without its artifacts, a folder that servers do not share), so it is not
//! in the log, and it is over as soon as the artifact is there.

use std::collections::BTreeMap;

use domain::function::{self, Status};
use parking_lot::Mutex;

use super::order::Key;
use super::settings::ArtifactPath;
use crate::store::{FunctionRow, VersionRow};

/// Functions that are named where all are counted.
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

/// What is said of a missing artifact.
pub(super) fn missing(digest: &str, version: u32) -> String {
    format!(
        "the artifact {digest} of version {version} is not on this server: build the function again, or restore the folder of \
         artifacts"
    )
}

impl Broken {
    /// Looks whether the artifact of a version that takes calls is here. An image has none: whoever runs it fetches it.
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
            tracing::error!(function = %made.function, namespace, version = made.number, digest, "the artifact of a running function is missing: build it again, or restore the folder of artifacts");
        }
    }

    /// Nothing more is wanted of a function, or only these versions of it.
    pub(super) fn keep(&self, id: function::Id, versions: &[u32]) {
        self.0.lock().retain(|(function, version), _| *function != id || versions.contains(version));
    }

    /// Why a function that should run cannot run on this server, if that is so.
    pub(super) fn of(&self, artifacts: &ArtifactPath, row: &FunctionRow) -> Option<String> {
        let mut broken = self.0.lock();
        let runs = row.state == Status::Running;
        broken.retain(|(function, _), missing| *function != row.id || (runs && artifacts(&missing.digest).is_none()));
        let (_, missing) = broken.range((row.id, 0)..=(row.id, u32::MAX)).next()?;
        Some(missing.reason())
    }

    /// How many functions cannot run on this server, and which, for people; `None` when all can. What is there again is
    /// forgotten.
    pub(super) fn all(&self, artifacts: &ArtifactPath) -> Option<String> {
        let mut broken = self.0.lock();
        broken.retain(|_, missing| artifacts(&missing.digest).is_none());
        // One may miss several versions.
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
