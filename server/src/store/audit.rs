//! Verifies the log itself, and the read tables against the log.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use domain::Aggregate;
use domain::recorded::Fact;
use domain::{Recorded, Stream, event, function, run};
use sha2::{Digest, Sha256};

use super::batch::Rows;
use super::columns::{self, READ_TABLES, RECORD_NAMES};
use super::error::Error;
use super::insert::insert;
use super::listing::Bounded;
use super::log::Log;
use super::seal::{Anchor, Check, Proof, SealKey};
use super::sql::{Conn, Db, Dialect, Row, Value};
use super::table::{Cell, Column, Kind, Table};
use super::tables::{self, BUILDS, FUNCTIONS, Row as TableRow, VERSIONS};

/// The findings of `verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Records read.
    pub events: u64,
    /// Streams read.
    pub streams: u64,
    /// Rows of the read tables compared.
    pub rows: u64,
    /// How many of the faults are in the log itself, which nothing can repair.
    pub log_faults: u64,
    /// The faults, each with the row's name. Empty if everything is right.
    pub faults: Vec<String>,
    /// What the seals of the log prove, apart from the faults.
    pub proof: Proof,
}

/// Records read at a time.
const PAGE: usize = 2000;

/// The size of payloads after which a page ends, in bytes.
const PAGE_BYTES: usize = 8 << 20;

/// Rows compared or written at a time.
const ROWS: usize = 500;

/// The most faults that are listed; further ones are only counted.
const FAULTS: usize = 1000;

/// A record with its additional columns in the log.
struct Audited {
    record: Recorded,
    namespace: String,
    following: u64,
}

/// A stream that has not been read to its end.
#[derive(Default)]
struct Open {
    version: u64,
    hash: [u8; 32],
    /// The position of its first record.
    first: u64,
    namespace: Option<String>,
    function: function::State,
    run: run::State,
    /// Records whose content does not match their hash: erased, if a later record says so.
    unfit: Vec<Unfit>,
}

/// A record that does not match its hash.
struct Unfit {
    version: u64,
    /// SHA-256 of the stored content.
    digest: String,
    fault: String,
}

/// The state of folding the log: unfinished streams, and the rows of the append being read.
#[derive(Default)]
struct Fold {
    open: HashMap<Stream, Open>,
    pending: Vec<TableRow>,
}

/// A row derived from the log, with the positions that [`Rows::put`] needs.
struct Derived {
    row: TableRow,
    first: u64,
    last: u64,
}

impl Fold {
    /// Takes the next record. Once its append is complete, returns the rows that follow from it.
    fn take(&mut self, audited: &Audited) -> Result<Vec<Derived>, Error> {
        let record = &audited.record;
        let fact = record.fact().map_err(|error| Error::Damaged(format!("{}: {error}", name(record))))?;
        let open = self.open.entry(record.stream.clone()).or_default();
        if open.first == 0 {
            open.first = record.position;
        }
        let rows = match &fact {
            Fact::Function(_, event) => {
                open.function = function::Aggregate::evolve(open.function.take(), event);
                open.function.as_ref().map(|state| tables::of_function(state, event)).unwrap_or_default()
            }
            Fact::Run(_, event) => {
                open.run = run::Aggregate::evolve(open.run.take(), event);
                open.run.as_ref().map(tables::of_run).into_iter().collect()
            }
            Fact::Event(_, event::Event::Received(received)) => vec![tables::of_event(received)],
            // Its row shows the remaining content.
            Fact::Event(_, event::Event::Erased(_)) => Vec::new(),
            Fact::Namespace(..) => Vec::new(),
        };
        for row in rows {
            self.pending.retain(|earlier| !earlier.same_key(&row));
            self.pending.push(row);
        }
        if audited.following > 0 {
            return Ok(Vec::new());
        }
        let (first, last) = (open.first, record.position);
        Ok(std::mem::take(&mut self.pending).into_iter().map(|row| Derived { row, first, last }).collect())
    }

    /// Drops a stream in which nothing more will happen; returns whether it was one.
    fn close(&mut self, stream: &Stream) -> bool {
        let over = match stream.kind() {
            // Only later records show whether these were erased.
            _ if self.open.get(stream).is_some_and(|open| !open.unfit.is_empty()) => false,
            "event" => true,
            "run" => self.open.get(stream).and_then(|open| open.run.as_ref()).is_none_or(is_through),
            _ => false,
        };
        if over {
            self.open.remove(stream);
        }
        over
    }
}

/// Whether nothing more will be recorded of a run: it is over, its callback is done, it is no dead letter any more, and
/// its erasure, if any, is recorded.
fn is_through(run: &run::Run) -> bool {
    let settled = !matches!(run.callback, Some(run::Callback::Waiting | run::Callback::Due { .. }));
    let erasing = domain::erasure::is_erased(&run.request) && run.erased_at.is_none();
    run.phase.is_over() && settled && !erasing && run.phase.letter() != Some(run::Letter::Waiting)
}

/// A record's name in a fault.
fn name(record: &Recorded) -> String {
    format!("log position {} (stream {}, version {})", record.position, record.stream, record.version)
}

async fn read(conn: &mut Conn, after: u64) -> Result<Vec<Audited>, Error> {
    let (names, limit) = (format!("{RECORD_NAMES}, namespace, following"), PAGE.to_string());
    let page = Bounded::by_position("log", &names, "WHERE position > $1", &limit);
    let rows = conn.fetch(&Bounded { bytes: PAGE_BYTES, ..page }.sql(""), &[Value::Int(after.cast_signed())]).await?;
    let audited = |row: &Row| {
        let mut cells = row.cells_from(columns::RECORD_WIDTH);
        Ok(Audited { record: columns::record(row)?, namespace: cells.text()?, following: cells.number()? })
    };
    rows.iter().map(audited).collect()
}

impl Log {
    /// Rebuilds the read tables from the log; returns how many records were read. Nobody else may be writing.
    pub async fn rebuild(&self) -> Result<u64, Error> {
        rebuild(&self.writing().await?, self.reader.stats.audited()).await
    }

    /// Compares the read tables with the log, and checks the hash chain of every stream and every seal.
    pub async fn verify(&self) -> Result<Report, Error> {
        self.verify_against(&[]).await
    }

    /// Like [`Self::verify`]; also checks that the log continues from these anchors.
    pub async fn verify_against(&self, anchors: &[Anchor]) -> Result<Report, Error> {
        let key = self.seal_key.get().cloned();
        verify(&self.unhurried(), self.reader.stats.audited(), key, anchors).await
    }
}

/// Runs in one transaction: after a crash the old tables are still there.
async fn rebuild(db: &Db, audited: &AtomicU64) -> Result<u64, Error> {
    let mut conn = db.acquire().await?;
    let result = rebuild_on(&mut conn, audited).await;
    let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = conn.execute(end, &[]).await;
    if result.is_ok() {
        ended?;
    }
    result
}

async fn rebuild_on(conn: &mut Conn, audited: &AtomicU64) -> Result<u64, Error> {
    match conn.dialect() {
        Dialect::Sqlite => conn.execute("BEGIN IMMEDIATE", &[]).await?,
        Dialect::Postgres => {
            conn.execute("BEGIN", &[]).await?;
            // Makes servers that write wait until the rebuild is done.
            conn.execute("UPDATE head SET position = position WHERE one = 1", &[]).await?
        }
    };
    rebuild_tables(conn, audited).await
}

/// Rebuilds the tables within a transaction.
pub(super) async fn rebuild_tables(conn: &mut Conn, audited: &AtomicU64) -> Result<u64, Error> {
    for table in READ_TABLES {
        conn.execute(&format!("DELETE FROM {}", table.name), &[]).await?;
    }
    let (mut fold, mut rows, mut count, mut after) = (Fold::default(), Rows::default(), 0, 0);
    loop {
        let page = read(conn, after).await?;
        let Some(last) = page.last() else { break };
        after = last.record.position;
        count += page.len() as u64;
        audited.store(count, Ordering::Relaxed);
        for audited in &page {
            for Derived { row, first, last } in fold.take(audited)? {
                rows.put(&row, first, last);
            }
            if audited.following == 0 {
                fold.close(&audited.record.stream);
            }
        }
        write(conn, &std::mem::take(&mut rows)).await?;
    }
    Ok(count)
}

async fn write(conn: &mut Conn, rows: &Rows) -> Result<(), Error> {
    for (table, cells) in rows.cells() {
        insert(conn, table, cells).await?;
    }
    Ok(())
}

/// Reads a single snapshot of the database, whatever is written meanwhile.
async fn verify(db: &Db, audited: &AtomicU64, key: Option<SealKey>, anchors: &[Anchor]) -> Result<Report, Error> {
    let mut conn = db.acquire().await?;
    let begin = match conn.dialect() {
        Dialect::Sqlite => "BEGIN",
        Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    conn.execute(begin, &[]).await?;
    let mut audit = Audit::default();
    let result = audit.run(&mut conn, audited, (key, anchors)).await;
    conn.execute("ROLLBACK", &[]).await?;
    result.map(|()| audit.report())
}

#[derive(Default)]
struct Audit {
    fold: Fold,
    report: Report,
    /// Records up to this position may have been removed.
    cut: u64,
    /// Positions missing after it.
    missing: u64,
    unnamed: u64,
    /// Rows of functions, versions and builds: few, and final only at the end.
    kept: Rows,
    /// Rows of runs that may not be over.
    open_runs: HashMap<Stream, Derived>,
    /// Rows of finished streams, to be compared soon.
    over: Rows,
    over_count: usize,
    /// How many rows of each table were expected, and how many found.
    found: HashMap<&'static str, u64>,
    /// The expected keys of the small tables.
    expected: HashSet<(&'static str, String)>,
}

impl Audit {
    fn fault(&mut self, fault: String) {
        if self.report.faults.len() < FAULTS {
            self.report.faults.push(fault);
        } else {
            self.unnamed += 1;
        }
    }

    /// Adds a fault of the log itself.
    fn log_fault(&mut self, fault: String) {
        self.report.log_faults += 1;
        self.fault(fault);
    }

    fn report(mut self) -> Report {
        if self.unnamed > 0 {
            self.report.faults.push(format!("… and {} more", self.unnamed));
        }
        self.report
    }

    async fn run(
        &mut self,
        conn: &mut Conn,
        audited: &AtomicU64,
        (key, anchors): (Option<SealKey>, &[Anchor]),
    ) -> Result<(), Error> {
        let mut seals = Check::new(conn, key, anchors).await?;
        let rows = conn.fetch("SELECT position, cut, removed FROM head WHERE one = 1", &[]).await?;
        let (mut head, mut removed): (u64, u64) = (0, 0);
        if let Some(row) = rows.first() {
            let mut cells = row.cells();
            head = cells.number()?;
            self.cut = cells.number()?;
            removed = cells.number()?;
        }
        let mut after = 0;
        loop {
            let page = read(conn, after).await?;
            let Some(last) = page.last() else { break };
            let last = last.record.position;
            for audited in page {
                self.missing(after + 1, audited.record.position);
                after = audited.record.position;
                seals.take(conn, after, &audited.record.hash).await?;
                self.check(conn, &audited).await?;
            }
            after = last;
            audited.store(self.report.events, Ordering::Relaxed);
            if self.over_count >= ROWS {
                self.compare_over(conn).await?;
            }
        }
        self.missing(after + 1, head + 1);
        self.report.proof = seals.finish(conn, head).await?;
        for fault in seals.faults {
            self.log_fault(fault);
        }
        if head < after {
            self.log_fault(format!("head row 1: position is {head}, the log says {after}"));
        } else if self.report.events + self.missing + removed != head {
            // Below the cut only the number of removed positions is stored, not which ones.
            let holes = head - self.report.events - self.missing;
            let what = format!("{holes} records up to position {} are not there, {removed} were removed", self.cut);
            self.log_fault(format!("head row 1: {what}"));
        }
        let unfit: Vec<_> = self.fold.open.values_mut().flat_map(|open| std::mem::take(&mut open.unfit)).collect();
        unfit.into_iter().for_each(|unfit| self.log_fault(unfit.fault));
        for (_, Derived { row, first, last }) in std::mem::take(&mut self.open_runs) {
            self.over.put(&row, first, last);
        }
        self.compare_over(conn).await?;
        let kept = std::mem::take(&mut self.kept);
        self.compare(conn, &kept).await?;
        for table in READ_TABLES {
            self.look_for_strangers(conn, table).await?;
        }
        Ok(())
    }

    /// Reports the positions from `from` up to, but not including, `to`, as missing, unless they were removed.
    fn missing(&mut self, from: u64, to: u64) {
        let from = from.max(self.cut + 1);
        self.missing += to.saturating_sub(from);
        match to.saturating_sub(from) {
            0 => {}
            1 => self.log_fault(format!("log position {from} is missing")),
            _ => self.log_fault(format!("log positions {from} to {} are missing", to - 1)),
        }
    }

    async fn check(&mut self, conn: &mut Conn, audited: &Audited) -> Result<(), Error> {
        let record = &audited.record;
        self.report.events += 1;
        if record.version == 1 {
            self.report.streams += 1;
        }
        let before = self.fold.open.get(&record.stream).map(|open| (open.version, open.hash));
        let (version, hash) = match before {
            Some(before) => before,
            None if record.version == 1 => (0, [0; 32]),
            // This stream was taken to be finished.
            None => predecessor(conn, record).await?,
        };
        if record.version != version + 1 {
            let what = match record.version.saturating_sub(version) {
                0 | 1 => format!("it comes after version {version}"),
                2 => format!("version {} is missing before it", version + 1),
                _ => format!("versions {} to {} are missing before it", version + 1, record.version - 1),
            };
            self.log_fault(format!("{}: {what}", name(record)));
        } else if record.hash != hash_of(hash, record) {
            let fault = format!("{}: hash does not fit its content", name(record));
            let digest = hex::encode(Sha256::digest(&record.data));
            let open = self.fold.open.entry(record.stream.clone()).or_default();
            open.unfit.push(Unfit { version: record.version, digest, fault });
        }
        self.erased(record);
        match self.fold.take(audited) {
            Ok(rows) => {
                for Derived { row, first, last } in rows {
                    match row {
                        TableRow::Run(_) => {
                            self.open_runs.insert(record.stream.clone(), Derived { row, first, last });
                        }
                        TableRow::Event(_) => {
                            self.over.put(&row, first, last);
                            self.over_count += 1;
                        }
                        row => self.kept.put(&row, first, last),
                    }
                }
            }
            Err(Error::Damaged(error)) => {
                // The hash may be right although a newer server wrote the content; the rest is checked all the same.
                if !self.report.faults.contains(&error) {
                    self.log_fault(error);
                }
                self.fold.pending.clear();
            }
            Err(error) => return Err(error),
        }
        let open = self.fold.open.entry(record.stream.clone()).or_default();
        open.version = record.version;
        open.hash = record.hash;
        let namespace = match (&open.function, &open.run) {
            (Some(function), _) => Some(function.namespace.clone()),
            (_, Some(run)) => Some(run.request.namespace.clone()),
            _ => record.stream.as_str().strip_prefix("namespace-").map(str::to_owned),
        };
        open.namespace = namespace.or_else(|| match record.fact() {
            Ok(Fact::Event(_, event::Event::Received(received))) => Some(received.namespace.clone()),
            _ => open.namespace.take(),
        });
        let namespace = open.namespace.clone();
        if let Some(namespace) = namespace
            && namespace != audited.namespace
        {
            let what = format!("namespace is {}, the log says {namespace}", audited.namespace);
            self.log_fault(format!("{}: {what}", name(record)));
        }
        if audited.following == 0
            && self.fold.close(&record.stream)
            && let Some(Derived { row, first, last }) = self.open_runs.remove(&record.stream)
        {
            self.over.put(&row, first, last);
            self.over_count += 1;
        }
        Ok(())
    }

    /// Clears the records that this record erased, if they now hold exactly what is left after an erasure, and reports
    /// those
    /// that should have been erased and were not.
    fn erased(&mut self, record: &Recorded) {
        let payloads = match record.fact() {
            Ok(Fact::Run(_, run::Event::Erased(erased))) => erased.payloads,
            Ok(Fact::Event(_, event::Event::Erased(erased))) => erased.payloads,
            _ => return,
        };
        let open = self.fold.open.entry(record.stream.clone()).or_default();
        let mut faults = Vec::new();
        for domain::erasure::Payload { version, digest } in payloads {
            let before = open.unfit.len();
            open.unfit.retain(|unfit| (unfit.version, &unfit.digest) != (version, &digest));
            if open.unfit.len() == before && open.unfit.iter().all(|unfit| unfit.version != version) {
                faults.push(format!("{}: version {version} was erased, and its content is there", name(record)));
            }
        }
        faults.into_iter().for_each(|fault| self.log_fault(fault));
    }

    async fn compare_over(&mut self, conn: &mut Conn) -> Result<(), Error> {
        self.over_count = 0;
        let over = std::mem::take(&mut self.over);
        self.compare(conn, &over).await
    }

    /// Compares rows with those in the tables.
    async fn compare(&mut self, conn: &mut Conn, rows: &Rows) -> Result<(), Error> {
        for (table, cells) in rows.cells() {
            for chunk in cells.chunks(ROWS * table.columns.len()) {
                let expected: Vec<&[Cell<'_>]> = chunk.chunks(table.columns.len()).collect();
                let actual = fetch(conn, table, &expected).await?;
                for row in expected {
                    let (key, named) = (key(table, row), row_name(table, row));
                    if is_small(table) {
                        self.expected.insert((table.name, key.clone()));
                    }
                    let Some(actual) = actual.get(&key) else {
                        self.fault(format!("{named} is missing"));
                        continue;
                    };
                    self.report.rows += 1;
                    *self.found.entry(table.name).or_default() += 1;
                    for (index, Column { name: column, kind, .. }) in table.columns.iter().enumerate() {
                        let is = cell(actual, index, *kind)?;
                        if is != row[index] && !(is == Cell::Null && table.late.contains(column)) {
                            self.fault(format!(
                                "{named}: {column} is {}, the log says {}",
                                show(&is),
                                show(&row[index])
                            ));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Reports rows that do not follow from the log.
    async fn look_for_strangers(&mut self, conn: &mut Conn, table: &'static Table) -> Result<(), Error> {
        let count = conn.fetch(&format!("SELECT count(*) FROM {}", table.name), &[]).await?;
        let count: u64 = count.first().map_or(Ok(0), |row| row.cells().number())?;
        if count <= self.found.get(table.name).copied().unwrap_or_default() {
            return Ok(());
        }
        let names = table.names("");
        let sql = match table.name {
            "runs" => format!(
                "SELECT {names} FROM runs WHERE NOT EXISTS (SELECT 1 FROM log l WHERE l.position = runs.created_position
                 AND l.version = 1 AND l.stream = 'run-' || runs.id) LIMIT {FAULTS}"
            ),
            "events" => format!(
                "SELECT {names} FROM events WHERE NOT EXISTS (SELECT 1 FROM log l WHERE l.position = events.position
                 AND l.version = 1 AND l.stream = 'event-' || events.id) LIMIT {FAULTS}"
            ),
            _ => format!("SELECT {names} FROM {}", table.name),
        };
        for row in conn.fetch(&sql, &[]).await? {
            let cells = cells(table, &row)?;
            if is_small(table) && self.expected.contains(&(table.name, key(table, &cells))) {
                continue;
            }
            self.fault(format!("{}: the log knows nothing of it", row_name(table, &cells)));
        }
        Ok(())
    }
}

/// The version and hash that precede a record in its stream.
async fn predecessor(conn: &mut Conn, record: &Recorded) -> Result<(u64, [u8; 32]), Error> {
    let sql = "SELECT version, hash FROM log WHERE stream = $1 AND version < $2 ORDER BY version DESC LIMIT 1";
    let values = [Value::Text(record.stream.as_str().into()), Value::Int(record.version.cast_signed())];
    let rows = conn.fetch(sql, &values).await?;
    let Some(row) = rows.first() else { return Ok((0, [0; 32])) };
    let mut cells = row.cells();
    Ok((cells.number()?, cells.bytes()?.try_into().unwrap_or_default()))
}

fn hash_of(previous: [u8; 32], record: &Recorded) -> [u8; 32] {
    let mut content = previous.to_vec();
    let (id, kind, data) = (record.id, &record.kind, &record.data);
    domain::hash::content(&mut content, &record.stream, record.version, id, kind, data, record.at, &record.cause);
    Sha256::digest(&content).into()
}

/// Whether all keys of the table are kept in memory.
fn is_small(table: &Table) -> bool {
    [FUNCTIONS.name, VERSIONS.name, BUILDS.name].contains(&table.name)
}

fn column<'c, 'a>(table: &Table, row: &'c [Cell<'a>], name: &str) -> &'c Cell<'a> {
    let index = table.columns.iter().position(|column| column.name == name);
    index.map_or(&Cell::Null, |index| &row[index])
}

/// Identifies a row within its table.
fn key(table: &Table, row: &[Cell<'_>]) -> String {
    let parts: Vec<_> = table.key.iter().map(|name| show(column(table, row, name))).collect();
    parts.join("/")
}

/// A row's name in a fault.
fn row_name(table: &Table, row: &[Cell<'_>]) -> String {
    let name = if table.name == VERSIONS.name { key(table, row) } else { show(column(table, row, "id")) };
    format!("{} row {name}", table.name)
}

fn show(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Null => "nothing".into(),
        Cell::Int(number) => number.to_string(),
        Cell::Text(text) => text.to_string(),
        Cell::Bytes(bytes) => format!("{} bytes", bytes.len()),
    }
}

fn cell(row: &Row, index: usize, kind: Kind) -> Result<Cell<'_>, Error> {
    let mut cells = row.cells_from(index);
    Ok(match kind {
        Kind::Int => cells.opt_int()?.map_or(Cell::Null, Cell::Int),
        Kind::Text => cells.opt_str()?.map_or(Cell::Null, |text| Cell::Text(text.into())),
        Kind::Bytes => cells.opt_bytes()?.map_or(Cell::Null, |bytes| Cell::Bytes(bytes.into())),
    })
}

fn cells<'r>(table: &Table, row: &'r Row) -> Result<Vec<Cell<'r>>, Error> {
    table.columns.iter().enumerate().map(|(index, column)| cell(row, index, column.kind)).collect()
}

/// Reads the table's rows that have the same keys as these.
async fn fetch(conn: &mut Conn, table: &Table, expected: &[&[Cell<'_>]]) -> Result<HashMap<String, Row>, Error> {
    let by = table.key[0];
    let keys = expected.iter().map(|row| column(table, row, by));
    let values = match by {
        "created_position" | "position" => {
            Value::Ints(keys.filter_map(|key| if let Cell::Int(key) = key { Some(*key) } else { None }).collect())
        }
        _ => Value::Texts(keys.map(show).collect()),
    };
    let sql = format!("SELECT {} FROM {} WHERE {}", table.names(""), table.name, conn.dialect().any(by, 1));
    let mut found = HashMap::new();
    for row in conn.fetch(&sql, &[values]).await? {
        let key = key(table, &cells(table, &row)?);
        found.insert(key, row);
    }
    Ok(found)
}
