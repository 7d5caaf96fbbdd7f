//! The folder of one server's instances. A lock that is released with the server shows the next one what is left over.
//!
//! Leftovers are identified before they are removed: a data folder may be a copy whose records name the folders and
//! control groups of a running server. The lock therefore records which file it is, and which folder and groups are its
//! own; the contents of any other file are ignored.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use uuid::Uuid;

use super::{cgroup, mounts};
use crate::tree;

/// The longest socket path: a Unix socket's address has 108 bytes with the zero.
const MAX_SOCKET_PATH: usize = 100;

/// Locked while the server lives; holds the identities of what belongs to it.
const LOCK: &str = "lock";
/// Holds the path of the instances' folder.
const FOLDER: &str = "folder";
/// Holds the paths of the instances' control groups.
const CGROUPS: &str = "cgroups";

/// They identify a folder's owner, so they are removed last, and the lock after the others.
const MARKS: &[&str] = &[CGROUPS, FOLDER, LOCK];

/// How long a start waits for the removal of what another server has left; the rest is removed later.
const AT_THE_START: Duration = Duration::from_secs(2);

/// How long the server's end waits for the removal of what its own instances have left.
const AT_THE_END: Duration = Duration::from_secs(5);

/// How long a starting server may take to lock its folder.
const STARTED_WITHIN: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct RunFolder {
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// Below `data_dir`, even if `path` is not.
    record: PathBuf,
    lock: Mutex<File>,
}

impl RunFolder {
    /// Removes what dead servers left, and creates a folder for this one.
    pub(super) fn claim(data_dir: &Path) -> io::Result<RunFolder> {
        let records = data_dir.join("run");
        fs::create_dir_all(&records)?;
        for entry in fs::read_dir(&records)?.flatten() {
            remove_if_dead(entry.path());
        }
        let id = Uuid::new_v4().simple().to_string();
        let name = format!("eventflow-{}", &id[..12]);
        let record = records.join(&name);
        let path = match record.as_os_str().len() + "/00000000/own/socket".len() <= MAX_SOCKET_PATH {
            true => record.clone(),
            false => std::env::temp_dir().join(&name),
        };
        let lock = Mutex::new(make(&record, &path)?);
        Ok(RunFolder { name, path, record, lock })
    }

    /// Records what the next start must remove if this server is killed.
    pub(super) fn remember(&self, cgroups: &[PathBuf]) -> io::Result<()> {
        let lines: String = cgroups.iter().map(|folder| format!("{}\n", folder.display())).collect();
        fs::write(self.record.join(CGROUPS), lines)?;
        let mut marks =
            format!("lock {}\nfolder {}\n", Identity::of(&self.lock.lock().metadata()?), Identity::at(&self.path)?);
        for folder in cgroups {
            marks.push_str(&format!("group {} {}\n", Identity::at(folder)?, folder.display()));
        }
        fs::write(self.record.join(LOCK), marks)
    }

    /// The part of it that is missing, because somebody removed or replaced it.
    pub(super) fn missing(&self) -> Option<PathBuf> {
        let lock = self.record.join(LOCK);
        let held = self.lock.lock().metadata().map(|meta| Identity::of(&meta));
        let is_held = matches!((held, Identity::at(&lock)), (Ok(held), Ok(there)) if held == there);
        if !is_held {
            return Some(lock);
        }
        (!self.path.is_dir()).then(|| self.path.clone())
    }

    /// Restores it, under the same paths.
    pub(super) fn restore(&self) -> io::Result<()> {
        let records = self.record.parent().unwrap_or(&self.record);
        // Without the data folder nothing can be restored.
        match fs::create_dir(records) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let lock = make(&self.record, &self.path)?;
        *self.lock.lock() = lock;
        Ok(())
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if let Err(error) = remove_both(&self.path, &self.record, AT_THE_END) {
            tracing::warn!(folder = %self.path.display(), %error, "the folder of instances stays until the next start");
        }
    }
}

/// Creates the record and the folder if missing, and locks the record.
fn make(record: &Path, path: &Path) -> io::Result<File> {
    let make = |folder: &Path| match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    };
    make(record)?;
    let lock = File::options().create(true).truncate(false).write(true).open(record.join(LOCK))?;
    lock.try_lock().map_err(io::Error::from)?;
    if path != record {
        make(path)?;
    }
    fs::write(record.join(FOLDER), path.as_os_str().as_encoded_bytes())?;
    Ok(lock)
}

/// Identifies a file or folder independently of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(meta: &Metadata) -> Self {
        Self { device: meta.dev(), inode: meta.ino() }
    }

    fn at(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|meta| Self::of(&meta))
    }

    fn parse(text: &str) -> Option<Self> {
        let (device, inode) = text.split_once(':')?;
        Some(Self { device: device.parse().ok()?, inode: inode.parse().ok()? })
    }

    fn is_at(self, path: &Path) -> bool {
        Self::at(path).is_ok_and(|there| there == self)
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.device, self.inode)
    }
}

/// What a dead server has left behind, as far as it is known to be its own.
#[derive(Debug, Default, PartialEq, Eq)]
struct Leftovers {
    /// The folder of its instances, if it is not the record's.
    folder: Option<PathBuf>,
    cgroups: Vec<PathBuf>,
}

impl Leftovers {
    /// Reads the record. `lock` is its lock, which nobody holds.
    fn of(record: &Path, lock: &File) -> Self {
        let marks = fs::read_to_string(record.join(LOCK)).unwrap_or_default();
        let folder = fs::read_to_string(record.join(FOLDER)).map(PathBuf::from).ok();
        let folder = folder.filter(|folder| folder.file_name() == record.file_name());
        let Ok(identity) = lock.metadata().map(|meta| Identity::of(&meta)) else { return Self::default() };
        if marks.is_empty() {
            // Without identities, as in older records, a copy names the folder of the original.
            let cgroups = fs::read_to_string(record.join(CGROUPS)).unwrap_or_default();
            let is_own = folder.is_some_and(|folder| folder == record);
            let cgroups = cgroups.lines().filter(|_| is_own).map(PathBuf::from).collect();
            return Self { folder: None, cgroups };
        }
        let mut lines = marks.lines();
        let named =
            |line: Option<&str>, kind: &str| line?.strip_prefix(kind)?.strip_prefix(' ').and_then(Identity::parse);
        if named(lines.next(), "lock") != Some(identity) {
            return Self::default();
        }
        let is_own =
            |folder: &PathBuf, its: Option<Identity>| folder != record && its.is_some_and(|its| its.is_at(folder));
        let its = named(lines.next(), "folder");
        let folder = folder.filter(|folder| is_own(folder, its));
        let groups = lines.filter_map(|line| {
            let (its, path) = line.strip_prefix("group ")?.split_once(' ')?;
            let path = PathBuf::from(path);
            Identity::parse(its)?.is_at(&path).then_some(path)
        });
        Self { folder, cgroups: groups.collect() }
    }
}

fn remove_if_dead(record: PathBuf) {
    let lock = match File::open(record.join(LOCK)) {
        Ok(lock) => lock,
        // A record without a lock belongs to a server that is just starting, or that was killed while it removed it.
        Err(_) if tree::is_older_than(&record, STARTED_WITHIN) => {
            return tree::remove_later(record, tree::remove);
        }
        Err(_) => return,
    };
    if lock.try_lock().is_err() {
        return;
    }
    let Leftovers { folder, cgroups } = Leftovers::of(&record, &lock);
    cgroups.iter().for_each(|base| cgroup::remove_leftovers(base));
    let folder = folder.unwrap_or_else(|| record.clone());
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

/// The record last: if something is left, the next start must know of it.
fn remove_both(folder: &Path, record: &Path, within: Duration) -> io::Result<()> {
    mounts::unmount_below(folder);
    if folder != record {
        tree::remove_within(folder, &[], within)?;
    }
    tree::remove_within(record, MARKS, within)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A data folder with the record of a server that is dead, and the group that it had.
    fn left_behind(data: &Path) -> (PathBuf, PathBuf) {
        let group = data.join("group");
        fs::create_dir_all(&group).unwrap();
        let folder = RunFolder::claim(data).unwrap();
        folder.remember(std::slice::from_ref(&group)).unwrap();
        let record = folder.record.clone();
        // As a kill would: the lock goes, the files stay.
        drop(std::mem::replace(&mut *folder.lock.lock(), File::open("/dev/null").unwrap()));
        std::mem::forget(folder);
        (record, group)
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for name in MARKS {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }

    #[test]
    fn a_copied_record_names_nothing_that_is_its_own() {
        let place = tempfile::tempdir().unwrap();
        let (record, group) = left_behind(&place.path().join("data"));
        let copied = place.path().join("copy/run").join(record.file_name().unwrap());
        copy(&record, &copied);
        let of = |record: &Path| Leftovers::of(record, &File::open(record.join(LOCK)).unwrap());
        assert_eq!(of(&copied), Leftovers::default());
        assert_eq!(of(&record), Leftovers { folder: None, cgroups: vec![group.clone()] });
        drop(RunFolder::claim(&place.path().join("copy")).unwrap());
        assert!(!copied.exists() && record.exists() && group.exists());
    }

    #[test]
    fn a_record_of_an_earlier_version_is_a_copys_when_it_names_another_folder() {
        let place = tempfile::tempdir().unwrap();
        let (record, group) = left_behind(&place.path().join("data"));
        fs::write(record.join(LOCK), "").unwrap();
        let copied = place.path().join("copy/run").join(record.file_name().unwrap());
        copy(&record, &copied);
        let of = |record: &Path| Leftovers::of(record, &File::open(record.join(LOCK)).unwrap());
        assert_eq!(of(&copied), Leftovers::default());
        assert_eq!(of(&record).cgroups, [group]);
    }

    #[test]
    fn what_is_gone_is_noticed_and_made_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::claim(place.path()).unwrap();
        folder.remember(&[]).unwrap();
        assert_eq!(folder.missing(), None);
        fs::remove_dir_all(place.path().join("run")).unwrap();
        assert!(folder.missing().is_some());
        folder.restore().unwrap();
        folder.remember(&[]).unwrap();
        assert_eq!(folder.missing(), None);
        assert!(File::open(folder.record.join(LOCK)).unwrap().try_lock().is_err(), "it is locked again");
    }
}
