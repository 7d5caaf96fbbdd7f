//! Numbers of functions over a time, from the table of runs.

use chrono::{DateTime, Utc};
use domain::function;

use super::sql::{Db, Value};
use super::{Error, Metrics};

/// Percentiles are those of the newest runs of the time, so many at most: a long time costs no more than a busy one.
const SAMPLE: u32 = 20_000;

/// See [`super::Log::metrics`].
pub(super) async fn read(
    db: &Db,
    function: Option<function::Id>,
    namespaces: Option<&[String]>,
    since: DateTime<Utc>,
) -> Result<Metrics, Error> {
    let mut values = vec![Value::Int(since.timestamp_micros())];
    let mut whose = String::new();
    if let Some(function) = function {
        values.push(Value::Text(function.to_string()));
        whose.push_str(&format!(" AND function = ${}", values.len()));
    }
    if let Some(namespaces) = namespaces {
        values.push(Value::Texts(namespaces.to_vec()));
        whose.push_str(&format!(" AND {}", db.dialect().any("namespace", values.len())));
    }
    let sql = format!(
        "SELECT count(*), coalesce(sum(CASE WHEN state = 'SUCCEEDED' THEN 0 ELSE 1 END), 0)::bigint,
         coalesce(sum(cold_start), 0)::bigint FROM runs WHERE finished_at >= $1{whose}"
    );
    let plain = |sql: String| match db {
        Db::Sqlite(_) => sql.replace("::bigint", ""),
        Db::Postgres(_) => sql,
    };
    let rows = db.fetch(&plain(sql), &values).await?;
    let mut metrics = Metrics::default();
    if let Some(row) = rows.first() {
        let mut cells = row.cells();
        metrics.invocations = cells.number()?;
        metrics.errors = cells.number()?;
        metrics.cold_starts = cells.number()?;
    }
    let sql = format!(
        "SELECT finished_at - started_at FROM runs WHERE finished_at >= $1 AND started_at IS NOT NULL{whose}
         ORDER BY finished_at DESC LIMIT {SAMPLE}"
    );
    let rows = db.fetch(&sql, &values).await?;
    let mut durations = rows.iter().map(|row| row.cells().int()).collect::<Result<Vec<_>, _>>()?;
    durations.sort_unstable();
    metrics.p50_ms = percentile(&durations, 50);
    metrics.p95_ms = percentile(&durations, 95);
    metrics.p99_ms = percentile(&durations, 99);
    // `$1` is there so that the other parameters keep their numbers.
    let sql =
        format!("SELECT count(*) FROM runs WHERE state IN ('QUEUED', 'RUNNING', 'RETRYING') AND $1 IS NOT NULL{whose}");
    let rows = db.fetch(&sql, &values).await?;
    if let Some(row) = rows.first() {
        metrics.open = row.cells().number()?;
    }
    Ok(metrics)
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
