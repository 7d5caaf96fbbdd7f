//! Copies a folder, and says which links in one lead out of it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};

use super::walk::{Bounds, Kind, Next, When, walk};

/// Copies a folder with its links (as links) and modes. `go_on` is asked before each entry.
pub fn copy(from: &Path, to: &Path, mut go_on: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    create_open(to)?;
    walk(from, Bounds::default(), When::Before, |entry| {
        go_on()?;
        let target = to.join(entry.path);
        match entry.kind {
            Kind::Folder => create_open(&target)?,
            Kind::Link => std::os::unix::fs::symlink(entry.target()?, &target)?,
            Kind::File => {
                let mut file = entry.open()?;
                let executable = file.metadata()?.permissions().mode() & 0o111 != 0;
                let mut copy = fs::OpenOptions::new().write(true).create_new(true).open(&target)?;
                io::copy(&mut file, &mut copy)?;
                copy.set_permissions(fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))?;
            }
            Kind::Other => {}
        }
        Ok(Next::Go)
    })
}

/// Makes a folder that everybody may look into: the server closes what it makes to all others, and sandboxes have users of their
/// own.
fn create_open(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

/// Whether a symbolic link, whose parent is the folder `parent` (relative to the root), stays below the root.
/// `..` may stand only in front: behind a name it would depend on what that name leads to.
pub fn link_stays(parent: &Path, target: &Path) -> bool {
    let mut depth = parent.components().count();
    let mut descended = false;
    for component in target.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if !descended && depth > 0 => depth -= 1,
            Component::Normal(_) => descended = true,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nix::sched::{CloneFlags, unshare};
    use nix::sys::stat::{Mode, umask};

    use super::*;

    #[test]
    fn what_is_copied_is_open_to_a_sandboxs_user_however_closed_the_server_is() {
        let data = tempfile::tempdir().unwrap();
        let (from, to) = (data.path().join("from"), data.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/index.js"), "x").unwrap();
        let copied = to.clone();
        // The mask is a process's, and here this thread's alone.
        std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_FS).unwrap();
            umask(Mode::from_bits_truncate(0o077));
            copy(&from, &copied, || Ok(())).unwrap();
        })
        .join()
        .unwrap();
        let mode = |path: &str| fs::metadata(to.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(["", "a", "a/b", "a/b/index.js"].map(mode), [0o755, 0o755, 0o755, 0o644]);
    }

    #[test]
    fn links_stay_or_leave() {
        let table = [
            ("", "a/b", true),
            ("", "..", false),
            ("x/y", "../../z", true),
            ("x/y", "../../../z", false),
            ("x", "/etc/passwd", false),
            ("", "a/../../b", false),
            ("x", "./../y", true),
        ];
        for (parent, target, stays) in table {
            assert_eq!(link_stays(Path::new(parent), Path::new(target)), stays, "{parent} -> {target}");
        }
    }
}
