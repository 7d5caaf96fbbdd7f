//! Artifacts and bundles in a folder, each under the digest of its content. What is there is whole: it comes in by a rename.
//!
//! Knows files and digests; knows nothing of functions.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use domain::text;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};

use super::archive::{self, MAGIC_BYTES};
use super::blocking::blocking;
use super::stock::{Room, Stock, size_of};
use super::{Error, digest};
use crate::tree::{self, Bounds, Kind, Next, When};

/// A larger bundle is refused.
pub const MAX_BUNDLE_BYTES: u64 = 50 * 1024 * 1024;

/// Begins the name of a bundle that is still coming in.
pub(super) const INCOMING: &str = ".incoming-";

/// Names the folder.
const IDENTITY: &str = "artifacts.id";

/// A folder with artifacts and bundles. Cloning it is cheap. Most of what it does waits for the disk.
#[derive(Debug, Clone)]
pub(super) struct Folder(Arc<Folders>);

#[derive(Debug)]
struct Folders {
    artifacts: Stock,
    bundles: Stock,
}

impl Folder {
    /// Keeps them below `data_dir`, no more than there is room for.
    ///
    /// # Errors
    /// [`Error::Failed`] when the folders cannot be made.
    pub(super) fn new(data_dir: &Path, room: Room) -> Result<Self, Error> {
        let folders = Folders {
            artifacts: Stock::artifacts(data_dir.join("artifacts"), room.artifacts),
            bundles: Stock::bundles(data_dir.join("bundles"), room.bundles),
        };
        for folder in [&folders.artifacts.folder, &folders.bundles.folder] {
            fs::create_dir_all(folder).map_err(Error::failed(format!("make the folder {}", folder.display())))?;
        }
        Ok(Self(Arc::new(folders)))
    }

    /// Names the folder: servers that share it find the same name. Made where there is none.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub(super) fn identity(&self) -> io::Result<String> {
        let root = self.folder().parent().unwrap_or(self.folder());
        let path = root.join(IDENTITY);
        for _ in 0..2 {
            match fs::read_to_string(&path) {
                Ok(name) => return Ok(name.trim().to_owned()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            // Written whole, and only if no other server was faster.
            let mut file = tempfile::NamedTempFile::new_in(root)?;
            writeln!(file, "{}", uuid::Uuid::new_v4().simple())?;
            match file.persist_noclobber(&path) {
                Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => return Err(error.error),
                _ => {}
            }
        }
        fs::read_to_string(&path).map(|name| name.trim().to_owned())
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0.artifacts.folder
    }

    pub(super) fn bundles(&self) -> &Path {
        &self.0.bundles.folder
    }

    /// Both of them: artifacts, then bundles.
    pub(super) fn stocks(&self) -> [&Stock; 2] {
        [&self.0.artifacts, &self.0.bundles]
    }

    /// Returns when something was refused because there was no room.
    pub(super) async fn room_is_wanted(&self) {
        let [artifacts, bundles] = self.stocks();
        tokio::select! {
            () = artifacts.wanted.notified() => {}
            () = bundles.wanted.notified() => {}
        }
    }

    /// The unpacked, read-only folder of an artifact; `None` when there is none of that digest.
    pub(super) fn artifact(&self, digest: &str) -> Option<PathBuf> {
        let path = self.folder().join(name_of(digest)?);
        path.is_dir().then_some(path)
    }

    /// Takes the folder in, by moving it: it must be on the data folder's disk. Returns its digest and its size in bytes.
    /// A folder with the same content is kept once.
    ///
    /// # Errors
    /// [`Error::Refused`] for content that must not be in an artifact: links that leave it, devices, too much of it.
    /// [`Error::Failed`] when the disk fails.
    pub(super) fn put(
        &self,
        folder: &Path,
        max_bytes: u64,
        max_files: usize,
        mut go_on: impl FnMut() -> io::Result<()>,
    ) -> Result<(String, u64), Error> {
        let failed = || Error::failed("keep what was built");
        tree::remove(&folder.join(".git")).map_err(failed())?;
        let summary = digest::of(folder, max_bytes, max_files, &mut go_on)?;
        let name = name_of(&summary.digest).expect("the digest was just made");
        let target = self.folder().join(name);
        if mark_needed(&target).map_err(failed())? {
            return Ok((summary.digest, summary.size));
        }
        self.0.artifacts.look().map_err(failed())?;
        let mut coming = self.0.artifacts.begin();
        coming.take(size_of(folder).map_err(failed())?).map_err(|full| failed()(io::Error::other(full)))?;
        freeze(folder, &mut go_on).map_err(failed())?;
        // One barrier for all its files: one for each of some ten thousand takes minutes on a slow disk.
        let handle = File::open(folder).map_err(failed())?;
        nix::unistd::syncfs(&handle).map_err(|error| failed()(error.into()))?;
        match fs::rename(folder, &target) {
            Ok(()) => {}
            // Another build was faster, with the same content.
            Err(_) if mark_needed(&target).map_err(failed())? => return Ok((summary.digest, summary.size)),
            Err(error) => return Err(failed()(error)),
        }
        fs::set_permissions(&target, fs::Permissions::from_mode(0o555)).map_err(failed())?;
        sync_folder(self.folder()).map_err(failed())?;
        coming.keep(name);
        Ok((summary.digest, summary.size))
    }

    /// Copies an artifact to where nothing is; `false` when there is none of that digest.
    pub(super) fn copy_artifact(&self, digest: &str, to: &Path) -> io::Result<bool> {
        let Some(path) = self.artifact(digest) else { return Ok(false) };
        match tree::copy(&path, to, || Ok(())) {
            // Nothing needed it any more, and it went meanwhile.
            Err(_) if !path.is_dir() => Ok(false),
            copied => copied.map(|()| true),
        }
    }

    /// The file of a bundle; `None` when there is none of that digest.
    pub(super) fn bundle(&self, digest: &str) -> Option<PathBuf> {
        let path = self.bundles().join(name_of(digest)?);
        path.is_file().then_some(path)
    }

    /// Keeps an archive, on disk when this returns, and returns its digest.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is larger than [`MAX_BUNDLE_BYTES`], breaks off, or is neither a zip nor a tar.gz.
    /// [`Error::Failed`] when the disk fails, or when there is no [room](Room): see [`Error::is_full`].
    pub(super) async fn put_bundle<E: std::fmt::Display>(
        &self,
        stream: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<String, Error> {
        let failed = || Error::failed("keep the bundle");
        let folders = self.0.clone();
        let file = blocking(move || {
            folders.bundles.look()?;
            tempfile::Builder::new().prefix(INCOMING).tempfile_in(&folders.bundles.folder)
        });
        let mut file = file.await.map_err(failed())?;
        let mut coming = self.0.bundles.begin();
        let mut hash = Sha256::new();
        let mut size = 0;
        let mut magic = Vec::new();
        let mut stream = std::pin::pin!(stream);
        while let Some(piece) = stream.next().await {
            let piece = piece
                .map_err(|error| Error::Refused(format!("the bundle's upload broke off: {error}; send it again")))?;
            size += piece.len() as u64;
            if size > MAX_BUNDLE_BYTES {
                let limit = text::bytes(MAX_BUNDLE_BYTES);
                return Err(Error::Refused(format!(
                    "the bundle is larger than {limit}; leave out what can be installed (node_modules, .python)"
                )));
            }
            coming.take(piece.len() as u64).map_err(|full| failed()(io::Error::other(full)))?;
            magic.extend(piece.iter().take(MAGIC_BYTES.saturating_sub(magic.len())));
            let written = blocking(move || {
                hash.update(&piece);
                file.write_all(&piece).map(|()| (file, hash))
            });
            (file, hash) = written.await.map_err(failed())?;
        }
        archive::form(&magic)?;
        let digest = format!("sha256:{}", hex::encode(hash.finalize()));
        let name = name_of(&digest).expect("the digest was just made");
        let target = self.bundles().join(name);
        let folders = self.0.clone();
        blocking(move || {
            file.as_file().sync_all()?;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o444))?;
            file.persist(&target).map_err(|error| error.error)?;
            sync_folder(&folders.bundles.folder)
        })
        .await
        .map_err(failed())?;
        coming.keep(name);
        Ok(digest)
    }
}

/// The name on disk of what has that digest. A stranger's text is a name only when it is exactly a digest.
pub(super) fn name_of(digest: &str) -> Option<&str> {
    let hex = digest.strip_prefix("sha256:")?;
    (hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))).then_some(hex)
}

/// Marks something as needed now; `false` when it is gone.
pub(super) fn mark_needed(path: &Path) -> io::Result<bool> {
    match File::open(path).and_then(|file| file.set_modified(SystemTime::now())) {
        // A sweep may have moved it away between the two.
        Ok(()) => path.try_exists(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes the right to write from everybody, below the folder; the folder itself stays writable, to be moved.
pub(super) fn freeze(folder: &Path, mut go_on: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    tree::walk(folder, Bounds::default(), When::After, |entry| {
        go_on()?;
        if entry.kind != Kind::Link {
            let executable = entry.kind == Kind::Folder || entry.stat()?.st_mode & 0o111 != 0;
            entry.set_mode(if executable { 0o555 } else { 0o444 })?;
        }
        Ok(Next::Go)
    })?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn store() -> (tempfile::TempDir, Folder) {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Folder::new(data.path(), Room::default()).unwrap();
        (data, artifacts)
    }

    fn put(artifacts: &Folder, folder: &Path) -> Result<(String, u64), Error> {
        artifacts.put(folder, 1000, 10, || Ok(()))
    }

    fn pieces(pieces: Vec<&'static [u8]>) -> impl Stream<Item = Result<Bytes, io::Error>> {
        stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from_static(piece))))
    }

    #[test]
    fn an_artifact_is_read_only_and_kept_once() {
        let (data, artifacts) = store();
        let mut digests = Vec::new();
        for name in ["one", "two"] {
            let folder = data.path().join(name);
            fs::create_dir_all(folder.join("sub/.git")).unwrap();
            fs::create_dir_all(folder.join(".git")).unwrap();
            fs::write(folder.join("sub/f"), "x").unwrap();
            digests.push(put(&artifacts, &folder).unwrap().0);
        }
        assert_eq!(digests[0], digests[1]);
        let path = artifacts.artifact(&digests[0]).unwrap();
        assert!(!path.join(".git").exists());
        for (inner, mode) in [("", 0o555), ("sub", 0o555), ("sub/f", 0o444)] {
            assert_eq!(fs::metadata(path.join(inner)).unwrap().permissions().mode() & 0o777, mode, "{inner}");
        }
        assert_eq!(fs::read_dir(data.path().join("artifacts")).unwrap().count(), 1);
        tree::remove(&path).unwrap();
    }

    #[test]
    fn a_digest_that_is_a_path_names_nothing() {
        let (data, artifacts) = store();
        fs::create_dir(data.path().join("x")).unwrap();
        for digest in ["../x", "sha256:../x", "sha256:", "", &format!("sha256:{}", "A".repeat(64))] {
            assert_eq!(artifacts.artifact(digest), None);
            assert_eq!(artifacts.bundle(digest), None);
        }
    }

    #[tokio::test]
    async fn a_bundle_is_found_under_its_digest() {
        let (_data, artifacts) = store();
        let digest = artifacts.put_bundle(pieces(vec![b"PK", b"\x03\x04rest"])).await.unwrap();
        let again = artifacts.put_bundle(pieces(vec![b"PK\x03\x04rest"])).await.unwrap();
        assert_eq!(digest, again);
        assert_eq!(fs::read(artifacts.bundle(&digest).unwrap()).unwrap(), b"PK\x03\x04rest");
    }

    #[tokio::test]
    async fn more_bundles_and_artifacts_than_there_is_room_for_are_refused() {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Folder::new(data.path(), Room { bundles: 20_000, artifacts: 30_000 }).unwrap();
        let bundle =
            |first: u8| stream::iter([Ok::<_, io::Error>(Bytes::from([b"PK\x03\x04", &[first; 9000][..]].concat()))]);
        let kept = artifacts.put_bundle(bundle(1)).await.unwrap();
        let error = artifacts.put_bundle(bundle(2)).await.unwrap_err();
        assert!(error.is_full() && error.to_string().contains("EVENTFLOW_MAX_BUNDLES"), "{error}");
        artifacts.room_is_wanted().await;
        assert!(artifacts.bundle(&kept).is_some());
        assert_eq!(fs::read_dir(artifacts.bundles()).unwrap().count(), 1);
        for (name, fits) in [("one", true), ("two", false)] {
            let folder = data.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join(name), vec![b'1'; 9000]).unwrap();
            let put = artifacts.put(&folder, 1 << 20, 10, || Ok(()));
            assert_eq!(
                put.as_ref().err().map(|error| error.is_full() && !error.is_refused()),
                (!fits).then_some(true),
                "{put:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_archive_breaks_off_or_is_too_large_leaves_nothing_behind() {
        let (data, artifacts) = store();
        let error = artifacts.put_bundle(pieces(vec![b"hello"])).await.unwrap_err();
        assert!(error.to_string().contains("neither a zip nor a tar.gz"), "{error}");
        let broken = stream::iter([Ok(Bytes::from_static(b"PK\x03\x04")), Err("connection reset")]);
        let error = artifacts.put_bundle(broken).await.unwrap_err();
        assert!(error.is_refused() && error.to_string().contains("connection reset"), "{error}");
        let piece = Bytes::from(vec![0u8; 1 << 20]);
        let endless = stream::repeat_with(move || Ok::<_, io::Error>(piece.clone()));
        let error = artifacts.put_bundle(endless).await.unwrap_err();
        assert!(error.to_string().contains("larger than 50 MiB"), "{error}");
        assert_eq!(fs::read_dir(data.path().join("bundles")).unwrap().count(), 0);
    }
}
