//! PostgreSQL, 15 or newer: each batch is one statement, which is one round trip, one transaction and one flush.
//!
//! Several servers may write one log: the head's row is moved by compare-and-swap, and positions are numbered from it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgListener, PgPoolOptions};
use sqlx::{Arguments as _, AssertSqlSafe, ConnectOptions, Connection as _, PgPool, query_with};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::away::Away;
use super::batch::{Batch, Chore};
use super::columns::ALL;
use super::error::Error;
use super::fault::{Fault, Written};
use super::migrations;
use super::sql::{self, Row, Value};
use super::table::{Cell, Column, Kind, Table};

/// The oldest release that is known to work.
const OLDEST: i64 = 150_000;

/// What the server's clock says.
pub(super) async fn clock(url: &str) -> Result<chrono::DateTime<chrono::Utc>, Error> {
    let pool = readers(options(url)?, READ_STATEMENT);
    let rows =
        super::sql::Db::Postgres(pool, super::away::Away::default()).fetch(&format!("SELECT {NOW}"), &[]).await?;
    let row = rows.first().ok_or_else(|| Error::Unavailable("PostgreSQL does not tell the time".into()))?;
    row.cells().time()
}

/// Connections for leases.
const LEASES: u32 = 2;

/// A statement about a lease is given up after so many milliseconds.
const LEASE_STATEMENT: &str = "2000";

/// A statement that only reads is given up after so many milliseconds: it holds one of few connections.
pub(super) const READ_STATEMENT: &str = "30000";

/// Connections for what goes through all of the log: one works, one looks on.
const LONG_READERS: u32 = 2;

/// Look-ups always go by index, whatever the planner knew of the tables when it planned.
const BY_INDEX: [(&str, &str); 4] =
    [("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off"), ("jit", "off")];

/// Removing waits for a lock so many milliseconds: who appends may wait for what it holds.
const SWEEP_LOCK: &str = "50";

/// Removing a few is given up after so many milliseconds.
const SWEEP_STATEMENT: &str = "10000";

/// The clock, in microseconds.
pub(super) const NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);

/// A statement that takes longer is given up, its outcome unknown.
const STATEMENT: Duration = Duration::from_secs(30);

/// The channel on which servers tell each other that they wrote.
const CHANNEL: &str = "eventflow";

/// Between two tellings: they cost the database a transaction each.
const TELL: Duration = Duration::from_millis(5);

/// Without a word from the others the log is looked at this often.
const LOOK: Duration = Duration::from_secs(1);

/// A database that is away is connected to again this often.
const KNOCK: Duration = Duration::from_millis(250);

/// A start that waits for the database says so again after this.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// How to connect.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, Error> {
    let wrong = |why: &dyn std::fmt::Display| {
        Error::Unavailable(format!(
            "DATABASE_URL is not a PostgreSQL URL ({why}); allowed: postgres://user:password@host:port/database"
        ))
    };
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(wrong(&"it begins with something else"));
    }
    let options: PgConnectOptions = url.parse().map_err(|error| wrong(&error))?;
    Ok(options.application_name("eventflow").disable_statement_logging())
}

/// Where the database is, without its password.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let host = options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
    format!("{host}:{}/{}", options.get_port(), options.get_database().unwrap_or_else(|| options.get_username()))
}

/// Connects, refuses what is too old, and brings the tables up to date. Returns the server's version for people.
/// Several servers may do this at once: the first one does it, the others wait for it.
pub(super) async fn migrate(options: &PgConnectOptions, apply: bool) -> Result<String, Error> {
    let cannot =
        |error: &dyn std::fmt::Display| Error::Unavailable(format!("PostgreSQL at {}: {error}", place(options)));
    let connecting = tokio::time::timeout(CONNECT * 5, options.connect()).await;
    let mut conn = connecting.map_err(|_| cannot(&"no answer; is it running?"))?.map_err(|error| cannot(&error))?;
    let rows = sql::postgres_fetch(
        &mut conn,
        "SELECT current_setting('server_version_num')::bigint, split_part(current_setting('server_version'), ' ', 1)",
        &[],
    );
    let rows = rows.await.map_err(|error| cannot(&error))?;
    let row = rows.first().ok_or_else(|| cannot(&"it does not tell its version"))?;
    let mut cells = row.cells();
    let (number, name) = (cells.int()?, cells.text()?);
    if number < OLDEST {
        return Err(cannot(&format!("it is version {name}; EventFlow needs PostgreSQL 15 or newer")));
    }
    if apply {
        migrations::postgres().run(&mut conn).await.map_err(|error| cannot(&error))?;
        // Plans that were made while the tables were empty read them from end to end.
        // Of the system's own tables another user's plans are made, and a warning for each.
        let names = ALL.map(|table| table.name).join(", ");
        sql::postgres_execute(&mut conn, &format!("ANALYZE {names}"), &[]).await.map_err(|error| cannot(&error))?;
    }
    let _ = conn.close().await;
    Ok(name)
}

/// Waits until the database can be connected to, or refuses for a reason that waiting does not mend.
pub(super) async fn wait_for(options: &PgConnectOptions) {
    let mut told: Option<tokio::time::Instant> = None;
    while let Err(why) = knock(options).await {
        if told.is_none_or(|told| told.elapsed() >= SAY_AGAIN) {
            tracing::warn!(
                database = place(options),
                error = why,
                "the start waits for PostgreSQL; it goes on when that answers"
            );
            told = Some(tokio::time::Instant::now());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Connects and hangs up; why the database is away, if it is.
async fn knock(options: &PgConnectOptions) -> Result<(), String> {
    match tokio::time::timeout(CONNECT, options.connect()).await {
        Err(_) => Err(format!("it did not answer within {} s", CONNECT.as_secs())),
        Ok(Err(error)) if sql::is_lost(&error) || is_full(&error) => Err(sql::explain(&error)),
        Ok(Err(_)) => Ok(()),
        Ok(Ok(conn)) => {
            let _ = conn.close().await;
            Ok(())
        }
    }
}

/// Whether it has no connection left.
fn is_full(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().is_some_and(|code| code == "53300"))
}

/// Connections for reading. A statement has so many milliseconds.
pub(super) fn readers(options: PgConnectOptions, statement: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(sql::READERS)
        .test_before_acquire(false)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(options.options([("statement_timeout", statement)]))
}

/// The same, for what goes through all of the log or rewrites tables, and takes the time that it takes.
pub(super) fn unhurried(readers: &PgPool) -> PgPool {
    // Of two values for one option the later one counts.
    let options = PgConnectOptions::clone(&readers.connect_options()).options([("statement_timeout", "0")]);
    PgPoolOptions::new().max_connections(LONG_READERS).acquire_timeout(CONNECT).connect_lazy_with(options)
}

/// Connections for leases: of their own, so that a lease is renewed however busy the others are.
pub(super) fn leases(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(LEASES)
        .test_before_acquire(false)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(options.options([("statement_timeout", LEASE_STATEMENT)]))
}

/// The connection that removes what is old. It waits for nobody for long, and what it commits may be lost in a crash: it
/// is removed again.
pub(super) fn sweeper(options: PgConnectOptions) -> PgPool {
    let options = options.options(BY_INDEX).options([
        ("synchronous_commit", "off"),
        ("lock_timeout", SWEEP_LOCK),
        ("statement_timeout", SWEEP_STATEMENT),
    ]);
    PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT).connect_lazy_with(options)
}

/// The one connection of this server that writes.
pub(super) struct Writer {
    options: PgConnectOptions,
    conn: Option<PgConnection>,
    texts: HashMap<Vec<&'static str>, Arc<str>>,
    away: Away,
    /// A transaction holds the head's lock.
    locked: bool,
}

impl Writer {
    pub fn new(options: PgConnectOptions, away: Away) -> Self {
        let options = options.options(BY_INDEX).options([("synchronous_commit", "on")]);
        Self { options, conn: None, texts: HashMap::new(), away, locked: false }
    }

    /// Connects, unless it is connected.
    pub async fn connect(&mut self) -> Result<(), Fault> {
        if self.conn.is_none() {
            self.locked = false;
            let conn = tokio::time::timeout(CONNECT, self.options.connect()).await;
            let conn = conn.map_err(|_| Fault::Lost("PostgreSQL does not answer".into()))?;
            // Whatever it says, it may come back: out of connections, starting up, shutting down.
            self.conn = Some(conn.map_err(|error| Fault::Lost(error.to_string()))?);
            // Whoever may write may read: the connection that listens knocks only now and then.
            self.away.is_back();
        }
        Ok(())
    }

    /// Begins a transaction that nobody else can move the head in.
    pub async fn lock(&mut self) -> Result<(), Fault> {
        if self.locked {
            return Ok(());
        }
        self.execute("BEGIN", &[]).await?;
        self.locked = true;
        self.fetch("SELECT position FROM head WHERE one = 1 FOR UPDATE", &[]).await.map(|_| ())
    }

    /// Ends that transaction without having written.
    pub async fn unlock(&mut self) {
        if std::mem::take(&mut self.locked) && self.execute("ROLLBACK", &[]).await.is_err() {
            self.conn = None;
        }
    }

    /// Writes a batch. Chores are rare here, other connections do most: they are written before it, each for itself.
    pub async fn write(&mut self, batch: &Batch, chores: &[Chore]) -> Result<Written, Fault> {
        let mut done = Vec::with_capacity(chores.len());
        for chore in chores {
            done.push(match chore.statement() {
                Some((text, values)) => self.execute(text, &values).await?,
                None => 0,
            });
        }
        if batch.is_empty() {
            if std::mem::take(&mut self.locked) {
                self.execute("COMMIT", &[]).await?;
            }
            return Ok(Written { moved: false, chores: done });
        }
        let erasing = batch.erasing();
        if !erasing.is_empty() {
            // One statement is not enough: it begins a transaction.
            self.lock().await?;
        }
        let tables = batch.cells();
        let names: Vec<&'static str> = tables.iter().map(|(table, _)| table.name).collect();
        let text = self.texts.entry(names).or_insert_with(|| statement(tables.iter().map(|(table, _)| *table)).into());
        let text = text.clone();
        let mut arguments = PgArguments::default();
        let refused = |error: BoxDynError| Fault::Refused(error.to_string());
        for head in [batch.after, batch.line_after, batch.head(), batch.line_head(), batch.removed] {
            arguments.add(head.cast_signed()).map_err(refused)?;
        }
        for (table, cells) in &tables {
            add_rows(&mut arguments, table, cells).map_err(refused)?;
        }
        let conn = self.conn.as_mut().ok_or_else(|| Fault::Lost("not connected".into()))?;
        let writing = query_with(AssertSqlSafe(text), arguments).fetch_one(conn);
        let row = within(writing).await;
        let row = self.check(row)?;
        let moved = Row::Postgres(row).cells().int().map_err(|error| Fault::Refused(error.to_string()))? == 0;
        if !moved {
            for (text, values) in &erasing {
                self.execute(text, values).await?;
            }
        }
        if self.locked {
            self.execute(if moved { "ROLLBACK" } else { "COMMIT" }, &[]).await?;
            self.locked = false;
        }
        Ok(Written { moved, chores: done })
    }

    /// Reads what was committed.
    pub async fn fetch(&mut self, text: &str, values: &[Value]) -> Result<Vec<Row>, Fault> {
        let conn = self.conn.as_mut().ok_or_else(|| Fault::Lost("not connected".into()))?;
        let rows = within(sql::postgres_fetch(conn, text, values)).await;
        self.check(rows)
    }

    async fn execute(&mut self, text: &str, values: &[Value]) -> Result<u64, Fault> {
        let conn = self.conn.as_mut().ok_or_else(|| Fault::Lost("not connected".into()))?;
        let count = within(sql::postgres_execute(conn, text, values)).await;
        self.check(count)
    }

    /// A connection that failed is not used again.
    fn check<T>(&mut self, result: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(Fault::Lost(_)) = &result {
            self.conn = None;
            self.locked = false;
        }
        result
    }
}

async fn within<T>(doing: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Fault> {
    match tokio::time::timeout(STATEMENT, doing).await {
        Ok(result) => result.map_err(fault),
        Err(_) => Err(Fault::Lost(format!("PostgreSQL did not answer within {} s", STATEMENT.as_secs()))),
    }
}

/// One statement for a batch: move the head if it is where it should be and nothing was removed, and only then insert.
fn statement<'t>(tables: impl Iterator<Item = &'t Table>) -> String {
    let mut text = String::from(
        "WITH moved AS (UPDATE head SET position = $3, line = $4
         WHERE one = 1 AND position = $1 AND line = $2 AND removed = $5 RETURNING one)",
    );
    let mut parameter = 6;
    for table in tables {
        let insert = insertion(table, parameter, " WHERE EXISTS (SELECT 1 FROM moved)");
        text.push_str(&format!(", {}_rows AS ({insert})", table.name));
        parameter += table.columns.len();
    }
    text.push_str(" SELECT count(*) FROM moved");
    text
}

/// An `INSERT` of rows that come as one array for each column, the first in parameter `first`.
fn insertion(table: &Table, first: usize, condition: &str) -> String {
    let arrays = table.columns.iter().enumerate().map(|(index, column)| {
        let kind = match column.kind {
            Kind::Int => "bigint",
            Kind::Text => "text",
            Kind::Bytes => "bytea",
        };
        format!("${}::{kind}[]", first + index)
    });
    format!(
        "INSERT INTO {} ({}) SELECT * FROM unnest({}){condition}{}",
        table.name,
        table.names(""),
        arrays.collect::<Vec<_>>().join(", "),
        table.on_conflict(),
    )
}

/// Inserts rows, all at a time.
pub(super) async fn insert(conn: &mut PgConnection, table: &Table, cells: &[Cell<'_>]) -> Result<(), sqlx::Error> {
    let mut arguments = PgArguments::default();
    add_rows(&mut arguments, table, cells).map_err(sqlx::Error::Encode)?;
    query_with(AssertSqlSafe(insertion(table, 1, "")), arguments).execute(conn).await.map(|_| ())
}

fn add_rows(arguments: &mut PgArguments, table: &Table, cells: &[Cell<'_>]) -> Result<(), BoxDynError> {
    for (index, Column { kind, .. }) in table.columns.iter().enumerate() {
        let column = cells.iter().skip(index).step_by(table.columns.len());
        match kind {
            Kind::Int => {
                let column = column.map(|cell| if let Cell::Int(number) = cell { Some(*number) } else { None });
                arguments.add(column.collect::<Vec<_>>())?;
            }
            Kind::Text => {
                let column = column.map(|cell| if let Cell::Text(text) = cell { Some(&**text) } else { None });
                arguments.add(column.collect::<Vec<Option<&str>>>())?;
            }
            Kind::Bytes => {
                let column = column.map(|cell| if let Cell::Bytes(bytes) = cell { Some(&**bytes) } else { None });
                arguments.add(column.collect::<Vec<Option<&[u8]>>>())?;
            }
        }
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value)] // it is made for `map_err`
fn fault(error: sqlx::Error) -> Fault {
    if sql::is_lost(&error) {
        return Fault::Lost(error.to_string());
    }
    let sqlx::Error::Database(inner) = &error else { return Fault::Refused(error.to_string()) };
    if inner.is_unique_violation() {
        return Fault::Exists(inner.message().to_owned());
    }
    let code = inner.code().unwrap_or_default();
    match &*code {
        // Read-only, locked, deadlock, serialization.
        "25006" | "55P03" | "40P01" | "40001" => Fault::Unavailable(sql::explain(&error)),
        // No resources, operator's intervention, input or output.
        code if ["53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            Fault::Unavailable(sql::explain(&error))
        }
        _ => Fault::Refused(inner.message().to_owned()),
    }
}

/// Tells the other servers where the head is, after the commits and aside from them: many commits, one telling.
pub(super) async fn tell(pool: PgPool, node: Uuid, mut heads: [watch::Receiver<u64>; 2]) {
    loop {
        let [records, lines] = &mut heads;
        let closed = tokio::select! {
            changed = records.changed() => changed.is_err(),
            changed = lines.changed() => changed.is_err(),
        };
        if closed {
            return;
        }
        records.mark_unchanged();
        lines.mark_unchanged();
        if let Ok(mut conn) = pool.acquire().await {
            // Nobody waits for the disk: what is lost here is found by looking once a second.
            let text = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)";
            let payload = [Value::Text(CHANNEL.into()), Value::Text(node.to_string())];
            if let Err(error) = sql::postgres_fetch(&mut conn, text, &payload).await {
                tracing::debug!(%error, "other servers were not told");
            }
        }
        tokio::time::sleep(TELL).await;
    }
}

/// Wakes the committer when another server has written, and once a second. Its connection is the first to know that the
/// database is away.
pub(super) async fn listen(pool: PgPool, node: Uuid, wake: Arc<Notify>, away: Away) {
    let node = node.to_string();
    loop {
        while let Err(why) = knock(&pool.connect_options()).await {
            away.is_away(&why);
            tokio::time::sleep(KNOCK).await;
        }
        away.is_back();
        let mut listened = false;
        if let Ok(mut listener) = PgListener::connect_with(&pool).await
            && listener.listen(CHANNEL).await.is_ok()
        {
            listened = true;
            listener.eager_reconnect(false);
            loop {
                match tokio::time::timeout(LOOK, listener.try_recv()).await {
                    Ok(Ok(Some(told))) if told.payload() == node => {}
                    Ok(Ok(Some(_))) | Err(_) => wake.notify_one(),
                    Ok(Ok(None) | Err(_)) => break,
                }
            }
        }
        wake.notify_one();
        // One that refuses for another reason (its password was changed) is not asked without a pause.
        if !listened {
            tokio::time::sleep(KNOCK).await;
        }
    }
}
