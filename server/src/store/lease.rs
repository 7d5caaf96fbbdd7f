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

/// The lease of the leading server.
pub const LEADER_LEASE: &str = "leader";

/// The prefix of each server's own lease.
pub const NODE_LEASE: &str = "node-";

/// The prefix of the lease by which a server announces which keys and folders it has; its holder says that.
pub const KEYS_LEASE: &str = "keys:";

/// The longest wait for an answer: a server must notice soon that it does not hold a lease.
const PATIENCE: Duration = Duration::from_secs(3);

/// Takes or renews the lease in one statement; the epoch increases unless the holder is the same.
fn taking(now: &str) -> String {
    format!(
        "INSERT INTO leases (name, holder, epoch, until) VALUES ($1, $2, 1, {now} + $3)
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until,
         epoch = leases.epoch + CASE WHEN leases.holder = excluded.holder AND leases.until > {now} THEN 0 ELSE 1 END
         WHERE leases.holder = excluded.holder OR leases.until <= {now} RETURNING epoch"
    )
}

impl Log {
    /// Takes or renews a lease. Returns the epoch if it is held until `ttl` from now, `None` if somebody else holds it.
    /// The
    /// epoch increases when the holder changes, and when an expired lease is taken again. Times are the database's.
    /// Holders
    /// are distinguished by name only: the name should identify one life of one process. It fails within seconds when
    /// the
    /// database is unavailable; whether the lease was renewed is then unknown.
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
                    // Another task of this server may hold it already, if the time was very short.
                    db.fetch("SELECT epoch FROM leases WHERE name = $1 AND holder = $2", &[name, holder]).await?
                }
            };
            rows.first().map(|row| row.cells().number()).transpose()
        })
        .await
    }

    /// Returns a lease; does nothing if the holder does not hold it.
    /// The row stays, so that the epoch keeps increasing.
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

    /// Unexpired leases whose names start with `prefix`, with their holders, sorted by name.
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

/// An expression for the database's clock, in microseconds.
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
