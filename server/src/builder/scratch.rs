//! The working folder of a build, removed when the build is over, however it ends.
//!
//! Knows folders and their removal; knows nothing of builds.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::Error;
use crate::artifacts::Failure;
use crate::tree;

/// Locked as long as the server lives. It goes last: it says whose the folder is.
const LOCK: &str = "lock";
const MARKS: &[&str] = &[LOCK];

/// The start of the server waits so long for the removal of what another one has left; the rest is removed later.
const AT_THE_START: Duration = Duration::from_secs(2);

/// The end of the server waits so long for the removal of what builds have left.
const AT_THE_END: Duration = Duration::from_secs(5);

/// A server has locked its folder within this.
const STARTED_WITHIN: Duration = Duration::from_secs(600);

/// The folder of all builds of a server. A lock that is released with the server shows the next one what is left over.
#[derive(Debug)]
pub(super) struct Yard {
    path: PathBuf,
    _lock: File,
}

impl Yard {
    /// Removes what dead servers left below `folder`, and makes a folder for this one.
    pub(super) fn claim(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)?.flatten() {
            remove_if_dead(&entry.path());
        }
        let path = folder.join(Uuid::new_v4().simple().to_string());
        fs::create_dir(&path)?;
        let lock = File::create(path.join(LOCK))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        if let Err(error) = tree::remove_within(&self.path, MARKS, AT_THE_END) {
            tracing::warn!(folder = %self.path.display(), %error, "the folder of builds stays until the next start");
        }
    }
}

fn remove_if_dead(folder: &Path) {
    match File::open(folder.join(LOCK)) {
        Ok(lock) if lock.try_lock().is_ok() => match tree::remove_within(folder, MARKS, AT_THE_START) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                tree::remove_later(folder.to_owned(), move |folder| {
                    let _lock = lock;
                    tree::remove_within(folder, MARKS, tree::LONGEST_REMOVAL)
                });
            }
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "what builds of an earlier server left could not be removed");
            }
        },
        Ok(_) => {}
        // One without a lock belongs to a server that is just starting, or was almost removed when its server was killed.
        Err(_) if tree::is_older_than(folder, STARTED_WITHIN) => {
            tree::remove_later(folder.to_owned(), tree::remove);
        }
        Err(_) => {}
    }
}

/// One build's folder, and its right to continue.
pub(super) struct Scratch(Hold);

/// A handle for work on another thread: the folder exists until the last one is dropped.
#[derive(Clone)]
pub(super) struct Hold(Arc<Inner>);

struct Inner {
    path: PathBuf,
    called_off: AtomicBool,
    _yard: Arc<Yard>,
}

impl Scratch {
    /// A new folder, named for people by `name`.
    pub(super) fn new(yard: &Arc<Yard>, name: &str) -> io::Result<Self> {
        let path = yard.path.join(format!("{name}-{}", Uuid::new_v4().simple()));
        fs::create_dir(&path)?;
        Ok(Self(Hold(Arc::new(Inner { path, called_off: AtomicBool::new(false), _yard: yard.clone() }))))
    }

    /// A path in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.0.path.join(name)
    }

    /// For work on another thread: the folder stays until it is dropped.
    pub(super) fn hold(&self) -> Hold {
        self.0.clone()
    }

    /// Does `work` where it may block. When this future is dropped, the work learns that from [`Hold::go_on`].
    pub(super) async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hold) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let hold = self.0.clone();
        match tokio::task::spawn_blocking(move || work(&hold)).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(Failure::other("do the build's work", error).into()),
            },
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.0.0.called_off.store(true, Ordering::Relaxed);
    }
}

impl Hold {
    /// # Errors
    /// When the build was called off meanwhile.
    pub(super) fn go_on(&self) -> io::Result<()> {
        match self.0.called_off.load(Ordering::Relaxed) {
            true => Err(io::Error::new(io::ErrorKind::Interrupted, "the build was called off")),
            false => Ok(()),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.path);
        let yard = self._yard.clone();
        tree::remove_later(path, move |path| {
            let _yard = yard;
            tree::remove(path)
        });
    }
}
