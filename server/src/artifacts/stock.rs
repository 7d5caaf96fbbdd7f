//! How much all bundles take of the disk, or all artifacts, and whether there is room for one more.
//!
//! What is in the folder is measured once, because what has a digest never changes; what is just coming in is counted beside it.
//! Another server may share the folder: it is looked at again.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::tree::{self, Usage};

/// A file, be it empty, takes some of the disk, too.
const BYTES_OF_FILE: u64 = 4096;

/// The folder is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What nothing needs goes when more than three of so many parts are taken, oldest first.
const PARTS: u64 = 4;

/// How many bytes all bundles, and all artifacts, may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Of bundles.
    pub bundles: u64,
    /// Of artifacts.
    pub artifacts: u64,
}

impl Default for Room {
    /// As much as the disk has.
    fn default() -> Self {
        Self { bundles: u64::MAX, artifacts: u64::MAX }
    }
}

/// There is no room.
#[derive(Debug, thiserror::Error)]
#[error("all {what} together have {} MiB, and {setting} allows {} MiB. What no function needs is removed, but not within ten minutes; \
    an operator can raise {setting}", .taken >> 20, .most >> 20)]
pub(super) struct Full {
    what: &'static str,
    setting: &'static str,
    taken: u64,
    most: u64,
}

/// One of the two.
#[derive(Debug)]
pub(super) struct Stock {
    pub(super) folder: PathBuf,
    what: &'static str,
    setting: &'static str,
    most: u64,
    state: Mutex<State>,
    /// Somebody was refused: what nothing needs is to go now.
    pub(super) wanted: Notify,
}

#[derive(Debug, Default)]
struct State {
    sizes: HashMap<OsString, u64>,
    kept: u64,
    coming: u64,
    looked: Option<Instant>,
}

impl Stock {
    pub(super) fn bundles(folder: PathBuf, most: u64) -> Self {
        Self::new(folder, "bundles", "EVENTFLOW_MAX_BUNDLES", most)
    }

    pub(super) fn artifacts(folder: PathBuf, most: u64) -> Self {
        Self::new(folder, "artifacts", "EVENTFLOW_MAX_ARTIFACTS", most)
    }

    fn new(folder: PathBuf, what: &'static str, setting: &'static str, most: u64) -> Self {
        Self { folder, what, setting, most, state: Mutex::default(), wanted: Notify::new() }
    }

    /// Looks at the folder, unless it was lately. Waits for the disk.
    pub(super) fn look(&self) -> io::Result<()> {
        let looked = self.state.lock().looked;
        if looked.is_some_and(|looked| looked.elapsed() < LOOK_AGAIN) {
            return Ok(());
        }
        self.look_now()
    }

    fn look_now(&self) -> io::Result<()> {
        let known = self.state.lock().sizes.clone();
        let mut sizes = HashMap::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            // What comes in or goes away has a name that begins like this.
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let size = match known.get(&name) {
                Some(size) => *size,
                // It may have gone since it was listed.
                None => size_of(&entry.path()).unwrap_or(0),
            };
            sizes.insert(name, size);
        }
        let mut state = self.state.lock();
        state.kept = sizes.values().sum();
        (state.sizes, state.looked) = (sizes, Some(Instant::now()));
        Ok(())
    }

    /// What something here takes.
    pub(super) fn size(&self, name: &OsStr) -> u64 {
        self.state.lock().sizes.get(name).copied().unwrap_or(0)
    }

    /// How much there is to remove, as far as nothing needs it.
    pub(super) fn too_much(&self) -> io::Result<u64> {
        self.look_now()?;
        let state = self.state.lock();
        Ok((state.kept + state.coming).saturating_sub(self.most / PARTS * (PARTS - 1)))
    }

    /// Begins to take something in.
    pub(super) fn begin(&self) -> Coming<'_> {
        self.state.lock().coming += BYTES_OF_FILE;
        Coming { stock: self, bytes: BYTES_OF_FILE }
    }
}

/// What something takes, be it a file or a folder.
pub(super) fn size_of(path: &Path) -> io::Result<u64> {
    if !path.is_dir() {
        return Ok(path.symlink_metadata()?.len() + BYTES_OF_FILE);
    }
    let usage = tree::usage(path, Usage { bytes: u64::MAX, entries: u64::MAX })?;
    Ok(usage.bytes + usage.entries * BYTES_OF_FILE)
}

/// Room for what is coming in, given back when that comes to nothing.
pub(super) struct Coming<'s> {
    stock: &'s Stock,
    bytes: u64,
}

impl Coming<'_> {
    /// Takes room for so many bytes more.
    ///
    /// # Errors
    /// [`Full`] when there is none.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), Full> {
        let Stock { what, setting, most, .. } = *self.stock;
        let mut state = self.stock.state.lock();
        let taken = state.kept + state.coming;
        if taken.saturating_add(bytes) > most {
            self.stock.wanted.notify_one();
            return Err(Full { what, setting, taken, most });
        }
        state.coming += bytes;
        self.bytes += bytes;
        Ok(())
    }

    /// It is there now, under this name.
    pub(super) fn keep(self, name: &str) {
        let mut state = self.stock.state.lock();
        let before = state.sizes.insert(name.into(), self.bytes).unwrap_or(0);
        state.kept = (state.kept + self.bytes).saturating_sub(before);
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.stock.state.lock().coming -= self.bytes;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    const MOST: u64 = 10 * BYTES_OF_FILE;

    #[test]
    fn what_is_there_and_what_comes_in_count_together() {
        let folder = tempfile::tempdir().unwrap();
        let stock = Stock::bundles(folder.path().to_owned(), MOST);
        fs::write(folder.path().join("a"), [0; 3 * BYTES_OF_FILE as usize]).unwrap();
        fs::write(folder.path().join(".incoming-b"), [0; 9999]).unwrap();
        stock.look().unwrap();
        let (mut one, mut two) = (stock.begin(), stock.begin());
        one.take(2 * BYTES_OF_FILE).unwrap();
        two.take(2 * BYTES_OF_FILE).unwrap();
        let full = one.take(1).unwrap_err().to_string();
        assert!(full.contains("all bundles together") && full.contains("EVENTFLOW_MAX_BUNDLES"), "{full}");
        drop(two);
        one.take(1).unwrap();
        one.keep("b");
        assert_eq!((stock.size("a".as_ref()), stock.size("b".as_ref())), (4 * BYTES_OF_FILE, 3 * BYTES_OF_FILE + 1));
        assert!(stock.begin().take(3 * BYTES_OF_FILE).is_err());
        // Somebody else took both away.
        fs::remove_file(folder.path().join("a")).unwrap();
        assert_eq!(stock.too_much().unwrap(), 0);
        stock.begin().take(MOST - BYTES_OF_FILE).unwrap();
    }

    #[test]
    fn a_folder_counts_with_all_its_files_and_empty_ones_are_not_free() {
        let folder = tempfile::tempdir().unwrap();
        let artifact = folder.path().join("a");
        fs::create_dir(&artifact).unwrap();
        (0..10).for_each(|number| fs::write(artifact.join(number.to_string()), "").unwrap());
        let stock = Stock::artifacts(folder.path().to_owned(), MOST);
        assert!(stock.too_much().unwrap() >= 10 * BYTES_OF_FILE - MOST / PARTS * (PARTS - 1));
        assert!(stock.begin().take(1).is_err());
    }
}
