//! An artifact in use.

use std::path::{Path, PathBuf};

use super::cache::Copy;

/// An artifact's unpacked, read-only folder on this server. A copy stays at least as long as somebody holds it.
#[derive(Debug)]
pub struct Held(Files);

#[derive(Debug)]
enum Files {
    InPlace(PathBuf),
    Copied(Copy),
}

impl Held {
    /// Where it is kept is where it is used.
    pub(super) fn in_place(path: PathBuf) -> Self {
        Self(Files::InPlace(path))
    }

    pub(super) fn copied(copy: Copy) -> Self {
        Self(Files::Copied(copy))
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        match &self.0 {
            Files::InPlace(path) => path,
            Files::Copied(copy) => &copy.path,
        }
    }
}
