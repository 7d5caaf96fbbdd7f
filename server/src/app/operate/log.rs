//! Commands that work on the log alone. None of them creates a log: a mistyped folder would get one.

use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::progress::Progress;
use crate::app::{Error, callback_key, data_dir, open_store, open_store_to_read};
use crate::config::{SecretKey, Settings};
use crate::dispatch::sealing;
use crate::edge::auth;
use crate::store::{self, Anchor, NODE_LEASE, Proof, Report, Store};
use crate::vault;

/// Maximum number of faults listed in an error.
const LISTED: usize = 10;

/// How long to wait for the leases of killed servers to expire.
const LEASES: std::time::Duration = std::time::Duration::from_secs(8);

/// Refuses a data folder without a log. A database has one as soon as it is migrated.
pub(super) fn expect_log(settings: &Settings) -> Result<(), Error> {
    data_dir::check_owner(&settings.data_dir)
        .map_err(|e| Error::start(format_args!("cannot use the data folder {}", settings.data_dir.display()), e))?;
    if settings.database_url.is_some() || store::is_in(&settings.data_dir) {
        return Ok(());
    }
    let folder = settings.data_dir.display();
    Err(Error::Start(format!(
        "there is no event log in the data folder {folder}: name the right one with --data-dir or EVENTFLOW_DATA_DIR; \
         `eventflow serve` makes a new one"
    )))
}

/// Migrates the database to the latest schema. Returns a description of it.
///
/// # Errors
/// If there is no log, or it cannot be opened.
pub async fn migrate(settings: &Settings) -> Result<String, Error> {
    expect_log(settings)?;
    Ok(open_store(settings).await?.describe())
}

/// Compares the read tables with the log, and verifies its hash chain and seals. Returns what was checked and what was
/// found.
///
/// # Errors
/// If there is no log, or it cannot be read.
pub async fn verify(settings: &Settings, anchors: &[Anchor]) -> Result<(String, Report), Error> {
    expect_log(settings)?;
    // The anchor is read first: the records that it covers are stored before it is.
    let kept = sealing::read_anchor(&settings.data_dir).map_err(Error::Start)?;
    let anchors: Vec<_> = anchors.iter().copied().chain(kept).collect();
    let store = open_store_to_read(settings).await?;
    let key = vault::key_of_seals(settings.secret_key.as_ref(), &settings.data_dir, &store).await;
    let unknown = match key {
        Ok(key) => {
            key.into_iter().for_each(|key| store.seal_with(key));
            None
        }
        Err(error @ vault::Error::OtherLogKey { .. }) => Some(error.to_string()),
        Err(error) => return Err(Error::start("cannot open the key of the log's seals", error)),
    };
    let mut report = audited(&store, "verify", store.verify_against(&anchors)).await?;
    if let (Proof::Nothing(why), Some(unknown)) = (&mut report.proof, unknown) {
        *why = unknown;
    }
    Ok((store.describe(), report))
}

/// Seals everything that was sealed under the key in a file again under the key of the settings. Returns a summary.
///
/// # Errors
/// If a server is using the log, a key is missing or wrong, or the database fails.
pub async fn change_key(settings: &Settings, old: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(old).map(Zeroizing::new);
    let text = text.map_err(|e| Error::start(format_args!("cannot read the old key from {}", old.display()), e))?;
    let old = SecretKey::read(&text).ok_or_else(|| {
        Error::Start(format!(
            "{} holds no key: it must be 32 bytes as 64 hexadecimal digits or in base64",
            old.display()
        ))
    })?;
    let new = vault::own_key(settings.secret_key.as_ref(), &settings.data_dir);
    let new = new.map_err(|e| Error::start("cannot read the new key", e))?.ok_or_else(|| {
        Error::Start(
            "there is no new key: set EVENTFLOW_SECRET_KEY, or put it into secret.key of the data folder".into(),
        )
    })?;
    let store = open_alone(settings).await?;
    let changed = vault::change_key(&old, &new, &store).await.map_err(|e| Error::start("nothing was changed", e))?;
    let log = if changed.log_key { " and the key of the log's seals" } else { "" };
    Ok(format!("{} secrets{log} are sealed under the new key now.", changed.secrets))
}

/// Discards the key of the log's seals, and all seals. Returns a summary.
///
/// # Errors
/// If a server is using the log, or the database fails.
pub async fn forget_seals(settings: &Settings) -> Result<String, Error> {
    let store = open_alone(settings).await?;
    let newest = store.newest_seal().await?;
    store.change_keys(None, Vec::new()).await?;
    let forgotten = sealing::forget_anchor(&settings.data_dir);
    forgotten.map_err(|e| Error::start("cannot remove the file `anchor` from the data folder", e))?;
    Ok(match newest {
        Some(newest) => format!(
            "The seals up to {} are given up: what the log holds now is sealed as it is by the next server that starts. \
             Remove the file `anchor` from the data folders of the other servers.",
            newest.anchor
        ),
        None => "There were no seals.".to_owned(),
    })
}

/// Opens the log for a change that must not be concurrent with a server.
async fn open_alone(settings: &Settings) -> Result<Store, Error> {
    expect_log(settings)?;
    let store = open_store(settings).await?;
    if store.is_shared() {
        refuse_beside_servers(&store).await?;
    }
    Ok(store)
}

/// Rebuilds the read tables from the log. Returns the number of records read.
///
/// # Errors
/// If there is no log, a server is using it, the log itself is damaged and `damaged` is not set, or the database fails.
pub async fn rebuild(settings: &Settings, damaged: bool) -> Result<u64, Error> {
    let store = open_alone(settings).await?;
    let report = audited(&store, "verify", store.verify()).await?;
    if report.log_faults > 0 && !damaged {
        let mut text = format!(
            "the log itself is damaged in {} places, so that tables made from it would be wrong. Restore a backup, or \
             rebuild all the same with --damaged:",
            report.log_faults
        );
        for fault in report.faults.iter().take(LISTED) {
            text.push_str("\n  ");
            text.push_str(fault);
        }
        return Err(Error::Start(text));
    }
    audited(&store, "rebuild", store.rebuild()).await
}

/// The tables would be right even if a server were writing meanwhile, but what that server has in memory would not.
async fn refuse_beside_servers(store: &Store) -> Result<(), Error> {
    let deadline = tokio::time::Instant::now() + LEASES;
    loop {
        let servers = store.holders(NODE_LEASE).await?;
        if servers.is_empty() {
            return Ok(());
        }
        if tokio::time::Instant::now() >= deadline {
            let names: Vec<_> = servers.into_iter().map(|(_, node)| node).collect();
            return Err(Error::Start(format!(
                "servers use this database: {}. Stop them first; readers would see old and new tables mixed",
                names.join(", ")
            )));
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

async fn audited<T>(
    store: &Store,
    what: &'static str,
    work: impl Future<Output = Result<T, store::Error>>,
) -> Result<T, Error> {
    let total = store.head().await?;
    let stats = store.stats();
    stats.audited().store(0, std::sync::atomic::Ordering::Relaxed);
    let watched = Arc::clone(&stats);
    let progress =
        Progress::of(what, "records", total, move || watched.audited().load(std::sync::atomic::Ordering::Relaxed));
    let done = work.await;
    drop(progress);
    Ok(done?)
}

/// The key that signs a namespace's callbacks, see [`callback_key`]. Does not create a key.
///
/// # Errors
/// If there is no key, or it cannot be read.
pub fn callback_secret(settings: &Settings, namespace: &str) -> Result<String, Error> {
    if !auth::has_server_key(settings) {
        let folder = settings.data_dir.display();
        return Err(Error::Start(format!(
            "there is no key in the data folder {folder}, and JWT_SECRET is not set: name the right folder with \
             --data-dir or EVENTFLOW_DATA_DIR; the first start of a server makes the key"
        )));
    }
    callback_key(settings, namespace)
}
