//! The digest of a folder: equal folders have equal digests, on every host.
//!
//! Covered are, in the order of their paths: path, kind, whether it is executable, content. Owners and times are not.
//! Each part is preceded by its length, so that no two different folders are the same bytes to the hash.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use domain::text;
use sha2::{Digest, Sha256};

use super::Error;
use crate::tree::{self, Bounds, Kind, Next, When, link_stays};

/// The content is hashed in pieces of this size.
const PIECE_BYTES: usize = 64 * 1024;

/// Bytes of all paths together: they are kept and sorted before anything is read.
const MAX_PATHS_BYTES: usize = 32 << 20;

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    /// `sha256:…`.
    pub(super) digest: String,
    /// Bytes of all its files.
    pub(super) size: u64,
}

/// Reads the whole folder. `go_on` is asked before each entry.
///
/// # Errors
/// [`Error::Refused`] for a link that leaves the folder, for what is neither file, folder nor link, for more than
/// `max_bytes` and for more than `max_files`.
pub(super) fn of(
    folder: &Path,
    max_bytes: u64,
    max_files: usize,
    mut go_on: impl FnMut() -> io::Result<()>,
) -> Result<Summary, Error> {
    let failed = || Error::failed("read what was built");
    let mut paths = Vec::new();
    let bounds = Bounds { entries: u64::MAX, ..Bounds::default() };
    let (mut too_many, mut bytes) = (false, 0);
    tree::walk(folder, bounds, When::Before, |entry| {
        go_on()?;
        paths.push((entry.path.to_owned(), entry.kind));
        too_many = paths.len() > max_files;
        bytes += entry.path.as_os_str().len();
        Ok(if too_many || bytes > MAX_PATHS_BYTES { Next::Stop } else { Next::Go })
    })
    .map_err(failed())?;
    if too_many {
        return Err(Error::Refused(format!(
            "the function has more than {max_files} files with what it depends on; fewer are allowed"
        )));
    }
    if bytes > MAX_PATHS_BYTES {
        return Err(Error::Refused(format!(
            "the paths of the function's files are more than {} together; shorten them",
            text::bytes(MAX_PATHS_BYTES as u64)
        )));
    }
    // By bytes and not by component, as any other tool would sort them.
    paths.sort_by(|(a, _), (b, _)| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    let mut hash = Sha256::new();
    let mut size = 0;
    for (path, kind) in paths {
        go_on().map_err(failed())?;
        let full = folder.join(&path);
        part(&mut hash, path.as_os_str().as_bytes());
        if kind == Kind::Folder {
            part(&mut hash, b"folder");
        } else if kind == Kind::Link {
            let target = fs::read_link(&full).map_err(failed())?;
            if !link_stays(path.parent().unwrap_or(Path::new("")), &target) {
                return Err(Error::Refused(format!(
                    "{} is a link to {}, which is not in the function's folder; put a copy there, or make the link relative and let it stay inside",
                    path.display(),
                    target.display()
                )));
            }
            part(&mut hash, b"link");
            part(&mut hash, target.as_os_str().as_bytes());
        } else if kind == Kind::File {
            let file = File::open(&full).map_err(failed())?;
            let meta = file.metadata().map_err(failed())?;
            size += meta.len();
            if size > max_bytes {
                return Err(Error::Refused(format!(
                    "the function has more than {} with what it depends on, and at most that is allowed",
                    text::bytes(max_bytes)
                )));
            }
            part(&mut hash, if meta.permissions().mode() & 0o111 == 0 { b"file" } else { b"program" });
            content(&mut hash, file, meta.len()).map_err(failed())?;
        } else {
            return Err(Error::Refused(format!(
                "{} is neither a file nor a folder nor a link; remove it",
                path.display()
            )));
        }
    }
    Ok(Summary { digest: format!("sha256:{}", hex::encode(hash.finalize())), size })
}

fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

fn content(hash: &mut Sha256, mut file: File, length: u64) -> io::Result<()> {
    hash.update(length.to_be_bytes());
    let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(length).unwrap_or(usize::MAX).max(1))];
    let mut left = length;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        left = left.checked_sub(read as u64).ok_or_else(changed)?;
        hash.update(&piece[..read]);
    }
    match left {
        0 => Ok(()),
        _ => Err(changed()),
    }
}

fn changed() -> io::Error {
    io::Error::other("a file was changed meanwhile")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(make: impl FnOnce(&Path)) -> String {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path());
        of(folder.path(), 1000, 10, || Ok(())).unwrap().digest
    }

    #[test]
    fn equal_content_has_an_equal_digest_and_anything_else_another() {
        let base = || digest(|f| fs::write(f.join("a"), "x").unwrap());
        assert_eq!(base(), base());
        assert!(base().starts_with("sha256:"));
        let others = [
            digest(|f| fs::write(f.join("b"), "x").unwrap()),
            digest(|f| fs::write(f.join("a"), "y").unwrap()),
            digest(|f| std::os::unix::fs::symlink("x", f.join("a")).unwrap()),
            digest(|f| fs::create_dir(f.join("a")).unwrap()),
            digest(|f| {
                fs::write(f.join("a"), "x").unwrap();
                fs::set_permissions(f.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
            }),
            digest(|_| {}),
        ];
        for other in others {
            assert_ne!(base(), other);
        }
    }

    #[test]
    fn limits_and_leaving_links_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "12345").unwrap();
        fs::write(folder.path().join("b"), "12345").unwrap();
        let of = |bytes, files| of(folder.path(), bytes, files, || Ok(()));
        assert_eq!(of(10, 2).unwrap().size, 10);
        assert!(of(9, 2).unwrap_err().to_string().contains("more than 9 bytes"));
        assert!(of(10, 1).unwrap_err().to_string().contains("more than 1 files"));
        std::os::unix::fs::symlink("../up", folder.path().join("c")).unwrap();
        assert!(of(10, 3).unwrap_err().to_string().contains("c is a link to ../up"));
    }
}
