//! Functions that are running according to the log but cannot run here, because their artifact is not on this server.
//! That is a fault of the installation (a database restored without its artifacts, a folder that the servers do not
//! share), so it is not recorded in the log, and it ends as soon as the artifact appears.

use std::collections::BTreeMap;

use domain::function::{self, Status};
use parking_lot::Mutex;

use super::order::Key;
use crate::artifacts::Artifacts;
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
    /// Looks whether the artifact of a version that takes calls is here. An image has none: whoever runs it fetches it.
    pub(super) async fn look(&self, artifacts: &Artifacts, namespace: &str, name: &str, made: &VersionRow) {
        let key = (made.function, made.number);
        let missing = match made.artifact() {
            Some(digest) if !artifacts.has(digest).await => digest,
            _ => {
                self.0.lock().remove(&key);
                return;
            }
        };
        let name = format!("{namespace}/{name}");
        let it = Missing { name, version: made.number, digest: missing.to_owned() };
        let new = self.0.lock().insert(key, it).is_none();
        if new {
            tracing::error!(function = %made.function, namespace, version = made.number, digest = missing, "the artifact of a running function is missing: build it again, or restore the folder of artifacts");
        }
    }

    /// Forgets a function's faults except for those of these versions, or all if there are none.
    pub(super) fn keep(&self, id: function::Id, versions: &[u32]) {
        self.0.lock().retain(|(function, version), _| *function != id || versions.contains(version));
    }

    /// Why a function that should run cannot run on this server, if that is so.
    pub(super) async fn of(&self, artifacts: &Artifacts, row: &FunctionRow) -> Option<String> {
        let runs = row.state == Status::Running;
        self.forget_what_is_there(artifacts, |(function, _)| *function == row.id, |_| runs).await;
        let broken = self.0.lock();
        let (_, missing) = broken.range((row.id, 0)..=(row.id, u32::MAX)).next()?;
        Some(missing.reason())
    }

    /// Forgets, of these versions, those whose artifact is there again, and those that are not wanted any more.
    async fn forget_what_is_there(
        &self,
        artifacts: &Artifacts,
        these: impl Fn(&Key) -> bool,
        is_wanted: impl Fn(&Key) -> bool,
    ) {
        let looked_for: Vec<(Key, String)> = {
            let broken = self.0.lock();
            broken.iter().filter(|(key, _)| these(key)).map(|(key, missing)| (*key, missing.digest.clone())).collect()
        };
        for (key, digest) in looked_for {
            if !is_wanted(&key) || artifacts.has(&digest).await {
                let mut broken = self.0.lock();
                // It may have been found to be missing in another shape meanwhile.
                if broken.get(&key).is_some_and(|missing| missing.digest == digest) {
                    broken.remove(&key);
                }
            }
        }
    }

    /// How many functions cannot run on this server, and which, for people; `None` when all can. What is there again is
    /// forgotten.
    pub(super) async fn all(&self, artifacts: &Artifacts) -> Option<String> {
        self.forget_what_is_there(artifacts, |_| true, |_| true).await;
        let broken = self.0.lock();
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
