//! Storage of snapshots of aggregates.

use domain::Stream;

use super::append::Snapshot;
use super::batch::Chore;
use super::error::Error;
use super::log::Log;
use super::sql::Value;

impl Log {
    /// The newest snapshot of a stream.
    pub async fn snapshot(&self, stream: &Stream) -> Result<Option<Snapshot>, Error> {
        let sql = "SELECT version, shape, state FROM snapshots WHERE stream = $1";
        let rows = self.reader.db.fetch(sql, &[Value::Text(stream.as_str().into())]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let mut cells = row.cells();
        Ok(Some(Snapshot { version: cells.number()?, shape: cells.number()?, state: cells.bytes()?.to_vec() }))
    }

    /// Stores a snapshot, unless there is a newer one.
    pub async fn save_snapshot(&self, stream: &Stream, snapshot: Snapshot) -> Result<(), Error> {
        self.chore(Chore::Snapshot(stream.as_str().into(), snapshot)).await.map(|_| ())
    }
}
