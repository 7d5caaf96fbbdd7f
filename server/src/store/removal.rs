//! Removes expired data within the caller's transaction. Knows what can be removed, not when it expires.

use domain::{Stream, event, run};

use super::error::Error;
use super::relayed::Relayed;
use super::seal::{self, SealKey};
use super::sql::{Dialect, On, Value};

/// The kinds of data that expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Old {
    /// Runs that are over: their records, rows, lines and snapshots.
    Runs,
    /// Trigger events: their records and rows.
    Events,
    /// Lines of builds and runs.
    Lines,
}

/// What to remove in one transaction; anything that changed since it was selected is kept.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub what: Old,
    /// Positions of rows, in order.
    pub positions: Vec<i64>,
    /// Older than this, in microseconds.
    pub before: i64,
    /// How far the relay has come.
    pub relayed: Relayed,
    /// The key that seals what is left.
    pub key: Option<SealKey>,
}

/// What was removed in one transaction.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Removed {
    /// Streams, or lines.
    pub count: u64,
    /// Records of the log.
    records: i64,
    /// The newest position of these.
    last: i64,
}

impl Removed {
    /// The statement that informs those who append or follow.
    pub fn notification(self) -> Option<(&'static str, [Value; 2])> {
        let text =
            "UPDATE head SET cut = CASE WHEN cut < $1 THEN $1 ELSE cut END, removed = removed + $2 WHERE one = 1";
        (self.records > 0).then_some((text, [Value::Int(self.last), Value::Int(self.records)]))
    }
}

/// A condition that a row's consequences are on their way, and its parameters, of which the first is `n`.
pub(super) fn is_past(dialect: Dialect, n: usize, relayed: &Relayed) -> (String, Vec<Value>) {
    let Relayed { through, seen, behind } = relayed;
    // Records between `through` and the position of a lagging namespace stay until it has caught up.
    let in_behind = dialect.any("namespace", n + 2);
    let text = format!("(position <= ${n} OR position <= ${} AND NOT {in_behind})", n + 1);
    let behind = behind.keys().cloned().collect();
    (text, vec![Value::Int(through.cast_signed()), Value::Int(seen.cast_signed()), Value::Texts(behind)])
}

/// Removes what may still be removed. The transaction's owner then executes [`Removed::notification`] and commits.
pub(super) async fn remove(on: &mut On<'_>, order: &Order) -> Result<Removed, sqlx::Error> {
    let any = |column: &str| on.dialect().any(column, 1);
    let mut values = vec![Value::Ints(order.positions.clone()), Value::Int(order.before)];
    let (past, of_relay) = is_past(on.dialect(), 3, &order.relayed);
    let gone = match order.what {
        Old::Lines => {
            let text = format!("DELETE FROM lines WHERE {} AND at < $2", any("position"));
            let count = on.execute(&text, &values).await?;
            return Ok(Removed { count, ..Removed::default() });
        }
        // Every record of a stream writes its row: while the row is being removed, nobody can append there.
        Old::Runs => format!(
            "DELETE FROM runs WHERE {} AND finished_at < $2 AND callback_due IS NULL AND {past} RETURNING id",
            any("created_position")
        ),
        Old::Events => format!(
            "DELETE FROM events WHERE {} AND at < $2 AND {past}
             AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.event = events.id AND r.finished_at IS NULL) RETURNING id",
            any("position")
        ),
    };
    values.extend(of_relay);
    let by_stream = [any("stream"), any("run")];
    let mut ids = Vec::new();
    let mut streams = Vec::new();
    for row in on.fetch(&gone, &values).await? {
        let id = row.cells().uuid().map_err(decoding)?;
        streams.push(match order.what {
            Old::Events => Stream::event(event::Id::new(id)).as_str().to_owned(),
            Old::Runs | Old::Lines => Stream::run(run::Id::new(id)).as_str().to_owned(),
        });
        ids.push(id.to_string());
    }
    let mut removed = Removed { count: streams.len() as u64, ..Removed::default() };
    if streams.is_empty() {
        return Ok(removed);
    }
    let [in_streams, in_runs] = by_stream;
    let streams = [Value::Texts(streams)];
    let mut gone = Vec::new();
    for row in on.fetch(&format!("DELETE FROM log WHERE {in_streams} RETURNING position, hash"), &streams).await? {
        let mut cells = row.cells();
        let position = cells.int().map_err(decoding)?;
        removed.records += 1;
        removed.last = removed.last.max(position);
        gone.push((position.cast_unsigned(), cells.bytes().map_err(decoding)?.to_vec()));
    }
    if let Some(key) = &order.key {
        seal::removed(on, key, gone).await?;
    }
    if order.what == Old::Runs {
        on.execute(&format!("DELETE FROM snapshots WHERE {in_streams}"), &streams).await?;
        on.execute(&format!("DELETE FROM lines WHERE {in_runs} AND run IS NOT NULL"), &[Value::Texts(ids)]).await?;
    }
    Ok(removed)
}

fn decoding(error: Error) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
