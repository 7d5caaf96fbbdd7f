//! Small file systems in memory, with limits on size and number of files that cannot be exceeded.
//!
//! Knows mounts, not what is stored in them. They belong to a mount namespace of the server if it could get one, see
//! [`isolate`]: then they vanish with the server, however it ends, and are invisible to others.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

/// The limits of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes of its files.
    pub(super) bytes: u64,
    /// Files, folders, links and sockets.
    pub(super) files: u64,
}

/// Gives this process a mount namespace of its own; call it before there is a second thread. Later mounts outside still
/// appear in it. Does nothing if that is not allowed: mounts are then removed one by one.
pub fn isolate() {
    if !nix::unistd::geteuid().is_root() || unshare(CloneFlags::CLONE_NEWNS).is_err() {
        return;
    }
    let _ = mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_SLAVE, None::<&str>);
}

/// Mounts an empty file system at a folder, accessible to its owner only.
pub(super) fn mount_room(folder: &Path, room: Room) -> io::Result<()> {
    let options = format!("size={},nr_inodes={},mode=0700", room.bytes, room.files);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    Ok(mount(Some("eventflow"), folder, Some("tmpfs"), flags, Some(options.as_str()))?)
}

/// Removes it with everything in it, as soon as it is no longer in use.
pub(super) fn unmount(folder: &Path) {
    let _ = umount2(folder, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
}

/// Whether this server may mount at all; tested in a new folder in `folder`.
pub(super) fn are_possible(folder: &Path) -> bool {
    let trial = folder.join("trial");
    if !nix::unistd::geteuid().is_root() || std::fs::create_dir(&trial).is_err() {
        return false;
    }
    let room = Room { bytes: 64 * 1024, files: 16 };
    let possible = mount_room(&trial, room).is_ok_and(|()| std::fs::write(trial.join("file"), "x").is_ok());
    if possible {
        unmount(&trial);
    }
    let _ = std::fs::remove_dir(&trial);
    possible
}

/// Removes everything that a killed server has left mounted below a folder.
pub(super) fn unmount_below(folder: &Path) {
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.split(|byte| *byte == b'\n').filter_map(mount_point);
    let mut below: Vec<_> = points.filter(|point| point.starts_with(folder) && point != folder).collect();
    // Innermost first.
    below.sort_by_key(|point| std::cmp::Reverse(point.as_os_str().len()));
    for point in below {
        unmount(&point);
    }
}

/// The mount point in a line of `mountinfo`, which writes spaces and other bytes as `\040`.
fn mount_point(line: &[u8]) -> Option<PathBuf> {
    let written = line.split(|byte| *byte == b' ').nth(4)?;
    let mut point = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some((first, more)) = rest.split_first() {
        let escaped = (*first == b'\\').then(|| more.get(..3)).flatten();
        let octal = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                point.push(byte);
                rest = &more[3..];
            }
            None => {
                point.push(*first);
                rest = more;
            }
        }
    }
    Some(OsString::from_vec(point).into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_as_they_are_written() {
        let line = br"36 35 98:0 / /mnt/a\040b\134c rw,noatime - tmpfs eventflow rw";
        assert_eq!(mount_point(line).unwrap(), Path::new(r"/mnt/a b\c"));
        assert_eq!(mount_point(b""), None);
    }

    #[test]
    fn a_room_is_full_at_its_size_and_at_its_number_of_files() {
        let folder = tempfile::tempdir().unwrap();
        if !are_possible(folder.path()) {
            return eprintln!("skipped: mounts are not possible here");
        }
        mount_room(folder.path(), Room { bytes: 1 << 20, files: 10 }).unwrap();
        let error = std::fs::write(folder.path().join("large"), vec![0; 2 << 20]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        std::fs::remove_file(folder.path().join("large")).unwrap();
        let made = (0..20).take_while(|number| std::fs::File::create(folder.path().join(number.to_string())).is_ok());
        assert!(made.count() < 10);
        unmount(folder.path());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_mounted_below_a_folder_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        if !are_possible(&folder) {
            return eprintln!("skipped: mounts are not possible here");
        }
        let room = Room { bytes: 1 << 20, files: 10 };
        for name in ["a b", "c"] {
            std::fs::create_dir(folder.join(name)).unwrap();
            mount_room(&folder.join(name), room).unwrap();
        }
        unmount_below(&folder);
        crate::tree::remove(&folder.join("a b")).unwrap();
        crate::tree::remove(&folder.join("c")).unwrap();
    }
}
