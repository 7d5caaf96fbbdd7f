//! The key of the log's seals: random, created once, and sealed under the server's key. The server's key can thus be
//! changed without invalidating the seals.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::error::Error;
use super::{Cipher, Vault, bound_to, key, own_key, unseal};
use crate::config::SecretKey;
use crate::store::{LogKeyRow, SealKey, SecretRow, Store};

/// The context that the sealed key is bound to: a row with a different beginning of sealing cannot be opened.
fn bound(since: u64, made_at: DateTime<Utc>) -> Vec<u8> {
    // No namespace has an empty name, so this cannot be a secret's value.
    bound_to("", &format!("log key since {since} at {}", made_at.timestamp_micros()))
}

fn open(cipher: &Cipher, row: &LogKeyRow) -> Result<SealKey, Error> {
    let opened = cipher.open(&row.sealed, &bound(row.since, row.made_at));
    let bytes = opened.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    let other = || Error::OtherLogKey { key_id: row.sealed.key_id.clone(), own: cipher.key_id.clone() };
    bytes.map(SealKey::new).ok_or_else(other)
}

fn seal(cipher: &Cipher, key: &SealKey, since: u64, made_at: DateTime<Utc>) -> LogKeyRow {
    LogKeyRow { sealed: cipher.seal(key.bytes(), &bound(since, made_at)), since, made_at }
}

impl Vault {
    /// The key of the log's seals, created if there is none.
    ///
    /// # Errors
    /// If it was sealed under a key other than this server's, or the log is not available.
    pub async fn key_of_seals(&self, now: DateTime<Utc>) -> Result<SealKey, Error> {
        let store = &self.inner.store;
        let row = match store.log_key().await? {
            Some(row) => row,
            None => {
                let (key, since) = (SealKey::new(key::random()), store.head().await?);
                // Truncated to the precision of the database.
                let now = DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now);
                store.keep_log_key(seal(&self.inner.cipher, &key, since, now)).await?
            }
        };
        open(&self.inner.cipher, &row)
    }
}

/// The key of the log's seals, for verification only: opened with this key or with the one in the data folder. `None`
/// if the log is not sealed, or if there is no key.
///
/// # Errors
/// If it was sealed under a different key, or the log is not available.
pub async fn key_of_seals(own: Option<&SecretKey>, data_dir: &Path, store: &Store) -> Result<Option<SealKey>, Error> {
    let Some(row) = store.log_key().await? else { return Ok(None) };
    own_key(own, data_dir)?.map(|own| open(&Cipher::new(&own), &row)).transpose()
}

/// What was sealed again under a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Number of secrets.
    pub secrets: usize,
    /// Whether the key of the log's seals was.
    pub log_key: bool,
}

/// Seals everything that was sealed under the old key again under the new one, in one transaction. Idempotent.
///
/// # Errors
/// If something was sealed under neither of the two, or the log is not available.
pub async fn change_key(old: &SecretKey, new: &SecretKey, store: &Store) -> Result<Changed, Error> {
    let (old, new) = (Cipher::new(old), Cipher::new(new));
    let mut secrets: Vec<SecretRow> = Vec::new();
    for info in store.secret_infos(None).await? {
        for row in store.secrets(&info.namespace, &[info.name]).await? {
            if row.sealed.as_ref().is_none_or(|sealed| sealed.key_id == new.key_id) {
                continue;
            }
            let (namespace, name, set_at) = (row.namespace.clone(), row.name.clone(), row.set_at);
            let value = unseal(&old, row)?.value;
            let sealed = Some(new.seal(value.as_bytes(), &bound_to(&namespace, &name)));
            secrets.push(SecretRow { namespace, name, sealed, set_at });
        }
    }
    let row = store.log_key().await?;
    let changed =
        Changed { secrets: secrets.len(), log_key: row.as_ref().is_some_and(|row| row.sealed.key_id != new.key_id) };
    let log_key = match row {
        Some(row) if row.sealed.key_id != new.key_id => {
            let key = open(&old, &row)?;
            Some(seal(&new, &key, row.since, row.made_at))
        }
        row => row,
    };
    if changed.log_key || changed.secrets > 0 {
        store.change_keys(log_key, secrets).await?;
    }
    Ok(changed)
}
