//! Installed dependencies of earlier builds, by what they followed from, and the package managers' own caches.
//!
//! Each namespace has its own: what one installs, its scripts included, never reaches another. An entry is whole, since it
//! comes in by a rename, and it is copied out: a build that changes its copy changes nobody else's.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::builder::{Error, files};

/// Entries of a namespace. The one that was not used for the longest time goes first.
const MAX_ENTRIES: usize = 50;

/// What a killed server left half written is removed after this.
const LEFTOVER: Duration = Duration::from_secs(24 * 3600);

/// The name of what is half written begins with this.
const INCOMING: &str = ".incoming-";

/// The caches. Cloning it is cheap.
#[derive(Debug, Clone)]
pub(in crate::builder) struct Cache(Arc<PathBuf>);

impl Cache {
    /// Keeps them below `folder`.
    pub(in crate::builder) fn new(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self(Arc::new(folder.canonicalize()?)))
    }

    /// The folder of a package manager's own cache; `None` when it cannot be made.
    pub(super) fn packages(&self, namespace: &str, name: &str) -> Option<PathBuf> {
        let folder = self.namespace(namespace).join(name);
        fs::create_dir_all(&folder).ok()?;
        Some(folder)
    }

    /// Copies an entry to `target`, instead of what is there. Whether there is such an entry.
    pub(super) fn restore(
        &self,
        namespace: &str,
        key: &str,
        target: &Path,
        mut go_on: impl FnMut() -> io::Result<()>,
    ) -> Result<bool, Error> {
        let entry = self.entries(namespace).join(key);
        if !entry.is_dir() {
            return Ok(false);
        }
        let failed = || Error::failed("restore the cached dependencies");
        files::remove(target).map_err(failed())?;
        match files::copy(&entry, target, &mut go_on) {
            Ok(()) => {}
            // Another build has just made room: the entry went while it was copied.
            Err(_) if go_on().is_ok() && !entry.is_dir() => {
                files::remove(target).map_err(failed())?;
                return Ok(false);
            }
            Err(error) => return Err(failed()(error)),
        }
        let _ = File::open(&entry).and_then(|folder| folder.set_modified(SystemTime::now()));
        Ok(true)
    }

    /// Copies `source` in.
    pub(super) fn keep(
        &self,
        namespace: &str,
        key: &str,
        source: &Path,
        go_on: impl FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let folder = self.entries(namespace);
        fs::create_dir_all(&folder)?;
        let incoming = folder.join(format!("{INCOMING}{}", Uuid::new_v4().simple()));
        let result = files::copy(source, &incoming, go_on).and_then(|()| {
            match fs::rename(&incoming, folder.join(key)) {
                // Another build was faster.
                Err(_) if folder.join(key).is_dir() => Ok(()),
                result => result,
            }
        });
        files::remove(&incoming)?;
        result?;
        self.make_room(&folder)
    }

    fn make_room(&self, folder: &Path) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)?.flatten() {
            let Ok(used) = entry.metadata().and_then(|meta| meta.modified()) else {
                continue;
            };
            match entry.file_name().to_string_lossy().starts_with(INCOMING) {
                true if used.elapsed().is_ok_and(|age| age > LEFTOVER) => files::remove(&entry.path())?,
                true => {}
                false => entries.push((used, entry.path())),
            }
        }
        entries.sort();
        let surplus = entries.len().saturating_sub(MAX_ENTRIES);
        for (_, path) in &entries[..surplus] {
            // Out of sight first: nobody may begin to copy half an entry.
            let leaving = folder.join(format!("{INCOMING}{}", Uuid::new_v4().simple()));
            fs::rename(path, &leaving)?;
            files::remove(&leaving)?;
        }
        Ok(())
    }

    fn namespace(&self, namespace: &str) -> PathBuf {
        // A name that is no folder's name would be somebody else's folder.
        let plain = !namespace.is_empty()
            && namespace.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        self.0.join(if plain { namespace.to_owned() } else { format!("~{}", super::key(&[namespace])) })
    }

    fn entries(&self, namespace: &str) -> PathBuf {
        self.namespace(namespace).join("installed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go_on() -> io::Result<()> {
        Ok(())
    }

    fn installed(folder: &Path, text: &str) -> PathBuf {
        let source = folder.join("node_modules");
        fs::create_dir_all(source.join("a")).unwrap();
        fs::write(source.join("a/index.js"), text).unwrap();
        source
    }

    #[test]
    fn what_was_kept_is_restored_as_a_copy_and_only_in_its_namespace() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("cache")).unwrap();
        let source = installed(folder.path(), "one");
        cache.keep("default", "k", &source, go_on).unwrap();
        cache.keep("default", "k", &source, go_on).unwrap();
        let target = folder.path().join("out");
        assert!(!cache.restore("other", "k", &target, go_on).unwrap());
        assert!(!cache.restore("default", "other", &target, go_on).unwrap());
        for _ in 0..2 {
            assert!(cache.restore("default", "k", &target, go_on).unwrap());
            assert_eq!(fs::read_to_string(target.join("a/index.js")).unwrap(), "one");
            fs::write(target.join("a/index.js"), "changed").unwrap();
        }
    }

    #[test]
    fn the_entry_that_was_not_used_for_the_longest_time_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("cache")).unwrap();
        let source = installed(folder.path(), "one");
        let entries = cache.entries("default");
        for number in 0..MAX_ENTRIES {
            cache.keep("default", &number.to_string(), &source, go_on).unwrap();
            let age = Duration::from_secs(1000 - number as u64);
            File::open(entries.join(number.to_string())).unwrap().set_modified(SystemTime::now() - age).unwrap();
        }
        assert!(cache.restore("default", "0", &folder.path().join("out"), go_on).unwrap());
        cache.keep("default", "new", &source, go_on).unwrap();
        let there = |name: &str| entries.join(name).is_dir();
        assert!(there("0") && there("new") && there("2") && !there("1"));
        assert_eq!(fs::read_dir(&entries).unwrap().count(), MAX_ENTRIES);
    }

    #[test]
    fn a_namespace_that_is_a_path_stays_in_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path()).unwrap();
        for name in ["..", "", "a/b", "."] {
            assert_eq!(cache.namespace(name).parent(), Some(cache.0.as_path()), "{name}");
            assert!(cache.namespace(name).file_name().is_some());
        }
    }
}
