//! Seals the log periodically, and keeps the newest seal in the data folder, which somebody who can write to the
//! database may not be able to reach.
//!
//! The leader seals. Each server keeps an anchor of its own and compares it first: a log that does not continue from
//! the anchor was truncated or replaced, and must not be sealed as if it were intact.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::membership::Membership;
use super::tools::Tools;
use crate::clock;
use crate::store::{Anchor, Store, agreement};

/// How often the log is sealed. Newer records may not be sealed yet.
const EVERY: Duration = Duration::from_secs(30);

/// The delay before the first seal of a log, once there is something to seal.
const SOON: Duration = Duration::from_secs(1);

/// The time limit for the last seals when the server ends.
const LAST: Duration = Duration::from_secs(3);

/// The file of the newest seal in the data folder.
const FILE: &str = "anchor";

/// Seals whenever this server leads, until dropped.
pub(super) async fn forever(tools: Tools, membership: Membership) {
    loop {
        let (sealed, fault) = match round(&tools, membership.leads()).await {
            Ok(sealed) => (sealed, None),
            Err(why) => {
                tracing::error!(error = why, "log not sealed");
                (true, Some(why))
            }
        };
        tools.store.stats().set_seal_fault(fault);
        tokio::time::sleep(if sealed { EVERY } else { SOON }).await;
    }
}

/// Returns whether there is a seal.
async fn round(tools: &Tools, leads: bool) -> Result<bool, String> {
    let store = &tools.store;
    if let Some(kept) = read_anchor(&tools.data_dir)?
        && !store.has_anchor(&kept).await.map_err(|error| error.to_string())?
    {
        return Err(format!(
            "the log does not go on from its seal {kept}, which this server has seen: its end was cut off, or an older copy \
             of the database stands in its place. If that was meant, remove the file `{FILE}` from the data folder"
        ));
    }
    // An older server would remove records without updating their seals.
    if !agreement::leave_older_servers(store, agreement::SEALS).await.map_err(|error| error.to_string())? {
        tracing::debug!("sealing starts once all servers on this database run this version or a newer one");
        return Ok(false);
    }
    let key = tools.vault.key_of_seals(clock::now()).await.map_err(|error| error.to_string())?;
    store.seal_with(key);
    if leads {
        while store.seal(clock::now()).await.map_err(|error| error.to_string())? {}
    }
    let newest = store.newest_seal().await.map_err(|error| error.to_string())?;
    if let Some(newest) = &newest {
        tools.metrics.log_sealed.set(i64::try_from(newest.anchor.position).unwrap_or(i64::MAX));
        let kept = keep_anchor(&tools.data_dir, &newest.anchor);
        kept.map_err(|error| format!("the newest seal cannot be kept in the data folder: {error}"))?;
    }
    Ok(newest.is_some())
}

/// Seals the latest records before the server ends.
pub async fn finish(store: &Store, data_dir: &Path) {
    if store.stats().seal_fault().is_some() {
        return;
    }
    let sealing = async {
        while let Ok(true) = store.seal(clock::now()).await {}
        if let Ok(Some(newest)) = store.newest_seal().await
            && let Err(error) = keep_anchor(data_dir, &newest.anchor)
        {
            tracing::debug!(%error, "newest seal not kept; retrying after the next start");
        }
    };
    if tokio::time::timeout(LAST, sealing).await.is_err() {
        tracing::debug!("last records not sealed; retrying after the next start");
    }
}

/// The newest seal that the server with this data folder has seen.
///
/// # Errors
/// If the file cannot be read or is invalid, as a message.
pub fn read_anchor(data_dir: &Path) -> Result<Option<Anchor>, String> {
    let path = data_dir.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => text.parse().map(Some).map_err(|error| format!("{}: {error}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// Removes the anchor.
///
/// # Errors
/// If the file cannot be removed.
pub fn forget_anchor(data_dir: &Path) -> io::Result<()> {
    match std::fs::remove_file(data_dir.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the anchor atomically.
fn keep_anchor(data_dir: &Path, anchor: &Anchor) -> io::Result<()> {
    let new = data_dir.join(format!("{FILE}.new"));
    let mut file = std::fs::File::create(&new)?;
    writeln!(file, "{anchor}")?;
    file.sync_all()?;
    std::fs::rename(new, data_dir.join(FILE))
}
