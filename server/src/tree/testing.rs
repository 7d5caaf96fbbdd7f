//! Folders as a hostile function leaves them.

use std::os::fd::OwnedFd;
use std::path::Path;

use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};

/// Nests folders in `folder`, deeper than any path can name.
pub(super) fn nest(folder: &Path, depth: usize) {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    let mut inner: OwnedFd = open(folder, flags, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&inner, "d", Mode::S_IRWXU).unwrap();
        inner = openat(&inner, "d", flags, Mode::empty()).unwrap();
    }
}

/// A folder in memory if possible: removing tens of thousands of folders takes a slow disk a minute.
pub(super) fn place() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}
