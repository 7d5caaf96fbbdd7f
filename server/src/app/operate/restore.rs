//! Restores a backup into an empty data folder and an empty database, possibly of the other kind.
//!
//! Everything is verified before anything is written, and the log is written last: until then a failed restore can be
//! repeated, and no server finds a log without its artifacts.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::GzDecoder;

use zeroize::Zeroizing;

use super::backup::bare;
use super::manifest::{LOG, Manifest};
use super::progress::Progress;
use super::{keys, log};
use crate::app::{Error, data_dir};
use crate::artifacts::{Artifacts, Room};
use crate::builder::restored;
use crate::config::Settings;
use crate::store::portable::Target;
use crate::vault;

/// Provides the passphrase; called only if the backup contains keys.
pub type Passphrase<'p> = &'p (dyn Fn() -> Result<Option<Zeroizing<String>>, String> + Sync);

/// Restores everything. Returns a summary.
///
/// # Errors
/// If the backup is incomplete, the passphrase is wrong, a log already exists, or something cannot be written.
pub async fn restore(settings: &Settings, folder: &Path, passphrase: Passphrase<'_>) -> Result<String, Error> {
    let manifest = Manifest::read(folder)?;
    let read = Arc::new(AtomicU64::new(0));
    let watched = read.clone();
    let progress = Progress::of("check", "bytes", manifest.bytes(folder), move || watched.load(Ordering::Relaxed));
    manifest.check(folder, &read)?;
    drop(progress);
    let passphrase = match manifest.files.contains_key(keys::LOCKED) {
        true => passphrase().map_err(Error::Start)?,
        false => None,
    };
    let files = passphrase.map(|passphrase| keys::unlock(&folder.join(keys::LOCKED), &passphrase)).transpose()?;
    data_dir::secure(&settings.data_dir)
        .map_err(|e| Error::start(format_args!("cannot use the data folder {}", settings.data_dir.display()), e))?;
    keys::check(&manifest.keys, settings, files.as_ref())?;
    let target = Target::open(settings.database_url.as_deref(), &settings.data_dir).await?;

    artifacts(settings, folder, &manifest).await?;
    if let Some(files) = &files {
        keys::restore(files, &settings.data_dir)?;
    }
    let description = target.describe().to_owned();
    let copied = Arc::new(AtomicU64::new(0));
    let watched = copied.clone();
    let progress = Progress::of("log", "rows", manifest.rows, move || watched.load(Ordering::Relaxed));
    let file = File::open(folder.join(LOG)).map_err(|error| Error::start("cannot open the backup's log", error))?;
    let mut lines = BufReader::new(GzDecoder::new(BufReader::new(file)));
    let head = target.restore(&mut lines, &copied).await?;
    drop(progress);
    let (_, report) = log::verify(settings, &[]).await?;
    let mut text = format!(
        "Restored {} rows up to position {} into {description}, {} artifacts and {} bundles, made at {} of {}.",
        manifest.rows,
        head.position,
        manifest.artifacts.len(),
        manifest.bundles.len(),
        manifest.made_at.to_rfc3339(),
        manifest.of,
    );
    text.push_str(&match report.faults.len() {
        0 => format!(
            "\nEverything fits: {} records and {} rows of the read tables were checked.",
            report.events, report.rows
        ),
        faults => format!("\n{faults} faults were in the log when it was backed up: `eventflow verify` lists them."),
    });
    match &files {
        Some(files) => text.push_str(&format!("\nKeys: {}.", files.keys().cloned().collect::<Vec<_>>().join(", "))),
        None => text.push_str("\nNo keys were restored: the first start makes new ones, unless settings name them."),
    }
    let own = vault::key_name(settings.secret_key.as_ref(), &settings.data_dir).ok().flatten();
    if own != manifest.keys.secret_key {
        text.push_str("\nSecrets were sealed under another key than the one that is here: they have to be set again.");
    }
    Ok(text)
}

async fn artifacts(settings: &Settings, folder: &Path, manifest: &Manifest) -> Result<(), Error> {
    let failed = |what: &str, error: &dyn std::fmt::Display| Error::start(format_args!("cannot restore {what}"), error);
    let place = settings.artifacts_dir.as_ref().unwrap_or(&settings.data_dir);
    std::fs::create_dir_all(place).map_err(|error| failed("artifacts", &error))?;
    let store = Artifacts::open(place, Room::default()).map_err(|error| failed("artifacts", &error))?;
    let done = Arc::new(AtomicU64::new(0));
    let watched = done.clone();
    let total = (manifest.artifacts.len() + manifest.bundles.len()) as u64;
    let _progress = Progress::of("artifacts", "files", total, move || watched.load(Ordering::Relaxed));
    for digest in &manifest.artifacts {
        let archive = folder.join(format!("artifacts/{}.tar.gz", bare(digest)));
        restored::take_in(&store, digest, &archive).await.map_err(|error| failed(digest, &error))?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    for digest in &manifest.bundles {
        let file = folder.join("bundles").join(bare(digest));
        store.take_bundle(digest, file).await.map_err(|error| failed(digest, &error))?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
