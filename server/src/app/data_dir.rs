//! The data folder is the server's user's alone: keys, the log and the code of functions are in it.
//!
//! Files of the server's own are made for its user only, by the process's file mode mask; what was made otherwise, by an
//! earlier version or by hand, is repaired here.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use nix::sys::stat::Mode;

/// Permissions of a group and of all others.
const OTHERS: u32 = 0o077;

/// Has this process make files and folders for its own user only. Sandboxes get their usual mask back.
pub fn close_new_files() {
    nix::sys::stat::umask(Mode::from_bits_truncate(OTHERS));
}

/// Makes the data folder, or takes the permissions of others from it and from what is directly in it: nobody else gets any
/// further.
///
/// # Errors
/// When it belongs to another user, or cannot be made.
pub(super) fn secure(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let meta = fs::metadata(folder)?;
    let own = nix::unistd::geteuid().as_raw();
    if meta.uid() != own {
        let owner = meta.uid();
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "it belongs to the user {owner}, and the server runs as the user {own}: run it as {owner}, or give it \
                 the folder with `chown -R {own}`"
            ),
        ));
    }
    let mut repaired = 0;
    if meta.mode() & OTHERS != 0 {
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        repaired += 1;
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(meta) = entry.metadata() else { continue };
        let closed = meta.is_symlink() || meta.uid() != own || meta.mode() & OTHERS == 0;
        if !closed {
            fs::set_permissions(entry.path(), Permissions::from_mode(meta.mode() & 0o700))?;
            repaired += 1;
        }
    }
    if repaired > 0 {
        tracing::warn!(folder = %folder.display(), entries = repaired, "other users could read the data folder: closed to them");
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_new_folder_is_closed_to_others() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/data");
        secure(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn what_is_open_to_others_is_closed_and_what_a_link_leads_to_is_not() {
        let place = tempfile::tempdir().unwrap();
        let (folder, outside) = (place.path().join("data"), place.path().join("outside"));
        fs::create_dir_all(folder.join("artifacts")).unwrap();
        fs::write(folder.join("key"), "x").unwrap();
        fs::write(&outside, "x").unwrap();
        symlink(&outside, folder.join("link")).unwrap();
        for (path, mode) in
            [(&folder, 0o755), (&folder.join("artifacts"), 0o755), (&folder.join("key"), 0o644), (&outside, 0o644)]
        {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        secure(&folder).unwrap();
        assert_eq!([mode(&folder), mode(&folder.join("artifacts"))], [0o700, 0o700]);
        assert_eq!([mode(&folder.join("key")), mode(&outside)], [0o600, 0o644]);
    }

    #[test]
    fn somebody_elses_folder_is_refused() {
        let place = tempfile::tempdir().unwrap();
        if std::os::unix::fs::chown(place.path(), Some(12345), Some(12345)).is_err() {
            return eprintln!("skipped: only root can make somebody else's folder");
        }
        let error = secure(place.path()).unwrap_err().to_string();
        assert!(error.contains("belongs to the user 12345"), "{error}");
    }
}
