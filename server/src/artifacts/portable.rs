//! Artifacts and bundles as files that can be carried to another server.
//!
//! An artifact is packed as a tar.gz with one folder. Builders unpack it, as they do what strangers send: nothing in it leaves its
//! place, and what does not have the digest that it is named by is refused.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::Error;
use super::folder::{Folder, name_of};
use crate::tree::{self, Bounds, Kind, Next, When};

/// The folder in the tar.gz.
const FOLDER: &str = "artifact";

/// Files are read in pieces of this size.
const PIECE: usize = 64 << 10;

/// Writes an artifact's folder as a tar.gz. Waits for the disk.
///
/// # Errors
/// When the disk fails.
pub fn pack(folder: &Path, to: impl Write) -> io::Result<()> {
    let mut tar = tar::Builder::new(GzEncoder::new(to, Compression::fast()));
    let header = |kind, mode, size| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header
    };
    tar.append_data(&mut header(tar::EntryType::Directory, 0o755, 0), FOLDER, io::empty())?;
    tree::walk(folder, Bounds { entries: u64::MAX, ..Bounds::default() }, When::Before, |entry| {
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

impl Folder {
    /// Takes a bundle in, unless it is there.
    ///
    /// # Errors
    /// When it does not have this digest, or the disk fails.
    pub(super) fn take_bundle(&self, digest: &str, file: &Path) -> Result<(), Error> {
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
    pub(super) fn all(&self) -> io::Result<(Vec<String>, Vec<String>)> {
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
