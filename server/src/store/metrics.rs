//! Metrics of functions over time, from the table of runs.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::function;

use super::error::Error;
use super::log::Log;
use super::sql::{Db, Value};
use super::tables::RUN_IS_OPEN;
use super::timeline::{self, position_at};

/// Metrics of a function (or of all) over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    /// Runs that ended.
    pub invocations: u64,
    /// Runs that did not succeed.
    pub errors: u64,
    /// Runs that found no instance.
    pub cold_starts: u64,
    /// Milliseconds; `None` if nothing ran.
    pub p50_ms: Option<f64>,
    /// Milliseconds.
    pub p95_ms: Option<f64>,
    /// Milliseconds.
    pub p99_ms: Option<f64>,
    /// Runs that are waiting now, for a worker or for their next attempt.
    pub waiting: u64,
    /// Runs in progress now.
    pub running: u64,
    /// The same over time: as many points as the span has parts.
    pub points: Vec<Point>,
}

/// Metrics of one interval.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// Runs that ended in this part.
    pub invocations: u64,
    /// Runs that did not succeed.
    pub errors: u64,
    /// Runs that found no instance.
    pub cold_starts: u64,
    /// Milliseconds; `None` if nothing ran.
    pub p50_ms: Option<f64>,
    /// Milliseconds.
    pub p95_ms: Option<f64>,
    /// Milliseconds.
    pub p99_ms: Option<f64>,
    /// Runs that were waiting at its end; a retried one counts as waiting until its newest attempt.
    pub waiting: u64,
    /// Runs in progress at its end.
    pub running: u64,
}

/// A time span up to now, divided into equal intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Its start.
    pub since: DateTime<Utc>,
    /// The length of a part.
    pub part: TimeDelta,
    /// The number of parts; anything later counts for the last one.
    pub parts: usize,
}

/// Calls of a function in one interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Runs that ended in this part.
    pub calls: u64,
    /// Runs that did not succeed.
    pub errors: u64,
}

/// Percentiles are taken from so many evenly sampled runs, so that a long span costs no more than a busy one.
const SAMPLE: u64 = 20_000;

/// A prime. Positions modulo it, scattered by [`SCATTER`], choose the sample, so that runs recorded at regular
/// distances
/// are sampled like all others.
const PRIME: u64 = 65_521;

/// See [`PRIME`].
const SCATTER: u64 = 40_503;

/// Records are written in groups, some after others that happened later, but at most this much, in microseconds.
const LATE: i64 = 60_000_000;

/// The runs in a span, as two disjoint conditions.
///
/// A run that changed after a time has its newest record after the log's position at that time. Most runs are a single
/// record, at the position where they were created; those that changed later are found by the index on their newest
/// position.
struct Runs {
    conditions: [String; 2],
    /// `$1` is the start of the span, `$2` its position in the log.
    values: Vec<Value>,
    since: i64,
    part: i64,
    parts: usize,
}

impl Runs {
    async fn of(db: &Db, span: &Span, whose: impl FnOnce(&mut Vec<Value>) -> String) -> Result<Self, Error> {
        let since = span.since.timestamp_micros();
        let from = position_at(db, timeline::LOG, since.saturating_sub(LATE)).await?;
        let mut values = vec![Value::Int(since), Value::Int(from)];
        let whose = whose(&mut values);
        let conditions = [
            format!("created_position >= $2{whose}"),
            format!("position >= $2 AND position <> created_position AND created_position < $2{whose}"),
        ];
        let part = span.part.num_microseconds().unwrap_or(i64::MAX).max(1);
        Ok(Self { conditions, values, since, part, parts: span.parts })
    }

    /// An expression for the part that a time is in; NULL before the first part.
    fn part(&self, time: &str) -> String {
        let Self { since, part, parts, .. } = self;
        let last = parts.saturating_sub(1) as i64;
        let begin = since.saturating_add(part.saturating_mul(last));
        // Bare numbers would be INTEGERs in PostgreSQL.
        format!(
            "CAST(CASE WHEN {time} >= {begin} THEN {last} WHEN {time} >= {since} THEN ({time} - {since}) / {part} END \
             AS BIGINT)"
        )
    }
}

/// A condition that selects the runs.
fn whose(db: &Db, function: Option<function::Id>, namespaces: Option<&[String]>, values: &mut Vec<Value>) -> String {
    let mut whose = String::new();
    if let Some(function) = function {
        values.push(Value::Text(function.to_string()));
        whose.push_str(&format!(" AND function = ${}", values.len()));
    }
    if let Some(namespaces) = namespaces {
        values.push(Value::Texts(namespaces.to_vec()));
        whose.push_str(&format!(" AND {}", db.dialect().any("namespace", values.len())));
    }
    whose
}

/// Started and ended runs in one interval.
#[derive(Debug, Clone, Copy, Default)]
struct Moves {
    asked: u64,
    began: u64,
    ended: u64,
    ended_unbegun: u64,
}

impl Log {
    /// Numbers over a span.
    pub async fn metrics(
        &self,
        function: Option<function::Id>,
        namespaces: Option<&[String]>,
        span: &Span,
    ) -> Result<Metrics, Error> {
        let db = &self.reader.db;
        let runs = Runs::of(db, span, |values| whose(db, function, namespaces, values)).await?;
        let mut metrics = Metrics { points: vec![Point::default(); span.parts], ..Metrics::default() };
        let mut moves = vec![Moves::default(); span.parts];
        let (asked, began, ended) = (runs.part("queued_at"), runs.part("started_at"), runs.part("finished_at"));
        for condition in &runs.conditions {
            // A run that waits for its next attempt has started, but counts as waiting. A sum of BIGINTs is NUMERIC in
            // PostgreSQL.
            let sql = format!(
            "SELECT {asked}, CASE WHEN state <> 'RETRYING' THEN {began} END, {ended},
             CAST(CASE WHEN started_at IS NULL THEN 1 ELSE 0 END AS BIGINT), count(*),
             CAST(sum(CASE WHEN state = 'SUCCEEDED' THEN 0 ELSE 1 END) AS BIGINT), CAST(sum(cold_start) AS BIGINT)
             FROM runs WHERE {condition} AND (queued_at >= $1 OR started_at >= $1 OR finished_at >= $1) GROUP BY 1, 2, 3, 4"
        );
            for row in db.fetch(&sql, &runs.values).await? {
                let mut cells = row.cells();
                let [asked, began, ended] = [cells.opt_number()?, cells.opt_number()?, cells.opt_number()?];
                let unbegun = cells.int()? == 1;
                let (count, errors, cold_starts): (u64, u64, u64) = (cells.number()?, cells.number()?, cells.number()?);
                let place = |part: Option<usize>| part.filter(|part| *part < span.parts);
                if let Some(part) = place(asked) {
                    moves[part].asked += count;
                }
                if let Some(part) = place(began) {
                    moves[part].began += count;
                }
                if let Some(part) = place(ended) {
                    let moves = &mut moves[part];
                    *if unbegun { &mut moves.ended_unbegun } else { &mut moves.ended } += count;
                    let point = &mut metrics.points[part];
                    point.invocations += count;
                    point.errors += errors;
                    point.cold_starts += cold_starts;
                }
            }
        }
        metrics.invocations = metrics.points.iter().map(|point| point.invocations).sum();
        metrics.errors = metrics.points.iter().map(|point| point.errors).sum();
        metrics.cold_starts = metrics.points.iter().map(|point| point.cold_starts).sum();
        durations(db, &runs, &mut metrics).await?;
        open(db, function, namespaces, &mut metrics).await?;
        backwards(&mut metrics, &moves);
        Ok(metrics)
    }

    /// The calls of functions over a span, by part. Functions without calls are left out.
    pub async fn calls(
        &self,
        functions: &[function::Id],
        span: &Span,
    ) -> Result<HashMap<function::Id, Vec<Calls>>, Error> {
        let db = &self.reader.db;
        let names: Vec<_> = functions.iter().map(ToString::to_string).collect();
        let runs = Runs::of(db, span, |values| {
            values.push(Value::Texts(names));
            format!(" AND {}", db.dialect().any("function", values.len()))
        });
        let runs = runs.await?;
        let mut found = HashMap::new();
        let ended = runs.part("finished_at");
        for condition in &runs.conditions {
            let sql = format!(
            "SELECT function, {ended}, count(*), CAST(sum(CASE WHEN state = 'SUCCEEDED' THEN 0 ELSE 1 END) AS BIGINT)
             FROM runs WHERE {condition} AND finished_at >= $1 GROUP BY 1, 2"
        );
            for row in db.fetch(&sql, &runs.values).await? {
                let mut cells = row.cells();
                let (function, part): (function::Id, usize) = (cells.id()?, cells.number()?);
                let parts = found.entry(function).or_insert_with(|| vec![Calls::default(); span.parts]);
                if let Some(part) = parts.get_mut(part) {
                    part.calls += cells.number::<u64>()?;
                    part.errors += cells.number::<u64>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Fills in the percentiles.
async fn durations(db: &Db, runs: &Runs, metrics: &mut Metrics) -> Result<(), Error> {
    let (mut all, mut parts) = (Vec::new(), vec![Vec::new(); runs.parts]);
    let ended = runs.part("finished_at");
    let chosen = match PRIME * SAMPLE / metrics.invocations.max(1) {
        share if share >= PRIME => String::new(),
        share => format!(" AND created_position % {PRIME} * {SCATTER} % {PRIME} < {share}"),
    };
    for condition in &runs.conditions {
        let sql = format!(
            "SELECT {ended}, finished_at - started_at FROM runs
             WHERE {condition} AND finished_at >= $1 AND started_at IS NOT NULL{chosen}"
        );
        for row in db.fetch(&sql, &runs.values).await? {
            let mut cells = row.cells();
            let (part, duration): (usize, i64) = (cells.number()?, cells.int()?);
            all.push(duration);
            if let Some(part) = parts.get_mut(part) {
                part.push(duration);
            }
        }
    }
    all.sort_unstable();
    let percentiles = |sorted: &[i64]| [50, 95, 99].map(|of_hundred| percentile(sorted, of_hundred));
    [metrics.p50_ms, metrics.p95_ms, metrics.p99_ms] = percentiles(&all);
    for (point, mut durations) in metrics.points.iter_mut().zip(parts) {
        durations.sort_unstable();
        [point.p50_ms, point.p95_ms, point.p99_ms] = percentiles(&durations);
    }
    Ok(())
}

/// Fills in the runs that are waiting and in progress now.
async fn open(
    db: &Db,
    function: Option<function::Id>,
    namespaces: Option<&[String]>,
    metrics: &mut Metrics,
) -> Result<(), Error> {
    let mut values = Vec::new();
    let whose = whose(db, function, namespaces, &mut values);
    let sql = format!(
        "SELECT CAST(CASE WHEN state = 'RUNNING' THEN 1 ELSE 0 END AS BIGINT), count(*) FROM runs
         WHERE {RUN_IS_OPEN}{whose} GROUP BY 1"
    );
    for row in db.fetch(&sql, &values).await? {
        let mut cells = row.cells();
        let (is_running, count) = (cells.int()? == 1, cells.number()?);
        *if is_running { &mut metrics.running } else { &mut metrics.waiting } = count;
    }
    Ok(())
}

/// Computes the runs waiting and in progress at the end of each part from the present numbers and the changes since.
fn backwards(metrics: &mut Metrics, moves: &[Moves]) {
    let (mut waiting, mut running) = (metrics.waiting, metrics.running);
    for (point, moves) in metrics.points.iter_mut().zip(moves).rev() {
        (point.waiting, point.running) = (waiting, running);
        waiting = (waiting + moves.began + moves.ended_unbegun).saturating_sub(moves.asked);
        running = (running + moves.ended).saturating_sub(moves.began);
    }
}

/// The smallest of the sorted durations that `of_hundred` percent of them do not exceed, in milliseconds.
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
