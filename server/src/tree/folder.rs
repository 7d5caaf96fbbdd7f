//! Opens folders relative to another one, even if their owner removed his own permissions.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::NixPath;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fchmod, fstat};

/// The permissions that the owner needs to list and change a folder.
const OWNER: Mode = Mode::S_IRWXU;

/// Opens the folder `name` in `parent` for reading, without following a link. One that can be read stays as it is: an artifact
/// is closed to its owner's changes, and open to the users of sandboxes.
pub(super) fn open_folder<P: ?Sized + NixPath>(parent: impl AsFd, name: &P) -> Result<OwnedFd, Errno> {
    open_with(parent, name, Mode::S_IRUSR | Mode::S_IXUSR)
}

/// As [`open_folder`], for who changes what is in it.
pub(super) fn open_to_change<P: ?Sized + NixPath>(parent: impl AsFd, name: &P) -> Result<OwnedFd, Errno> {
    open_with(parent, name, OWNER)
}

/// A folder that lacks what its owner needs gets all permissions first: this is what a server that is not root needs for `mkdir -m 0`.
fn open_with<P: ?Sized + NixPath>(parent: impl AsFd, name: &P, needs: Mode) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let folder = match openat(&parent, name, flags, Mode::empty()) {
        Err(Errno::EACCES) => {
            set_mode(&parent, name, OWNER)?;
            openat(&parent, name, flags, Mode::empty())?
        }
        result => result?,
    };
    let closed = fstat(&folder).is_ok_and(|stat| !Mode::from_bits_truncate(stat.st_mode).contains(needs));
    if closed {
        // Fails for another user's folder; there only root can continue, and root does not need it.
        let _ = fchmod(&folder, OWNER);
    }
    Ok(folder)
}

/// Changes the mode of the entry `name` in `parent`, which must not be a link.
pub(super) fn set_mode<P: ?Sized + NixPath>(parent: impl AsFd, name: &P, mode: Mode) -> Result<(), Errno> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let entry = openat(parent, name, flags, Mode::empty())?;
    // `fchmod` refuses such a descriptor. The kernel's name for it refers to exactly what was opened; if that is a
    // link, changing the mode fails.
    let path = format!("/proc/self/fd/{}", entry.as_raw_fd());
    match nix::sys::stat::fchmodat(
        nix::fcntl::AT_FDCWD,
        path.as_str(),
        mode,
        nix::sys::stat::FchmodatFlags::FollowSymlink,
    ) {
        Err(Errno::EOPNOTSUPP) => Ok(()),
        result => result,
    }
}

/// The entries of an open folder, which stays open.
pub(super) fn entries(folder: &OwnedFd) -> io::Result<nix::dir::OwningIter> {
    // The iterator closes its descriptor. A second descriptor for the same open folder shares its position.
    let folder = openat(folder, ".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    Ok(Dir::from_fd(folder)?.into_iter())
}

/// Whether an entry is `.` or `..`.
pub(super) fn is_dots(name: &std::ffi::CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}
