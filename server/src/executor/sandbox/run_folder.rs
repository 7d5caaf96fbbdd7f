//! The folder of one server's instances. A lock that ends with the server tells the next one what is left over.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use super::{MAX_SOCKET_PATH, cgroup, mounts};
use crate::tree;

/// Locked as long as the server lives.
const LOCK: &str = "lock";
/// Names the folder of the instances.
const FOLDER: &str = "folder";
/// Names the control groups of the instances.
const CGROUPS: &str = "cgroups";

/// They say whose a folder is, so they go last, and the lock after the others.
const MARKS: &[&str] = &[CGROUPS, FOLDER, LOCK];

/// The start of the server waits so long for the removal of what another one has left; the rest is removed later.
const AT_THE_START: Duration = Duration::from_secs(2);

/// And its end for what its own instances have left.
const AT_THE_END: Duration = Duration::from_secs(5);

/// A server has locked its folder within this.
const STARTED_WITHIN: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct RunFolder {
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// Below `data_dir`, also when `path` is not.
    record: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Removes what dead servers left, and makes a folder for this one.
    pub(super) fn claim(data_dir: &Path) -> io::Result<RunFolder> {
        let records = data_dir.join("run");
        fs::create_dir_all(&records)?;
        for entry in fs::read_dir(&records)?.flatten() {
            remove_if_dead(entry.path());
        }
        let id = Uuid::new_v4().simple().to_string();
        let name = format!("eventflow-{}", &id[..12]);
        let record = records.join(&name);
        DirBuilder::new().mode(0o700).create(&record)?;
        let lock = File::create(record.join(LOCK))?;
        lock.try_lock().map_err(io::Error::from)?;
        let path = match record.as_os_str().len() + "/00000000/own/socket".len() <= MAX_SOCKET_PATH {
            true => record.clone(),
            false => std::env::temp_dir().join(&name),
        };
        if path != record {
            DirBuilder::new().mode(0o700).create(&path)?;
        }
        fs::write(record.join(FOLDER), path.as_os_str().as_encoded_bytes())?;
        Ok(RunFolder { name, path, record, _lock: lock })
    }

    pub(super) fn remember(&self, cgroups: &[PathBuf]) -> io::Result<()> {
        let lines: String = cgroups.iter().map(|folder| format!("{}\n", folder.display())).collect();
        fs::write(self.record.join(CGROUPS), lines)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if let Err(error) = remove_both(&self.path, &self.record, AT_THE_END) {
            tracing::warn!(folder = %self.path.display(), %error, "the folder of instances stays until the next start");
        }
    }
}

fn remove_if_dead(record: PathBuf) {
    let lock = match File::open(record.join(LOCK)) {
        Ok(lock) => lock,
        // One without a lock belongs to a server that is just starting, or was almost removed when its server was killed.
        Err(_) if tree::is_older_than(&record, STARTED_WITHIN) => {
            return tree::remove_later(record, tree::remove);
        }
        Err(_) => return,
    };
    if lock.try_lock().is_err() {
        return;
    }
    for base in fs::read_to_string(record.join(CGROUPS)).unwrap_or_default().lines() {
        cgroup::remove_leftovers(Path::new(base));
    }
    let folder = fs::read_to_string(record.join(FOLDER)).map(PathBuf::from).ok();
    let folder = folder.filter(|folder| folder.file_name() == record.file_name()).unwrap_or_else(|| record.clone());
    match remove_both(&folder, &record, AT_THE_START) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::TimedOut => tree::remove_later(record, move |record| {
            let _lock = lock;
            remove_both(&folder, record, tree::LONGEST_REMOVAL)
        }),
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "what an earlier server has left could not be removed");
        }
    }
}

/// The record last: where something stays, the next start must know of it.
fn remove_both(folder: &Path, record: &Path, within: Duration) -> io::Result<()> {
    mounts::unmount_below(folder);
    if folder != record {
        tree::remove_within(folder, &[], within)?;
    }
    tree::remove_within(record, MARKS, within)
}
