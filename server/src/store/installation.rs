//! Named values shared by all servers on one database, outside the log.

use super::batch::Chore;
use super::error::Error;
use super::lease::within;
use super::log::Log;
use super::sql::{Db, Value};
use crate::clock;

/// Names the database itself.
const DATABASE: &str = "database";

impl Log {
    /// The name of this database, which no other one has.
    pub async fn identity(&self) -> Result<String, Error> {
        self.agree(DATABASE, &clock::new_id::<()>().to_string()).await
    }

    /// A value that all servers on this database share.
    pub async fn common(&self, name: &str) -> Result<Option<String>, Error> {
        let sql = "SELECT value FROM installation WHERE name = $1";
        let rows = within(self.leases.fetch(sql, &[Value::Text(name.into())])).await?;
        rows.first().map(|row| row.cells().text()).transpose()
    }

    /// Sets a shared value unless it is set already; returns the value that is in force.
    pub async fn agree(&self, name: &str, value: &str) -> Result<String, Error> {
        self.write_common(
            "INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
            name,
            value,
        )
        .await?;
        Ok(self.common(name).await?.unwrap_or_else(|| value.to_owned()))
    }

    /// Sets a shared value.
    pub async fn set_common(&self, name: &str, value: &str) -> Result<(), Error> {
        let sql = "INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.write_common(sql, name, value).await
    }

    /// Raises a shared number: the highest value that any server sets wins.
    pub async fn raise_common(&self, name: &str, value: u32) -> Result<(), Error> {
        let sql = "INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value
                   WHERE CAST(installation.value AS INTEGER) < CAST(excluded.value AS INTEGER)";
        self.write_common(sql, name, &value.to_string()).await
    }

    async fn write_common(&self, sql: &str, name: &str, value: &str) -> Result<(), Error> {
        let values = vec![Value::Text(name.into()), Value::Text(value.into())];
        within(async {
            match &self.leases {
                Db::Postgres(..) => self.leases.fetch(sql, &values).await.map(|_| ()),
                Db::Sqlite(..) => self.chore(Chore::Beside(sql.into(), values)).await.map(|_| ()),
            }
        })
        .await
    }
}
