//! Caches between builds: installed dependencies, by what they depend on, the package managers' own caches, and objects
//! of the function's repository.
//!
//! Each function has its own: an install script that plants something for the next build affects only its own function.
//! An entry is complete, because it is moved into place by a rename, and it is copied out: a build that changes its
//! copy changes nobody else's. The caches of each function and of all together are limited; the least recently used
//! ones are removed first.

mod entries;
mod room;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::function::Id;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::builder::files::Usage;
use crate::builder::{Error, files};
use crate::tree;
use entries::INCOMING;
pub(in crate::builder) use entries::key;

/// Bytes that one function keeps.
const MAX_FUNCTION_BYTES: u64 = 1 << 30;

/// Files, folders and links that one function keeps.
const MAX_FUNCTION_FILES: u64 = 200_000;

/// A cache that no build used for this long is removed.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Entries of a function. The one that was not used for the longest time goes first.
const MAX_ENTRIES: usize = 10;

/// All functions' caches are below a folder of this name, which no namespace can have: earlier servers had a folder for
/// each namespace here.
const FUNCTIONS: &str = "_functions";

/// What a function's cache holds: two package managers' caches, and what was installed.
const PARTS: [&str; 3] = ["npm", "pip", "installed"];

/// The limits of the caches.
#[derive(Debug, Clone, Copy)]
struct Limits {
    total_bytes: u64,
    function: Usage,
    age: Duration,
}

/// The caches. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::builder) struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The parent of all functions' folders.
    folder: PathBuf,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many builds use a function's cache now. It is not removed meanwhile.
    in_use: HashMap<String, usize>,
    /// What a function's cache holds, where that is known.
    usage: HashMap<String, Usage>,
}

/// One function's cache while a build uses it.
#[derive(Debug)]
pub(in crate::builder) struct Shelf {
    cache: Cache,
    name: String,
    folder: PathBuf,
}

impl Cache {
    /// Keeps them below `folder`, `max_bytes` together.
    pub(in crate::builder) fn new(folder: &Path, max_bytes: u64) -> io::Result<Self> {
        let function = Usage { bytes: MAX_FUNCTION_BYTES.min(max_bytes), files: MAX_FUNCTION_FILES };
        Self::with(folder, Limits { total_bytes: max_bytes, function, age: MAX_AGE })
    }

    fn with(folder: &Path, limits: Limits) -> io::Result<Self> {
        let functions = folder.join(FUNCTIONS);
        fs::create_dir_all(&functions)?;
        remove_shared(folder);
        Ok(Self(Arc::new(Inner { folder: functions.canonicalize()?, limits, state: Mutex::default() })))
    }

    /// The cache of a function, until it is dropped. [`Self::make_room`] afterwards keeps the limits.
    pub(in crate::builder) fn open(&self, function: Id) -> io::Result<Shelf> {
        let name = function.to_string();
        let folder = self.0.folder.join(&name);
        {
            let mut state = self.0.state.lock();
            *state.in_use.entry(name.clone()).or_default() += 1;
            state.usage.remove(&name);
        }
        // From here on it is let go of again, whatever happens.
        let shelf = Shelf { cache: self.clone(), name, folder };
        fs::create_dir_all(&shelf.folder)?;
        File::open(&shelf.folder)?.set_modified(SystemTime::now())?;
        Ok(shelf)
    }
}

impl Shelf {
    /// A folder that somebody else fills, such as a package manager; `None` when it cannot be made.
    pub(in crate::builder) fn packages(&self, name: &str) -> Option<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).ok()?;
        Some(folder)
    }

    /// Where it is, and what it may hold.
    pub(in crate::builder) fn limit(&self) -> (PathBuf, Usage) {
        (self.folder.clone(), self.cache.0.limits.function)
    }

    /// Copies an entry to `target`, instead of what is there. Whether there is such an entry.
    pub(in crate::builder) fn restore(
        &self,
        key: &str,
        target: &Path,
        mut go_on: impl FnMut() -> io::Result<()>,
    ) -> Result<bool, Error> {
        let entry = self.entries().join(key);
        if !entry.is_dir() {
            return Ok(false);
        }
        let failed = || Error::failed("restore the cached dependencies");
        files::remove(target).map_err(failed())?;
        match tree::copy(&entry, target, &mut go_on) {
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

    /// Copies `source` in, unless it is more than a function may keep.
    pub(in crate::builder) fn keep(
        &self,
        key: &str,
        source: &Path,
        go_on: impl FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        if files::usage(source).exceeds(self.cache.0.limits.function) {
            return Ok(());
        }
        let folder = self.entries();
        fs::create_dir_all(&folder)?;
        let incoming = folder.join(format!("{INCOMING}{}", Uuid::new_v4().simple()));
        let result = tree::copy(source, &incoming, go_on).and_then(|()| {
            match fs::rename(&incoming, folder.join(key)) {
                // Another build was faster.
                Err(_) if folder.join(key).is_dir() => Ok(()),
                result => result,
            }
        });
        files::remove(&incoming)?;
        result?;
        entries::keep_newest(&folder, MAX_ENTRIES)
    }

    fn entries(&self) -> PathBuf {
        self.folder.join("installed")
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let mut state = self.cache.0.state.lock();
        state.usage.remove(&self.name);
        if let Some(count) = state.in_use.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                state.in_use.remove(&self.name);
            }
        }
    }
}

/// Removes what earlier servers kept for whole namespaces: the functions of one did not all trust each other.
fn remove_shared(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let shared = |path: &Path| PARTS.iter().any(|part| path.join(part).is_dir());
    let old: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| shared(path)).collect();
    if old.is_empty() {
        return;
    }
    let remove = move || {
        for path in old {
            if let Err(error) = files::remove(&path) {
                tracing::warn!(folder = %path.display(), %error, "an old package cache could not be removed");
            }
        }
    };
    if std::thread::Builder::new().name("cache-cleanup".into()).spawn(remove).is_err() {
        tracing::warn!("old package caches are left to the next start of the server");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn go_on() -> io::Result<()> {
        Ok(())
    }

    pub(super) fn function(name: &str) -> Id {
        domain::function::id("default", name, 1)
    }

    fn installed(folder: &Path, text: &str) -> PathBuf {
        let source = folder.join("node_modules");
        fs::create_dir_all(source.join("a")).unwrap();
        fs::write(source.join("a/index.js"), text).unwrap();
        source
    }

    #[test]
    fn what_was_kept_is_restored_as_a_copy_and_only_for_its_function() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("cache"), 1 << 30).unwrap();
        let source = installed(folder.path(), "one");
        let (mine, other) = (cache.open(function("mine")).unwrap(), cache.open(function("other")).unwrap());
        mine.keep("k", &source, go_on).unwrap();
        mine.keep("k", &source, go_on).unwrap();
        let target = folder.path().join("out");
        assert!(!other.restore("k", &target, go_on).unwrap());
        assert!(!mine.restore("other", &target, go_on).unwrap());
        assert_ne!(mine.packages("npm"), other.packages("npm"));
        for _ in 0..2 {
            assert!(mine.restore("k", &target, go_on).unwrap());
            assert_eq!(fs::read_to_string(target.join("a/index.js")).unwrap(), "one");
            fs::write(target.join("a/index.js"), "changed").unwrap();
        }
    }

    #[test]
    fn a_link_in_place_of_what_was_installed_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("cache"), 1 << 30).unwrap();
        let shelf = cache.open(function("mine")).unwrap();
        let secrets = installed(folder.path(), "of somebody else");
        let link = folder.path().join(".python");
        std::os::unix::fs::symlink(&secrets, &link).unwrap();
        shelf.keep("key", &link, go_on).unwrap();
        assert!(!shelf.restore("key", &folder.path().join("out"), go_on).unwrap());
        assert!(tree::copy(&link, &folder.path().join("copy"), go_on).is_err());
    }

    #[test]
    fn the_entry_that_was_not_used_for_the_longest_time_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("cache"), 1 << 30).unwrap();
        let source = installed(folder.path(), "one");
        let shelf = cache.open(function("mine")).unwrap();
        let entries = shelf.entries();
        for number in 0..MAX_ENTRIES {
            shelf.keep(&number.to_string(), &source, go_on).unwrap();
            let age = Duration::from_secs(1000 - number as u64);
            File::open(entries.join(number.to_string())).unwrap().set_modified(SystemTime::now() - age).unwrap();
        }
        assert!(shelf.restore("0", &folder.path().join("out"), go_on).unwrap());
        shelf.keep("new", &source, go_on).unwrap();
        let there = |name: &str| entries.join(name).is_dir();
        assert!(there("0") && there("new") && there("2") && !there("1"));
        assert_eq!(fs::read_dir(&entries).unwrap().count(), MAX_ENTRIES);
    }

    #[test]
    fn what_was_shared_by_a_namespace_is_removed_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("default/npm/_cacache")).unwrap();
        fs::create_dir_all(folder.path().join("somebody/elses")).unwrap();
        let cache = Cache::new(folder.path(), 1 << 30).unwrap();
        let until = std::time::Instant::now() + Duration::from_secs(20);
        while folder.path().join("default").exists() {
            assert!(std::time::Instant::now() < until, "the shared cache is still there");
            std::thread::yield_now();
        }
        assert!(folder.path().join("somebody/elses").exists() && cache.0.folder.exists());
    }
}
