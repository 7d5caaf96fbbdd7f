//! A common interface to both databases: queries in SQL that both understand, values in, cells out.
//!
//! Knows sqlx, not tables. Differences between the two are methods of [`Dialect`].

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{
    AssertSqlSafe, Decode, PgConnection, PgPool, Postgres, Row as _, Sqlite, SqliteConnection, SqlitePool, Type,
    ValueRef as _,
};
use uuid::Uuid;

use super::away::Away;
use super::error::Error;
use super::fault::Fault;
use super::lane;

/// Connections to PostgreSQL for reading. As many may turn out to be dead, one after the other.
pub(super) const READERS: u32 = 8;

/// The SQL dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A pool of connections for reading.
#[derive(Debug, Clone)]
pub(super) enum Db {
    Sqlite(SqlitePool, Away),
    Postgres(PgPool, Away),
}

/// A connection of either kind.
pub(super) enum Conn {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// A parameter of a query.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// A list for `$n` in [`Dialect::any`].
    Texts(Vec<String>),
    /// Likewise, of numbers.
    Ints(Vec<i64>),
}

/// A row of a result.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Reads a row cell by cell, from the left.
pub(super) struct Cells<'r> {
    row: &'r Row,
    next: usize,
}

impl Dialect {
    /// A condition that `column` is one of the texts in parameter `n`.
    pub fn any(self, column: &str, n: usize) -> String {
        match self {
            Self::Sqlite => format!("{column} IN (SELECT value FROM json_each(${n}))"),
            Self::Postgres => format!("{column} = ANY(${n})"),
        }
    }

    /// A condition that `column` matches the regular expression in parameter `n`.
    pub fn fits(self, column: &str, n: usize) -> String {
        match self {
            Self::Sqlite => format!("{column} REGEXP ${n}"),
            Self::Postgres => format!("{column} ~ ${n}"),
        }
    }

    /// A condition that `column` contains the text in parameter `n` literally: nothing in it is a wildcard, and it may
    /// have
    /// any length.
    pub fn contains(self, column: &str, n: usize) -> String {
        match self {
            Self::Sqlite => format!("instr({column}, ${n}) > 0"),
            Self::Postgres => format!("strpos({column}, ${n}) > 0"),
        }
    }

    /// A table named `t(value)` of the texts in parameter `n`.
    pub fn table(self, n: usize) -> String {
        match self {
            Self::Sqlite => format!("json_each(${n}) AS t"),
            Self::Postgres => format!("unnest(${n}) AS t(value)"),
        }
    }
}

impl Db {
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(..) => Dialect::Sqlite,
            Self::Postgres(..) => Dialect::Postgres,
        }
    }

    fn away(&self) -> &Away {
        let (Self::Sqlite(_, away) | Self::Postgres(_, away)) = self;
        away
    }

    /// The queries it gets, and which of them fail.
    #[cfg(test)]
    pub fn watched(&self) -> std::sync::Arc<super::watched::Watched> {
        self.away().watched.clone()
    }

    /// A dedicated connection for several queries.
    pub async fn acquire(&self) -> Result<Conn, Error> {
        self.away().check()?;
        Ok(match self {
            Self::Sqlite(pool, _) => Conn::Sqlite(pool.acquire().await.map_err(unavailable)?),
            Self::Postgres(pool, _) => Conn::Postgres(pool.acquire().await.map_err(unavailable)?),
        })
    }

    /// All rows of a query. Dead connections are replaced, because reading again is harmless.
    pub async fn fetch(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        #[cfg(test)]
        self.away().watched.asked(sql)?;
        let _place = lane::place().await;
        let mut dead = 0;
        loop {
            let result = self.acquire().await?.try_fetch(sql, values).await;
            match result {
                Err(error) if is_lost(&error) && dead < READERS => dead += 1,
                result => return result.map_err(unavailable),
            }
        }
    }

    /// All rows of a query, each decoded while the database reads the next.
    pub async fn select<T>(
        &self,
        sql: &str,
        values: &[Value],
        decode: fn(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        #[cfg(test)]
        self.away().watched.asked(sql)?;
        let _place = lane::place().await;
        let mut dead = 0;
        loop {
            let mut found = Vec::new();
            let mut conn = self.acquire().await?;
            let mut take = |row: Row| {
                found.push(decode(&row)?);
                Ok(())
            };
            let read = match &mut conn {
                Conn::Sqlite(conn) => sqlite_select(conn, sql, values, &mut take).await,
                Conn::Postgres(conn) => postgres_select(conn, sql, values, &mut take).await,
            };
            match read {
                Ok(Ok(())) => return Ok(found),
                Ok(Err(error)) => return Err(error),
                Err(error) if is_lost(&error) && dead < READERS => dead += 1,
                Err(error) => return Err(unavailable(error)),
            }
        }
    }

    /// Executes a statement exactly once; returns how many rows it changed.
    pub async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let mut dead = 0;
        loop {
            let mut conn = self.acquire().await?;
            // Checks the connection first: the statement must not be tried twice.
            match conn.try_fetch("SELECT 1", &[]).await {
                Err(error) if is_lost(&error) && dead < READERS => dead += 1,
                Err(error) => return Err(unavailable(error)),
                Ok(_) => return conn.execute(sql, values).await,
            }
        }
    }
}

impl Conn {
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// All rows of a query.
    pub async fn fetch(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        self.try_fetch(sql, values).await.map_err(unavailable)
    }

    async fn try_fetch(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(conn) => sqlite_fetch(conn, sql, values).await,
            Self::Postgres(conn) => postgres_fetch(conn, sql, values).await,
        }
    }

    /// Executes a statement; returns how many rows it changed.
    pub async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        match self {
            Self::Sqlite(conn) => sqlite_execute(conn, sql, values).await,
            Self::Postgres(conn) => postgres_execute(conn, sql, values).await,
        }
        .map_err(unavailable)
    }
}

/// A connection within a transaction.
pub(super) enum On<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl On<'_> {
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    pub async fn fetch(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(conn) => sqlite_fetch(conn, sql, values).await,
            Self::Postgres(conn) => postgres_fetch(conn, sql, values).await,
        }
    }

    pub async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(conn) => sqlite_execute(conn, sql, values).await,
            Self::Postgres(conn) => postgres_execute(conn, sql, values).await,
        }
    }
}

pub(super) async fn sqlite_fetch(
    conn: &mut sqlx::SqliteConnection,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Row>, sqlx::Error> {
    let rows = sqlx::query_with::<Sqlite, _>(AssertSqlSafe(sql), sqlite_arguments(values)?).fetch_all(conn).await?;
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}

pub(super) async fn postgres_fetch(
    conn: &mut sqlx::PgConnection,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Row>, sqlx::Error> {
    let rows = sqlx::query_with::<Postgres, _>(AssertSqlSafe(sql), postgres_arguments(values)?).fetch_all(conn).await?;
    Ok(rows.into_iter().map(Row::Postgres).collect())
}

/// Passes on each row as it arrives; stops at the first that is not accepted.
async fn sqlite_select(
    conn: &mut sqlx::SqliteConnection,
    sql: &str,
    values: &[Value],
    mut take: impl FnMut(Row) -> Result<(), Error>,
) -> Result<Result<(), Error>, sqlx::Error> {
    let mut rows = sqlx::query_with::<Sqlite, _>(AssertSqlSafe(sql), sqlite_arguments(values)?).fetch(conn);
    while let Some(row) = rows.try_next().await? {
        if let Err(error) = take(Row::Sqlite(row)) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

async fn postgres_select(
    conn: &mut sqlx::PgConnection,
    sql: &str,
    values: &[Value],
    mut take: impl FnMut(Row) -> Result<(), Error>,
) -> Result<Result<(), Error>, sqlx::Error> {
    let mut rows = sqlx::query_with::<Postgres, _>(AssertSqlSafe(sql), postgres_arguments(values)?).fetch(conn);
    while let Some(row) = rows.try_next().await? {
        if let Err(error) = take(Row::Postgres(row)) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

pub(super) async fn sqlite_execute(
    conn: &mut sqlx::SqliteConnection,
    sql: &str,
    values: &[Value],
) -> Result<u64, sqlx::Error> {
    let query = sqlx::query_with::<Sqlite, _>(AssertSqlSafe(sql), sqlite_arguments(values)?);
    Ok(query.execute(conn).await?.rows_affected())
}

pub(super) async fn postgres_execute(
    conn: &mut sqlx::PgConnection,
    sql: &str,
    values: &[Value],
) -> Result<u64, sqlx::Error> {
    let query = sqlx::query_with::<Postgres, _>(AssertSqlSafe(sql), postgres_arguments(values)?);
    Ok(query.execute(conn).await?.rows_affected())
}

/// A text in the form that the tables hold. PostgreSQL's texts cannot hold a zero byte; it is replaced by a character
/// that
/// shows it as unreadable. Search texts are changed like stored ones, in both databases alike, so that a zero byte is
/// found
/// and never an error.
pub(super) fn without_zero(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

fn sqlite_arguments(values: &[Value]) -> Result<SqliteArguments, sqlx::Error> {
    use sqlx::Arguments as _;
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Int(value) => arguments.add(*value),
            Value::Text(text) => arguments.add(&*without_zero(text)),
            Value::Bytes(bytes) => arguments.add(bytes.as_slice()),
            Value::Texts(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| without_zero(text)).collect();
                arguments.add(serde_json::to_string(&texts).expect("texts serialise"))
            }
            Value::Ints(numbers) => arguments.add(serde_json::to_string(numbers).expect("numbers serialise")),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: &[Value]) -> Result<PgArguments, sqlx::Error> {
    use sqlx::Arguments as _;
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Int(value) => arguments.add(*value),
            Value::Text(text) => arguments.add(&*without_zero(text)),
            Value::Bytes(bytes) => arguments.add(bytes.as_slice()),
            Value::Texts(texts) => arguments.add(texts.iter().map(|text| without_zero(text)).collect::<Vec<_>>()),
            Value::Ints(numbers) => arguments.add(numbers.as_slice()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A position or version as a parameter. They stay far below 2^63; a larger one matches nothing.
pub(super) fn int(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Whether the error leaves the statement's outcome unknown, because the connection is lost.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => true,
        // The server is shutting down, and notifies all clients.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

/// Converts a database error into ours.
#[allow(clippy::needless_pass_by_value)] // it is made for `map_err`
pub(super) fn unavailable(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Error::Damaged(error.to_string()),
        sqlx::Error::Database(inner) if is_about_data(inner.code().as_deref().unwrap_or_default()) => {
            Error::Unfit(inner.message().to_owned())
        }
        sqlx::Error::PoolTimedOut => Error::Unavailable("no connection to the database became free in time".into()),
        _ => Error::Unavailable(explain(&error)),
    }
}

/// Whether an error's code blames a value and not the database: PostgreSQL's class 22 (data exception), SQLite's
/// `TOOBIG`,
/// `MISMATCH`, and `CONSTRAINT_FUNCTION`, with which a function refuses an argument.
pub(super) fn is_about_data(code: &str) -> bool {
    matches!(code, "18" | "20" | "1043") || (code.len() == 5 && code.starts_with("22"))
}

/// What went wrong with a write, where `is_unavailable` knows by the database's code that it may succeed later.
pub(super) fn fault(error: &sqlx::Error, is_unavailable: impl FnOnce(&str) -> bool) -> Fault {
    if is_lost(error) {
        return Fault::Lost(error.to_string());
    }
    let sqlx::Error::Database(inner) = error else { return Fault::Refused(error.to_string()) };
    if inner.is_unique_violation() {
        return Fault::Exists(inner.message().to_owned());
    }
    match is_unavailable(&inner.code().unwrap_or_default()) {
        true => Fault::Unavailable(explain(error)),
        false => Fault::Refused(inner.message().to_owned()),
    }
}

/// The database's message, with what to do if that is known.
pub(super) fn explain(error: &sqlx::Error) -> String {
    let sqlx::Error::Database(inner) = error else { return error.to_string() };
    let hint = match inner.code().as_deref() {
        Some("13" | "53100") => " (free some space on the database's disk)",
        Some("8" | "1032" | "1544" | "776" | "25006") => " (make it writable)",
        _ => "",
    };
    format!("{}{hint}", inner.message())
}

impl Row {
    pub fn cells(&self) -> Cells<'_> {
        Cells { row: self, next: 0 }
    }

    /// The cells from an index on.
    pub fn cells_from(&self, index: usize) -> Cells<'_> {
        Cells { row: self, next: index }
    }

    /// The last `count` cells.
    pub fn last_cells(&self, count: usize) -> Cells<'_> {
        self.cells_from(self.width() - count)
    }

    fn width(&self) -> usize {
        match self {
            Self::Sqlite(row) => row.len(),
            Self::Postgres(row) => row.len(),
        }
    }
}

impl<'r> Cells<'r> {
    fn get<T>(&mut self) -> Result<T, Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        let index = self.next;
        self.next += 1;
        match self.row {
            // The tables are STRICT: a column's values have its type.
            Row::Sqlite(row) => row.try_get_unchecked(index),
            Row::Postgres(row) => row.try_get(index),
        }
        .map_err(|error| Error::Damaged(error.to_string()))
    }

    /// Skips the next cell if it is NULL; returns whether it was.
    pub fn skip_null(&mut self) -> Result<bool, Error> {
        let is_null = match self.row {
            Row::Sqlite(row) => row.try_get_raw(self.next).map(|value| value.is_null()),
            Row::Postgres(row) => row.try_get_raw(self.next).map(|value| value.is_null()),
        };
        let is_null = is_null.map_err(|error| Error::Damaged(error.to_string()))?;
        self.next += usize::from(is_null);
        Ok(is_null)
    }

    pub fn int(&mut self) -> Result<i64, Error> {
        self.get()
    }

    pub fn opt_int(&mut self) -> Result<Option<i64>, Error> {
        self.get()
    }

    /// A number that is never negative.
    pub fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Error> {
        let value = self.int()?;
        T::try_from(value).map_err(|_| Error::Damaged(format!("{value} in column {} is out of range", self.next)))
    }

    pub fn opt_number<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, Error> {
        let Some(value) = self.opt_int()? else { return Ok(None) };
        let number = T::try_from(value);
        number.map(Some).map_err(|_| Error::Damaged(format!("{value} in column {} is out of range", self.next)))
    }

    pub fn str(&mut self) -> Result<&'r str, Error> {
        self.get()
    }

    pub fn opt_str(&mut self) -> Result<Option<&'r str>, Error> {
        self.get()
    }

    pub fn text(&mut self) -> Result<String, Error> {
        self.str().map(str::to_owned)
    }

    pub fn opt_text(&mut self) -> Result<Option<String>, Error> {
        Ok(self.opt_str()?.map(str::to_owned))
    }

    pub fn bytes(&mut self) -> Result<&'r [u8], Error> {
        self.get()
    }

    pub fn opt_bytes(&mut self) -> Result<Option<&'r [u8]>, Error> {
        self.get()
    }

    pub fn uuid(&mut self) -> Result<Uuid, Error> {
        let text = self.str()?;
        Uuid::try_parse(text).map_err(|_| Error::Damaged(format!("`{text}` is not an id")))
    }

    pub fn opt_uuid(&mut self) -> Result<Option<Uuid>, Error> {
        let Some(text) = self.opt_str()? else { return Ok(None) };
        Uuid::try_parse(text).map(Some).map_err(|_| Error::Damaged(format!("`{text}` is not an id")))
    }

    pub fn id<T>(&mut self) -> Result<domain::Id<T>, Error> {
        self.uuid().map(domain::Id::new)
    }

    pub fn opt_id<T>(&mut self) -> Result<Option<domain::Id<T>>, Error> {
        Ok(self.opt_uuid()?.map(domain::Id::new))
    }

    pub fn time(&mut self) -> Result<DateTime<Utc>, Error> {
        time(self.int()?)
    }

    pub fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, Error> {
        let text = self.str()?;
        serde_json::from_str(text).map_err(|error| Error::Damaged(format!("`{text}`: {error}")))
    }

    pub fn opt_json<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        let Some(text) = self.opt_str()? else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|error| Error::Damaged(format!("`{text}`: {error}")))
    }
}

fn time(micros: i64) -> Result<DateTime<Utc>, Error> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| Error::Damaged(format!("{micros} is not a time")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_at_fault_is_told_from_a_database_that_is_away() {
        // Invalid bytes, an invalid regular expression, a number out of range; SQLite's own.
        for code in ["22021", "2201B", "22003", "18", "20", "1043"] {
            assert!(is_about_data(code), "{code}");
        }
        // Disk full, too many connections, read-only, deadlock, a duplicate; SQLite's own.
        for code in ["53100", "53300", "25006", "40P01", "23505", "57P01", "5", "10", "13", "22", "2067", "1555", ""] {
            assert!(!is_about_data(code), "{code}");
        }
    }

    #[test]
    fn a_text_is_looked_for_as_it_is_stored() {
        assert_eq!(without_zero("a\0b"), "a\u{fffd}b");
        assert!(matches!(without_zero("a%b"), Cow::Borrowed("a%b")));
    }

    #[tokio::test]
    async fn an_argument_that_a_function_refuses_is_the_callers_matter() {
        let options = sqlx::sqlite::SqliteConnectOptions::new().in_memory(true).with_regexp();
        let db = Db::Sqlite(SqlitePool::connect_lazy_with(options), Away::default());
        let bad = [Value::Text("(".into())];
        let error = db.fetch("SELECT 'a' REGEXP $1", &bad).await.err().expect("this is no regular expression");
        assert!(matches!(error, Error::Unfit(_)), "{error}");
        assert!(error.is_final());
        let error = db.fetch("SELECT 1 FROM nothing", &[]).await.err().expect("there is no such table");
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
        assert!(!error.is_final());
    }
}
