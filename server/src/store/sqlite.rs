//! SQLite: one file in the data folder, one connection that writes.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Arguments as _, AssertSqlSafe, ConnectOptions, SqlitePool, query_with};

use super::batch::{Batch, Chore};
use super::error::Error;
use super::fault::{Fault, Written};
use super::sql::{self, On, Row, Value};
use super::table::{Cell, Table};
use super::{migrations, removal, seal};

/// The database's file in the data folder.
pub(super) const FILE: &str = "eventflow.db";

/// Held by the one server that writes.
const LOCK: &str = "eventflow.lock";

/// The clock, in microseconds.
pub(super) const NOW: &str = "CAST(unixepoch('subsec') * 1000000 AS INTEGER)";

/// How long a starting server waits for the previous one to release the folder.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Connections for reading.
const READERS: u32 = 4;

/// Rows per `INSERT`, largest first: few different statements, so that each is prepared once.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// The most rows and lines of a batch that is written in one call.
const FEW: usize = 6;

/// The number of rows for each table.
type Shape = Vec<(&'static str, usize)>;

/// Cached SQL statements by what they insert.
type Texts = HashMap<Shape, Arc<str>>;

/// The lock on the data folder.
pub(super) type Lock = Flock<File>;

/// Connection options for reading.
fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("cache_size", "-16384")
        .row_buffer_size(512)
        .with_regexp()
        .disable_statement_logging()
}

/// Locks the folder for one server.
pub(super) async fn lock(folder: &Path) -> Result<Lock, Error> {
    let path = folder.join(LOCK);
    let cannot = |error: &dyn std::fmt::Display| Error::Unavailable(format!("{}: {error}", path.display()));
    std::fs::create_dir_all(folder).map_err(|error| cannot(&error))?;
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| cannot(&error))?;
    let deadline = tokio::time::Instant::now() + LOCK_PATIENCE;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((again, nix::errno::Errno::EWOULDBLOCK)) if tokio::time::Instant::now() < deadline => {
                file = again;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
                return Err(Error::Unavailable(format!(
                    "another server uses the data folder {}: stop it, or set EVENTFLOW_DATA_DIR to another folder",
                    folder.display()
                )));
            }
            Err((_, error)) => return Err(cannot(&error)),
        }
    }
}

/// Creates the file and migrates its tables.
pub(super) async fn migrate(file: &Path) -> Result<(), Error> {
    let cannot = |error: &dyn std::fmt::Display| Error::Unavailable(format!("{}: {error}", file.display()));
    let mut conn = options(file).create_if_missing(true).connect().await.map_err(|error| cannot(&error))?;
    migrations::sqlite().run(&mut conn).await.map_err(|error| cannot(&error))?;
    sqlx::Connection::close(conn).await.map_err(|error| cannot(&error))
}

/// Connections for reading.
pub(super) async fn readers(file: &Path) -> Result<SqlitePool, Error> {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options(file).read_only(true))
        .await
        .map_err(|error| Error::Unavailable(format!("{}: {}", file.display(), sql::explain(&error))))
}

/// A connection for writing, to rebuild the tables.
pub(super) async fn writing(file: &Path) -> Result<SqlitePool, Error> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options(file)).await;
    pool.map_err(|error| Error::Unavailable(format!("{}: {}", file.display(), sql::explain(&error))))
}

/// The only connection that writes.
pub(super) struct Writer {
    file: PathBuf,
    conn: Option<SqliteConnection>,
    texts: Texts,
    /// Held as long as there is a writer.
    _lock: Lock,
}

impl Writer {
    pub fn new(file: PathBuf, lock: Lock) -> Self {
        Self { file, conn: None, texts: HashMap::new(), _lock: lock }
    }

    /// Connects, unless connected.
    pub async fn connect(&mut self) -> Result<(), Fault> {
        if self.conn.is_none() {
            let conn = options(&self.file)
                .pragma("wal_autocheckpoint", "4000")
                .statement_cache_capacity(64)
                .connect()
                .await
                .map_err(fault)?;
            self.conn = Some(conn);
        }
        Ok(())
    }

    /// Writes a batch and chores in one transaction.
    pub async fn write(&mut self, batch: &Batch, chores: &[Chore]) -> Result<Written, Fault> {
        let Self { conn, texts, .. } = self;
        let conn = conn.as_mut().ok_or_else(|| Fault::Lost("not connected".into()))?;
        #[cfg(test)]
        if batch.is_empty()
            && let [Chore::Statement(text)] = chores
        {
            sql::sqlite_fetch(conn, text, &[]).await.map_err(fault)?;
            return Ok(Written { moved: false, chores: vec![1] });
        }
        let result = transaction(conn, texts, batch, chores).await;
        if !matches!(result, Ok(Written { moved: false, .. })) {
            // It may have been rolled back already.
            let _ = sql::sqlite_execute(conn, "ROLLBACK", &[]).await;
        }
        let result = result.map_err(fault);
        if let Err(Fault::Lost(_)) = &result {
            self.conn = None;
        }
        result
    }

    /// Reads committed data.
    pub async fn fetch(&mut self, text: &str, values: &[Value]) -> Result<Vec<Row>, Fault> {
        let conn = self.conn.as_mut().ok_or_else(|| Fault::Lost("not connected".into()))?;
        sql::sqlite_fetch(conn, text, values).await.map_err(fault)
    }
}

async fn transaction(
    conn: &mut SqliteConnection,
    texts: &mut Texts,
    batch: &Batch,
    chores: &[Chore],
) -> Result<Written, sqlx::Error> {
    let erasing = batch.erasing();
    if chores.is_empty() && erasing.is_empty() && batch.size() <= FEW {
        return at_once(conn, texts, batch).await;
    }
    sql::sqlite_execute(conn, "BEGIN IMMEDIATE", &[]).await?;
    if !batch.is_empty() {
        let heads = [batch.after, batch.line_after, batch.head(), batch.line_head()];
        let heads = heads.map(|head| Value::Int(head.cast_signed()));
        let text = "UPDATE head SET position = $3, line = $4 WHERE one = 1 AND position = $1 AND line = $2";
        if sql::sqlite_execute(conn, text, &heads).await? == 0 {
            return Ok(Written { moved: true, chores: Vec::new() });
        }
        for (table, cells) in batch.cells() {
            insert(conn, texts, table, cells).await?;
        }
        for (text, values) in &erasing {
            sql::sqlite_execute(conn, text, values).await?;
        }
    }
    let mut done = Vec::with_capacity(chores.len());
    for chore in chores {
        done.push(match (chore, chore.statement()) {
            (_, Some((text, values))) => sql::sqlite_execute(conn, text, &values).await?,
            (Chore::Cut(order), None) => {
                let removed = removal::remove(&mut On::Sqlite(conn), order).await?;
                if let Some((text, values)) = removed.notification() {
                    sql::sqlite_execute(conn, text, &values).await?;
                }
                removed.count
            }
            (Chore::Seal(key, at), None) => u64::from(seal::step(&mut On::Sqlite(conn), key, *at).await?.is_some()),
            (_, None) => 0,
        });
    }
    sql::sqlite_execute(conn, "COMMIT", &[]).await?;
    Ok(Written { moved: false, chores: done })
}

/// Writes a small batch in one call: each call is a round trip to SQLite's thread, which for a single event costs more
/// than
/// the work itself.
async fn at_once(conn: &mut SqliteConnection, texts: &mut Texts, batch: &Batch) -> Result<Written, sqlx::Error> {
    let tables = batch.cells();
    let shape: Shape = tables.iter().map(|(table, cells)| (table.name, cells.len() / table.columns.len())).collect();
    let text = texts.entry(shape).or_insert_with(|| {
        // If the head has moved, it becomes NULL, which its column refuses: everything is rolled back.
        let mut text = "BEGIN IMMEDIATE; UPDATE head SET position = CASE WHEN position = ? AND line = ? THEN ? END, \
                        line = ? WHERE one = 1; "
            .to_owned();
        for (table, cells) in &tables {
            text.push_str(&statement(table, cells.len() / table.columns.len()));
            text.push_str("; ");
        }
        text.push_str("COMMIT");
        text.into()
    });
    let text = text.clone();
    let mut arguments = SqliteArguments::default();
    for head in [batch.after, batch.line_after, batch.head(), batch.line_head()] {
        arguments.add(head.cast_signed()).map_err(sqlx::Error::Encode)?;
    }
    for cell in tables.into_iter().flat_map(|(_, cells)| cells) {
        add(&mut arguments, cell)?;
    }
    match query_with(AssertSqlSafe(text), arguments).execute(&mut *conn).await {
        Ok(_) => Ok(Written { moved: false, chores: Vec::new() }),
        Err(sqlx::Error::Database(error))
            if error.kind() == sqlx::error::ErrorKind::NotNullViolation && error.message().contains("head.") =>
        {
            Ok(Written { moved: true, chores: Vec::new() })
        }
        Err(error) => Err(error),
    }
}

fn add(arguments: &mut SqliteArguments, cell: Cell<'_>) -> Result<(), sqlx::Error> {
    match cell {
        Cell::Null => arguments.add(None::<i64>),
        Cell::Int(number) => arguments.add(number),
        Cell::Text(text) => arguments.add(text),
        Cell::Bytes(bytes) => arguments.add(bytes),
    }
    .map_err(sqlx::Error::Encode)
}

/// Inserts rows, many at a time.
pub(super) async fn insert(
    conn: &mut SqliteConnection,
    texts: &mut Texts,
    table: &'static Table,
    cells: Vec<Cell<'_>>,
) -> Result<(), sqlx::Error> {
    let width = table.columns.len();
    let mut left = cells.len() / width;
    let mut cells = cells.into_iter();
    for size in SIZES {
        while left >= size {
            left -= size;
            // Distinguishes it from the statement that writes a whole batch of these same rows at once (`at_once`).
            let shape = vec![("", 0), (table.name, size)];
            let text = texts.entry(shape).or_insert_with(|| statement(table, size).into());
            let mut arguments = SqliteArguments::default();
            arguments.reserve(size * width, 0);
            for cell in cells.by_ref().take(size * width) {
                add(&mut arguments, cell)?;
            }
            query_with(AssertSqlSafe(text.clone()), arguments).execute(&mut *conn).await?;
        }
    }
    Ok(())
}

fn statement(table: &Table, rows: usize) -> String {
    let row = format!("({})", vec!["?"; table.columns.len()].join(", "));
    let rows = vec![row; rows].join(", ");
    format!("INSERT INTO {} ({}) VALUES {rows}{}", table.name, table.names(""), table.on_conflict())
}

#[allow(clippy::needless_pass_by_value)] // it is made for `map_err`
fn fault(error: sqlx::Error) -> Fault {
    sql::fault(&error, |code| {
        // BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN
        matches!(code.parse::<u32>().unwrap_or_default() & 0xff, 5 | 6 | 7 | 8 | 10 | 13 | 14)
    })
}
