//! The admin password shared by all servers on a database: its hash is in the database, and each server's `admin.json`
//! is a copy. If the file is newer than the database, the password was reset on that server, and the file wins.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{keys, password};
use crate::clock;
use crate::store::{self, Store};

/// The name of the value in the database.
const NAME: &str = "admin";

/// How often a server checks whether the password was changed, here or elsewhere.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why the password cannot be shared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder.
    #[error(transparent)]
    File(#[from] keys::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The stored form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Shared {
    /// The file's content.
    file: String,
    /// When it was written, in milliseconds since 1970.
    at: u64,
}

/// Takes over the other servers' password, or gives them this server's, whichever is newer. Returns whether this
/// server's
/// password has changed.
///
/// # Errors
/// When the data folder or the database fails.
pub async fn share_password(data_dir: &Path, store: &Store) -> Result<bool, Error> {
    let path = data_dir.join(password::FILE);
    let known = store.common(NAME).await?.and_then(|text| serde_json::from_str::<Shared>(&text).ok());
    let own = match std::fs::read_to_string(&path) {
        Ok(file) => Some(Shared { file, at: written_at(&path) }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(source) => return Err(keys::Error::Io { what: "read", path, source }.into()),
    };
    match (known, own) {
        // The very first server generates the password, and publishes it afterwards.
        (None, None) => {}
        (Some(known), Some(own)) if known.file == own.file => {}
        (Some(known), Some(own)) if own.at > known.at => store.set_common(NAME, &text(&own)).await?,
        (Some(known), _) => return take(&path, &known),
        (None, Some(own)) => {
            let own = Shared { at: u64::try_from(clock::now().timestamp_millis()).unwrap_or(own.at), ..own };
            let agreed = store.agree(NAME, &text(&own)).await?;
            if let Some(agreed) = serde_json::from_str::<Shared>(&agreed).ok().filter(|agreed| agreed.file != own.file)
            {
                return take(&path, &agreed);
            }
        }
    }
    Ok(false)
}

fn take(path: &Path, shared: &Shared) -> Result<bool, Error> {
    tracing::info!("the admin's password is that of the other servers on this database");
    keys::write_private(path, shared.file.as_bytes())?;
    Ok(true)
}

/// Keeps the password in sync, for ever.
pub async fn keep_sharing(data_dir: std::path::PathBuf, store: Store) {
    loop {
        if let Err(error) = share_password(&data_dir, &store).await {
            tracing::debug!(%error, "the admin's password is not compared with that of the other servers");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn text(shared: &Shared) -> String {
    serde_json::to_string(shared).expect("texts and numbers serialise")
}

fn written_at(path: &Path) -> u64 {
    let written = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let since = written.and_then(|written| written.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or_default()
}
