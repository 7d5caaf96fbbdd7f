//! Removes expired streams with their rows and lines, a few at a time.
//!
//! On PostgreSQL it has its own connection, and locks the head last, for as long as a commit without a flush takes. On
//! SQLite it runs on the only connection that writes.

use chrono::{DateTime, Utc};

use super::away::Away;
use super::batch::Chore;
use super::error::Error;
use super::log::Log;
use super::relayed::Relayed;
use super::removal::{Old, Order, is_past, remove};
use super::sql::{self, Db, Dialect, On, Value};
use super::timeline::{self, position_at};

/// The result of one removal step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Runs, events or lines that were removed.
    pub removed: u64,
    /// Where the next step starts: where this one did, if an append was in its way. `None` when everything old has been
    /// checked.
    pub next: Option<u64>,
}

/// Streams removed in one transaction, on PostgreSQL and on SQLite, where appends wait for it.
const STREAMS: [usize; 2] = [500, 100];

/// Lines removed in one transaction.
const LINES: [usize; 2] = [2000, 500];

impl Log {
    /// Removes the next few runs that were over, events that were accepted or lines that were printed before a time, in
    /// one
    /// short transaction. It looks only after the position `after`: 0 at first, then [`Cut::next`]. What the relay has
    /// not
    /// seen, runs with an open callback, and events with open runs stay.
    pub async fn cut(&self, what: Old, before: DateTime<Utc>, after: u64) -> Result<Cut, Error> {
        self.commits()?;
        // On PostgreSQL a connection of its own that always uses indexes: others would scan all runs while the
        // planner's
        // statistics are out of date.
        let db =
            self.sweeper.clone().map_or_else(|| self.reader.db.clone(), |pool| Db::Postgres(pool, Away::default()));
        let before = before.timestamp_micros();
        // Nothing depends on lines.
        let relayed = match what {
            Old::Lines => Relayed::default(),
            Old::Runs | Old::Events => self.relayed().await?,
        };
        let end = self.end_of_old(&db, what, before).await?;
        let (positions, limit) = choose(&db, what, [after.cast_signed(), end, before], &relayed).await?;
        let next = (positions.len() == limit).then(|| positions.last().map(|last| last.cast_unsigned())).flatten();
        if positions.is_empty() {
            return Ok(Cut { removed: 0, next });
        }
        let order = Order { what, positions, before, relayed, key: self.key_of_seals(&db).await? };
        let removed = match &self.sweeper {
            None => self.chore_count(Chore::Cut(order)).await?,
            Some(pool) => match on_postgres(pool, &order).await {
                Ok(removed) => removed,
                Err(error) if is_in_the_way(&error) => return Ok(Cut { removed: 0, next: Some(after) }),
                Err(error) => return Err(sql::unavailable(error)),
            },
        };
        Ok(Cut { removed, next })
    }

    /// The position in the log or the lines at a time: everything old is before it. All steps of one sweep share it.
    async fn end_of_old(&self, db: &Db, what: Old, before: i64) -> Result<i64, Error> {
        let known = *self.swept.lock();
        if let Some((asked, end)) = known
            && asked == (what, before)
        {
            return Ok(end);
        }
        let timeline = if what == Old::Lines { timeline::LINES } else { timeline::LOG };
        let end = position_at(db, timeline, before).await?;
        *self.swept.lock() = Some(((what, before), end));
        Ok(end)
    }
}

/// The positions of the next rows that may be removed, and how many are searched. `range`: after which position, before
/// which, older than what.
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

/// Whether it collided with an append to the same stream or with a rebuild. Each waits for the other's locks; appends
/// go first.
fn is_in_the_way(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["55P03", "40P01"].contains(&&*code))
}

async fn on_postgres(pool: &sqlx::PgPool, order: &Order) -> Result<u64, sqlx::Error> {
    // Rolls back if it is cancelled half-way.
    let mut transaction = pool.begin().await?;
    let removed = remove(&mut On::Postgres(&mut transaction), order).await?;
    if let Some((text, values)) = removed.notification() {
        sql::postgres_execute(&mut transaction, text, &values).await?;
    }
    transaction.commit().await?;
    Ok(removed.count)
}
