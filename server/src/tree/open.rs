//! Opens a folder to everybody who is to read it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Bounds, Kind, Next, When, walk};

/// Lets everybody read a folder and its contents, as far as its owner may. The folder itself comes last: once it is
/// readable, everything in it is.
///
/// # Errors
/// When the disk fails.
pub fn open_to_all(folder: &Path) -> io::Result<()> {
    let opened = |mode: u32| mode | (mode >> 3 & 0o055) | (mode >> 6 & 0o055);
    walk(folder, Bounds::default(), When::After, |entry| {
        if entry.kind != Kind::Link {
            entry.set_mode(opened(entry.stat()?.st_mode & 0o7777))?;
        }
        Ok(Next::Go)
    })?;
    let mut permissions = fs::metadata(folder)?.permissions();
    permissions.set_mode(opened(permissions.mode()));
    fs::set_permissions(folder, permissions)
}
