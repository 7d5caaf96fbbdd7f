//! Counts how often this server has begun each unfinished build, so that a build which brings the server down, in
//! whatever way, is not begun again at every start.
//!
//! Stored in the data folder, one file for each build with one byte for each attempt: the count must be on disk before
//! the build does anything, and only this server would begin the build again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::function::BuildId;

/// Maximum number of times that a build is begun.
pub(super) const MOST: u64 = 3;

/// The name of the folder in the data folder.
const FOLDER: &str = "builds-begun";

/// The counts of a data folder.
#[derive(Debug)]
pub(super) struct BuildAttempts {
    folder: PathBuf,
}

impl BuildAttempts {
    /// Opens the counts of a data folder.
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { folder: data_dir.join(FOLDER) }
    }

    /// Counts one more attempt. Returns `false` if the build has already begun [`MOST`] times without ending.
    ///
    /// # Errors
    /// If the count cannot be read or written.
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

    /// Forgets a build that is over or was interrupted in an orderly way.
    pub(super) fn is_over(&self, build: BuildId) {
        if let Err(error) = fs::remove_file(self.file(build))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%build, %error, "count of build attempts not removed");
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
            // Each time in a new server process.
            let begun = BuildAttempts::new(folder.path());
            assert!(begun.begins(poison).unwrap() && begun.begins(good).unwrap());
            begun.is_over(good);
        }
        let begun = BuildAttempts::new(folder.path());
        assert!(!begun.begins(poison).unwrap() && begun.begins(good).unwrap());
        begun.is_over(poison);
        assert!(begun.begins(poison).unwrap());
    }
}
