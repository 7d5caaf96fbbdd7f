//! The verbs that work on the log alone. None of them makes a log where there is none: a mistyped folder would get one.

use std::sync::Arc;

use super::progress::Progress;
use crate::app::{Error, callback_key, data_dir, open_store, open_store_to_read};
use crate::config::Settings;
use crate::ingress::auth;
use crate::store::{self, NODE_LEASE, Report, Store};

/// Faults that a refusal lists.
const LISTED: usize = 10;

/// How long the leases of servers that were killed are waited for: they end by themselves.
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

/// Brings the database to the newest form. Returns what it is, for people.
///
/// # Errors
/// When there is no log, or it cannot be opened.
pub async fn migrate(settings: &Settings) -> Result<String, Error> {
    expect_log(settings)?;
    Ok(open_store(settings).await?.describe())
}

/// Compares the read tables with the log and checks its hash chain. Returns what was checked, and what was found.
///
/// # Errors
/// When there is no log, or it cannot be read.
pub async fn verify(settings: &Settings) -> Result<(String, Report), Error> {
    expect_log(settings)?;
    let store = open_store_to_read(settings).await?;
    let report = audited(&store, "verify", store.verify()).await?;
    Ok((store.describe(), report))
}

/// Makes the read tables from the log. Returns how many records it read.
///
/// # Errors
/// When there is no log, when a server uses it, when the log itself is damaged and `damaged` does not allow that, or when
/// the database fails.
pub async fn rebuild(settings: &Settings, damaged: bool) -> Result<u64, Error> {
    expect_log(settings)?;
    let store = open_store(settings).await?;
    if store.is_shared() {
        refuse_beside_servers(&store).await?;
    }
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

/// Tables that are made while a server writes them would be right, and what that server has in memory would not.
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

/// What callbacks of a namespace are signed with, see [`callback_key`]. No key is made for it.
///
/// # Errors
/// When there is no key, or it cannot be read.
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
