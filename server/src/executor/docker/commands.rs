//! The containers in which a build's commands run: limits that the engine's own builder has none for, on processes and on the disk.
//!
//! The builder names each container just before it starts it. What it says mixes with what the commands print, so that a name counts only
//! if the engine has a container of this name that belongs to a build of this namespace.
//!
//! What they have written is what the engine finds under names. A file without a name, and folders, take room that nobody counts for one
//! build: where the engine's disk is this host's, builds end before it is full.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ContainerUpdateBody};
use bollard::query_parameters::InspectContainerOptionsBuilder;
use domain::text;
use regex::Regex;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::engine::{Engine, message};
use super::labels;
use crate::tree::{self, Usage};

/// Processes and threads of a command.
pub(super) const MAX_PIDS: i64 = 1024;

/// Between two looks at what the commands have written; more if looking takes long.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const PAUSES_PER_LOOK: u32 = 4;

/// The part of the engine's disk, and of the files that it can have, that builds leave free.
const LEFT_FREE: u64 = 50;

/// Names that wait to be looked up.
const NAMES: usize = 64;

static RUNS_IN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^ ---> Running in ([0-9a-f]{12})\n?$").expect("it is one"));

/// What a build's commands have too much of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TooMuch {
    /// They have written so many bytes.
    Written(u64),
    /// The engine's disk is nearly full, not necessarily because of this build.
    DiskFull(String),
}

/// The commands of one build, until this is dropped.
#[derive(Debug)]
pub(super) struct Commands {
    names: mpsc::Sender<String>,
    too_much: watch::Receiver<Option<TooMuch>>,
    task: JoinHandle<()>,
}

impl Commands {
    /// Looks after the commands of a build in a namespace, which `label` tells; they may write so many bytes together.
    pub(super) fn watch(engine: Arc<Engine>, label: (&'static str, String), max_bytes: u64) -> Self {
        let (names, named) = mpsc::channel(NAMES);
        let (sender, too_much) = watch::channel(None);
        let looks = Looks { engine, label, max_bytes, running: HashMap::new(), ended: 0 };
        Self { names, too_much, task: tokio::spawn(looks.run(named, sender)) }
    }

    /// Hears what the builder says.
    pub(super) async fn hear(&self, text: &str) {
        if let Some(name) = RUNS_IN.captures(text) {
            let _ = self.names.send(name[1].to_owned()).await;
        }
    }

    /// Waits until the commands have too much of something.
    pub(super) async fn too_much(&mut self) -> TooMuch {
        let why = self.too_much.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        match why {
            Some(why) => why,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Looks {
    engine: Arc<Engine>,
    label: (&'static str, String),
    max_bytes: u64,
    /// What each container that runs had at the last look.
    running: HashMap<String, u64>,
    /// What those had that are gone.
    ended: u64,
}

impl Looks {
    async fn run(mut self, mut named: mpsc::Receiver<String>, sender: watch::Sender<Option<TooMuch>>) {
        let mut look_at = Instant::now() + LOOK_EVERY;
        loop {
            tokio::select! {
                name = named.recv() => {
                    let Some(name) = name else { return };
                    self.begin(name).await;
                }
                () = sleep_until(look_at), if !self.running.is_empty() => {
                    let began = Instant::now();
                    let bytes = self.look().await;
                    let why = if bytes > self.max_bytes { Some(TooMuch::Written(bytes)) } else { self.disk_is_full() };
                    if why.is_some() {
                        sender.send_replace(why);
                        return;
                    }
                    look_at = Instant::now() + LOOK_EVERY.max(began.elapsed() * PAUSES_PER_LOOK);
                }
            }
        }
    }

    /// Limits a container's processes, if it is one of a build of this namespace.
    async fn begin(&mut self, name: String) {
        let found = match self.engine.inspect(&name).await {
            Ok(Some(found)) if self.is_ours(&found) => found,
            _ => return,
        };
        let id = found.id.unwrap_or(name);
        if self.running.contains_key(&id) {
            return;
        }
        let update = ContainerUpdateBody { pids_limit: Some(MAX_PIDS), ..ContainerUpdateBody::default() };
        if let Err(fault) = self.engine.client.update_container(&id, update).await {
            // It may have ended already.
            tracing::debug!(
                container = id,
                error = message(&fault),
                "the processes of a build's command have no limit"
            );
        }
        self.running.insert(id, 0);
    }

    fn is_ours(&self, found: &ContainerInspectResponse) -> bool {
        let labels = found.config.as_ref().and_then(|config| config.labels.as_ref());
        let (name, namespace) = &self.label;
        // An image that was built here gives its label to instances, too; these name their server besides. Where an image does, the
        // builder has emptied it.
        let server = |labels: &HashMap<String, String>| labels.get(labels::SERVER).is_some_and(|name| !name.is_empty());
        labels.is_some_and(|labels| labels.get(*name) == Some(namespace) && !server(labels))
    }

    /// Whether the engine's disk is nearly full, as far as that is seen from here.
    fn disk_is_full(&self) -> Option<TooMuch> {
        let folder = self.engine.info.docker_root_dir.as_deref().filter(|_| self.engine.local)?;
        let disk = nix::sys::statvfs::statvfs(folder).ok()?;
        let (free, all) = (disk.blocks_available() * disk.fragment_size(), disk.blocks() * disk.fragment_size());
        let why = if free < all / LEFT_FREE {
            format!("only {} of {} are free", text::bytes(free), text::bytes(all))
        } else if disk.files_available() < disk.files() / LEFT_FREE {
            format!("only {} more files of {} fit on it", disk.files_available(), disk.files())
        } else {
            return None;
        };
        Some(TooMuch::DiskFull(format!(
            "the disk of the Docker engine, at {folder}, is nearly full: {why}; remove what nobody needs (`docker system df` shows what there is)"
        )))
    }

    /// What all commands have written so far.
    async fn look(&mut self) -> u64 {
        let ids: Vec<String> = self.running.keys().cloned().collect();
        for id in ids {
            let options = InspectContainerOptionsBuilder::default().size(true).build();
            match self.engine.client.inspect_container(&id, Some(options)).await {
                Ok(found) => {
                    let own = found.size_rw.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
                    let bytes = own.saturating_add(self.in_volumes(&found).await);
                    if let Some(known) = self.running.get_mut(&id) {
                        *known = bytes.max(*known);
                    }
                }
                Err(_) => self.ended = self.ended.saturating_add(self.running.remove(&id).unwrap_or_default()),
            }
        }
        self.running.values().fold(self.ended, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// What a command has written to the volumes that its image declares, which are folders of the engine's host: seen only from there.
    async fn in_volumes(&self, found: &ContainerInspectResponse) -> u64 {
        let mounts = found.mounts.iter().flatten().filter(|mount| mount.typ.as_deref() == Some("volume"));
        let folders: Vec<PathBuf> = mounts.filter_map(|mount| mount.source.clone().map(PathBuf::from)).collect();
        if folders.is_empty() || !self.engine.local {
            return 0;
        }
        let most = Usage { bytes: self.max_bytes, entries: tree::MAX_ENTRIES };
        let measured = tokio::task::spawn_blocking(move || {
            let all = folders.iter().map(|folder| match tree::usage(folder, most) {
                Ok(usage) => usage.bytes,
                // It may hold anything.
                Err(error) if tree::refusal(&error).is_some() => most.bytes.saturating_add(1),
                Err(_) => 0,
            });
            all.fold(0, u64::saturating_add)
        });
        measured.await.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builder_names_a_container_in_a_line_of_its_own() {
        let named = |text: &str| RUNS_IN.captures(text).map(|name| name[1].to_owned());
        assert_eq!(named(" ---> Running in 5f9e6b2d1c2e\n").as_deref(), Some("5f9e6b2d1c2e"));
        assert_eq!(named("echo ---> Running in 5f9e6b2d1c2e\n"), None);
        assert_eq!(named(" ---> Running in 5f9e6b2d1c2e and more\n"), None);
        assert_eq!(named(" ---> Running in ../../version\n"), None);
    }
}
