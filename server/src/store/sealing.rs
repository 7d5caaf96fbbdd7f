//! Seals the log, and stores the key for that.

use chrono::{DateTime, Utc};

use super::batch::Chore;
use super::error::Error;
use super::log::Log;
use super::log_key::LogKeyRow;
use super::seal::{self, Anchor, Seal, SealKey};
use super::sql::{self, Db, On, Row, Value, int};
use super::tables::SecretRow;

impl Log {
    /// The stored key of the seals; `None` if the log is not sealed.
    pub async fn log_key(&self) -> Result<Option<LogKeyRow>, Error> {
        read_log_key(&self.reader.db).await
    }

    /// Stores the key of the seals unless there is one; returns the one in force.
    pub async fn keep_log_key(&self, row: LogKeyRow) -> Result<LogKeyRow, Error> {
        let (text, values) = row.insert();
        match &self.reader.db {
            db @ Db::Postgres(..) => _ = db.execute(text, &values).await?,
            Db::Sqlite(..) => _ = self.chore(Chore::Beside(text.into(), values)).await?,
        }
        read_log_key(&self.reader.db)
            .await?
            .ok_or_else(|| Error::Unavailable("the key of the seals was removed meanwhile".into()))
    }

    /// Stores the key of the seals (`None`: removes it, and every seal) and the secrets, both sealed under another key
    /// now,
    /// all or nothing. No server may be using the log.
    pub async fn change_keys(&self, log_key: Option<LogKeyRow>, secrets: Vec<SecretRow>) -> Result<(), Error> {
        let db = &self.writing().await?;
        let mut conn = db.acquire().await?;
        conn.execute(if matches!(db, Db::Sqlite(..)) { "BEGIN IMMEDIATE" } else { "BEGIN" }, &[]).await?;
        let changed = async {
            conn.execute("DELETE FROM log_key", &[]).await?;
            match log_key {
                Some(row) => {
                    let (text, values) = row.insert();
                    conn.execute(text, &values).await?;
                }
                None => _ = conn.execute("DELETE FROM seals", &[]).await?,
            }
            for row in secrets {
                let Some(sealed) = &row.sealed else { continue };
                let values = [
                    Value::Text(row.namespace.clone()),
                    Value::Text(row.name.clone()),
                    Value::Text(sealed.key_id.clone()),
                    Value::Bytes(sealed.nonce.clone()),
                    Value::Bytes(sealed.bytes.clone()),
                ];
                let text = "UPDATE secrets SET key_id = $3, nonce = $4, sealed = $5 WHERE namespace = $1 AND name = $2";
                conn.execute(text, &values).await?;
            }
            Ok(())
        };
        let changed = changed.await;
        let ended = conn.execute(if changed.is_ok() { "COMMIT" } else { "ROLLBACK" }, &[]).await;
        changed?;
        ended.map(|_| ())
    }

    /// Makes this log seal, and check seals, with this key from now on.
    pub fn seal_with(&self, key: SealKey) {
        let _ = self.seal_key.set(key);
    }

    /// Seals the next segment of the log; false when all of it is sealed or there is no key.
    pub async fn seal(&self, now: DateTime<Utc>) -> Result<bool, Error> {
        let Some(key) = self.seal_key.get() else { return Ok(false) };
        let now = now.timestamp_micros();
        match &self.reader.db {
            Db::Sqlite(..) => self.chore(Chore::Seal(key.clone(), now)).await,
            Db::Postgres(pool, _) => {
                let step = async {
                    let mut transaction = pool.begin().await?;
                    let made = seal::step(&mut On::Postgres(&mut transaction), key, now).await?;
                    transaction.commit().await?;
                    Ok(made.is_some())
                };
                step.await.map_err(sql::unavailable)
            }
        }
    }

    /// The newest seal.
    pub async fn newest_seal(&self) -> Result<Option<Seal>, Error> {
        let sql = "SELECT position, hash, at FROM seals ORDER BY position DESC LIMIT 1";
        Ok(self.reader.select(sql, &[], seal_row).await?.pop())
    }

    /// Whether this was the newest seal at some time, and still exists.
    pub async fn has_anchor(&self, anchor: &Anchor) -> Result<bool, Error> {
        let sql = "SELECT position, hash, at FROM seals WHERE position = $1";
        let found = self.reader.select(sql, &[int(anchor.position)], seal_row).await?;
        Ok(found.iter().any(|seal| seal.anchor == *anchor))
    }

    /// The key to renew seals with when records are removed; `None` if nothing is sealed.
    pub(super) async fn key_of_seals(&self, db: &Db) -> Result<Option<SealKey>, Error> {
        match self.seal_key.get() {
            Some(key) => Ok(Some(key.clone())),
            None if read_log_key(db).await?.is_none() => Ok(None),
            None => Err(Error::Unavailable(
                "the log is sealed with a key that this server cannot open, so nothing is removed from it: set \
                 EVENTFLOW_SECRET_KEY to the one of the other servers, or run `eventflow admin change-key`"
                    .into(),
            )),
        }
    }
}

/// The stored key of the seals.
async fn read_log_key(db: &Db) -> Result<Option<LogKeyRow>, Error> {
    Ok(db.select(LogKeyRow::SELECT, &[], LogKeyRow::read).await?.pop())
}

fn seal_row(row: &Row) -> Result<Seal, Error> {
    let mut cells = row.cells();
    let position = cells.number()?;
    let hash = cells.bytes()?.try_into();
    let hash = hash.map_err(|_| Error::Damaged(format!("the seal at position {position} is not 32 bytes long")))?;
    Ok(Seal { anchor: Anchor { position, hash }, at: cells.time()? })
}
