//! Files that the server has in common with what runs in a sandbox. Whatever a sandbox may write can be a link, a pipe or
//! without an end, so nothing here follows or waits.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, lchown};
use std::path::Path;

use bytes::Bytes;

use super::super::{Error, MAX_RESULT_BYTES};
use crate::tree::{self, Bounds, Kind, Next, When};

/// Makes the socket that a process opened in its own folder reachable at a path that it cannot change. Otherwise it
/// could put a link there to a socket of the host, and make the server talk to that.
pub(super) fn publish(socket: &Path, public: &Path) -> bool {
    let is_socket = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if !is_socket(socket) {
        return false;
    }
    // A process may open its socket twice; the last one counts.
    let _ = fs::remove_file(public);
    fs::hard_link(socket, public).is_ok() && is_socket(public)
}

/// What a job wrote as its result. Only a regular file is read: no link's target, and no endless pipe.
pub(super) fn result_of(path: &Path) -> Result<Option<Bytes>, Error> {
    let flags = (nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK).bits();
    let file = match fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(_) => return Ok(None),
    };
    let read = |error: io::Error| Error::Result(format!("cannot read the job's result: {error}"));
    match file.metadata() {
        Ok(meta) if !meta.is_file() || meta.len() == 0 => return Ok(None),
        Ok(meta) if meta.len() > MAX_RESULT_BYTES as u64 => {
            return Err(Error::Result(format!(
                "the result in $EVENTFLOW_RESULT has {} bytes, and at most {MAX_RESULT_BYTES} are taken",
                meta.len()
            )));
        }
        Ok(_) => {}
        Err(error) => return Err(read(error)),
    }
    let mut content = Vec::new();
    file.take(MAX_RESULT_BYTES as u64).read_to_end(&mut content).map_err(read)?;
    Ok(Some(content.into()))
}

/// Changes the owner of a folder and everything in it. Does not follow links, and skips files with several links: the
/// other name may belong to somebody else, as after a `git clone` on one disk.
pub(super) fn hand_over(folder: &Path, user: u32) -> io::Result<()> {
    lchown(folder, Some(user), Some(user))?;
    tree::walk(folder, Bounds::default(), When::Before, |entry| {
        if entry.kind == Kind::Folder || entry.stat()?.st_nlink == 1 {
            entry.give_to(user)?;
        }
        Ok(Next::Go)
    })
}

/// Writes a new file that only the server reads.
pub(super) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, content)
}
