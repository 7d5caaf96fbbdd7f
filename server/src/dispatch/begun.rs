//! How often this server began each build that is not over. A build that brings the server down, however it does that, is not
//! begun at every start for ever.
//!
//! Kept in the data folder, a file for each build with one byte for each time: it must be on disk before the build does
//! anything, and whoever began it is the one to begin it again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::function::BuildId;

/// So often a build is begun.
pub(super) const MOST: u64 = 3;

/// The folder in the data folder.
const FOLDER: &str = "builds-begun";

/// The counts.
#[derive(Debug)]
pub(super) struct Begun {
    folder: PathBuf,
}

impl Begun {
    /// The counts of a data folder.
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { folder: data_dir.join(FOLDER) }
    }

    /// Counts a build that begins. Whether it may: `false` when it has begun [`MOST`] times and was never over.
    ///
    /// # Errors
    /// When the count cannot be read or written.
    pub(super) fn begins(&self, build: BuildId) -> io::Result<bool> {
        fs::create_dir_all(&self.folder)?;
        let mut file = File::options().create(true).append(true).open(self.file(build))?;
        if file.metadata()?.len() >= MOST {
            return Ok(false);
        }
        file.write_all(b".")?;
        file.sync_all()?;
        Ok(true)
    }

    /// The build is over, or was let go in order.
    pub(super) fn is_over(&self, build: BuildId) {
        if let Err(error) = fs::remove_file(self.file(build))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%build, %error, "it is still noted that a build has begun");
        }
    }

    fn file(&self, build: BuildId) -> PathBuf {
        self.folder.join(build.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_is_never_over_is_begun_a_few_times() {
        let folder = tempfile::tempdir().unwrap();
        let (poison, good) = (uuid::Uuid::from_u128(1).into(), uuid::Uuid::from_u128(2).into());
        for _ in 0..MOST {
            // Each time another server process.
            let begun = Begun::new(folder.path());
            assert!(begun.begins(poison).unwrap() && begun.begins(good).unwrap());
            begun.is_over(good);
        }
        let begun = Begun::new(folder.path());
        assert!(!begun.begins(poison).unwrap() && begun.begins(good).unwrap());
        begun.is_over(poison);
        assert!(begun.begins(poison).unwrap());
    }
}
