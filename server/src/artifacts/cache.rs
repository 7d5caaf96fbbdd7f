//! Copies of artifacts on this server's disk, in a folder that no other server has.
//!
//! All of them together take no more than a limit, as far as they are not in use: what was not used for the longest time
//! goes first, and what somebody holds never does. A copy is whole, since it comes in by a rename, and it is what it is named
//! by: its digest is made again before.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use parking_lot::Mutex;
use uuid::Uuid;

use super::blocking::blocking;
use super::folder::{freeze, name_of};
use super::{Error, digest};
use crate::tree::{self, Usage};

/// Begins the name of what is half written or half removed.
const UNFINISHED: &str = ".unfinished-";

/// The copies. Cloning it is cheap.
#[derive(Debug, Clone)]
pub(super) struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    most: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    copies: HashMap<String, Entry>,
    bytes: u64,
    /// Counts uses: the highest number is the last one.
    uses: u64,
    /// Those that are being fetched: each once, however many want it.
    coming: HashMap<String, Weak<tokio::sync::Mutex<()>>>,
}

#[derive(Debug)]
struct Entry {
    bytes: u64,
    last_use: u64,
    holders: usize,
}

/// A copy that stays until this is dropped.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) path: PathBuf,
    _use: Use,
}

#[derive(Debug)]
struct Use {
    cache: Cache,
    name: String,
}

impl Drop for Use {
    fn drop(&mut self) {
        let mut state = self.cache.0.state.lock();
        if let Some(entry) = state.copies.get_mut(&self.name) {
            entry.holders -= 1;
        }
        self.cache.make_room(&mut state);
    }
}

impl Cache {
    /// Keeps copies below `folder`, `most` bytes together; those that are there already among them, and what an earlier server
    /// left unfinished goes. Waits for the disk.
    pub(super) fn open(folder: &Path, most: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let mut found: Vec<(SystemTime, String)> = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().into_string().unwrap_or_default();
            match name_of(&format!("sha256:{name}")).is_some() && entry.file_type()?.is_dir() {
                true => found.push((entry.metadata()?.modified()?, name)),
                false => tree::remove_later(entry.path(), tree::remove),
            }
        }
        // When each was used is not written down: what was fetched first goes first.
        found.sort();
        let mut state = State::default();
        for (_, name) in found {
            let bytes = size(&folder.join(&name))?;
            state.add(name, bytes);
        }
        let cache = Self(Arc::new(Inner { folder, most, state: Mutex::default() }));
        cache.make_room(&mut state);
        *cache.0.state.lock() = state;
        Ok(cache)
    }

    /// The copy of an artifact, which `fetch` writes to the path that it is given when it is not here; `None` when there is no
    /// such artifact to fetch.
    pub(super) async fn get<F>(&self, digest: &str, fetch: impl FnOnce(PathBuf) -> F) -> Result<Option<Copy>, Error>
    where
        F: Future<Output = io::Result<bool>>,
    {
        let Some(name) = name_of(digest) else { return Ok(None) };
        if let Some(held) = self.hold(name) {
            return Ok(Some(held));
        }
        let turn = self.turn(name);
        let _turn = turn.lock().await;
        if let Some(held) = self.hold(name) {
            return Ok(Some(held));
        }
        let failed = || Error::failed(format!("fetch the artifact {digest}"));
        let coming = Unfinished(self.unfinished());
        if !fetch(coming.0.clone()).await.map_err(failed())? {
            return Ok(None);
        }
        let (cache, name, digest) = (self.clone(), name.to_owned(), digest.to_owned());
        let take = blocking(move || cache.take(&coming, name, &digest));
        take.await.map(Some)
    }

    /// Whether there is a copy.
    #[cfg(test)]
    pub(super) fn has(&self, digest: &str) -> bool {
        name_of(digest).is_some_and(|name| self.0.state.lock().copies.contains_key(name))
    }

    /// Takes in what was fetched.
    fn take(&self, coming: &Unfinished, name: String, digest: &str) -> Result<Copy, Error> {
        let failed = || Error::failed(format!("keep a copy of the artifact {digest}"));
        let found = digest::of(&coming.0, u64::MAX, usize::MAX, || Ok(()))?;
        if found.digest != digest {
            let changed = io::Error::other("what came is another one: it was changed where it is kept, or on the way");
            return Err(failed()(changed));
        }
        freeze(&coming.0, || Ok(())).map_err(failed())?;
        let bytes = size(&coming.0).map_err(failed())?;
        let path = self.0.folder.join(&name);
        {
            let mut state = self.0.state.lock();
            fs::rename(&coming.0, &path).map_err(failed())?;
            state.add(name.clone(), bytes);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).map_err(failed())?;
        let held = self.hold(&name);
        self.make_room(&mut self.0.state.lock());
        held.ok_or_else(|| failed()(io::ErrorKind::NotFound.into()))
    }

    fn hold(&self, name: &str) -> Option<Copy> {
        let mut state = self.0.state.lock();
        let now = state.next_use();
        let entry = state.copies.get_mut(name)?;
        entry.holders += 1;
        entry.last_use = now;
        let it = Use { cache: self.clone(), name: name.to_owned() };
        Some(Copy { path: self.0.folder.join(name), _use: it })
    }

    /// Whoever locks it fetches, and nobody else meanwhile.
    fn turn(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut state = self.0.state.lock();
        state.coming.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = state.coming.get(name).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        state.coming.insert(name.to_owned(), Arc::downgrade(&turn));
        turn
    }

    /// Removes what nobody holds, until no more is left than may be.
    fn make_room(&self, state: &mut State) {
        while state.bytes > self.0.most {
            let idle = state.copies.iter().filter(|(_, entry)| entry.holders == 0);
            let Some(name) = idle.min_by_key(|(_, entry)| entry.last_use).map(|(name, _)| name.clone()) else { return };
            // Out of the way before the lock is let go of: it may be fetched again at once.
            let away = self.unfinished();
            if let Err(error) = fs::rename(self.0.folder.join(&name), &away) {
                tracing::warn!(%error, name, "a copy of an artifact is not removed yet");
            }
            tree::remove_later(away, tree::remove);
            state.remove(&name);
        }
    }

    fn unfinished(&self) -> PathBuf {
        self.0.folder.join(format!("{UNFINISHED}{}", Uuid::new_v4().simple()))
    }
}

impl State {
    fn add(&mut self, name: String, bytes: u64) {
        let last_use = self.next_use();
        self.bytes += bytes;
        self.copies.insert(name, Entry { bytes, last_use, holders: 0 });
    }

    fn remove(&mut self, name: &str) {
        self.bytes -= self.copies.remove(name).map_or(0, |entry| entry.bytes);
    }

    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }
}

/// What a folder takes of the disk.
fn size(folder: &Path) -> io::Result<u64> {
    tree::usage(folder, Usage { bytes: u64::MAX, entries: u64::MAX }).map(|usage| usage.bytes)
}

/// What is being fetched; removed unless it was moved to its place.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        tree::remove_later(std::mem::take(&mut self.0), tree::remove);
    }
}
