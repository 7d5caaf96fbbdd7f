//! Entries of a folder that come in, and go, as a whole: by a rename.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::builder::files;

/// What a killed server left half written is removed after this.
const LEFTOVER: Duration = Duration::from_secs(24 * 3600);

/// The name of what is half written or half removed begins with this.
pub(super) const INCOMING: &str = ".incoming-";

/// Removes all entries of a folder but those that were used last, and what was left half written long ago.
pub(super) fn keep_newest(folder: &Path, count: usize) -> io::Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let Ok(used) = entry.metadata().and_then(|meta| meta.modified()) else {
            continue;
        };
        match entry.file_name().to_string_lossy().starts_with(INCOMING) {
            true if used.elapsed().is_ok_and(|age| age > LEFTOVER) => files::remove(&entry.path())?,
            true => {}
            false => entries.push((used, entry.path())),
        }
    }
    entries.sort();
    let surplus = entries.len().saturating_sub(count);
    for (_, path) in &entries[..surplus] {
        // Out of sight first: nobody may begin to copy half an entry.
        files::remove(&set_aside(path, folder)?)?;
    }
    Ok(())
}

/// Takes an entry out of sight.
pub(super) fn set_aside(path: &Path, folder: &Path) -> io::Result<PathBuf> {
    let leaving = folder.join(format!("{INCOMING}{}", Uuid::new_v4().simple()));
    fs::rename(path, &leaving)?;
    Ok(leaving)
}

/// A name for what follows from `parts`.
pub(in crate::builder) fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}
