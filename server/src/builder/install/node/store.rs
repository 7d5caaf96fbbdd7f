//! Node versions downloaded from the registry, shared by all functions.
//!
//! No function's settings influence where they come from, and none of its scripts run during the download, so all
//! functions may use them. A removed version is downloaded again by the next build that needs it; function versions
//! have their own link to the file, so they are not affected.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nodejs_semver::{Range, Version};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::builder::files;

/// Versions that are kept. The one that was not used for the longest time goes first.
const MAX_VERSIONS: usize = 12;

/// A larger program is none of Node's.
const MAX_PROGRAM_BYTES: u64 = 512 << 20;

/// The program, below the folder of its version.
const PROGRAM: &str = "bin/node";

/// The folder of all versions.
pub(in crate::builder) struct Nodes {
    folder: PathBuf,
    /// Two builds that want the same version fetch it once.
    fetching: Mutex<()>,
}

/// One version of Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::builder::install) struct Node {
    pub(in crate::builder::install) version: String,
    folder: PathBuf,
}

impl Node {
    /// Where its program is.
    pub(in crate::builder::install) fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// The program itself.
    pub(in crate::builder::install) fn program(&self) -> PathBuf {
        self.folder.join(PROGRAM)
    }
}

impl Nodes {
    /// Keeps them below `folder`.
    pub(in crate::builder) fn new(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        // Sandboxes have users of their own.
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        Ok(Self { folder: folder.canonicalize()?, fetching: Mutex::default() })
    }

    /// Waits until nobody else fetches one.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.fetching.lock().await
    }

    /// The newest that is kept and that a range lets in.
    pub(super) fn newest(&self, range: &Range) -> Option<Node> {
        let kept = fs::read_dir(&self.folder).ok()?.flatten();
        let fits = kept.filter_map(|entry| {
            let version = entry.file_name().to_str().and_then(|name| Version::parse(name).ok())?;
            (range.satisfies(&version) && entry.path().join(PROGRAM).is_file()).then_some((version, entry.path()))
        });
        let (version, folder) = fits.max_by(|(one, _), (other, _)| one.cmp(other))?;
        // Used now: others go before it.
        let _ = File::open(&folder).and_then(|folder| folder.set_modified(SystemTime::now()));
        Some(Node { version: version.to_string(), folder })
    }

    /// Takes a program in, as this version.
    pub(super) fn keep(&self, version: &Version, program: &Path) -> io::Result<Node> {
        let meta = fs::symlink_metadata(program)?;
        if !meta.is_file() || meta.len() > MAX_PROGRAM_BYTES {
            return Err(io::Error::other("what the registry gave is no program of Node's"));
        }
        let folder = self.folder.join(version.to_string());
        let incoming = self.folder.join(format!(".incoming-{}", Uuid::new_v4().simple()));
        let written = (|| {
            fs::create_dir_all(incoming.join("bin"))?;
            fs::copy(program, incoming.join(PROGRAM))?;
            for (path, mode) in [(PROGRAM, 0o555), ("bin", 0o755), ("", 0o755)] {
                fs::set_permissions(incoming.join(path), Permissions::from_mode(mode))?;
            }
            match fs::rename(&incoming, &folder) {
                // Another server was faster.
                Err(_) if folder.join(PROGRAM).is_file() => Ok(()),
                result => result,
            }
        })();
        files::remove(&incoming)?;
        written?;
        self.make_room()?;
        Ok(Node { version: version.to_string(), folder })
    }

    fn make_room(&self) -> io::Result<()> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder)?.flatten() {
            kept.push((entry.metadata()?.modified()?, entry.path()));
        }
        kept.sort();
        let over = kept.len().saturating_sub(MAX_VERSIONS);
        kept.into_iter().take(over).try_for_each(|(_, path)| files::remove(&path))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_version_that_fits_is_found_and_the_oldest_use_goes_first() {
        let data = tempfile::tempdir().unwrap();
        let nodes = Nodes::new(&data.path().join("node")).unwrap();
        let program = data.path().join("program");
        fs::write(&program, "x").unwrap();
        let version = |minor: usize| Version::parse(format!("22.{minor}.0")).unwrap();
        for minor in 0..MAX_VERSIONS {
            let node = nodes.keep(&version(minor), &program).unwrap();
            let age = Duration::from_secs(1000 - minor as u64);
            File::open(&node.folder).unwrap().set_modified(SystemTime::now() - age).unwrap();
        }
        let newest = |range: &str| nodes.newest(&Range::parse(range).unwrap()).map(|node| node.version);
        assert_eq!(newest("<=22.5"), Some("22.5.0".into()));
        assert_eq!(newest("22.0.x"), Some("22.0.0".into()));
        assert_eq!(newest(">=23"), None);
        nodes.keep(&version(99), &program).unwrap();
        assert_eq!(
            (newest("22.0.x"), newest("22.1.x"), newest("22")),
            (Some("22.0.0".into()), None, Some("22.99.0".into()))
        );
        let link = data.path().join("link");
        std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
        assert!(nodes.keep(&version(100), &link).is_err() && newest("22.100.x").is_none());
    }
}
