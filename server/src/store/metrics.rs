//! Numbers of functions over a time, from the table of runs.

use chrono::{DateTime, Utc};
use domain::function;

use super::sql::{Db, Value};
use super::{Error, Metrics};

/// Percentiles are those of the newest runs of the time, so many at most: a long time costs no more than a busy one.
const SAMPLE: usize = 20_000;

/// Records are told in groups, some after others that happened later; none later than this, in microseconds.
const LATE: i64 = 60_000_000;

/// See [`super::Log::metrics`].
///
/// What ended since a time has its newest record after the position that the log had then. Most runs are one record, and
/// stand where they were created; those that went on later are found by the index on where they are now.
pub(super) async fn read(
    db: &Db,
    function: Option<function::Id>,
    namespaces: Option<&[String]>,
    since: DateTime<Utc>,
) -> Result<Metrics, Error> {
    let since = since.timestamp_micros();
    let from = position_at(db, LOG, since.saturating_sub(LATE)).await?;
    let mut values = vec![Value::Int(since), Value::Int(from)];
    let mut whose = String::new();
    if let Some(function) = function {
        values.push(Value::Text(function.to_string()));
        whose.push_str(&format!(" AND function = ${}", values.len()));
    }
    if let Some(namespaces) = namespaces {
        values.push(Value::Texts(namespaces.to_vec()));
        whose.push_str(&format!(" AND {}", db.dialect().any("namespace", values.len())));
    }
    let here = format!("created_position >= $2 AND finished_at >= $1{whose}");
    let moved = format!(
        "position >= $2 AND position <> created_position AND created_position < $2 AND finished_at >= $1{whose}"
    );
    let mut metrics = Metrics::default();
    let mut durations = Vec::new();
    for (condition, order) in [(here, "created_position"), (moved, "position")] {
        // A sum of BIGINTs is NUMERIC in PostgreSQL.
        let sql = format!(
            "SELECT count(*), CAST(coalesce(sum(CASE WHEN state = 'SUCCEEDED' THEN 0 ELSE 1 END), 0) AS BIGINT),
             CAST(coalesce(sum(cold_start), 0) AS BIGINT) FROM runs WHERE {condition}"
        );
        if let Some(row) = db.fetch(&sql, &values).await?.first() {
            let mut cells = row.cells();
            metrics.invocations += cells.number::<u64>()?;
            metrics.errors += cells.number::<u64>()?;
            metrics.cold_starts += cells.number::<u64>()?;
        }
        let sql = format!(
            "SELECT finished_at - started_at FROM runs WHERE {condition} AND started_at IS NOT NULL
             ORDER BY {order} DESC LIMIT {SAMPLE}"
        );
        durations.extend(db.select(&sql, &values, |row| row.cells().int()).await?);
    }
    durations.sort_unstable();
    metrics.p50_ms = percentile(&durations, 50);
    metrics.p95_ms = percentile(&durations, 95);
    metrics.p99_ms = percentile(&durations, 99);
    // The first two values are there so that the others keep their numbers.
    let sql = format!(
        "SELECT count(*) FROM runs WHERE state IN ('QUEUED', 'RUNNING', 'RETRYING')
         AND $1 IS NOT NULL AND $2 IS NOT NULL{whose}"
    );
    if let Some(row) = db.fetch(&sql, &values).await?.first() {
        metrics.open = row.cells().number()?;
    }
    Ok(metrics)
}

/// A table whose rows are nearly in order of time: its name, and that of its head.
pub(super) type Timeline = (&'static str, &'static str);

/// The log.
pub(super) const LOG: Timeline = ("log", "position");

/// The lines.
pub(super) const LINES: Timeline = ("lines", "line");

/// The first position whose record or line is of that time or later, found by halving.
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

/// The smallest of sorted durations that so many of a hundred do not exceed, in milliseconds.
fn percentile(sorted: &[i64], of_hundred: usize) -> Option<f64> {
    let rank = (sorted.len() * of_hundred).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|micros| *micros as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let sorted: Vec<i64> = (1..=100).map(|ms| ms * 1000).collect();
        assert_eq!(percentile(&sorted, 50), Some(50.0));
        assert_eq!(percentile(&sorted, 99), Some(99.0));
        assert_eq!(percentile(&[7000], 50), Some(7.0));
        assert_eq!(percentile(&[], 50), None);
    }
}
