//! The connection that writes, to either database.

use super::batch::{Batch, Chore};
use super::fault::{Fault, Written};
use super::sql::{Dialect, Row, Value};
use super::{postgres, sqlite};

/// The connection that writes, of either kind.
pub(super) enum Writer {
    Sqlite(Box<sqlite::Writer>),
    Postgres(Box<postgres::Writer>),
}

impl Writer {
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    pub async fn connect(&mut self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(writer) => writer.connect().await,
            Self::Postgres(writer) => writer.connect().await,
        }
    }

    pub async fn write(&mut self, batch: &Batch, chores: &[Chore]) -> Result<Written, Fault> {
        match self {
            Self::Sqlite(writer) => writer.write(batch, chores).await,
            Self::Postgres(writer) => writer.write(batch, chores).await,
        }
    }

    pub async fn fetch(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Fault> {
        match self {
            Self::Sqlite(writer) => writer.fetch(sql, values).await,
            Self::Postgres(writer) => writer.fetch(sql, values).await,
        }
    }

    /// Takes the head's lock until the next write, if several servers may write.
    pub async fn lock(&mut self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(writer) => writer.lock().await,
        }
    }

    /// Releases the head's lock without a write.
    pub async fn unlock(&mut self) {
        if let Self::Postgres(writer) = self {
            writer.unlock().await;
        }
    }
}
