//! Walks through a folder, within explicit bounds.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::dir::Type;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use nix::unistd::{Gid, Uid, fchownat};

use super::folder::{entries, is_dots, open_folder, set_mode};

/// Maximum depth of nested folders. Each level costs a descriptor during the walk.
pub const MAX_DEPTH: usize = 100;

/// Maximum length of a path below the folder, in bytes: joined to the folder's own path, the system must accept it.
pub const MAX_PATH_BYTES: usize = 2048;

/// Maximum number of entries, unless the caller allows fewer.
pub const MAX_ENTRIES: u64 = 1_000_000;

/// The bounds beyond which a walk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Levels of nested folders.
    pub depth: usize,
    /// Bytes of a path below the folder.
    pub path_bytes: usize,
    /// Files, folders and links.
    pub entries: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { depth: MAX_DEPTH, path_bytes: MAX_PATH_BYTES, entries: MAX_ENTRIES }
    }
}

/// A violation of the bounds. The message is meant for the author of the function.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("folders are nested more than {limit} deep, at `{at}`; at most {limit} are allowed")]
    Depth { limit: usize, at: String },
    #[error("a path has more than {limit} bytes, at `{at}`; shorten the names of its folders")]
    PathBytes { limit: usize, at: String },
    #[error("there are more than {limit} files, folders and links; fewer are allowed")]
    Entries { limit: u64 },
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, fault)
    }
}

/// The message for a folder that is out of bounds, which is the fault of its author and not of this host; `None` for
/// other errors.
pub fn refusal(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref::<Fault>().map(ToString::to_string)
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A device, a pipe or a socket.
    Other,
}

/// Whether a folder is visited before or after its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before its contents.
    Before,
    /// After its contents.
    After,
}

/// How to continue after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// With the next entry.
    Go,
    /// Without descending into this folder; for [`When::Before`] only.
    Skip,
    /// Stop the walk.
    Stop,
}

/// An entry in the folder.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The path relative to the folder.
    pub path: &'a Path,
    /// The kind.
    pub kind: Kind,
    parent: BorrowedFd<'a>,
    name: &'a CStr,
}

impl Entry<'_> {
    /// The metadata of the entry; of a link, its own.
    ///
    /// # Errors
    /// If the entry is gone.
    pub fn stat(&self) -> io::Result<FileStat> {
        Ok(fstatat(self.parent, self.name, AtFlags::AT_SYMLINK_NOFOLLOW)?)
    }

    /// Opens a file for reading, even if its owner has no permission to.
    ///
    /// # Errors
    /// If it is gone, or no longer a file.
    pub fn open(&self) -> io::Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = match openat(self.parent, self.name, flags, Mode::empty()) {
            Err(Errno::EACCES) => {
                set_mode(self.parent, self.name, Mode::S_IRUSR | Mode::S_IWUSR)?;
                openat(self.parent, self.name, flags, Mode::empty())?
            }
            result => result?,
        };
        Ok(File::from(file))
    }

    /// The target of a link.
    ///
    /// # Errors
    /// If it is gone.
    pub fn target(&self) -> io::Result<PathBuf> {
        Ok(readlinkat(self.parent, self.name)?.into())
    }

    /// Changes the owner of the entry; of a link, its own.
    ///
    /// # Errors
    /// If it is gone, or the server has no permission.
    pub fn give_to(&self, user: u32) -> io::Result<()> {
        let (owner, group) = (Some(Uid::from_raw(user)), Some(Gid::from_raw(user)));
        Ok(fchownat(self.parent, self.name, owner, group, AtFlags::AT_SYMLINK_NOFOLLOW)?)
    }

    /// Changes the mode of a file or a folder.
    ///
    /// # Errors
    /// If it is gone, or the server has no permission.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(set_mode(self.parent, self.name, Mode::from_bits_truncate(mode))?)
    }
}

/// A folder on the path of the walk.
struct Level {
    folder: OwnedFd,
    /// The remaining entries in reverse order: the next one is the last.
    rest: Vec<(CString, Kind)>,
    /// Length of the folder's own path, in bytes.
    path_bytes: usize,
}

/// Visits everything below `folder` ordered by name, without the folder itself and without following links. A `folder`
/// that is itself a link is refused.
///
/// # Errors
/// The visitor's errors; those of the disk ([`io::ErrorKind::NotADirectory`] for a link); and one for which [`refusal`]
/// has a message if a bound is exceeded.
pub fn walk(
    folder: &Path,
    bounds: Bounds,
    when: When,
    mut visit: impl FnMut(&Entry<'_>) -> io::Result<Next>,
) -> io::Result<()> {
    // The folder itself may be a name that a stranger replaced with a link.
    let root = open_folder(AT_FDCWD, folder)?;
    let mut seen = 0;
    let mut levels = vec![level(root, 0, bounds, &mut seen)?];
    let mut path: Vec<u8> = Vec::new();
    // Folders whose contents have been visited, to be visited themselves.
    let mut done: Vec<CString> = Vec::new();
    while let Some(level) = levels.last_mut() {
        path.truncate(level.path_bytes);
        let Some((name, kind)) = level.rest.pop() else {
            levels.pop();
            let (Some(level), Some(name)) = (levels.last(), done.pop()) else { continue };
            if when == When::After {
                let path = Path::new(OsStr::from_bytes(&path));
                let entry = Entry { path, kind: Kind::Folder, parent: level.folder.as_fd(), name: &name };
                if visit(&entry)? == Next::Stop {
                    return Ok(());
                }
            }
            continue;
        };
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name.to_bytes());
        if path.len() > bounds.path_bytes {
            return Err(Fault::PathBytes { limit: bounds.path_bytes, at: start_of(&path) }.into());
        }
        if kind != Kind::Folder || when == When::Before {
            let path = Path::new(OsStr::from_bytes(&path));
            match visit(&Entry { path, kind, parent: level.folder.as_fd(), name: &name })? {
                Next::Go => {}
                Next::Skip => continue,
                Next::Stop => return Ok(()),
            }
        }
        if kind == Kind::Folder {
            let inner = match open_folder(&level.folder, name.as_c_str()) {
                Ok(inner) => inner,
                // Somebody is changing the folder, or replaced it with a link.
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => continue,
                Err(error) => return Err(error.into()),
            };
            if levels.len() > bounds.depth {
                return Err(Fault::Depth { limit: bounds.depth, at: start_of(&path) }.into());
            }
            levels.push(self::level(inner, path.len(), bounds, &mut seen)?);
            done.push(name);
        }
    }
    Ok(())
}

fn level(folder: OwnedFd, path_bytes: usize, bounds: Bounds, seen: &mut u64) -> io::Result<Level> {
    let mut rest = Vec::new();
    for entry in entries(&folder)? {
        let Ok(entry) = entry else { break };
        let name = entry.file_name();
        if is_dots(name) {
            continue;
        }
        *seen += 1;
        if *seen > bounds.entries {
            return Err(Fault::Entries { limit: bounds.entries }.into());
        }
        let kind = match entry.file_type() {
            Some(Type::Directory) => Kind::Folder,
            Some(Type::File) => Kind::File,
            Some(Type::Symlink) => Kind::Link,
            Some(_) => Kind::Other,
            // Some file systems do not report the type.
            None => match fstatat(&folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
                Ok(stat) => kind_of(stat.st_mode),
                Err(_) => continue,
            },
        };
        rest.push((name.to_owned(), kind));
    }
    rest.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
    Ok(Level { folder, rest, path_bytes })
}

fn kind_of(mode: u32) -> Kind {
    match SFlag::from_bits_truncate(mode) & SFlag::S_IFMT {
        SFlag::S_IFDIR => Kind::Folder,
        SFlag::S_IFREG => Kind::File,
        SFlag::S_IFLNK => Kind::Link,
        _ => Kind::Other,
    }
}

/// The beginning of a path, enough to recognize it.
fn start_of(path: &[u8]) -> String {
    const SHOWN: usize = 80;
    let start = String::from_utf8_lossy(&path[..path.len().min(SHOWN)]);
    let more = if path.len() > SHOWN { "…" } else { "" };
    format!("{}{more}", start.escape_debug())
}

/// The disk usage of a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Allocated bytes, or the size of a copy if that is more.
    pub bytes: u64,
    /// Files, folders and links.
    pub entries: u64,
}

/// Measures a folder, stopping as soon as it exceeds `most`. Entries that disappear meanwhile do not count.
///
/// # Errors
/// If the folder cannot be read, or is nested too deep to be measured; see [`refusal`].
pub fn usage(folder: &Path, most: Usage) -> io::Result<Usage> {
    const BLOCK: u64 = 512;
    let mut sum = Usage::default();
    walk(folder, Bounds::default(), When::Before, |entry| {
        if let Ok(stat) = entry.stat() {
            let allocated = u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(BLOCK);
            let length = if entry.kind == Kind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 };
            sum.bytes = sum.bytes.saturating_add(allocated.max(length));
            sum.entries += 1;
        }
        Ok(if sum.bytes > most.bytes || sum.entries > most.entries { Next::Stop } else { Next::Go })
    })?;
    Ok(sum)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::testing::{nest, place};
    use super::*;

    fn paths(folder: &Path, when: When) -> Vec<String> {
        let mut all = Vec::new();
        walk(folder, Bounds::default(), when, |entry| {
            all.push(entry.path.display().to_string());
            Ok(Next::Go)
        })
        .unwrap();
        all
    }

    #[test]
    fn everything_is_visited_in_order_and_links_are_not_followed() {
        let folder = place();
        fs::create_dir_all(folder.path().join("b/c")).unwrap();
        fs::write(folder.path().join("b/c/file"), "x").unwrap();
        fs::write(folder.path().join("a"), "x").unwrap();
        symlink("/", folder.path().join("b/link")).unwrap();
        assert_eq!(paths(folder.path(), When::Before), ["a", "b", "b/c", "b/c/file", "b/link"]);
        assert_eq!(paths(folder.path(), When::After), ["a", "b/c/file", "b/c", "b/link", "b"]);
    }

    #[test]
    fn what_can_be_read_keeps_its_mode_and_what_cannot_is_opened_to_its_owner() {
        let folder = place();
        for (name, mode) in [("frozen", 0o555), ("unreadable", 0o311), ("closed", 0)] {
            fs::create_dir_all(folder.path().join(name).join("inner")).unwrap();
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        assert_eq!(paths(folder.path(), When::Before).len(), 6);
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(["frozen", "unreadable", "closed"].map(mode), [0o555, 0o700, 0o700]);
        fs::set_permissions(folder.path().join("frozen"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_link_in_place_of_the_folder_is_refused_and_what_it_leads_to_is_left_alone() {
        let folder = place();
        let elsewhere = folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("secret"), "x").unwrap();
        fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o500)).unwrap();
        let link = folder.path().join("node_modules");
        symlink(&elsewhere, &link).unwrap();
        let error = walk(&link, Bounds::default(), When::Before, |entry| panic!("visited {entry:?}")).unwrap_err();
        assert!(matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::ENOTDIR | Errno::ELOOP)), "{error}");
        assert!(usage(&link, Usage { bytes: u64::MAX, entries: u64::MAX }).is_err());
        assert_eq!(fs::metadata(&elsewhere).unwrap().permissions().mode() & 0o777, 0o500);
    }

    #[test]
    fn a_folder_can_be_left_out() {
        let folder = place();
        fs::create_dir_all(folder.path().join("a/inner")).unwrap();
        fs::write(folder.path().join("b"), "x").unwrap();
        let mut all = Vec::new();
        walk(folder.path(), Bounds::default(), When::Before, |entry| {
            all.push(entry.path.to_owned());
            Ok(if entry.kind == Kind::Folder { Next::Skip } else { Next::Go })
        })
        .unwrap();
        assert_eq!(all, [Path::new("a"), Path::new("b")]);
    }

    #[test]
    fn bounds_are_faults_of_whoever_filled_the_folder() {
        let folder = place();
        nest(folder.path(), 20_000);
        let fault = |bounds: Bounds| {
            let error = walk(folder.path(), bounds, When::Before, |_| Ok(Next::Go)).unwrap_err();
            refusal(&error).unwrap()
        };
        let all = Bounds::default();
        assert!(fault(all).contains("nested more than 100 deep"), "{}", fault(all));
        assert!(fault(Bounds { path_bytes: 9, ..all }).contains("more than 9 bytes"));
        assert!(fault(Bounds { entries: 5, ..all }).contains("more than 5 files"));
        assert!(refusal(&usage(folder.path(), Usage { bytes: u64::MAX, entries: u64::MAX }).unwrap_err()).is_some());
        super::super::remove(folder.path()).unwrap();
        fs::create_dir(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_is_measured_with_what_is_sparse_or_closed_in_it() {
        let folder = place();
        let closed = folder.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), vec![1; 100_000]).unwrap();
        File::create(folder.path().join("sparse")).unwrap().set_len(1 << 40).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
        let most = Usage { bytes: u64::MAX, entries: u64::MAX };
        let found = usage(folder.path(), most).unwrap();
        assert_eq!(found.entries, 3);
        assert!(found.bytes >= (1 << 40) + 100_000, "{found:?}");
        assert!(usage(folder.path(), Usage { entries: 1, ..most }).unwrap().entries == 2);
    }
}
