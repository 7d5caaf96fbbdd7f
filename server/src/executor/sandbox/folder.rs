//! The folder of one instance: a part that only the server reads, and a part that the instance may write.
//!
//! If the server may mount, it is a separate file system in memory, containing another one for the sandbox's `/tmp` and
//! `/dev/shm`: the kernel enforces sizes and numbers of files, and they vanish at once when no longer needed. Otherwise
//! it is on the data folder's disk, and the server monitors it, see [`Watch`].

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::{Limits, Lines};
use super::leash::Leash;
use super::mounts::{self, Room};
use crate::tree::{self, Usage};

/// Bytes that an instance may write to its own folder, besides `/tmp`: a job's result, and some reserve.
const OWN_BYTES: u64 = 16 << 20;

/// Files of an instance's own folder.
const OWN_FILES: u64 = 1000;

/// Files of an instance in `/tmp` and `/dev/shm` together, if the kernel counts them.
const TMP_FILES: u64 = 100_000;

/// Size of `/dev/shm` in bytes, if it is a file system of its own.
const MAX_SHARED_BYTES: u64 = 64 << 20;

/// The folder that `/tmp` and `/dev/shm` share.
const SHARED: &str = "shared";

/// How often a folder is measured that the kernel does not limit.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// A folder that is removed when its last owner drops it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    mounted: bool,
}

impl Folder {
    /// Creates it, limited by the kernel if `mounted`.
    pub(super) fn new(path: PathBuf, limits: &Limits, mounted: bool) -> io::Result<Folder> {
        let make = |path: &Path| DirBuilder::new().mode(0o700).create(path);
        make(&path)?;
        let folder = Folder { path, mounted };
        if mounted {
            // If either fails, the other is removed with the folder.
            mounts::mount_room(&folder.path, Room { bytes: OWN_BYTES, files: OWN_FILES })?;
            make(&folder.join(SHARED))?;
            mounts::mount_room(&folder.join(SHARED), Room { bytes: tmp_bytes(limits), files: TMP_FILES })?;
        }
        make(&folder.join("own"))?;
        for shared in [folder.tmp(), folder.shm()].into_iter().flatten() {
            make(&shared)?;
        }
        Ok(folder)
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder of the sandbox's `/tmp`; `None` if the sandbox must mount one.
    pub(super) fn tmp(&self) -> Option<PathBuf> {
        self.mounted.then(|| self.join(SHARED).join("tmp"))
    }

    /// As [`Self::tmp`], for `/dev/shm`.
    pub(super) fn shm(&self) -> Option<PathBuf> {
        self.mounted.then(|| self.join(SHARED).join("shm"))
    }

    /// Gives the writable parts to the user.
    pub(super) fn hand_over(&self, user: u32) -> io::Result<()> {
        let writable = [Some(self.join("own")), self.tmp(), self.shm()];
        writable.into_iter().flatten().try_for_each(|folder| chown(folder, Some(user), Some(user)))
    }

    /// What must be watched because the kernel does not limit it.
    pub(super) fn watch(&self) -> Option<Watch> {
        (!self.mounted).then(|| Watch(self.join("own")))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mounted = self.mounted;
        // Removing a large folder takes long, and this thread starts and watches all processes.
        tree::remove_later(std::mem::take(&mut self.path), move |path| {
            if mounted {
                mounts::unmount(path);
            }
            tree::remove(path)
        });
    }
}

/// The size of `/tmp`. It also counts as the process's memory.
pub(super) fn tmp_bytes(limits: &Limits) -> u64 {
    limits.memory_mb.saturating_mul(1 << 20)
}

/// The size of `/dev/shm`, if it is a file system of its own. It also counts as the process's memory.
pub(super) fn shared_bytes(limits: &Limits) -> u64 {
    tmp_bytes(limits).min(MAX_SHARED_BYTES)
}

/// Monitors an instance's folder on the host's disk.
#[derive(Debug)]
pub(super) struct Watch(PathBuf);

impl Watch {
    /// Kills the process when the folder exceeds its limits, and reports that in its lines.
    pub(super) async fn hold(self, process: Leash, lines: Lines) {
        let most = Usage { bytes: OWN_BYTES, entries: OWN_FILES };
        loop {
            tokio::select! {
                () = process.ended() => return,
                () = tokio::time::sleep(BETWEEN_LOOKS) => {}
            }
            let folder = self.0.clone();
            let Ok(usage) = tokio::task::spawn_blocking(move || tree::usage(&folder, most)).await else { return };
            // A folder that cannot be measured may hold anything; one that is gone holds nothing.
            let within = match &usage {
                Ok(usage) => usage.bytes <= most.bytes && usage.entries <= most.entries,
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            };
            if !within {
                let why = format!("/run/eventflow held more than {} MiB or {} files", most.bytes >> 20, most.entries);
                process.end(why, None, Some(lines)).await;
                return;
            }
        }
    }
}
