//! The labels of what this server makes on an engine, and what of it nobody needs any more.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use tokio::time::timeout;

use super::engine::Engine;
use crate::executor::Spec;

/// How long the removal of one container may take when the server starts.
const REMOVED_WITHIN: Duration = Duration::from_secs(5);

/// The server's name in the log.
pub(super) const SERVER: &str = "io.eventflow.server";

/// The process of the server, see [`Owner`].
const PROCESS: &str = "io.eventflow.process";

/// The executor within the process.
const EXECUTOR: &str = "io.eventflow.executor";

const INSTANCE: &str = "io.eventflow.instance";
const NAMESPACE: &str = "io.eventflow.namespace";
const FUNCTION: &str = "io.eventflow.function";
const VERSION: &str = "io.eventflow.version";

/// Whose containers and networks these are.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) server: String,
    process: Option<Process>,
    executor: String,
}

impl Owner {
    /// The executor of this process, for a server of this name.
    pub(super) fn new(server: &str) -> Self {
        let executor = uuid::Uuid::new_v4().simple().to_string();
        Self { server: server.to_owned(), process: Process::this(), executor }
    }

    /// The labels that tell the owner.
    pub(super) fn labels(&self) -> HashMap<String, String> {
        let mut labels =
            HashMap::from([(SERVER.to_owned(), self.server.clone()), (EXECUTOR.to_owned(), self.executor.clone())]);
        if let Some(process) = &self.process {
            labels.insert(PROCESS.to_owned(), process.to_string());
        }
        labels
    }

    /// The labels of an instance's container.
    pub(super) fn labels_of(&self, spec: &Spec) -> HashMap<String, String> {
        let mut labels = self.labels();
        labels.insert(INSTANCE.to_owned(), spec.instance.clone());
        labels.insert(NAMESPACE.to_owned(), spec.namespace.clone());
        labels.insert(FUNCTION.to_owned(), spec.function.clone());
        labels.insert(VERSION.to_owned(), spec.version.to_string());
        labels
    }

    /// Whether this executor made what has these labels.
    pub(super) fn has_made(&self, labels: &HashMap<String, String>) -> bool {
        labels.get(EXECUTOR) == Some(&self.executor)
    }

    /// Whether something with these labels belongs to nobody who is alive: to an earlier process of this server, or to a
    /// process of this host that is gone. Servers of other hosts that use the same engine cannot be judged.
    fn is_left_over(&self, labels: &HashMap<String, String>) -> bool {
        let Some(server) = labels.get(SERVER) else { return false };
        if self.has_made(labels) {
            return false;
        }
        let process = labels.get(PROCESS).and_then(|text| Process::parse(text));
        let is_ours = process.is_some() && process == self.process;
        let alive = match (&process, &self.process) {
            (Some(process), Some(own)) if process.place == own.place => Some(process.is_alive()),
            _ => None,
        };
        match alive {
            Some(false) => true,
            // A copy of the data folder, used by a server that runs.
            Some(true) => *server == self.server && is_ours,
            None => *server == self.server,
        }
    }
}

/// Removes what servers that are gone have left on the engine; returns the number of containers.
pub(super) async fn clear(engine: &Engine, owner: &Owner) -> Result<usize, bollard::errors::Error> {
    let mut removed = 0;
    for container in engine.labelled(SERVER).await? {
        if let (Some(id), Some(labels)) = (container.id, container.labels)
            && owner.is_left_over(&labels)
        {
            // One that hangs must not keep the server from starting.
            match timeout(REMOVED_WITHIN, engine.remove(&id)).await {
                Ok(Ok(())) => removed += 1,
                Ok(Err(error)) => tracing::warn!(container = id, %error, "a left container could not be removed"),
                Err(_) => tracing::warn!(container = id, "a left container could not be removed in time"),
            }
        }
    }
    let filters = HashMap::from([("label", vec![SERVER])]);
    let options = bollard::query_parameters::ListNetworksOptionsBuilder::default().filters(&filters).build();
    for network in engine.client.list_networks(Some(options)).await? {
        if let (Some(id), Some(labels)) = (network.id, network.labels)
            && owner.is_left_over(&labels)
        {
            // In use by a container that somebody else has connected to it.
            let _ = engine.client.remove_network(&id).await;
        }
    }
    Ok(removed)
}

/// A process, told apart from every other one of its host, also after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    /// The boot and the namespace of process numbers.
    place: String,
    pid: u32,
    /// When it was started, in ticks since the boot.
    started: u64,
}

impl Process {
    fn this() -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::metadata("/proc/self/ns/pid").ok()?.ino();
        let pid = std::process::id();
        Some(Self { place: format!("{}-{namespace}", boot.trim()), pid, started: started(pid)? })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (place, pid, started) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { place: place.to_owned(), pid, started })
    }

    fn is_alive(&self) -> bool {
        started(self.pid) == Some(self.started)
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.place, self.pid, self.started)
    }
}

/// The 22nd field of `stat`, unless the process is a zombie; the second one may itself hold brackets and spaces.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_or_an_earlier_one_left_is_told_from_what_is_in_use() {
        let owner = Owner::new("here");
        assert!(!owner.is_left_over(&owner.labels()));
        assert!(!owner.is_left_over(&HashMap::new()));
        // The same server, started again within the process, as tests do.
        assert!(owner.is_left_over(&Owner::new("here").labels()));
        // Another server of this process.
        assert!(!owner.is_left_over(&Owner::new("there").labels()));
        let of = |server: &str, process: Process| {
            let mut labels = Owner::new(server).labels();
            labels.insert(PROCESS.into(), process.to_string());
            labels
        };
        let this = Process::this().unwrap();
        let gone = Process { started: this.started + 1, ..this.clone() };
        assert!(owner.is_left_over(&of("there", gone.clone())));
        assert!(owner.is_left_over(&of("here", gone)));
        let parent = std::os::unix::process::parent_id();
        let alive = Process { pid: parent, started: started(parent).unwrap(), ..this.clone() };
        assert!(!owner.is_left_over(&of("here", alive)));
        // Another host, whose processes nobody here can see.
        let elsewhere = Process { place: "elsewhere".into(), ..this };
        assert!(!owner.is_left_over(&of("there", elsewhere.clone())));
        assert!(owner.is_left_over(&of("here", elsewhere)));
    }
}
