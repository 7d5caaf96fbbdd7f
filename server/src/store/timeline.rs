//! Finds positions in the log and the lines by time: their rows are nearly ordered by it.

use super::error::Error;
use super::sql::{Db, Value};

/// A table whose rows are nearly ordered by time: its name, and that of its head.
pub(super) type Timeline = (&'static str, &'static str);

/// The log.
pub(super) const LOG: Timeline = ("log", "position");

/// The lines.
pub(super) const LINES: Timeline = ("lines", "line");

/// The first position whose record or line is at or after a time, found by bisection.
pub(super) async fn position_at(db: &Db, (table, head): Timeline, time: i64) -> Result<i64, Error> {
    let rows = db.fetch(&format!("SELECT {head} FROM head WHERE one = 1"), &[]).await?;
    let (mut low, mut high) = (1, rows.first().map_or(Ok(0), |row| row.cells().int())? + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let sql = format!("SELECT at FROM {table} WHERE position >= $1 ORDER BY position LIMIT 1");
        let rows = db.fetch(&sql, &[Value::Int(middle)]).await?;
        let is_before = rows.first().map(|row| row.cells().int()).transpose()?.is_some_and(|at| at < time);
        if is_before { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}
