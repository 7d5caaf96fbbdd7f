//! Git LFS files, for which a repository contains pointers. If the manifest says so, they are fetched from the
//! repository's own server by the batch API; otherwise the log names them, since a function that reads one would find
//! three lines of text.
//!
//! Neither Git's nor a stranger's programs take part: an answer is JSON, and a file is bytes that are counted and
//! hashed on their way to the disk; see [`server`] and ADR 48.

mod pointer;
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use domain::text::bytes;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::{Git, Remote, Repository};
use crate::builder::scratch::Scratch;
use crate::builder::{Error, files};
use pointer::{Content, Pointer};
use server::Server;

/// Pointers of one repository that are followed.
const MAX_POINTERS: usize = 10_000;

/// Files that are asked for at once; servers take no more.
const BATCH: usize = 100;

/// Files that are fetched side by side.
const AT_ONCE: usize = 4;

/// Files that the log names.
const MAX_NAMED: usize = 10;

impl Git {
    /// Puts files of Git LFS into the place of their pointers when that is wanted, and says which ones stay pointers when it is
    /// not. Returns how many bytes came, which may not be more than `room`.
    pub(super) async fn lfs(
        &self,
        repository: &Repository<'_>,
        folder: &Path,
        is_wanted: bool,
        room: u64,
        scratch: &Scratch,
    ) -> Result<u64, Error> {
        let place = folder.to_owned();
        let find = move |hold: &crate::builder::scratch::Hold| {
            let found = pointer::find(&place, MAX_POINTERS, || hold.go_on());
            found.map_err(Error::failed("look for pointers of Git LFS"))
        };
        let pointers = scratch.block(find).await?;
        if pointers.is_empty() {
            return Ok(0);
        }
        if !is_wanted {
            repository.journal.log(pointers_message(&pointers)).await;
            return Ok(0);
        }
        let url = &repository.url;
        let total = pointers.iter().fold(0_u64, |sum, pointer| sum.saturating_add(pointer.content.size));
        let first = pointers[0].path.display();
        let refused = |why: String| Err(Error::Refused(why));
        if !matches!(repository.remote, Remote::Web { .. }) {
            return refused(format!(
                "`{first}` of {url} is a file of Git LFS, and these are fetched over https alone: register the repository by its https \
                 address, or say \"lfs\": false in the manifest"
            ));
        }
        if pointers.len() > MAX_POINTERS {
            return refused(format!(
                "the folder has more than {MAX_POINTERS} files of Git LFS, which is the limit; name a smaller one"
            ));
        }
        if total > room {
            return refused(format!(
                "the folder's files of Git LFS, of which `{first}` is the first, are {} together, and {} are left to them: with all \
                 other files, at most {} are allowed",
                bytes(total),
                bytes(room),
                bytes(repository.limits.max_bytes)
            ));
        }
        let began = Instant::now();
        let count = pointers.len();
        let store = scratch.path("lfs");
        fs::create_dir_all(&store).map_err(Error::failed("make a folder for files of Git LFS"))?;
        let places = by_content(pointers);
        match timeout_at(repository.deadline, self.fetch(repository, &places, &store)).await {
            Ok(fetched) => fetched?,
            Err(_) => return Err(repository.too_slow()),
        }
        let place = folder.to_owned();
        scratch
            .block(move |_| put(&places, &store, &place).map_err(Error::failed("put files of Git LFS in their place")))
            .await?;
        let files = if count == 1 { "file" } else { "files" };
        let took = began.elapsed().as_millis();
        repository.journal.log(format!("Fetched {count} {files} of Git LFS, {} in {took} ms", bytes(total))).await;
        Ok(total)
    }

    /// Fetches what is wanted into files that are named by their hashes.
    async fn fetch(&self, repository: &Repository<'_>, places: &Places, store: &Path) -> Result<(), Error> {
        let server = Server::new(&self.policy, &self.resolve, repository)?;
        let all: Vec<_> = places.iter().map(|(content, paths)| (content.clone(), paths[0].clone())).collect();
        for batch in all.chunks(BATCH) {
            let objects = server.ask(batch).await?;
            let fetches: Vec<_> = objects.into_iter().map(|object| server.fetch(object, store).boxed()).collect();
            stream::iter(fetches).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        }
        Ok(())
    }
}

/// The paths of each content.
type Places = BTreeMap<Content, Vec<PathBuf>>;

fn by_content(pointers: Vec<Pointer>) -> Places {
    let mut places = Places::new();
    for Pointer { path, content } in pointers {
        places.entry(content).or_default().push(path);
    }
    places
}

/// Replaces pointers by what was fetched. Each gets a file of its own, with the mode that the pointer has.
fn put(places: &Places, store: &Path, folder: &Path) -> io::Result<()> {
    for (content, paths) in places {
        let from = store.join(content.file());
        for (index, path) in paths.iter().enumerate() {
            let name = path.file_name().ok_or_else(|| io::Error::other("a pointer has no name"))?;
            let place = files::real_folder(folder, path.parent().unwrap_or(Path::new("")))?.join(name);
            let executable = fs::symlink_metadata(&place)?.permissions().mode() & 0o111 != 0;
            fs::remove_file(&place)?;
            match index + 1 == paths.len() {
                true => fs::rename(&from, &place)?,
                false => _ = fs::copy(&from, &place)?,
            }
            fs::set_permissions(&place, fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))?;
        }
    }
    Ok(())
}

/// What the log says of pointers that stay.
fn pointers_message(pointers: &[Pointer]) -> String {
    let names: Vec<_> =
        pointers.iter().take(MAX_NAMED).map(|pointer| format!("`{}`", pointer.path.display())).collect();
    let more = match pointers.len() - names.len() {
        0 => String::new(),
        _ if pointers.len() > MAX_POINTERS => " and many more".to_owned(),
        more => format!(" and {more} more"),
    };
    format!("Git LFS files stay pointers: {}{more}; say \"lfs\": true in the manifest to fetch them", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_that_stay_are_named_up_to_a_number() {
        let pointer = |number: usize| Pointer {
            path: format!("f{number}").into(),
            content: Content { oid: "a".repeat(64), size: 1 },
        };
        let of = |count: usize| pointers_message(&(0..count).map(pointer).collect::<Vec<_>>());
        assert_eq!(of(1), "Git LFS files stay pointers: `f0`; say \"lfs\": true in the manifest to fetch them");
        assert!(of(13).contains("`f9` and 3 more; say"), "{}", of(13));
    }

    #[test]
    fn each_pointer_gets_a_file_of_its_own_with_the_mode_that_it_has() {
        let root = tempfile::tempdir().unwrap();
        let (store, folder) = (root.path().join("store"), root.path().join("folder"));
        fs::create_dir_all(folder.join("a")).unwrap();
        fs::create_dir(&store).unwrap();
        let content = Content { oid: "a".repeat(64), size: 3 };
        fs::write(store.join(content.file()), "new").unwrap();
        for (name, mode) in [("a/1", 0o644), ("a/2", 0o755)] {
            fs::write(folder.join(name), "pointer").unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        put(&[(content, vec!["a/1".into(), "a/2".into()])].into(), &store, &folder).unwrap();
        let of = |name: &str| {
            let meta = fs::metadata(folder.join(name)).unwrap();
            let links = std::os::unix::fs::MetadataExt::nlink(&meta);
            (fs::read_to_string(folder.join(name)).unwrap(), meta.permissions().mode() & 0o777, links)
        };
        assert_eq!((of("a/1"), of("a/2")), (("new".into(), 0o644, 1), ("new".into(), 0o755, 1)));
    }
}
