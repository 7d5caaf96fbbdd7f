//! Removes what is old: whole streams with their rows and lines, a few at a time. Knows what may go, not when it is old.
//!
//! On PostgreSQL it has a connection of its own, and takes the head's lock last, for as long as a commit without a flush
//! takes; on SQLite it is a chore of the one connection that writes.

use chrono::{DateTime, Utc};
use domain::{Stream, event, run};
use sqlx::{PgConnection, SqliteConnection};

use super::away::Away;
use super::batch::Chore;
use super::log::SqlLog;
use super::relayed::{self, Relayed};
use super::seal::{self, SealKey};
use super::sql::{self, Db, Dialect, Row, Value};
use super::{Cut, Error, Old, metrics};

/// Streams that are removed in one transaction, on PostgreSQL and on SQLite, where appends wait for it.
const STREAMS: [usize; 2] = [500, 100];

/// Lines that are removed in one transaction.
const LINES: [usize; 2] = [2000, 500];

/// What is to be removed in one transaction; what changed since it was chosen stays.
#[derive(Debug, Clone)]
pub(super) struct Order {
    what: Old,
    /// Positions of rows, in order.
    positions: Vec<i64>,
    before: i64,
    /// How far the relay has come.
    relayed: Relayed,
    /// Seals what is left.
    key: Option<SealKey>,
}

/// What was removed in one transaction.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Removed {
    /// Streams, or lines.
    pub count: u64,
    /// Records of the log.
    records: i64,
    /// The newest position among these.
    last: i64,
}

impl Removed {
    /// The statement that tells everyone who appends or follows.
    pub fn told(self) -> Option<(&'static str, [Value; 2])> {
        let text =
            "UPDATE head SET cut = CASE WHEN cut < $1 THEN $1 ELSE cut END, removed = removed + $2 WHERE one = 1";
        (self.records > 0).then_some((text, [Value::Int(self.last), Value::Int(self.records)]))
    }
}

/// A connection in a transaction.
pub(super) enum On<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl On<'_> {
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(super) async fn fetch(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(conn) => sql::sqlite_fetch(conn, sql, values).await,
            Self::Postgres(conn) => sql::postgres_fetch(conn, sql, values).await,
        }
    }

    pub(super) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(conn) => sql::sqlite_execute(conn, sql, values).await,
            Self::Postgres(conn) => sql::postgres_execute(conn, sql, values).await,
        }
    }
}

/// See [`super::Log::cut`].
pub(super) async fn step(log: &SqlLog, what: Old, before: DateTime<Utc>, after: u64) -> Result<Cut, Error> {
    // On PostgreSQL over its own connection, which always goes by index: others would read all runs where the planner has
    // not heard yet how many there are.
    let db = log.sweeper.clone().map_or_else(|| log.inner.db.clone(), |pool| Db::Postgres(pool, Away::default()));
    let before = before.timestamp_micros();
    // Nothing follows from lines.
    let relayed = match what {
        Old::Lines => Relayed::default(),
        Old::Runs | Old::Events => relayed::relayed(log).await?,
    };
    let end = end(log, &db, what, before).await?;
    let (positions, limit) = choose(&db, what, [after.cast_signed(), end, before], &relayed).await?;
    let next = (positions.len() == limit).then(|| positions.last().map(|last| last.cast_unsigned())).flatten();
    if positions.is_empty() {
        return Ok(Cut { removed: 0, next });
    }
    let order = Order { what, positions, before, relayed, key: log.key_of_seals(&db).await? };
    let removed = match &log.sweeper {
        None => log.chore_count(Chore::Cut(order)).await?,
        Some(pool) => match on_postgres(pool, &order).await {
            Ok(removed) => removed,
            Err(error) if is_in_the_way(&error) => return Ok(Cut { removed: 0, next: Some(after) }),
            Err(error) => return Err(sql::unavailable(error)),
        },
    };
    Ok(Cut { removed, next })
}

/// Where the log or the lines were at a time: what is old stands before it. All steps of one sweep ask for the same.
async fn end(log: &SqlLog, db: &Db, what: Old, before: i64) -> Result<i64, Error> {
    let known = *log.swept.lock();
    if let Some((asked, end)) = known
        && asked == (what, before)
    {
        return Ok(end);
    }
    let timeline = if what == Old::Lines { metrics::LINES } else { metrics::LOG };
    let end = metrics::position_at(db, timeline, before).await?;
    *log.swept.lock() = Some(((what, before), end));
    Ok(end)
}

/// The positions of the next rows that may go, and how many are looked for. `range`: after which position, before which,
/// older than what.
async fn choose(db: &Db, what: Old, range: [i64; 3], relayed: &Relayed) -> Result<(Vec<i64>, usize), Error> {
    let size = |sizes: [usize; 2]| sizes[usize::from(db.dialect() == Dialect::Sqlite)];
    let (past, mut of_relay) = is_past(db.dialect(), 4, relayed);
    let (sql, limit) = match what {
        Old::Runs => (
            format!(
                "SELECT created_position FROM runs WHERE created_position > $1 AND created_position < $2
             AND finished_at < $3 AND callback_due IS NULL AND {past} ORDER BY created_position"
            ),
            size(STREAMS),
        ),
        Old::Events => (
            format!(
                "SELECT position FROM events WHERE position > $1 AND position < $2 AND at < $3 AND {past}
             AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.event = events.id AND r.finished_at IS NULL)
             ORDER BY position"
            ),
            size(STREAMS),
        ),
        Old::Lines => (
            "SELECT position FROM lines WHERE position > $1 AND position < $2 AND at < $3 ORDER BY position".to_owned(),
            size(LINES),
        ),
    };
    let mut values = Vec::from(range.map(Value::Int));
    if what != Old::Lines {
        values.append(&mut of_relay);
    }
    let positions = db.select(&format!("{sql} LIMIT {limit}"), &values, |row| row.cells().int()).await?;
    Ok((positions, limit))
}

/// A test that what follows from a row is on its way, and its parameters, the first of which is `n`.
fn is_past(dialect: Dialect, n: usize, relayed: &Relayed) -> (String, Vec<Value>) {
    let Relayed { through, seen, behind } = relayed;
    // What is between `through` and where a namespace that is behind has come stays until that has caught up.
    let in_behind = dialect.any("namespace", n + 2);
    let text = format!("(position <= ${n} OR position <= ${} AND NOT {in_behind})", n + 1);
    let behind = behind.keys().cloned().collect();
    (text, vec![Value::Int(through.cast_signed()), Value::Int(seen.cast_signed()), Value::Texts(behind)])
}

/// Whether it met an append to what it removes, or a rebuild. Each waits for what the other holds: appends go first.
fn is_in_the_way(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["55P03", "40P01"].contains(&&*code))
}

async fn on_postgres(pool: &sqlx::PgPool, order: &Order) -> Result<u64, sqlx::Error> {
    // Given up half-way, it rolls back.
    let mut transaction = pool.begin().await?;
    let removed = remove(&mut On::Postgres(&mut transaction), order).await?;
    if let Some((text, values)) = removed.told() {
        sql::postgres_execute(&mut transaction, text, &values).await?;
    }
    transaction.commit().await?;
    Ok(removed.count)
}

/// Removes what still may go. Whoever holds the transaction tells it, see [`Removed::told`], and commits.
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
        // A row is written with every record of its stream: while it is being removed, nobody appends there.
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
