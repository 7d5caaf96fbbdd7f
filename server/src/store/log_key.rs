//! The key of the log's seals, as it is stored: itself sealed under the servers' key, which may be changed without it.

use chrono::{DateTime, Utc};

use super::batch::Chore;
use super::error::Error;
use super::log::Log;
use super::sql::{Db, Row, Value};
use super::tables::{Sealed, SecretRow};

/// The key of the seals as it is stored: itself sealed under the servers' key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKeyRow {
    /// The key, sealed.
    pub sealed: Sealed,
    /// Where the log was when the key was made.
    pub since: u64,
    /// When that was.
    pub made_at: DateTime<Utc>,
}

impl LogKeyRow {
    pub(super) const SELECT: &str = "SELECT key_id, nonce, sealed, since, made_at FROM log_key WHERE one = 1";

    pub(super) fn read(row: &Row) -> Result<Self, Error> {
        let mut cells = row.cells();
        let sealed = Sealed { key_id: cells.text()?, nonce: cells.bytes()?.to_vec(), bytes: cells.bytes()?.to_vec() };
        Ok(Self { sealed, since: cells.number()?, made_at: cells.time()? })
    }

    fn insert(self) -> (&'static str, Vec<Value>) {
        let text = "INSERT INTO log_key (one, key_id, nonce, sealed, since, made_at) VALUES (1, $1, $2, $3, $4, $5)
                    ON CONFLICT (one) DO NOTHING";
        let values = vec![
            Value::Text(self.sealed.key_id),
            Value::Bytes(self.sealed.nonce),
            Value::Bytes(self.sealed.bytes),
            Value::Int(self.since.cast_signed()),
            Value::Int(self.made_at.timestamp_micros()),
        ];
        (text, values)
    }
}

/// See [`Log::log_key`].
pub(super) async fn read(db: &Db) -> Result<Option<LogKeyRow>, Error> {
    Ok(db.select(LogKeyRow::SELECT, &[], LogKeyRow::read).await?.pop())
}

/// See [`Log::keep_log_key`].
pub(super) async fn keep(log: &Log, row: LogKeyRow) -> Result<LogKeyRow, Error> {
    let (text, values) = row.insert();
    match &log.inner.db {
        db @ Db::Postgres(..) => _ = db.execute(text, &values).await?,
        Db::Sqlite(..) => _ = log.chore(Chore::Beside(text.into(), values)).await?,
    }
    read(&log.inner.db).await?.ok_or_else(|| Error::Unavailable("the key of the seals was removed meanwhile".into()))
}

/// See [`Log::change_keys`]. One transaction: a crash leaves the old keys.
pub(super) async fn change(db: &Db, log_key: Option<LogKeyRow>, secrets: &[SecretRow]) -> Result<(), Error> {
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
