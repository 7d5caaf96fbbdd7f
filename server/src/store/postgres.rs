//! PostgreSQL 15 or newer: each batch is a single statement, and thus one round trip, one transaction and one flush.
//!
//! Several servers may write to one log: the head's row is updated by compare-and-swap, and positions are assigned from
//! it.

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

/// The oldest supported release.
const OLDEST: i64 = 150_000;

/// The time of the server's clock.
pub(super) async fn clock(url: &str) -> Result<chrono::DateTime<chrono::Utc>, Error> {
    let pool = readers(options(url)?, READ_STATEMENT);
    let rows =
        super::sql::Db::Postgres(pool, super::away::Away::default()).fetch(&format!("SELECT {NOW}"), &[]).await?;
    let row = rows.first().ok_or_else(|| Error::Unavailable("PostgreSQL does not report the time".into()))?;
    row.cells().time()
}

/// Connections for leases.
const LEASES: u32 = 2;

/// Time limit of a statement on leases, in milliseconds.
const LEASE_STATEMENT: &str = "2000";

/// Time limit of a statement that only reads, in milliseconds: it holds one of few connections.
pub(super) const READ_STATEMENT: &str = "30000";

/// Connections for reading the whole log: one works, one watches.
const LONG_READERS: u32 = 2;

/// Makes look-ups always use indexes, whatever statistics the planner had.
const BY_INDEX: [(&str, &str); 4] =
    [("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off"), ("jit", "off")];

/// How long a removal waits for a lock, in milliseconds: appends may be waiting for what it holds.
const SWEEP_LOCK: &str = "50";

/// Time limit of a removal, in milliseconds.
const SWEEP_STATEMENT: &str = "10000";

/// An expression for the clock, in microseconds.
pub(super) const NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);

/// A statement that takes longer is abandoned, its outcome unknown.
const STATEMENT: Duration = Duration::from_secs(30);

/// The channel on which servers notify each other of appends.
const CHANNEL: &str = "eventflow";

/// Time between two notifications: each costs the database a transaction.
const NOTIFY_EVERY: Duration = Duration::from_millis(5);

/// How often the log is checked in the absence of notifications.
const LOOK: Duration = Duration::from_secs(1);

/// How often an unavailable database is tried again.
const KNOCK: Duration = Duration::from_millis(250);

/// How often a start that waits for the database logs that again.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Parses the URL into connection options.
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

/// The database's address, without its password.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let host = options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
    format!("{host}:{}/{}", options.get_port(), options.get_database().unwrap_or_else(|| options.get_username()))
}

/// Connects, refuses releases that are too old, and migrates the tables. Returns the server's version for people.
/// Several servers may do this at once: one does it, the others wait for it.
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
    let row = rows.first().ok_or_else(|| cannot(&"it does not report its version"))?;
    let mut cells = row.cells();
    let (number, name) = (cells.int()?, cells.text()?);
    if number < OLDEST {
        return Err(cannot(&format!("it is version {name}; EventFlow needs PostgreSQL 15 or newer")));
    }
    if apply {
        migrations::postgres().run(&mut conn).await.map_err(|error| cannot(&error))?;
        // Plans made while the tables were empty scan them entirely. Analyzing the system's tables as another user
        // would log a
        // warning for each.
        let names = ALL.map(|table| table.name).join(", ");
        sql::postgres_execute(&mut conn, &format!("ANALYZE {names}"), &[]).await.map_err(|error| cannot(&error))?;
    }
    let _ = conn.close().await;
    Ok(name)
}

/// Waits until the database accepts connections, or refuses for a reason that waiting cannot remove.
pub(super) async fn wait_for(options: &PgConnectOptions) {
    let mut reported: Option<tokio::time::Instant> = None;
    while let Err(why) = knock(options).await {
        if reported.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
            tracing::warn!(
                database = place(options),
                error = why,
                "the start waits for PostgreSQL; it goes on when that answers"
            );
            reported = Some(tokio::time::Instant::now());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Connects and disconnects; returns why the database is unavailable, if it is.
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

/// Whether it has no free connection.
fn is_full(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().is_some_and(|code| code == "53300"))
}

/// Connections for reading, with a time limit per statement in milliseconds.
pub(super) fn readers(options: PgConnectOptions, statement: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(sql::READERS)
        .test_before_acquire(false)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(options.options([("statement_timeout", statement)]))
}

/// Connections for reading the whole log or rewriting tables, without a time limit.
pub(super) fn unhurried(readers: &PgPool) -> PgPool {
    // If an option is given twice, the later value counts.
    let options = PgConnectOptions::clone(&readers.connect_options()).options([("statement_timeout", "0")]);
    PgPoolOptions::new().max_connections(LONG_READERS).acquire_timeout(CONNECT).connect_lazy_with(options)
}

/// Separate connections for leases, so that leases are renewed however busy the others are.
pub(super) fn leases(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(LEASES)
        .test_before_acquire(false)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(options.options([("statement_timeout", LEASE_STATEMENT)]))
}

/// The connection that removes old data. It never waits long for others, and a crash may lose what it commits: it is
/// then removed again.
pub(super) fn sweeper(options: PgConnectOptions) -> PgPool {
    let options = options.options(BY_INDEX).options([
        ("synchronous_commit", "off"),
        ("lock_timeout", SWEEP_LOCK),
        ("statement_timeout", SWEEP_STATEMENT),
    ]);
    PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT).connect_lazy_with(options)
}

/// The only connection of this server that writes.
pub(super) struct Writer {
    options: PgConnectOptions,
    conn: Option<PgConnection>,
    texts: HashMap<Vec<&'static str>, Arc<str>>,
    away: Away,
    /// Whether a transaction holds the head's lock.
    locked: bool,
}

impl Writer {
    pub fn new(options: PgConnectOptions, away: Away) -> Self {
        let options = options.options(BY_INDEX).options([("synchronous_commit", "on")]);
        Self { options, conn: None, texts: HashMap::new(), away, locked: false }
    }

    /// Connects, unless connected.
    pub async fn connect(&mut self) -> Result<(), Fault> {
        if self.conn.is_none() {
            self.locked = false;
            let conn = tokio::time::timeout(CONNECT, self.options.connect()).await;
            let conn = conn.map_err(|_| Fault::Lost("PostgreSQL does not answer".into()))?;
            // Whatever the error, it may pass: out of connections, starting up, shutting down.
            self.conn = Some(conn.map_err(|error| Fault::Lost(error.to_string()))?);
            // If writing works, so does reading: the listening connection retries only now and then.
            self.away.is_back();
        }
        Ok(())
    }

    /// Starts a transaction in which nobody else can move the head.
    pub async fn lock(&mut self) -> Result<(), Fault> {
        if self.locked {
            return Ok(());
        }
        self.execute("BEGIN", &[]).await?;
        self.locked = true;
        self.fetch("SELECT position FROM head WHERE one = 1 FOR UPDATE", &[]).await.map(|_| ())
    }

    /// Ends that transaction without writing.
    pub async fn unlock(&mut self) {
        if std::mem::take(&mut self.locked) && self.execute("ROLLBACK", &[]).await.is_err() {
            self.conn = None;
        }
    }

    /// Writes a batch. Chores are rare here, as other connections do most of them: they are written before it, one by
    /// one.
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
            // Needs more than one statement, so it starts a transaction.
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

    /// Reads committed data.
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

    /// Drops a connection that failed.
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

/// One statement for a batch: it inserts only if the head is where it should be and nothing was removed.
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

/// An `INSERT` of rows that are given as one array per column, the first in parameter `first`.
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

/// Inserts rows, all at once.
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
    sql::fault(&error, |code| match code {
        // Read-only, locked, deadlock, serialization.
        "25006" | "55P03" | "40P01" | "40001" => true,
        // Insufficient resources, operator intervention, system error.
        code => ["53", "57", "58"].iter().any(|class| code.starts_with(class)),
    })
}

/// Notifies the other servers of the head after commits, separately from them: one notification for many commits.
pub(super) async fn notify(pool: PgPool, node: Uuid, mut heads: [watch::Receiver<u64>; 2]) {
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
            // Not synced to disk: a lost notification is made up for by the check once a second.
            let text = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)";
            let payload = [Value::Text(CHANNEL.into()), Value::Text(node.to_string())];
            if let Err(error) = sql::postgres_fetch(&mut conn, text, &payload).await {
                tracing::debug!(%error, "other servers were not notified");
            }
        }
        tokio::time::sleep(NOTIFY_EVERY).await;
    }
}

/// Wakes the committer when another server has written, and once a second. Its connection is the first to notice that
/// the database is unavailable.
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
                    Ok(Ok(Some(notification))) if notification.payload() == node => {}
                    Ok(Ok(Some(_))) | Err(_) => wake.notify_one(),
                    Ok(Ok(None) | Err(_)) => break,
                }
            }
        }
        wake.notify_one();
        // If it refuses for another reason (its password was changed), it is not retried without a pause.
        if !listened {
            tokio::time::sleep(KNOCK).await;
        }
    }
}
