//! Leases: the exclusive right to a task until a given time. Uses the database's clock; does not know what a lease is
//! for.
//!
//! On PostgreSQL they have their own connections, so that neither the committer nor a slow reader can delay them.

use std::time::Duration;

use super::batch::Chore;
use super::error::Error;
use super::log::Log;
use super::postgres;
use super::sql::{Db, Row, Value};
use super::sqlite;

/// The lease of the server that leads.
pub const LEADER_LEASE: &str = "leader";

/// What the name of each server's own lease begins with.
pub const NODE_LEASE: &str = "node-";

/// Begins the name of the lease by which a server tells the others which keys and folders it has; its holder says that.
pub const KEYS_LEASE: &str = "keys:";

/// No answer takes longer: whoever asks for a lease must know soon that it is not held.
const PATIENCE: Duration = Duration::from_secs(3);

/// Takes or renews, in one statement: the epoch counts up unless the holder is still the same.
fn taking(now: &str) -> String {
    format!(
        "INSERT INTO leases (name, holder, epoch, until) VALUES ($1, $2, 1, {now} + $3)
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until,
         epoch = leases.epoch + CASE WHEN leases.holder = excluded.holder AND leases.until > {now} THEN 0 ELSE 1 END
         WHERE leases.holder = excluded.holder OR leases.until <= {now} RETURNING epoch"
    )
}

impl Log {
    /// Takes a lease, or renews it: the epoch when it is held until `ttl` from now, `None` when another holds it. The
    /// epoch counts up when the holder changes and when a lease that had expired is taken again. Time is the database's.
    /// Holders are told apart by name alone: let it name one process's life. It fails within seconds when the database
    /// is away, and then nobody knows whether the lease was renewed.
    pub async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<Option<u64>, Error> {
        self.commits()?;
        let ttl = Value::Int(i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX / 4));
        let (name, holder) = (Value::Text(name.into()), Value::Text(holder.into()));
        within(async {
            let db = &self.leases;
            let rows = match db {
                Db::Postgres(..) => db.fetch(&taking(now(db)), &[name, holder, ttl]).await?,
                Db::Sqlite(..) => {
                    let sql = taking(now(db));
                    if !self.chore(Chore::Beside(sql, vec![name.clone(), holder.clone(), ttl])).await? {
                        return Ok(None);
                    }
                    // Another of this server's tasks may have it already, if the time was very short.
                    db.fetch("SELECT epoch FROM leases WHERE name = $1 AND holder = $2", &[name, holder]).await?
                }
            };
            rows.first().map(|row| row.cells().number()).transpose()
        })
        .await
    }

    /// Gives a lease back; nothing happens when the holder does not hold it.
    /// The row stays, so that the epoch counts on.
    pub async fn release(&self, name: &str, holder: &str) -> Result<(), Error> {
        self.commits()?;
        let sql = "UPDATE leases SET until = 0 WHERE name = $1 AND holder = $2";
        let values = vec![Value::Text(name.into()), Value::Text(holder.into())];
        within(async {
            match &self.leases {
                Db::Postgres(..) => self.leases.fetch(sql, &values).await.map(|_| ()),
                Db::Sqlite(..) => self.chore(Chore::Beside(sql.into(), values)).await.map(|_| ()),
            }
        })
        .await
    }

    /// Leases that have not expired and whose names begin with `prefix`, with their holders, by name.
    pub async fn holders(&self, prefix: &str) -> Result<Vec<(String, String)>, Error> {
        let db = &self.leases;
        let sql = format!(
            "SELECT name, holder FROM leases WHERE substr(name, 1, length($1)) = $1 AND until > {} ORDER BY name",
            now(db)
        );
        let rows = within(db.fetch(&sql, &[Value::Text(prefix.into())])).await?;
        let held = |row: &Row| {
            let mut cells = row.cells();
            Ok((cells.text()?, cells.text()?))
        };
        rows.iter().map(held).collect()
    }
}

/// The database's clock, in microseconds.
pub(super) fn now(db: &Db) -> &'static str {
    match db {
        Db::Postgres(..) => postgres::NOW,
        Db::Sqlite(..) => sqlite::NOW,
    }
}

pub(super) async fn within<T>(doing: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = || Error::Unavailable(format!("the database did not answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, doing).await.unwrap_or_else(|_| Err(late()))
}
