//! Exports and imports the log as text that both databases can read, for backups and for moving between databases.
//!
//! Derived data (read tables, snapshots) and the state of running servers (leases) are excluded. The export is one
//! consistent state of the database, whatever is written meanwhile.
//!
//! The first line describes the export. For each table there is a line with its columns, and a line for each row, as an
//! array; bytes are in Base64. The last line counts the rows, so that truncation is noticed.

use std::borrow::Cow;
use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::away::Away;
use super::columns::{CHECKPOINTS, LINES, LOG, LOG_KEY, RELAYED, REVOCATIONS, SEALS, SECRETS};
use super::error::Error;
use super::insert::insert;
use super::sql::{Conn, Db, Dialect, Row, Value};
use super::table::{Cell, Column, Kind, Table};
use super::{audit, open, postgres, sqlite};

/// The format that this server writes and reads.
const FORMAT: u32 = 1;

/// Rows read or written at a time.
const ROWS: usize = 500;

/// The longest line, in bytes; a record is far shorter.
const MAX_LINE: u64 = 64 << 20;

/// The tables, starting with those that grow without limit.
const TABLES: [&Table; 8] = [&LOG, &LINES, &SEALS, &LOG_KEY, &SECRETS, &CHECKPOINTS, &RELAYED, &REVOCATIONS];

/// The first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The format of the stream.
    pub format: u32,
    /// The position of the newest record.
    pub position: u64,
    /// The position of the newest line of a build or run.
    pub line: u64,
    /// Records up to here may have been removed …
    pub cut: u64,
    /// … and so many were.
    pub removed: u64,
}

/// The number of rows copied, shared with observers of the progress.
pub type Copied = AtomicU64;

#[derive(Serialize, Deserialize)]
struct Opening {
    table: String,
    columns: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Closing {
    rows: u64,
}

fn cannot_write(error: impl std::fmt::Display) -> Error {
    Error::Unavailable(format!("the copy cannot be written: {error}"))
}

fn damaged(what: impl std::fmt::Display) -> Error {
    Error::Damaged(format!("the copy of the log cannot be read: {what}"))
}

/// The database that is exported.
pub struct Source {
    conn: Conn,
    /// What is copied.
    pub head: Head,
    description: String,
}

impl Source {
    /// Opens a snapshot of the log; servers may be running beside.
    ///
    /// # Errors
    /// When the database cannot be reached or holds no log.
    pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Self, Error> {
        let log = open::reading(url, data_dir).await?;
        let mut conn = log.unhurried().acquire().await?;
        let begin = match conn.dialect() {
            Dialect::Sqlite => "BEGIN",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        conn.execute(begin, &[]).await?;
        let head = head(&mut conn).await?;
        Ok(Self { conn, head, description: log.describe() })
    }

    /// Describes the database, for people.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// Copies everything; returns the number of rows.
    ///
    /// # Errors
    /// When the database or the copy fails.
    pub async fn copy(mut self, to: &mut (dyn Write + Send), copied: &Copied) -> Result<u64, Error> {
        let mut write = |line: &dyn erased::Line| line.write(to).map_err(cannot_write);
        write(&self.head)?;
        for table in TABLES {
            let columns = table.columns.iter().map(|column| column.name.to_owned()).collect();
            write(&Opening { table: table.name.to_owned(), columns })?;
            let by = table.columns[0].name;
            let order: Vec<&str> = if table.key.is_empty() { vec![by] } else { table.key.to_vec() };
            let mut after = None;
            loop {
                let (filter, values) = match after {
                    Some(after) => (format!("WHERE {by} > $1"), vec![Value::Int(after)]),
                    None => (String::new(), Vec::new()),
                };
                let paged = by == "position";
                let limit = if paged { format!(" LIMIT {ROWS}") } else { String::new() };
                let text = format!(
                    "SELECT {} FROM {} {filter} ORDER BY {}{limit}",
                    table.names(""),
                    table.name,
                    order.join(", ")
                );
                let rows = self.conn.fetch(&text, &values).await?;
                for row in &rows {
                    let cells = cells(table, row)?;
                    if paged {
                        after = cells.first().and_then(Json::as_i64);
                    }
                    write(&cells)?;
                    copied.fetch_add(1, Ordering::Relaxed);
                }
                if !paged || rows.len() < ROWS {
                    break;
                }
            }
        }
        let rows = copied.load(Ordering::Relaxed);
        write(&Closing { rows })?;
        self.conn.execute("ROLLBACK", &[]).await?;
        Ok(rows)
    }
}

/// Lets lines of different types be written alike.
mod erased {
    use super::Write;

    pub(super) trait Line {
        fn write(&self, to: &mut (dyn Write + Send)) -> std::io::Result<()>;
    }

    impl<T: serde::Serialize> Line for T {
        fn write(&self, to: &mut (dyn Write + Send)) -> std::io::Result<()> {
            serde_json::to_writer(&mut *to, self)?;
            to.write_all(b"\n")
        }
    }
}

async fn head(conn: &mut Conn) -> Result<Head, Error> {
    let rows = conn.fetch("SELECT position, line, cut, removed FROM head WHERE one = 1", &[]).await?;
    let row = rows.first().ok_or_else(|| Error::Damaged("the head of the log is missing".to_owned()))?;
    let mut cells = row.cells();
    Ok(Head {
        format: FORMAT,
        position: cells.number()?,
        line: cells.number()?,
        cut: cells.number()?,
        removed: cells.number()?,
    })
}

fn cells(table: &Table, row: &Row) -> Result<Vec<Json>, Error> {
    let mut cells = row.cells();
    let cell = |column: &Column| {
        Ok(match column.kind {
            Kind::Int => cells.opt_int()?.map_or(Json::Null, Json::from),
            Kind::Text => cells.opt_text()?.map_or(Json::Null, Json::from),
            Kind::Bytes => cells.opt_bytes()?.map_or(Json::Null, |bytes| Json::from(STANDARD.encode(bytes))),
        })
    };
    table.columns.iter().map(cell).collect()
}

/// The database that is imported into.
pub struct Target {
    db: Db,
    description: String,
    /// Keeps servers from starting on the data folder meanwhile.
    _lock: Option<sqlite::Lock>,
}

impl Target {
    /// Creates the database if there is none.
    ///
    /// # Errors
    /// When it cannot be reached, a server uses it, or it holds a log already.
    pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Self, Error> {
        let target = match url {
            Some(url) => {
                let options = postgres::options(url)?;
                let version = postgres::migrate(&options, true).await?;
                let description = format!("PostgreSQL {version} at {}", postgres::place(&options));
                // Many rows at a time may take longer than an interactive read.
                let pool = postgres::unhurried(&postgres::readers(options, postgres::READ_STATEMENT));
                Self { db: Db::Postgres(pool, Away::default()), description, _lock: None }
            }
            None => {
                let lock = sqlite::lock(data_dir).await?;
                let file = data_dir.join(sqlite::FILE);
                sqlite::migrate(&file).await?;
                let description = format!("SQLite at {}", file.display());
                Self { db: Db::Sqlite(sqlite::writing(&file).await?, Away::default()), description, _lock: Some(lock) }
            }
        };
        let mut conn = target.db.acquire().await?;
        let head = head(&mut conn).await?;
        if (head.position, head.line) != (0, 0) {
            return Err(Error::Unavailable(format!(
                "there is an event log at {} already, with {} records: restore into an empty database and data folder",
                target.description, head.position
            )));
        }
        Ok(target)
    }

    /// Describes the database, for people.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// Restores a copy and builds the read tables, all or nothing. Returns what was restored.
    ///
    /// # Errors
    /// When the copy is damaged or from a newer server, or the database fails.
    pub async fn restore(self, from: &mut (dyn BufRead + Send), copied: &Copied) -> Result<Head, Error> {
        let mut conn = self.db.acquire().await?;
        conn.execute(if conn.dialect() == Dialect::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" }, &[]).await?;
        let restored = restore(&mut conn, from, copied).await;
        let end = if restored.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = conn.execute(end, &[]).await;
        let head = restored?;
        ended?;
        Ok(head)
    }
}

async fn restore(conn: &mut Conn, from: &mut (dyn BufRead + Send), copied: &Copied) -> Result<Head, Error> {
    let mut lines = Lines { from, line: Vec::new(), number: 0 };
    let head: Head = lines.parse()?.ok_or_else(|| damaged("it is empty"))?;
    if head.format != FORMAT {
        return Err(damaged(format!("its form is {}, this server reads {FORMAT}: use a newer server", head.format)));
    }
    let mut table: Option<&'static Table> = None;
    let mut batch: Vec<Cell<'static>> = Vec::new();
    let rows = loop {
        let line: Json = lines.parse()?.ok_or_else(|| damaged("it is cut off"))?;
        match line {
            Json::Array(row) => {
                let table = table.ok_or_else(|| damaged("a row comes before its table"))?;
                if row.len() != table.columns.len() {
                    return Err(damaged(format!("line {} has {} columns", lines.number, row.len())));
                }
                for (column, cell) in table.columns.iter().zip(row) {
                    batch.push(read(column.kind, cell).ok_or_else(|| damaged(format!("line {}", lines.number)))?);
                }
                copied.fetch_add(1, Ordering::Relaxed);
                if batch.len() >= ROWS * table.columns.len() {
                    insert(conn, table, std::mem::take(&mut batch)).await?;
                }
            }
            other => {
                if let Some(table) = table.take() {
                    insert(conn, table, std::mem::take(&mut batch)).await?;
                }
                if let Ok(Closing { rows }) = serde_json::from_value(other.clone()) {
                    break rows;
                }
                let opening: Opening = serde_json::from_value(other).map_err(damaged)?;
                let known = TABLES.into_iter().find(|table| table.name == opening.table);
                let known = known.filter(|table| {
                    table.columns.iter().map(|column| column.name).eq(opening.columns.iter().map(String::as_str))
                });
                table = Some(known.ok_or_else(|| {
                    damaged(format!(
                        "this server does not know the table `{}` as it is there: use a newer one",
                        opening.table
                    ))
                })?);
            }
        }
    };
    if rows != copied.load(Ordering::Relaxed) {
        return Err(damaged(format!("it has {} rows and should have {rows}", copied.load(Ordering::Relaxed))));
    }
    let values = [head.position, head.line, head.cut, head.removed].map(|number| Value::Int(number.cast_signed()));
    let text = "UPDATE head SET position = $1, line = $2, cut = $3, removed = $4 WHERE one = 1";
    conn.execute(text, &values).await?;
    audit::rebuild_tables(conn, &AtomicU64::new(0)).await?;
    Ok(head)
}

fn read(kind: Kind, cell: Json) -> Option<Cell<'static>> {
    Some(match (kind, cell) {
        (_, Json::Null) => Cell::Null,
        (Kind::Int, Json::Number(number)) => Cell::Int(number.as_i64()?),
        (Kind::Text, Json::String(text)) => Cell::Text(Cow::Owned(text)),
        (Kind::Bytes, Json::String(text)) => Cell::Bytes(Cow::Owned(STANDARD.decode(text).ok()?)),
        _ => return None,
    })
}

/// Lines of the export, of limited length.
struct Lines<'r> {
    from: &'r mut (dyn BufRead + Send),
    line: Vec<u8>,
    number: u64,
}

impl Lines<'_> {
    /// The next line; `None` at the end.
    fn parse<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        self.line.clear();
        self.number += 1;
        let mut bounded = (&mut *self.from).take(MAX_LINE);
        let read = bounded.read_until(b'\n', &mut self.line).map_err(damaged)?;
        if read == 0 {
            return Ok(None);
        }
        if self.line.last() != Some(&b'\n') {
            return Err(damaged(format!("line {} is cut off or too long", self.number)));
        }
        serde_json::from_slice(&self.line).map(Some).map_err(|error| damaged(format!("line {}: {error}", self.number)))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::columns::READ_TABLES;
    use super::*;

    /// Tables that are neither copied nor derived from those that are.
    const LEFT_OUT: &[(&str, &str)] = &[
        ("head", "it is in the first line"),
        ("snapshots", "they are made again"),
        ("leases", "they are about servers that run"),
        ("installation", "servers agree on it again; the admin's password is among the keys"),
    ];

    #[test]
    fn every_table_is_copied_or_follows_from_what_is_or_is_left_out_on_purpose() {
        for database in ["sqlite", "postgres"] {
            let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(database);
            let mut found = 0;
            for file in std::fs::read_dir(folder).unwrap() {
                let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
                for rest in text.split("CREATE TABLE ").skip(1) {
                    let name = rest.split([' ', '(']).next().unwrap();
                    let known = TABLES.iter().chain(READ_TABLES.iter()).any(|table| table.name == name)
                        || LEFT_OUT.iter().any(|(left, _)| *left == name);
                    assert!(known, "the table `{name}` would be missing from backups: add it to TABLES or LEFT_OUT");
                    found += 1;
                }
            }
            assert!(found > 10, "{found}");
        }
    }

    async fn restored(text: &str) -> Result<Head, Error> {
        let data = tempfile::tempdir().unwrap();
        let target = Target::open(None, data.path()).await?;
        target.restore(&mut text.as_bytes(), &Copied::new(0)).await
    }

    #[tokio::test]
    async fn what_is_cut_off_or_of_another_form_is_refused() {
        let head = r#"{"format":1,"position":0,"line":0,"cut":0,"removed":0}"#;
        let secrets = r#"{"table":"secrets","columns":["namespace","name","key_id","nonce","sealed","set_at"]}"#;
        let row = r#"["a","b",null,null,"AAAA",7]"#;
        assert!(restored(&format!("{head}\n{secrets}\n{row}\n{{\"rows\":1}}\n")).await.is_ok());
        for (text, why) in [
            (String::new(), "empty"),
            (head.replace("\"format\":1", "\"format\":2") + "\n", "newer server"),
            (format!("{head}\n"), "cut off"),
            (format!("{head}\n{secrets}\n{row}\n"), "cut off"),
            (format!("{head}\n{secrets}\n{row}\n{{\"rows\":2}}\n"), "should have 2"),
            (format!("{head}\n{row}\n"), "before its table"),
            (format!("{head}\n{secrets}\n[1]\n"), "line 3 has 1 columns"),
            (format!("{head}\n{secrets}\n{}\n", row.replace("7", "\"7\"")), "line 3"),
            (format!("{head}\n{{\"table\":\"stars\",\"columns\":[]}}\n"), "`stars`"),
            (format!("{head}\n{{\"table\":\"secrets\",\"columns\":[]}}\n"), "`secrets`"),
        ] {
            let error = restored(&text).await.unwrap_err().to_string();
            assert!(error.contains(why), "{why} in {error}");
        }
    }
}
