//! Revocations: sessions that ended before their tokens expire. Knows names and times, not what a session is.
//!
//! They use the connections of leases, so that load does not delay them.

use chrono::{DateTime, Utc};

use super::batch::Chore;
use super::error::Error;
use super::lease::{now, within};
use super::log::Log;
use super::sql::{Db, Row, Value};

impl Log {
    /// Stores that a session has ended, until its token expires. It fails within seconds when the database is
    /// unavailable.
    pub async fn revoke(&self, session: &str, until: DateTime<Utc>) -> Result<(), Error> {
        self.commits()?;
        let insert = "INSERT INTO revocations (session, until) VALUES ($1, $2)
         ON CONFLICT (session) DO UPDATE SET until = excluded.until WHERE revocations.until < excluded.until";
        // Only those whose tokens would still be valid are kept.
        let remove = format!("DELETE FROM revocations WHERE until <= {}", now(&self.leases));
        let values = vec![Value::Text(session.into()), Value::Int(until.timestamp_micros())];
        within(async {
            for (sql, values) in [(insert, values), (remove.as_str(), Vec::new())] {
                match &self.leases {
                    Db::Postgres(..) => _ = self.leases.fetch(sql, &values).await?,
                    Db::Sqlite(..) => _ = self.chore(Chore::Beside(sql.into(), values)).await?,
                }
            }
            Ok(())
        })
        .await
    }

    /// Ended sessions whose tokens have not expired, with the expiry of each.
    pub async fn revocations(&self) -> Result<Vec<(String, DateTime<Utc>)>, Error> {
        let db = &self.leases;
        let sql = format!("SELECT session, until FROM revocations WHERE until > {} ORDER BY session", now(db));
        let rows = within(db.fetch(&sql, &[])).await?;
        let revoked = |row: &Row| {
            let mut cells = row.cells();
            Ok((cells.text()?, cells.time()?))
        };
        rows.iter().map(revoked).collect()
    }
}
