//! All artifacts and bundles, wherever they are kept.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use super::blocking::blocking;
use super::cache::Cache;
use super::folder::Folder;
use super::stock::Room;
use super::{Error, Files};

/// What an artifact may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of all its files.
    pub max_bytes: u64,
    /// Files, folders and links.
    pub max_files: usize,
}

/// All artifacts and bundles. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Artifacts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: Folder,
    /// Copies that are used instead of the folder's own.
    cache: Option<Cache>,
    #[cfg(test)]
    pretended: Option<super::testing::Pretended>,
}

impl Artifacts {
    /// Keeps them below a folder, which several servers may share, no more than there is room for, and uses them there. Waits for
    /// the disk.
    ///
    /// # Errors
    /// [`Error::Failed`] when the folder cannot be written.
    pub fn open(folder: &Path, room: Room) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            folder: Folder::new(folder, room)?,
            cache: None,
            #[cfg(test)]
            pretended: None,
        })))
    }

    /// As [`Self::open`]; what is used is copied below `copies` before, which is this server's own. The copies take `most` bytes
    /// together, beside those in use.
    ///
    /// # Errors
    /// [`Error::Failed`] when a folder cannot be written.
    pub fn open_with_cache(folder: &Path, room: Room, copies: &Path, most: u64) -> Result<Self, Error> {
        let unusable = || Error::failed(format!("use the folder {}", copies.display()));
        let cache = Some(Cache::open(copies, most).map_err(unusable())?);
        Ok(Self(Arc::new(Inner {
            folder: Folder::new(folder, room)?,
            cache,
            #[cfg(test)]
            pretended: None,
        })))
    }

    /// All artifacts are there, but for some, and none of them has files.
    #[cfg(test)]
    pub(crate) fn pretended(pretended: super::testing::Pretended) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let folder = Folder::new(folder.path(), Room::default()).expect("it can be written");
        Self(Arc::new(Inner { folder, cache: None, pretended: Some(pretended) }))
    }

    /// Names what they are kept in: servers that share it find the same name.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub async fn identity(&self) -> io::Result<String> {
        self.folder(|folder| folder.identity()).await
    }

    /// Whether they are of a database. What was nobody's is from now on, and everything in it counts as needed until now.
    ///
    /// # Errors
    /// When they cannot be read or written.
    pub async fn belong_to(&self, database: &str) -> io::Result<bool> {
        let database = database.to_owned();
        self.folder(move |folder| folder.belong_to(&database)).await
    }

    /// A folder of this host. What is put together below it is taken in by [`Self::put`] without being copied.
    pub fn porch(&self) -> &Path {
        self.0.folder.folder()
    }

    /// Takes a folder of this host in, which is gone then. Returns its digest and its size in bytes. A folder with the same
    /// content is kept once. `go_on` is asked again and again, and ends the work with an error.
    ///
    /// # Errors
    /// [`Error::Refused`] for content that must not be in an artifact: links that leave it, devices, too much of it.
    /// [`Error::Failed`] when the disk fails.
    pub async fn put(
        &self,
        built: PathBuf,
        limits: Limits,
        go_on: impl FnMut() -> io::Result<()> + Send + 'static,
    ) -> Result<(String, u64), Error> {
        self.folder(move |folder| folder.put(&built, limits.max_bytes, limits.max_files, go_on)).await
    }

    /// Whether there is such an artifact.
    pub async fn has(&self, digest: &str) -> bool {
        #[cfg(test)]
        if let Some(pretended) = &self.0.pretended {
            return pretended.has(digest);
        }
        let digest = digest.to_owned();
        self.folder(move |folder| io::Result::Ok(folder.artifact(&digest).is_some())).await.unwrap_or(false)
    }

    /// The unpacked, read-only folder of an artifact, to be used as long as it is held; `None` when there is none of that digest.
    ///
    /// # Errors
    /// [`Error::Failed`] when it cannot be fetched.
    pub async fn get(&self, digest: &str) -> Result<Option<Files>, Error> {
        #[cfg(test)]
        if let Some(pretended) = &self.0.pretended {
            return Ok(pretended.get(digest));
        }
        let wanted = digest.to_owned();
        match &self.0.cache {
            Some(cache) => {
                let fetch = |to: PathBuf| self.folder(move |folder| folder.copy_artifact(&wanted, &to));
                Ok(cache.get(digest, fetch).await?.map(Files::copied))
            }
            None => {
                let found = self.folder(move |folder| Result::<_, Error>::Ok(folder.artifact(&wanted))).await?;
                Ok(found.map(Files::in_place))
            }
        }
    }

    /// The file of a bundle; `None` when there is none of that digest.
    pub async fn bundle(&self, digest: &str) -> Option<PathBuf> {
        let digest = digest.to_owned();
        self.folder(move |folder| io::Result::Ok(folder.bundle(&digest))).await.ok().flatten()
    }

    /// Keeps an archive, safe when this returns, and returns its digest.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is larger than [`MAX_BUNDLE_BYTES`](super::MAX_BUNDLE_BYTES), breaks off, or is neither a zip nor
    /// a tar.gz. [`Error::Failed`] when the disk fails, or when there is no [room](Room): see [`Error::is_full`].
    pub async fn put_bundle<E: std::fmt::Display>(
        &self,
        stream: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<String, Error> {
        self.0.folder.put_bundle(stream).await
    }

    /// Takes a bundle in, unless it is there.
    ///
    /// # Errors
    /// When it does not have this digest, or the disk fails.
    pub async fn take_bundle(&self, digest: &str, file: PathBuf) -> Result<(), Error> {
        let digest = digest.to_owned();
        self.folder(move |folder| folder.take_bundle(&digest, &file)).await
    }

    /// The digests of all artifacts and of all bundles.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn all(&self) -> io::Result<(Vec<String>, Vec<String>)> {
        self.folder(|folder| folder.all()).await
    }

    /// Returns when something was refused because there was no room.
    pub async fn room_is_wanted(&self) {
        self.0.folder.room_is_wanted().await;
    }

    /// Removes the artifacts and bundles that are not among these and have not been needed for so long; and, where little room is
    /// left, those that have not been needed for longest. Returns how many went.
    ///
    /// # Errors
    /// When they cannot be listed. What cannot be removed is logged, and tried again next time.
    pub async fn remove_unneeded(
        &self,
        artifacts: HashSet<String>,
        bundles: HashSet<String>,
        kept: Duration,
    ) -> io::Result<u64> {
        self.folder(move |folder| folder.remove_unneeded(&artifacts, &bundles, kept)).await
    }

    #[cfg(test)]
    pub(super) fn has_copy(&self, digest: &str) -> bool {
        self.0.cache.as_ref().is_some_and(|cache| cache.has(digest))
    }

    /// Does what waits for the disk.
    async fn folder<T, E>(&self, work: impl FnOnce(&Folder) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<io::Error> + Send + 'static,
    {
        let folder = self.0.folder.clone();
        blocking(move || work(&folder)).await
    }
}
