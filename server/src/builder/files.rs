//! Helpers for files created by strangers.
//!
//! Knows paths and links; knows nothing of builds.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use super::Error;
use crate::tree::{self, Bounds, Kind, Next, When};

/// A file that is read whole must not be larger: lock files, sources.
const MAX_TEXT_BYTES: u64 = 16 * 1024 * 1024;

/// A file that is parsed must not be larger: in memory it takes many times as much.
pub(super) const MAX_JSON_BYTES: u64 = 1024 * 1024;

/// Levels of folders in a source, and the longest path in it, in bytes. Both are far below what the system can name, so
/// that all that is done with the files later (copied, listed, removed) can name them, too.
pub(super) const MAX_DEPTH: usize = 64;
pub(super) const MAX_PATH_BYTES: usize = 1024;

/// Why a path of a source is not taken, whoever made it; `None` when it is.
pub(super) fn path_fault(path: &Path) -> Option<String> {
    let text = path.to_string_lossy();
    if path.components().count() > MAX_DEPTH {
        return Some(format!("it is nested deeper than {MAX_DEPTH} folders"));
    }
    if path.as_os_str().len() > MAX_PATH_BYTES {
        return Some(format!("its path is longer than {MAX_PATH_BYTES} bytes"));
    }
    text.contains(|c: char| c.is_control()).then(|| "its name has control characters".to_owned())
}

/// The text of a file directly in `folder`; `None` when there is none. Links are not followed: they may lead anywhere.
///
/// # Errors
/// [`Error::Refused`] when it is a link, no file, too large or not UTF-8.
pub(super) fn text(folder: &Path, name: &str) -> Result<Option<String>, Error> {
    read_text(folder, name, MAX_TEXT_BYTES)
}

/// As [`text`], for what is parsed as JSON.
///
/// # Errors
/// As [`text`].
pub(super) fn json_text(folder: &Path, name: &str) -> Result<Option<String>, Error> {
    let text = read_text(folder, name, MAX_JSON_BYTES)?;
    // Some editors begin a file with a byte order mark; it is no part of the JSON.
    Ok(text.map(|text| text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}

fn read_text(folder: &Path, name: &str, limit: u64) -> Result<Option<String>, Error> {
    let path = folder.join(name);
    let flags = (nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK).bits();
    let file = match fs::OpenOptions::new().read(true).custom_flags(flags).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) if path.is_symlink() => {
            return Err(Error::Refused(format!("{name} is a link; it must be a file of its own")));
        }
        Err(error) => return Err(Error::failed(format!("read {name}"))(error)),
    };
    let meta = file.metadata().map_err(Error::failed(format!("read {name}")))?;
    if !meta.is_file() {
        return Err(Error::Refused(format!("{name} must be a file, and is something else")));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Error::failed(format!("read {name}")))?;
    if bytes.len() as u64 > limit {
        return Err(Error::Refused(format!("{name} is larger than {} MiB", limit >> 20)));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))),
        Err(_) => Err(Error::Refused(format!("{name} is not UTF-8 text"))),
    }
}

/// Whether a plain file of that name is directly in the folder.
pub(super) fn has(folder: &Path, name: &str) -> bool {
    fs::symlink_metadata(folder.join(name)).is_ok_and(|meta| meta.is_file())
}

/// Whether there is something at a path below `base`, and not only by a link that leads elsewhere. What is elsewhere, or is not, makes no
/// difference: whoever made the link learns nothing of the host.
pub(super) fn is_inside(base: &Path, name: &str) -> bool {
    let (base, path) = (fs::canonicalize(base), fs::canonicalize(base.join(name)));
    base.is_ok_and(|base| path.is_ok_and(|path| path.starts_with(base)))
}

/// The folder at a path below `base`, when it is one and nothing on the way is a link: those that can write there may have
/// put one in its place.
pub(super) fn real_folder(base: &Path, inner: &Path) -> io::Result<PathBuf> {
    let mut folder = base.to_owned();
    for part in inner.components() {
        folder.push(part);
        if !fs::symlink_metadata(&folder)?.is_dir() {
            return Err(io::Error::other(format!("{} is no folder", folder.display())));
        }
    }
    Ok(folder)
}

/// Writes a file that is not there yet: what a stranger has put in its place is neither followed nor written to.
pub(super) fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    io::Write::write_all(&mut file, content)
}

/// Removes a folder or file, whatever was done to it. What is not there is removed already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    tree::remove(path)
}

/// The total contents of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// Bytes of all its files.
    pub(super) bytes: u64,
    /// Files, folders and links.
    pub(super) files: u64,
}

impl Usage {
    /// Whether one of the two is more than the limit.
    pub(super) fn exceeds(self, limit: Self) -> bool {
        self.bytes > limit.bytes || self.files > limit.files
    }
}

/// What is below the folder. What disappears meanwhile does not count. Where it cannot be looked into (it is nested
/// beyond what a path can name, or closed), it may hold anything, and is taken for too much.
pub(super) fn usage(folder: &Path) -> Usage {
    let mut usage = Usage { bytes: 0, files: 0 };
    let walked = tree::walk(folder, Bounds::default(), When::Before, |entry| {
        usage.files += 1;
        if let (Kind::File, Ok(stat)) = (entry.kind, entry.stat()) {
            usage.bytes = usage.bytes.saturating_add(u64::try_from(stat.st_size).unwrap_or(0));
        }
        Ok(Next::Go)
    });
    match walked {
        Ok(()) => usage,
        Err(error) if error.kind() == io::ErrorKind::NotFound => usage,
        Err(_) => Usage { bytes: u64::MAX, files: u64::MAX },
    }
}

/// Bytes of all files below the folder; see [`usage`].
#[cfg(test)]
pub(super) fn size(folder: &Path) -> u64 {
    usage(folder).bytes
}

/// Whether a tool that worked in `folder` has failed since the disk is full: by its words, or since nothing is free.
pub(super) fn is_disk_full(folder: &Path, words: &[String]) -> bool {
    const WORDS: [&str; 5] =
        ["No space left on device", "no space left", "Out of diskspace", "ENOSPC", "Disk quota exceeded"];
    const NOTHING: u64 = 64 * 1024;
    let free = || {
        nix::sys::statvfs::statvfs(folder).is_ok_and(|disk| disk.blocks_available() * disk.fragment_size() < NOTHING)
    };
    words.iter().any(|line| WORDS.iter().any(|word| line.contains(word))) || free()
}

/// A path of names only: what a stranger called a file, made safe to join to a folder. `None` when it leads elsewhere.
pub(super) fn inner_path(raw: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for component in Path::new(raw).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!raw.contains('\0')).then_some(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_behind_a_link_is_none() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir_all(base.path().join("tree/a")).unwrap();
        std::os::unix::fs::symlink("/etc", base.path().join("tree/link")).unwrap();
        assert_eq!(real_folder(base.path(), Path::new("tree/a")).unwrap(), base.path().join("tree/a"));
        assert_eq!(real_folder(base.path(), &Path::new("tree").join("")).unwrap(), base.path().join("tree"));
        for path in ["tree/link", "tree/link/ssl", "tree/none"] {
            assert!(real_folder(base.path(), Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn a_link_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("function.json")).unwrap();
        let error = text(folder.path(), "function.json").unwrap_err();
        assert_eq!(error.to_string(), "function.json is a link; it must be a file of its own");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_manifest() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("function.json"), "\u{feff}{\"runtime\":\"node\"}").unwrap();
        assert_eq!(json_text(folder.path(), "function.json").unwrap().unwrap(), "{\"runtime\":\"node\"}");
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&folder.path().join("function.json"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(text(folder.path(), "function.json").unwrap_err().is_refused());
    }

    #[test]
    fn read_only_folders_can_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("f"), "x").unwrap();
        for path in [inner.clone(), folder.path().join("a")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o555)).unwrap();
        }
        remove(&folder.path().join("a")).unwrap();
        assert!(!folder.path().join("a").exists());
    }
}
