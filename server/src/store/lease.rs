//! Leases: who does what only one may do, and until when. Knows time as the database has it, not what a lease is for.
//!
//! On PostgreSQL they have connections of their own, and neither the committer nor a slow reader can hold them up.

use std::time::Duration;

use super::batch::Chore;
use super::error::Error;
use super::log::Log;
use super::postgres;
use super::sql::{Db, Value};

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

/// See [`Log::lease`].
pub(super) async fn take(log: &Log, name: &str, holder: &str, ttl: Duration) -> Result<Option<u64>, Error> {
    let ttl = Value::Int(i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX / 4));
    let (name, holder) = (Value::Text(name.into()), Value::Text(holder.into()));
    within(async {
        let db = &log.leases;
        let rows = match db {
            Db::Postgres(..) => db.fetch(&taking(now(db)), &[name, holder, ttl]).await?,
            Db::Sqlite(..) => {
                let sql = taking(now(db));
                if !log.chore(Chore::Beside(sql, vec![name.clone(), holder.clone(), ttl])).await? {
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

/// See [`Log::release`]. The row stays, so that the epoch counts on.
pub(super) async fn release(log: &Log, name: &str, holder: &str) -> Result<(), Error> {
    let sql = "UPDATE leases SET until = 0 WHERE name = $1 AND holder = $2";
    let values = vec![Value::Text(name.into()), Value::Text(holder.into())];
    within(async {
        match &log.leases {
            Db::Postgres(..) => log.leases.fetch(sql, &values).await.map(|_| ()),
            Db::Sqlite(..) => log.chore(Chore::Beside(sql.into(), values)).await.map(|_| ()),
        }
    })
    .await
}

/// See [`Log::holders`].
pub(super) async fn holders(log: &Log, prefix: &str) -> Result<Vec<(String, String)>, Error> {
    let db = &log.leases;
    let sql = format!(
        "SELECT name, holder FROM leases WHERE substr(name, 1, length($1)) = $1 AND until > {} ORDER BY name",
        now(db)
    );
    let rows = within(db.fetch(&sql, &[Value::Text(prefix.into())])).await?;
    let held = |row: &super::sql::Row| {
        let mut cells = row.cells();
        Ok((cells.text()?, cells.text()?))
    };
    rows.iter().map(held).collect()
}

/// The database's clock, in microseconds.
pub(super) fn now(db: &Db) -> &'static str {
    match db {
        Db::Postgres(..) => postgres::NOW,
        Db::Sqlite(..) => super::sqlite::NOW,
    }
}

pub(super) async fn within<T>(doing: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = || Error::Unavailable(format!("the database did not answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, doing).await.unwrap_or_else(|_| Err(late()))
}
