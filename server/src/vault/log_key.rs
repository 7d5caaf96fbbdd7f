//! The key of the log's seals: random, made once, and itself sealed under the servers' key. So that key can be changed, and
//! what was sealed stays proved.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::error::Error;
use super::{Cipher, Vault, bound_to, key, own_key, unseal};
use crate::config::SecretKey;
use crate::store::{LogKeyRow, SealKey, SecretRow, Store};

/// What the sealed key is bound to: a row that says something else of when sealing began does not open.
fn bound(since: u64, made_at: DateTime<Utc>) -> Vec<u8> {
    // No namespace has an empty name: it is not the value of a secret.
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
    /// The key of the log's seals, which is made when there is none.
    ///
    /// # Errors
    /// When it was sealed under another key than this server's, or the log is away.
    pub async fn key_of_seals(&self, now: DateTime<Utc>) -> Result<SealKey, Error> {
        let store = &self.inner.store;
        let row = match store.log_key().await? {
            Some(row) => row,
            None => {
                let (key, since) = (SealKey::new(key::random()), store.head().await?);
                // As precise as it is stored.
                let now = DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now);
                store.keep_log_key(seal(&self.inner.cipher, &key, since, now)).await?
            }
        };
        open(&self.inner.cipher, &row)
    }
}

/// The key of the log's seals, for who only looks at them: under this key, or under the one in the data folder. `None` when
/// the log is not sealed, or when there is no key here at all.
///
/// # Errors
/// When it was sealed under another key, or the log is away.
pub async fn key_of_seals(own: Option<&SecretKey>, data_dir: &Path, store: &Store) -> Result<Option<SealKey>, Error> {
    let Some(row) = store.log_key().await? else { return Ok(None) };
    own_key(own, data_dir)?.map(|own| open(&Cipher::new(&own), &row)).transpose()
}

/// What was sealed under another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Secrets.
    pub secrets: usize,
    /// Whether the key of the log's seals was.
    pub log_key: bool,
}

/// Seals everything under a new key that was sealed under the old one, all or nothing. Doing it twice is doing it once.
///
/// # Errors
/// When something was sealed under neither of them, or the log is away.
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
