//! Removes a folder with hostile contents.
//!
//! Nested folders are moved up into the folder to be removed, one level at a time, until nothing is nested any more.
//! The depth of the tree thus costs neither stack nor descriptors nor long paths: at most four folders are open, and
//! each entry is touched a bounded number of times.

use std::collections::HashSet;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::dir::Type;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, renameat};
use nix::sys::stat::{Mode, SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::folder::{entries, is_dots, open_to_change, set_mode};

/// The time limit of a removal. Exceeding it means that somebody keeps filling the folder, or that the disk is broken.
pub const LONGEST_REMOVAL: Duration = Duration::from_secs(600);

/// How often a folder is examined again if it is not empty although everything removable was removed: a process that
/// was killed a moment ago may still have written to it.
const IDLE_PASSES: u32 = 50;
const BETWEEN_PASSES: Duration = Duration::from_millis(20);

/// Maximum number of remembered entries that could not be removed; beyond that, the removal is aborted.
const MAX_STUCK: usize = 1000;

/// Removes a file, a link, or a folder with its contents. A missing one counts as removed.
///
/// # Errors
/// If something could not be removed; everything else is gone then. Names the first such entry.
pub fn remove(path: &Path) -> io::Result<()> {
    remove_within(path, &[], LONGEST_REMOVAL)
}

/// Like [`remove`], but with a time limit, and removes the files named by `marks` last and in this order: they identify
/// the owner of the folder and must survive an interruption.
///
/// # Errors
/// As [`remove`], and [`io::ErrorKind::TimedOut`] if the time was not enough.
pub fn remove_within(path: &Path, marks: &[&str], within: Duration) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names nothing"))?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let parent = match open(parent, flags, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(()),
        result => result?,
    };
    let refused = match unlinkat(&parent, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        Err(refused) => refused,
    };
    let root = match open_to_change(&parent, name) {
        Ok(root) => root,
        Err(Errno::ENOENT) => return Ok(()),
        // It is not a folder, so the error for the file applies.
        Err(Errno::ENOTDIR | Errno::ELOOP) => return Err(refused.into()),
        Err(error) => return Err(error.into()),
    };
    let mut sweep = Sweep {
        root,
        marks,
        until: Instant::now() + within,
        prefix: uuid::Uuid::new_v4().simple().to_string(),
        moved: 0,
        stuck: HashSet::new(),
        fault: None,
    };
    let mut idle = 0;
    loop {
        let pass = sweep.pass()?;
        if pass.left == 0 {
            match sweep.end(&parent, name) {
                // Something was created in the meantime.
                Err(Errno::ENOTEMPTY | Errno::EEXIST) => {}
                result => return Ok(result?),
            }
        }
        idle = if pass.done == 0 { idle + 1 } else { 0 };
        let all_stuck = pass.left > 0 && pass.left == sweep.stuck.len();
        if idle == IDLE_PASSES || all_stuck || sweep.stuck.len() >= MAX_STUCK {
            return Err(sweep.fault.unwrap_or_else(|| io::ErrorKind::DirectoryNotEmpty.into()));
        }
        if pass.done == 0 {
            std::thread::sleep(BETWEEN_PASSES);
        }
    }
}

/// Whether a folder's last modification is at least this old.
pub fn is_older_than(folder: &Path, age: Duration) -> bool {
    let changed = std::fs::symlink_metadata(folder).and_then(|meta| meta.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|passed| passed > age))
}

/// The result of one pass over the folder.
#[derive(Default)]
struct Pass {
    /// Entries removed or moved.
    done: u64,
    /// Entries that remain.
    left: usize,
}

struct Sweep<'a> {
    root: OwnedFd,
    marks: &'a [&'a str],
    until: Instant,
    /// The prefix of the names of moved folders, which are numbered.
    prefix: String,
    moved: u64,
    /// Entries of the root that could not be removed. They are not tried again.
    stuck: HashSet<CString>,
    /// The first error.
    fault: Option<io::Error>,
}

impl Sweep<'_> {
    fn pass(&mut self) -> io::Result<Pass> {
        let mut pass = Pass::default();
        for entry in entries(&self.root)? {
            self.in_time()?;
            let Ok(entry) = entry else { break };
            let name = entry.file_name();
            if is_dots(name) || self.marks.iter().any(|mark| mark.as_bytes() == name.to_bytes()) {
                continue;
            }
            if self.stuck.contains(name) {
                pass.left += 1;
                continue;
            }
            let removed = match entry.file_type() {
                Some(Type::Directory) | None => self.folder(name, &mut pass)?,
                Some(_) => self.file(name),
            };
            match removed {
                true => pass.done += 1,
                false => pass.left += 1,
            }
        }
        Ok(pass)
    }

    /// Removes a file from the root.
    fn file(&mut self, name: &CStr) -> bool {
        match unlinkat(&self.root, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => true,
            Err(error) => {
                self.give_up(name, error);
                false
            }
        }
    }

    /// Empties a folder of the root, moving its subfolders into the root, and removes it.
    fn folder(&mut self, name: &CStr, pass: &mut Pass) -> io::Result<bool> {
        let child = match unlinkat(&self.root, name, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => return Ok(true),
            Err(Errno::ENOTDIR) => return Ok(self.file(name)),
            Err(Errno::ENOTEMPTY | Errno::EEXIST) => open_to_change(&self.root, name),
            // A mount point is EBUSY, and its content is not ours.
            Err(error) => Err(error),
        };
        let child = match child {
            Ok(child) => child,
            Err(error) => {
                self.give_up(name, error);
                return Ok(false);
            }
        };
        let mut failed = false;
        for entry in entries(&child)? {
            self.in_time()?;
            let Ok(entry) = entry else { break };
            let inner = entry.file_name();
            if is_dots(inner) {
                continue;
            }
            let is_folder = match entry.file_type() {
                Some(kind) => kind == Type::Directory,
                None => fstatat(&child, inner, AtFlags::AT_SYMLINK_NOFOLLOW)
                    .is_ok_and(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR),
            };
            let result = match is_folder {
                true => self.move_up(&child, inner),
                false => unlinkat(&child, inner, UnlinkatFlags::NoRemoveDir),
            };
            match result {
                Ok(()) | Err(Errno::ENOENT) => pass.done += 1,
                Err(error) => {
                    failed = true;
                    self.remember(inner, error);
                }
            }
        }
        match unlinkat(&self.root, name, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(true),
            Err(Errno::ENOTEMPTY | Errno::EEXIST) if !failed => Ok(false),
            Err(error) => {
                self.give_up(name, error);
                Ok(false)
            }
        }
    }

    /// Moves a folder into the root, or removes it if it is empty.
    fn move_up(&mut self, parent: &OwnedFd, name: &CStr) -> Result<(), Errno> {
        loop {
            match unlinkat(parent, name, UnlinkatFlags::RemoveDir) {
                Err(Errno::ENOTEMPTY | Errno::EEXIST) => {}
                result => return result,
            }
            self.moved += 1;
            let target = format!("{}-{}", self.prefix, self.moved);
            match renameat(parent, name, &self.root, target.as_str()) {
                // The `..` of the folder changes, so moving it requires permission to write to it.
                Err(Errno::EACCES | Errno::EPERM) => {
                    set_mode(parent, name, Mode::S_IRWXU)?;
                    return renameat(parent, name, &self.root, target.as_str());
                }
                // Somebody guessed the name.
                Err(Errno::ENOTEMPTY | Errno::EEXIST | Errno::ENOTDIR) => {}
                result => return result,
            }
        }
    }

    /// Removes the marks and the folder itself.
    fn end(&self, parent: &OwnedFd, name: &OsStr) -> Result<(), Errno> {
        for mark in self.marks {
            match unlinkat(&self.root, *mark, UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(error) => return Err(error),
            }
        }
        match unlinkat(parent, name, UnlinkatFlags::RemoveDir) {
            Err(Errno::ENOENT) => Ok(()),
            result => result,
        }
    }

    fn give_up(&mut self, name: &CStr, error: Errno) {
        self.remember(name, error);
        self.stuck.insert(name.to_owned());
    }

    fn remember(&mut self, name: &CStr, error: Errno) {
        self.fault.get_or_insert_with(|| {
            let error = io::Error::from(error);
            let name = OsStr::from_bytes(name.to_bytes()).display().to_string();
            io::Error::new(error.kind(), format!("`{}`: {error}", name.escape_debug()))
        });
    }

    fn in_time(&self) -> io::Result<()> {
        match Instant::now() < self.until {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::TimedOut, "the folder could not be removed in time")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::testing::{nest, place};
    use super::*;

    #[test]
    fn a_hundred_thousand_nested_folders_are_removed() {
        let place = place();
        let folder = place.path().join("deep");
        fs::create_dir(&folder).unwrap();
        nest(&folder, 100_000);
        // A thread with a small stack, like those of a server.
        let thread = std::thread::Builder::new().stack_size(128 * 1024);
        let removed = thread.spawn({
            let folder = folder.clone();
            move || remove(&folder)
        });
        removed.unwrap().join().unwrap().unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn wide_and_deep_together_leave_nothing() {
        let place = place();
        let folder = place.path().join("tree");
        for branch in 0..20 {
            for leaf in 0..20 {
                let inner = folder.join(format!("a{branch}/b/c{leaf}"));
                fs::create_dir_all(&inner).unwrap();
                fs::write(inner.join("file"), "x").unwrap();
            }
            nest(&folder.join(format!("a{branch}")), 50);
        }
        remove(&folder).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        let place = place();
        let (folder, other) = (place.path().join("folder"), place.path().join("other"));
        fs::create_dir_all(folder.join("a")).unwrap();
        fs::create_dir(&other).unwrap();
        fs::write(other.join("kept"), "x").unwrap();
        symlink(&other, folder.join("a/link")).unwrap();
        symlink(&other, folder.join("link")).unwrap();
        symlink(&other, place.path().join("itself")).unwrap();
        remove(&folder).unwrap();
        remove(&place.path().join("itself")).unwrap();
        assert!(!folder.exists() && other.join("kept").exists());
        assert!(place.path().join("itself").symlink_metadata().is_err());
    }

    #[test]
    fn folders_that_are_closed_to_their_owner_are_removed() {
        let place = place();
        let folder = place.path().join("folder");
        fs::create_dir_all(folder.join("a/b/c")).unwrap();
        fs::write(folder.join("a/b/c/file"), "x").unwrap();
        for closed in ["a/b/c", "a/b", "a", ""] {
            fs::set_permissions(folder.join(closed), fs::Permissions::from_mode(0o0)).unwrap();
        }
        remove(&folder).unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn what_is_not_there_is_removed_and_a_file_is_too() {
        let place = place();
        remove(&place.path().join("none")).unwrap();
        remove(&place.path().join("no/folder")).unwrap();
        fs::write(place.path().join("file"), "x").unwrap();
        remove(&place.path().join("file")).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn marks_outlive_an_interruption() {
        let place = place();
        let folder = place.path().join("folder");
        fs::create_dir(&folder).unwrap();
        nest(&folder, 10);
        fs::write(folder.join("lock"), "").unwrap();
        let error = remove_within(&folder, &["lock"], Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(folder.join("lock").exists());
        remove_within(&folder, &["lock"], LONGEST_REMOVAL).unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn files_that_appear_in_the_meantime_are_removed_as_well() {
        let place = place();
        let folder = place.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let writer = std::thread::spawn({
            let folder = folder.clone();
            move || {
                for number in 0..200 {
                    let _ = fs::create_dir_all(folder.join(format!("{number}/a/b")));
                }
            }
        });
        while fs::read_dir(&folder).unwrap().next().is_none() {}
        let _ = remove(&folder);
        writer.join().unwrap();
        remove(&folder).unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn descriptors_do_not_grow_with_the_depth() {
        let place = place();
        let folder = place.path().join("deep");
        fs::create_dir(&folder).unwrap();
        nest(&folder, 3000);
        // In a separate process, which has only a few descriptors.
        let limit = "ulimit -n 64; exec \"$0\" --exact tree::remove::tests::removes_with_few_descriptors --ignored";
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", limit])
            .arg(std::env::current_exe().unwrap())
            .env("EVENTFLOW_TEST_FOLDER", &folder)
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success());
        assert!(!folder.exists());
    }

    #[test]
    #[ignore = "the other half of the test above"]
    fn removes_with_few_descriptors() {
        if let Some(folder) = std::env::var_os("EVENTFLOW_TEST_FOLDER") {
            remove(Path::new(&folder)).unwrap();
        }
    }
}
