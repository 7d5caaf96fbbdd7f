//! The files of an artifact in use.

use std::path::{Path, PathBuf};

use super::cache::Copy;

/// An artifact's unpacked, read-only folder on this server. A copy stays at least as long as somebody holds this.
#[derive(Debug)]
pub struct Files(Location);

#[derive(Debug)]
enum Location {
    InPlace(PathBuf),
    Copied(Copy),
}

impl Files {
    /// They are used where they are stored.
    pub(super) fn in_place(path: PathBuf) -> Self {
        Self(Location::InPlace(path))
    }

    /// They are used from a copy.
    pub(super) fn copied(copy: Copy) -> Self {
        Self(Location::Copied(copy))
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        match &self.0 {
            Location::InPlace(path) => path,
            Location::Copied(copy) => &copy.path,
        }
    }
}
