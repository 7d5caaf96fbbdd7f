//! A cache of the objects that earlier builds of a function fetched, so that the next one only fetches changes.
//!
//! A fetch uses these objects read-only: the sandbox sees them but cannot write any. New ones are added after the build
//! has its files, and count once the record names them. Before use, everything is compared with the record byte by
//! byte: whatever a killed build, a full disk or a broken one has left is discarded as a whole and fetched again. A
//! cache belongs to one function and one address.
//!
//! Knows files and what they should be, not what is in them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::names::is_id;
use crate::builder::files;

/// Bytes that are kept of a function's repository. A function that needs more fetches all of it for each build.
pub(super) const MAX_KEPT_BYTES: u64 = 256 << 20;

/// Packs that are kept: a build adds two at most. With more of them, all are thrown away, and the next build fetches one again.
const MAX_KEPT_PACKS: usize = 40;

/// Commits of earlier builds that are offered to a server: the last ones.
const MAX_KEPT_COMMITS: usize = 8;

/// Bytes of a record.
const MAX_RECORD_BYTES: u64 = 64 << 10;

/// Which version of this program can read it.
const FORMAT: u32 = 1;

/// The endings of what is kept of a pack.
const ENDINGS: [&str; 3] = ["pack", "idx", "promisor"];

/// The objects, while one build uses them.
#[derive(Debug)]
pub(super) struct CachedRepository {
    folder: PathBuf,
    record: Record,
    _lock: File,
}

/// The expected contents.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    format: u32,
    url: String,
    /// Oldest first.
    commits: Vec<String>,
    /// By name.
    files: BTreeMap<String, Seal>,
}

/// The identity of a file when it was stored.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seal {
    bytes: u64,
    sha256: String,
}

impl CachedRepository {
    /// Opens what is kept in a folder of the function's own; `None` while another build has it. What is not exactly as it was
    /// recorded, or of another address, goes.
    pub(super) fn open(
        folder: &Path,
        url: &str,
        mut go_on: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Option<Self>> {
        fs::create_dir_all(folder)?;
        let lock = File::create(folder.join("lock"))?;
        if lock.try_lock().is_err() {
            return Ok(None);
        }
        let empty = Record { format: FORMAT, url: url.to_owned(), ..Record::default() };
        let mut kept = Self { folder: folder.to_owned(), record: empty, _lock: lock };
        match kept.recorded(&mut go_on) {
            Ok(Some(record)) if record.url == kept.record.url => kept.record = record,
            Ok(_) => kept.clear()?,
            Err(error) => {
                go_on()?;
                tracing::warn!(folder = %folder.display(), %error, "what was kept of a repository is broken: it is thrown away");
                kept.clear()?;
            }
        }
        kept.sweep()?;
        Ok(Some(kept))
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.record.files.is_empty() || self.record.commits.is_empty()
    }

    /// The commits whose folders are there.
    pub(super) fn commits(&self) -> &[String] {
        &self.record.commits
    }

    /// The folder that Git borrows from.
    pub(super) fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }

    /// Takes what was fetched for a commit out of a folder that nobody writes any more. With `instead`, nothing of what was there
    /// before is left. Nothing is kept of what is more than may be.
    pub(super) fn keep(&mut self, fetched: &Path, commit: &str, instead: bool) -> io::Result<()> {
        if instead {
            self.clear()?;
        }
        if !is_id(commit) {
            return Ok(());
        }
        let mut bytes: u64 = self.record.files.values().map(|seal| seal.bytes).sum();
        let mut new = Vec::new();
        for entry in fs::read_dir(fetched)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // By what it is, not by what it leads to.
            let meta = fs::symlink_metadata(entry.path())?;
            if meta.is_file() && is_pack_file(&name) && !self.record.files.contains_key(&name) {
                bytes = bytes.saturating_add(meta.len());
                new.push((name, entry.path()));
            }
        }
        let packs = self.record.files.keys().chain(new.iter().map(|(name, _)| name));
        if bytes > MAX_KEPT_BYTES || packs.filter(|name| name.ends_with(".pack")).count() > MAX_KEPT_PACKS {
            return self.clear();
        }
        self.make_packs()?;
        for (name, from) in new {
            let to = self.packs().join(&name);
            if fs::rename(&from, &to).is_err() {
                fs::copy(&from, &to)?;
            }
            fs::set_permissions(&to, fs::Permissions::from_mode(0o444))?;
            self.record.files.insert(name, seal(&to, || Ok(()))?);
        }
        self.record.commits.retain(|known| known != commit);
        self.record.commits.push(commit.to_owned());
        let surplus = self.record.commits.len().saturating_sub(MAX_KEPT_COMMITS);
        self.record.commits.drain(..surplus);
        let text = serde_json::to_vec(&self.record).map_err(io::Error::other)?;
        let new = self.folder.join("record.new");
        fs::write(&new, text)?;
        fs::rename(new, self.folder.join("record"))
    }

    /// The record, when everything is as it says; `None` when there is none.
    fn recorded(&self, go_on: &mut impl FnMut() -> io::Result<()>) -> io::Result<Option<Record>> {
        let file = match File::open(self.folder.join("record")) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        file.take(MAX_RECORD_BYTES).read_to_end(&mut text)?;
        let record: Record = serde_json::from_slice(&text)?;
        let fits = record.format == FORMAT
            && record.commits.iter().all(|commit| is_id(commit))
            && record.files.keys().all(|name| is_pack_file(name));
        if !fits {
            return Err(io::Error::other("its record is none of this version's"));
        }
        for (name, expected) in &record.files {
            if seal(&self.packs().join(name), &mut *go_on)? != *expected {
                return Err(io::Error::other(format!("{name} is not what was recorded")));
            }
        }
        Ok(Some(record))
    }

    /// Removes what the record does not name: a build was killed before it could.
    fn sweep(&self) -> io::Result<()> {
        self.make_packs()?;
        let entries = fs::read_dir(self.packs())?.flatten();
        let unknown = entries.filter(|entry| !self.record.files.contains_key(&*entry.file_name().to_string_lossy()));
        unknown.into_iter().try_for_each(|entry| files::remove(&entry.path()))
    }

    fn clear(&mut self) -> io::Result<()> {
        self.record.commits.clear();
        self.record.files.clear();
        // First of all it counts no more.
        files::remove(&self.folder.join("record"))?;
        files::remove(&self.objects())?;
        self.make_packs()
    }

    /// The folders, open to whoever Git runs as, whatever the server's own files are by default.
    fn make_packs(&self) -> io::Result<()> {
        fs::create_dir_all(self.packs())?;
        let open = |folder| fs::set_permissions(folder, fs::Permissions::from_mode(0o755));
        open(self.objects()).and_then(|()| open(self.packs()))
    }

    fn packs(&self) -> PathBuf {
        self.objects().join("pack")
    }
}

/// `pack-ID.pack` and what comes with it.
fn is_pack_file(name: &str) -> bool {
    let parts = name.strip_prefix("pack-").and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(id, ending)| is_id(id) && ENDINGS.contains(&ending))
}

fn seal(path: &Path, mut go_on: impl FnMut() -> io::Result<()>) -> io::Result<Seal> {
    let mut file = File::open(path)?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 256 << 10]);
    loop {
        go_on()?;
        match file.read(&mut buffer)? {
            0 => return Ok(Seal { bytes, sha256: hex::encode(hash.finalize()) }),
            count => {
                hash.update(&buffer[..count]);
                bytes += count as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://host/a";

    fn id(digit: char) -> String {
        digit.to_string().repeat(40)
    }

    fn open(folder: &Path, url: &str) -> Option<CachedRepository> {
        CachedRepository::open(folder, url, || Ok(())).unwrap()
    }

    /// A build has fetched a pack of so many bytes.
    fn fetched(root: &Path, digit: char, bytes: usize) -> PathBuf {
        let folder = root.join(format!("fetched-{digit}"));
        fs::create_dir_all(&folder).unwrap();
        for ending in ENDINGS {
            fs::write(folder.join(format!("pack-{}.{ending}", id(digit))), vec![digit as u8; bytes]).unwrap();
        }
        folder
    }

    #[test]
    fn what_was_kept_is_there_for_the_same_address_and_for_no_other() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("kept");
        let mut kept = open(&folder, URL).unwrap();
        assert!(kept.is_empty());
        kept.keep(&fetched(root.path(), 'a', 10), &id('1'), false).unwrap();
        kept.keep(&fetched(root.path(), 'b', 10), &id('2'), false).unwrap();
        assert!(open(&folder, URL).is_none(), "two builds have it");
        drop(kept);
        let kept = open(&folder, URL).unwrap();
        assert_eq!(kept.commits(), [id('1'), id('2')]);
        assert_eq!(fs::read_dir(kept.packs()).unwrap().count(), 6);
        drop(kept);
        let kept = open(&folder, "https://host/b").unwrap();
        assert!(kept.is_empty() && fs::read_dir(kept.packs()).unwrap().count() == 0);
    }

    #[test]
    fn what_is_not_as_it_was_recorded_goes_as_a_whole() {
        type Harm = fn(&Path);
        let harms: [(&str, Harm); 6] = [
            ("a byte is another one", |folder| {
                let path = folder.join(format!("objects/pack/pack-{}.pack", "a".repeat(40)));
                fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
                let mut bytes = fs::read(&path).unwrap();
                bytes[3] ^= 1;
                fs::write(&path, bytes).unwrap();
            }),
            ("a file is gone", |folder| {
                fs::remove_file(folder.join(format!("objects/pack/pack-{}.idx", "a".repeat(40)))).unwrap();
            }),
            ("the record is cut off", |folder| {
                let text = fs::read(folder.join("record")).unwrap();
                fs::write(folder.join("record"), &text[..text.len() / 2]).unwrap();
            }),
            ("the record is of a later version", |folder| {
                let text = fs::read_to_string(folder.join("record")).unwrap();
                fs::write(folder.join("record"), text.replace("\"format\":1", "\"format\":2")).unwrap();
            }),
            ("the record names a file elsewhere", |folder| {
                let text = fs::read_to_string(folder.join("record")).unwrap();
                let name = format!("pack-{}.idx", "a".repeat(40));
                fs::write(folder.join("record"), text.replace(&name, "../../../etc/passwd")).unwrap();
            }),
            ("the record was never written", |folder| fs::remove_file(folder.join("record")).unwrap()),
        ];
        for (what, harm) in harms {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join("kept");
            open(&folder, URL).unwrap().keep(&fetched(root.path(), 'a', 10), &id('1'), false).unwrap();
            harm(&folder);
            let kept = open(&folder, URL).unwrap();
            assert!(kept.is_empty(), "{what}");
            assert_eq!(fs::read_dir(kept.packs()).unwrap().count(), 0, "{what}");
        }
    }

    #[test]
    fn what_a_killed_build_left_is_removed_and_the_rest_stays() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("kept");
        open(&folder, URL).unwrap().keep(&fetched(root.path(), 'a', 10), &id('1'), false).unwrap();
        fs::write(folder.join(format!("objects/pack/pack-{}.pack", id('b'))), "half").unwrap();
        let kept = open(&folder, URL).unwrap();
        assert_eq!(kept.commits(), [id('1')]);
        assert_eq!(fs::read_dir(kept.packs()).unwrap().count(), 3);
    }

    #[test]
    fn links_and_other_names_are_not_taken() {
        let root = tempfile::tempdir().unwrap();
        let fetched = fetched(root.path(), 'a', 10);
        std::os::unix::fs::symlink("/etc/passwd", fetched.join(format!("pack-{}.pack", id('c')))).unwrap();
        fs::write(fetched.join("pack-x.pack"), "").unwrap();
        fs::write(fetched.join("config"), "").unwrap();
        let mut kept = open(&root.path().join("kept"), URL).unwrap();
        kept.keep(&fetched, &id('1'), false).unwrap();
        assert_eq!(kept.record.files.len(), 3);
        assert_eq!(fs::read_dir(kept.packs()).unwrap().count(), 3);
    }

    #[test]
    fn what_is_kept_has_limits() {
        let root = tempfile::tempdir().unwrap();
        let mut kept = open(&root.path().join("kept"), URL).unwrap();
        let folder = fetched(root.path(), 'a', 10);
        let sparse = File::options().write(true).open(folder.join(format!("pack-{}.pack", id('a')))).unwrap();
        sparse.set_len(MAX_KEPT_BYTES).unwrap();
        kept.keep(&folder, &id('1'), false).unwrap();
        assert!(kept.is_empty());
        let digits = "0123456789abcdef";
        let many = root.path().join("many");
        fs::create_dir(&many).unwrap();
        for number in 0..=MAX_KEPT_PACKS {
            fs::write(many.join(format!("pack-{number:040}.pack")), "x").unwrap();
        }
        kept.keep(&many, &id('1'), false).unwrap();
        assert!(kept.is_empty());
        for digit in digits.chars() {
            kept.keep(&fetched(root.path(), digit, 1), &id(digit), false).unwrap();
        }
        assert_eq!(kept.commits().len(), MAX_KEPT_COMMITS);
        assert_eq!(kept.commits().last(), Some(&id('f')));
        kept.keep(&fetched(root.path(), 'a', 1), &id('9'), true).unwrap();
        assert_eq!((kept.commits(), kept.record.files.len()), ([id('9')].as_slice(), 3));
    }
}
