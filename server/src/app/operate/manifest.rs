//! The manifest of a backup: its format, its origin, and the digests of its files.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::keys::KeyInventory;
use crate::app::Error;
use crate::store::portable::Head;

/// The format version that this server writes and reads.
pub(super) const FORMAT: u32 = 1;

/// The manifest's file. Written last: a folder without it is not a complete backup.
pub(super) const FILE: &str = "backup.json";

/// The log's file.
pub(super) const LOG: &str = "log.jsonl.gz";

/// Maximum size of a manifest, in bytes. Each file takes about 170.
const MAX_MANIFEST: u64 = 256 << 20;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub format: u32,
    /// The version of EventFlow that created it.
    pub eventflow: String,
    pub made_at: DateTime<Utc>,
    /// A description of the database it was created from.
    pub of: String,
    pub log: Head,
    /// Number of rows of all tables.
    pub rows: u64,
    pub artifacts: Vec<String>,
    pub bundles: Vec<String>,
    pub keys: KeyInventory,
    /// The SHA-256 of each file in hexadecimal, by its path in the backup.
    pub files: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads the manifest of a backup.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let failed = |why: &dyn std::fmt::Display| {
            Error::Start(format!("{} is not a whole backup: {FILE}: {why}", folder.display()))
        };
        if fs::metadata(&path).map_err(|error| failed(&error))?.len() > MAX_MANIFEST {
            return Err(failed(&"it is too large"));
        }
        let text = fs::read(&path).map_err(|error| failed(&error))?;
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let form: Form = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
        if form.format != FORMAT {
            return Err(failed(&format_args!(
                "its form is {}, this server reads {FORMAT}: use a newer one",
                form.format
            )));
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
        let is_inside = |name: &String| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        match manifest.files.keys().find(|name| !is_inside(name)) {
            Some(name) => Err(failed(&format_args!("`{name}` is not a file of the backup"))),
            None => Ok(manifest),
        }
    }

    /// Compares every file with its digest, adding to `read` the bytes read.
    pub(super) fn check(&self, folder: &Path, read: &AtomicU64) -> Result<(), Error> {
        for (name, digest) in &self.files {
            let found = digest_of(&folder.join(name), read)
                .map_err(|error| Error::start(format_args!("the backup is not whole: {name}"), error))?;
            if found != *digest {
                return Err(Error::Start(format!("the backup is damaged: {name} is not as it was written")));
            }
        }
        Ok(())
    }

    /// The total size of its files, in bytes.
    pub(super) fn bytes(&self, folder: &Path) -> u64 {
        self.files.keys().filter_map(|name| fs::metadata(folder.join(name)).ok()).map(|meta| meta.len()).sum()
    }
}

fn digest_of(file: &Path, read: &AtomicU64) -> io::Result<String> {
    let (mut file, mut hash, mut piece) = (File::open(file)?, Sha256::new(), vec![0; 64 << 10]);
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&piece[..count]);
        read.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// A new file of a backup whose digest is computed while it is written.
pub(super) struct Hashed {
    file: File,
    hash: Sha256,
}

impl Hashed {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Self { file, hash: Sha256::new() })
    }

    /// Syncs the file to disk and returns its digest.
    pub(super) fn finish(self) -> io::Result<String> {
        self.file.sync_all()?;
        Ok(hex::encode(self.hash.finalize()))
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
