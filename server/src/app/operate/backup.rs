//! Backups: one consistent state of the log, the artifacts and bundles, and the keys, encrypted separately. Servers may
//! keep running.
//!
//! The log is saved first. An artifact is stored before the log refers to it and never changes, so everything that the
//! saved log refers to still exists when it is copied afterwards.

use std::fs::{self, DirBuilder};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::manifest::{FILE, FORMAT, Hashed, LOG, Manifest};
use super::progress::Progress;
use super::{keys, log};
use crate::app::Error;
use crate::artifacts::{Artifacts, Room, pack};
use crate::clock;
use crate::config::Settings;
use crate::store::portable::Source;
use crate::tree;

/// Writes a backup into a folder that is empty or does not exist. Without a passphrase the keys are left out. Returns a
/// summary.
///
/// # Errors
/// If there is no log, the folder is not empty, or something cannot be read or written.
pub async fn backup(settings: &Settings, folder: &Path, passphrase: Option<&str>) -> Result<String, Error> {
    log::expect_log(settings)?;
    let kept = keys::of(settings)?;
    // The passphrase is checked before hours of work.
    let locked = passphrase.map(|passphrase| keys::lock(&kept, &settings.data_dir, passphrase)).transpose()?;
    let source = Source::open(settings.database_url.as_deref(), &settings.data_dir).await?;
    make(folder).map_err(|error| failed(folder, error))?;
    let (head, of) = (source.head, source.describe().to_owned());
    let mut files = std::collections::BTreeMap::new();

    let copied = Arc::new(AtomicU64::new(0));
    let watched = copied.clone();
    let progress =
        Progress::of("log", "rows", head.position + head.line - head.removed.min(head.position), move || {
            watched.load(Ordering::Relaxed)
        });
    let file = Hashed::create(&folder.join(LOG)).map_err(|error| failed(folder, error))?;
    let mut gz = GzEncoder::new(BufWriter::new(file), Compression::fast());
    let rows = source.copy(&mut gz, &copied).await?;
    let finished = gz.finish().and_then(|buffer| buffer.into_inner().map_err(|error| error.into_error()));
    let digest = finished.and_then(Hashed::finish).map_err(|error| failed(folder, error))?;
    files.insert(LOG.to_owned(), digest);
    drop(progress);

    let place = settings.artifacts_dir.as_ref().unwrap_or(&settings.data_dir);
    let store =
        Artifacts::open(place, Room::default()).map_err(|error| Error::start("cannot open the artifacts", error))?;
    let (artifacts, bundles) = store.all().await.map_err(|error| Error::start("cannot list the artifacts", error))?;
    let done = Arc::new(AtomicU64::new(0));
    let watched = done.clone();
    let total = (artifacts.len() + bundles.len()) as u64;
    let progress = Progress::of("artifacts", "files", total, move || watched.load(Ordering::Relaxed));
    let mut settle = |name: String, written: io::Result<String>, is_there: bool| {
        done.fetch_add(1, Ordering::Relaxed);
        match written {
            Ok(hash) => _ = files.insert(name, hash),
            // The server has removed it meanwhile: nothing needed it.
            Err(_) if !is_there => {
                tree::remove(&folder.join(name)).map_err(|error| failed(folder, error))?;
                return Ok(false);
            }
            Err(error) => return Err(failed(folder, error)),
        }
        Ok(true)
    };
    let (mut taken_artifacts, mut taken_bundles) = (Vec::new(), Vec::new());
    for digest in artifacts {
        let name = format!("artifacts/{}.tar.gz", bare(&digest));
        let written = match store.get(&digest).await {
            Ok(Some(held)) => write(folder, &name, |file| pack(held.path(), BufWriter::new(file))),
            Ok(None) => Err(io::ErrorKind::NotFound.into()),
            Err(error) => Err(io::Error::other(error)),
        };
        let is_there = written.is_ok() || store.has(&digest).await;
        if settle(name, written, is_there)? {
            taken_artifacts.push(digest);
        }
    }
    for digest in bundles {
        let name = format!("bundles/{}", bare(&digest));
        let written = match store.bundle(&digest).await {
            Some(path) => write(folder, &name, |file| io::copy(&mut fs::File::open(path)?, file).map(|_| ())),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        let is_there = written.is_ok() || store.bundle(&digest).await.is_some();
        if settle(name, written, is_there)? {
            taken_bundles.push(digest);
        }
    }
    let (artifacts, bundles) = (taken_artifacts, taken_bundles);
    drop(progress);

    let keys = match &locked {
        Some(locked) => {
            let digest = write(folder, keys::LOCKED, |file| file.write_all(locked)).map_err(|e| failed(folder, e))?;
            files.insert(keys::LOCKED.to_owned(), digest);
            kept
        }
        None => keys::KeyInventory { files: Vec::new(), ..kept },
    };
    let text = summary(folder, &of, rows, &artifacts, &bundles, &keys, locked.is_some());
    let manifest = Manifest {
        format: FORMAT,
        eventflow: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: clock::now(),
        of,
        log: head,
        rows,
        artifacts,
        bundles,
        keys,
        files,
    };
    let json = serde_json::to_vec_pretty(&manifest).expect("texts and numbers serialise");
    write(folder, FILE, |file| file.write_all(&json)).map_err(|error| failed(folder, error))?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(folder, error))?;
    Ok(text)
}

fn failed(folder: &Path, why: impl std::fmt::Display) -> Error {
    Error::start(format_args!("cannot write the backup to {}", folder.display()), why)
}

/// Creates the folder, for its owner only.
fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if fs::read_dir(folder)?.next().is_some() {
        return Err(io::Error::other("it is not empty: each backup has a folder of its own"));
    }
    for inner in ["artifacts", "bundles"] {
        DirBuilder::new().mode(0o700).create(folder.join(inner))?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, content: impl FnOnce(&mut Hashed) -> io::Result<()>) -> io::Result<String> {
    let mut file = Hashed::create(&folder.join(name))?;
    content(&mut file)?;
    file.finish()
}

/// A digest without its algorithm's prefix.
pub(super) fn bare(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

fn summary(
    folder: &Path,
    of: &str,
    rows: u64,
    artifacts: &[String],
    bundles: &[String],
    keys: &keys::KeyInventory,
    with_keys: bool,
) -> String {
    let mut text = format!(
        "Backed up {of} to {}: {rows} rows, {} artifacts, {} bundles.",
        folder.display(),
        artifacts.len(),
        bundles.len()
    );
    match with_keys {
        true => text.push_str(&format!(
            "\n{} of the data folder are in {}, locked with the passphrase: keep both, and not in one place.",
            if keys.files.is_empty() { "No keys".to_owned() } else { keys.files.join(", ") },
            keys::LOCKED
        )),
        false => text.push_str(
            "\nThe keys are not in the backup: without them secrets in it cannot be read, and everybody has to sign in again.",
        ),
    }
    for name in &keys.settings {
        text.push_str(&format!("\n{name} is set, and its value is not in the backup: keep it."));
    }
    text
}
