//! What all servers on one database have in common: a few values by name, none of which is in the log.

use super::batch::Chore;
use super::error::Error;
use super::lease::within;
use super::log::Log;
use super::sql::{Db, Value};

/// See [`Log::common`].
pub(super) async fn read(log: &Log, name: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT value FROM installation WHERE name = $1";
    let rows = within(log.leases.fetch(sql, &[Value::Text(name.into())])).await?;
    rows.first().map(|row| row.cells().text()).transpose()
}

/// See [`Log::agree`].
pub(super) async fn agree(log: &Log, name: &str, value: &str) -> Result<String, Error> {
    write(log, "INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, value)
        .await?;
    Ok(read(log, name).await?.unwrap_or_else(|| value.to_owned()))
}

/// See [`Log::set_common`].
pub(super) async fn set(log: &Log, name: &str, value: &str) -> Result<(), Error> {
    let sql = "INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    write(log, sql, name, value).await
}

async fn write(log: &Log, sql: &str, name: &str, value: &str) -> Result<(), Error> {
    let values = vec![Value::Text(name.into()), Value::Text(value.into())];
    within(async {
        match &log.leases {
            Db::Postgres(..) => log.leases.fetch(sql, &values).await.map(|_| ()),
            Db::Sqlite(..) => log.chore(Chore::Beside(sql.into(), values)).await.map(|_| ()),
        }
    })
    .await
}
