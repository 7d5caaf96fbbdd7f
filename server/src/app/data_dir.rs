//! Protects the data folder, which contains keys, the log and functions' code, from all other users.
//!
//! The server's own files are created for its user only, by the file mode mask; whatever an earlier version or a person
//! created differently is repaired here. A folder that is also used for something else, such as `/tmp`, is refused
//! before anything in it is changed.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::sys::stat::Mode;

/// The permissions of the group and of others.
const OTHERS: u32 = 0o077;

/// The sticky bit: others may create files in the folder but remove only their own, so it is meant to be shared.
const STICKY: u32 = 0o1000;

/// The file that marks a folder as EventFlow's.
const MARK: &str = "eventflow.folder";

/// Files that identify a data folder created before there was a mark.
const OLDER_MARKS: &[&str] = &["eventflow.db", "eventflow.lock", "secret.key", "jwt.key", "admin.json"];

/// Like the older marks, but only if all of these exist: each alone may belong to anybody.
const TOGETHER: &[&str] = &["node", "run", "runtimes", "builds"];

/// What a new file system may contain before anything is written to it.
const OF_A_DISK: &str = "lost+found";

/// Makes this process create files and folders for its own user only. Sandboxes get the usual mask back.
pub fn close_new_files() {
    nix::sys::stat::umask(Mode::from_bits_truncate(OTHERS));
}

/// Disables core dumps of this process and its children. The limit is one byte because a program that collects dumps
/// for the host (core(5)) honors it; with 0, it would be started as root and outside every cgroup each time a function
/// crashes.
pub fn leave_no_core_dumps() {
    use nix::sys::resource::{Resource, setrlimit};
    // If the hard limit is lower, the lower one applies.
    _ = setrlimit(Resource::RLIMIT_CORE, 1, 1);
}

/// Checks, without changes, whether the folder can be this process's data folder.
///
/// # Errors
/// If it belongs to another user, is shared or used for something else, or cannot be read.
pub(super) fn check(folder: &Path) -> io::Result<()> {
    let own = nix::unistd::geteuid().as_raw();
    check_owner(folder)?;
    refuse_if_shared(folder, &fs::metadata(folder)?, own)
}

/// Refuses a folder of another user, whose server could not read what this process writes. A missing folder is fine.
pub(super) fn check_owner(folder: &Path) -> io::Result<()> {
    let own = nix::unistd::geteuid().as_raw();
    match fs::metadata(folder) {
        Ok(meta) if meta.uid() != own => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("it belongs to the user {0}: run this as {0}, for example with `sudo -u '#{0}'`", meta.uid()),
        )),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates the data folder, or removes the permissions of others from it and its direct contents, which keeps them from
/// anything below.
///
/// # Errors
/// If it belongs to another user, is shared or used for something else, or cannot be created.
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
    refuse_if_shared(folder, &meta, own)?;
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
    File::options().create(true).truncate(false).write(true).mode(0o600).open(folder.join(MARK))?;
    if repaired > 0 {
        tracing::warn!(folder = %folder.display(), entries = repaired, "data folder was readable by other users; permissions removed");
    }
    Ok(())
}

/// Refuses a folder whose permissions this server should not change.
fn refuse_if_shared(folder: &Path, meta: &Metadata, own: u32) -> io::Result<()> {
    let refuse = |what: &str| {
        let message = format!(
            "{what}, and EventFlow closes its data folder to all other users: name an empty folder, or one that does not \
             exist yet, such as {}",
            folder.join("eventflow").display()
        );
        Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
    };
    if meta.mode() & STICKY != 0 {
        return refuse("it is a folder that users share, as /tmp is");
    }
    // A mark that belongs to somebody else does not count: it may have been planted.
    let is_there = |name: &str| fs::symlink_metadata(folder.join(name)).is_ok_and(|meta| meta.uid() == own);
    let is_file =
        |name: &str| fs::symlink_metadata(folder.join(name)).is_ok_and(|meta| meta.uid() == own && meta.is_file());
    if is_file(MARK) || OLDER_MARKS.iter().any(|name| is_file(name)) || TOGETHER.iter().all(|name| is_there(name)) {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        if entry?.file_name() != OF_A_DISK {
            return refuse("there are files in it that are not EventFlow's");
        }
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
        fs::write(folder.join("jwt.key"), "x").unwrap();
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

    /// Tries a folder with these permissions and files as the data folder. Returns the error and the permissions
    /// afterwards.
    fn tried(permissions: u32, files: &[&str]) -> (Option<String>, u32) {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("data");
        fs::create_dir(&folder).unwrap();
        for file in files {
            match file.strip_suffix('/') {
                Some(name) => fs::create_dir(folder.join(name)).unwrap(),
                None => fs::write(folder.join(file), "x").unwrap(),
            }
        }
        fs::set_permissions(&folder, Permissions::from_mode(permissions)).unwrap();
        let error = secure(&folder).err().map(|error| error.to_string());
        (error, fs::symlink_metadata(&folder).unwrap().mode() & 0o7777)
    }

    #[test]
    fn a_folder_that_is_shared_or_used_for_something_else_is_refused_and_left_as_it_is() {
        for (permissions, files, why) in [
            (0o1777, &[][..], "that users share"),
            (0o1777, &["jwt.key"], "that users share"),
            (0o777, &["somebody.txt"], "not EventFlow's"),
            (0o755, &["bin/", "run/"], "not EventFlow's"),
            (0o755, &[".eventflow/"], "not EventFlow's"),
            (0o755, &["jwt.key/"], "not EventFlow's"),
        ] {
            let (error, after) = tried(permissions, files);
            let error = error.unwrap_or_else(|| panic!("{permissions:o} {files:?} was taken"));
            assert!(error.contains(why) && error.contains("data/eventflow"), "{error}");
            assert_eq!(after, permissions, "{files:?}");
        }
    }

    #[test]
    fn an_empty_folder_and_one_of_eventflow_are_taken_however_open_they_were() {
        for files in [
            &[][..],
            &["lost+found/"],
            &[MARK, "anything"],
            &["eventflow.db", "anything"],
            &["admin.json"],
            &["node", "run/", "runtimes/", "builds/"],
        ] {
            assert_eq!(tried(0o777, files), (None, 0o700), "{files:?}");
        }
    }

    #[test]
    fn a_mark_that_somebody_else_has_made_is_none() {
        let place = tempfile::tempdir().unwrap();
        let mark = place.path().join(MARK);
        fs::write(&mark, "").unwrap();
        if std::os::unix::fs::chown(&mark, Some(12345), Some(12345)).is_err() {
            return eprintln!("skipped: only root can make somebody else's file");
        }
        assert!(secure(place.path()).unwrap_err().to_string().contains("not EventFlow's"));
    }
}
