//! Checkpoints of followers.

use std::collections::BTreeMap;

use super::batch::Chore;
use super::error::Error;
use super::log::Log;
use super::relayed::{RELAY, Relayed};
use super::sql::Value;

impl Log {
    /// A follower's checkpoint; 0 if it never had one.
    pub async fn checkpoint(&self, follower: &str) -> Result<u64, Error> {
        let sql = "SELECT position FROM checkpoints WHERE follower = $1";
        let rows = self.reader.db.fetch(sql, &[Value::Text(follower.into())]).await?;
        rows.first().map_or(Ok(0), |row| row.cells().number())
    }

    /// Moves a follower's checkpoint from one position to another; false if it is no longer at `from`.
    pub async fn move_checkpoint(&self, follower: &str, from: u64, to: u64) -> Result<bool, Error> {
        self.chore(Chore::Checkpoint(follower.into(), from, to)).await
    }

    /// How far the relay has come in each namespace.
    pub async fn relayed(&self) -> Result<Relayed, Error> {
        let through = self.checkpoint(RELAY).await?;
        let rows = self.reader.db.fetch("SELECT seen, behind FROM relayed WHERE one = 1", &[]).await?;
        let Some(row) = rows.first() else { return Ok(Relayed { through, ..Relayed::default() }) };
        let mut cells = row.cells();
        let (seen, behind) = (cells.number()?, cells.text()?);
        let behind =
            serde_json::from_str(&behind).map_err(|error| Error::Damaged(format!("relayed.behind: {error}")))?;
        Ok(Relayed { through, seen, behind })
    }

    /// Stores that the relay has come to `seen`, and to these positions in the namespaces that lag behind.
    pub async fn write_relayed(&self, seen: u64, behind: &BTreeMap<String, u64>) -> Result<(), Error> {
        let sql = "INSERT INTO relayed (one, seen, behind) VALUES (1, $1, $2)
         ON CONFLICT (one) DO UPDATE SET seen = excluded.seen, behind = excluded.behind";
        let behind = serde_json::to_string(behind).expect("names and numbers serialise");
        let values = vec![Value::Int(seen.cast_signed()), Value::Text(behind)];
        self.beside(sql, values).await
    }
}
