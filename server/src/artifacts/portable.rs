//! Artifacts and bundles as files that can be carried to another server.
//!
//! An artifact is packed as a tar.gz with one folder, and taken in as a bundle is: nothing in it leaves its place, and what
//! does not have the digest that it is named by is refused.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::artifacts::{Artifacts, name_of};
use super::{Error, Settings, source};
use crate::tree::{self, Bounds, Kind, Next, When};

/// The folder in the tar.gz.
const FOLDER: &str = "artifact";

/// Files are read in pieces of this size.
const PIECE: usize = 64 << 10;

impl Artifacts {
    /// Writes an artifact as a tar.gz.
    ///
    /// # Errors
    /// When there is no such artifact, or the disk fails.
    pub fn pack(&self, digest: &str, to: impl Write) -> io::Result<()> {
        let folder = self.artifact(digest).ok_or_else(|| io::Error::other(format!("the artifact {digest} is gone")))?;
        let mut tar = tar::Builder::new(GzEncoder::new(to, Compression::fast()));
        let header = |kind, mode, size| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_size(size);
            header
        };
        tar.append_data(&mut header(tar::EntryType::Directory, 0o755, 0), FOLDER, io::empty())?;
        tree::walk(&folder, Bounds { entries: u64::MAX, ..Bounds::default() }, When::Before, |entry| {
            let (path, full) = (Path::new(FOLDER).join(entry.path), folder.join(entry.path));
            match entry.kind {
                Kind::Folder => {
                    tar.append_data(&mut header(tar::EntryType::Directory, 0o755, 0), path, io::empty())?;
                }
                Kind::Link => {
                    tar.append_link(&mut header(tar::EntryType::Symlink, 0o777, 0), path, fs::read_link(&full)?)?;
                }
                Kind::File => {
                    let file = File::open(&full)?;
                    let mode = if entry.stat()?.st_mode & 0o111 == 0 { 0o644 } else { 0o755 };
                    let size = file.metadata()?.len();
                    tar.append_data(&mut header(tar::EntryType::Regular, mode, size), path, file.take(size))?;
                }
                Kind::Other => {
                    return Err(io::Error::other(format!("{} is a device, a pipe or a socket", full.display())));
                }
            }
            Ok(Next::Go)
        })?;
        tar.into_inner()?.finish()?.flush()
    }

    /// Takes an artifact in that was packed, unless it is there.
    ///
    /// # Errors
    /// When it does not have this digest, holds what no artifact may, or the disk fails.
    pub fn unpack(&self, digest: &str, archive: &Path) -> Result<(), Error> {
        if self.artifact(digest).is_some() {
            return Ok(());
        }
        let failed = || Error::failed(format!("take in the artifact {digest}"));
        let limits = Settings::default();
        let scratch = tempfile::Builder::new().prefix(".restoring-").tempdir_in(self.folder()).map_err(failed())?;
        let folder = source::unpack(
            archive,
            &scratch.path().join("in"),
            limits.max_artifact_bytes,
            limits.max_files,
            || Ok(()),
        )?;
        let (found, _) = self.put(&folder, limits.max_artifact_bytes, limits.max_files, || Ok(()))?;
        match found == digest {
            true => Ok(()),
            false => Err(Error::Refused(format!("{} is not the artifact {digest}: it was changed", archive.display()))),
        }
    }

    /// Takes a bundle in, unless it is there.
    ///
    /// # Errors
    /// When it does not have this digest, or the disk fails.
    pub fn take_bundle(&self, digest: &str, file: &Path) -> Result<(), Error> {
        if self.bundle(digest).is_some() {
            return Ok(());
        }
        let failed = || Error::failed(format!("take in the bundle {digest}"));
        let mut from = File::open(file).map_err(failed())?;
        let mut to = tempfile::Builder::new().prefix(".restoring-").tempfile_in(self.bundles()).map_err(failed())?;
        let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE]);
        loop {
            let read = from.read(&mut piece).map_err(failed())?;
            if read == 0 {
                break;
            }
            hash.update(&piece[..read]);
            to.write_all(&piece[..read]).map_err(failed())?;
        }
        let found = format!("sha256:{}", hex::encode(hash.finalize()));
        let Some(name) = name_of(digest).filter(|_| found == digest) else {
            return Err(Error::Refused(format!("{} is not the bundle {digest}: it was changed", file.display())));
        };
        to.as_file().sync_all().map_err(failed())?;
        to.persist(self.bundles().join(name)).map_err(|error| failed()(error.error))?;
        Ok(())
    }

    /// The digests of all artifacts and of all bundles.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn all(&self) -> io::Result<(Vec<String>, Vec<String>)> {
        let digests = |folder: &Path| {
            let names = fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            let digests = names.map(|name| format!("sha256:{name}")).filter(|digest| name_of(digest).is_some());
            let mut digests: Vec<_> = digests.collect();
            digests.sort_unstable();
            io::Result::Ok(digests)
        };
        Ok((digests(self.folder())?, digests(self.bundles())?))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::builder::files;

    #[test]
    fn an_artifact_comes_back_as_it_was_and_a_changed_one_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let [here, there] = ["here", "there"].map(|name| Artifacts::new(&data.path().join(name)).unwrap());
        let folder = data.path().join("folder");
        fs::create_dir_all(folder.join("only/empty")).unwrap();
        fs::write(folder.join("only/run.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(folder.join("only/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        let long = "x".repeat(200);
        fs::write(folder.join("only").join(&long), "long").unwrap();
        symlink("run.sh", folder.join("only/link")).unwrap();
        let (digest, _) = here.put(&folder, 1 << 20, 100, || Ok(())).unwrap();
        let archive = data.path().join("packed.tar.gz");
        here.pack(&digest, File::create(&archive).unwrap()).unwrap();
        there.unpack(&digest, &archive).unwrap();
        let back = there.artifact(&digest).unwrap();
        assert!(back.join("only/empty").is_dir() && back.join("only").join(&long).is_file());
        assert_eq!(fs::read_link(back.join("only/link")).unwrap(), Path::new("run.sh"));
        assert_eq!(here.all().unwrap(), there.all().unwrap());
        let other = format!("sha256:{}", "0".repeat(64));
        assert!(there.unpack(&other, &archive).unwrap_err().to_string().contains("was changed"));
        assert!(there.artifact(&other).is_none());
        for artifacts in [here, there] {
            files::remove(&artifacts.artifact(&digest).unwrap()).unwrap();
        }
    }
}
