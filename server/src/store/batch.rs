//! The contents of one database transaction.

use std::collections::HashMap;

use domain::{Recorded, function};
use sha2::{Digest, Sha256};

use super::append::Snapshot;
use super::columns::{self, Entry};
use super::line::LineRow;
use super::sql::Value;
use super::table::{Cell, Stored, Table};
use super::tables::{BuildRow, EventRow, FunctionRow, PayloadRow, Row, RunRow, SecretRow, VersionRow};

/// Records, lines and rows that are committed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The log's head before the batch.
    pub after: u64,
    /// The lines' head before the batch.
    pub line_after: u64,
    /// How many records had been removed before the batch.
    pub removed: u64,
    pub records: Vec<Recorded>,
    /// One entry per record.
    pub entries: Vec<Entry>,
    pub lines: Vec<LineRow>,
    pub rows: Rows,
}

/// Rows by table; of several with the same key, the last one is written.
#[derive(Debug, Default)]
pub(super) struct Rows {
    functions: Keyed<function::Id, Box<FunctionRow>>,
    versions: Keyed<(function::Id, u32), Box<VersionRow>>,
    builds: Keyed<function::BuildId, Box<BuildRow>>,
    runs: Keyed<u64, Box<RunRow>>,
    events: Keyed<u64, Box<EventRow>>,
    secrets: Keyed<(String, String), Box<SecretRow>>,
    /// Records to overwrite.
    payloads: Vec<PayloadRow>,
}

/// Values in order of insertion, found by key.
#[derive(Debug)]
struct Keyed<K, V> {
    places: HashMap<K, usize>,
    values: Vec<(K, V)>,
}

impl<K, V> Default for Keyed<K, V> {
    fn default() -> Self {
        Self { places: HashMap::new(), values: Vec::new() }
    }
}

impl<K: std::hash::Hash + Eq + Clone, V> Keyed<K, V> {
    fn put(&mut self, key: K, value: V) {
        match self.places.entry(key.clone()) {
            std::collections::hash_map::Entry::Occupied(place) => self.values[*place.get()].1 = value,
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(self.values.len());
                self.values.push((key, value));
            }
        }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.places.get(key).map(|place| &self.values[*place].1)
    }
}

impl<K, R: Stored> Keyed<K, Box<R>> {
    fn cells(&self) -> Option<(&'static Table, Vec<Cell<'_>>)> {
        cells_of(self.values.iter().map(|(_, row)| &**row))
    }
}

/// The table of these rows and their cells, row by row; `None` without rows.
fn cells_of<'r, R: Stored + 'r>(rows: impl ExactSizeIterator<Item = &'r R>) -> Option<(&'static Table, Vec<Cell<'r>>)> {
    if rows.len() == 0 {
        return None;
    }
    let mut out = Vec::with_capacity(rows.len() * R::TABLE.columns.len());
    rows.for_each(|row| row.cells(&mut out));
    Some((R::TABLE, out))
}

impl Rows {
    /// Adds a row of an append: `first` is the position of its stream's first record, `last` that of the append's last
    /// record.
    pub fn put(&mut self, row: &Row, first: u64, last: u64) {
        match row {
            Row::Function(row) => {
                let row = FunctionRow { created_position: first, position: last, ..(**row).clone() };
                self.functions.put(row.id, Box::new(row));
            }
            Row::Version(row) => {
                let row = VersionRow { position: last, ..(**row).clone() };
                self.versions.put((row.function, row.number), Box::new(row));
            }
            Row::Build(row) => {
                let created_position = self.builds.get(&row.id).map_or(last, |earlier| earlier.created_position);
                let row = BuildRow { created_position, position: last, ..(**row).clone() };
                self.builds.put(row.id, Box::new(row));
            }
            Row::Run(row) => {
                let row = RunRow { created_position: first, position: last, ..(**row).clone() };
                self.runs.put(first, Box::new(row));
            }
            Row::Event(row) => self.events.put(first, Box::new(EventRow { position: first, ..(**row).clone() })),
            Row::Secret(row) => self.secrets.put((row.namespace.clone(), row.name.clone()), row.clone()),
            Row::Payload(row) => self.payloads.push((**row).clone()),
        }
    }

    fn len(&self) -> usize {
        let tables = (&self.functions.values, &self.versions.values, &self.builds.values);
        let few = tables.0.len() + tables.1.len() + tables.2.len() + self.secrets.values.len();
        few + self.runs.values.len() + self.events.values.len()
    }

    /// The tables that have rows, with their cells, row by row.
    pub fn cells(&self) -> Vec<(&'static Table, Vec<Cell<'_>>)> {
        let tables = [
            self.functions.cells(),
            self.versions.cells(),
            self.builds.cells(),
            self.runs.cells(),
            self.events.cells(),
            self.secrets.cells(),
        ];
        tables.into_iter().flatten().collect()
    }
}

impl Batch {
    /// The number of records, lines and rows.
    pub fn size(&self) -> usize {
        self.records.len() + self.lines.len() + self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.lines.is_empty()
    }

    /// The log's head after the batch.
    pub fn head(&self) -> u64 {
        self.after + self.records.len() as u64
    }

    /// The lines' head after the batch.
    pub fn line_head(&self) -> u64 {
        self.line_after + self.lines.len() as u64
    }

    /// Statements, with their values, that overwrite erased payloads in the same transaction.
    pub fn erasing(&self) -> Vec<(&'static str, Vec<Value>)> {
        let mut statements = Vec::new();
        for PayloadRow { stream, version, data } in &self.rows.payloads {
            let name = Value::Text(stream.as_str().to_owned());
            let values = vec![name.clone(), Value::Int(version.cast_signed()), Value::Bytes(data.clone())];
            statements.push(("UPDATE log SET data = $3 WHERE stream = $1 AND version = $2", values));
            if *version == 1 {
                statements.push(("DELETE FROM snapshots WHERE stream = $1", vec![name]));
                if let Some(run) = stream.as_str().strip_prefix("run-") {
                    let (sql, run) = lines_of_run(run.to_owned());
                    statements.push((sql, run.into()));
                }
            }
        }
        statements
    }

    /// The tables that it writes to, with their cells.
    pub fn cells(&self) -> Vec<(&'static Table, Vec<Cell<'_>>)> {
        let mut tables = Vec::new();
        if !self.records.is_empty() {
            let mut out = Vec::with_capacity(self.records.len() * columns::LOG.columns.len());
            for (record, entry) in self.records.iter().zip(&self.entries) {
                columns::log_cells(record, entry, &mut out);
            }
            tables.push((&columns::LOG, out));
        }
        tables.extend(self.rows.cells());
        tables.extend(cells_of(self.lines.iter()));
        tables
    }
}

/// The statement that deletes the lines of a run.
pub(super) fn lines_of_run(run: String) -> (&'static str, [Value; 1]) {
    ("DELETE FROM lines WHERE run = $1 AND run IS NOT NULL", [Value::Text(run)])
}

/// Additional writes for the next transaction, besides the log.
#[derive(Debug)]
pub(super) enum Chore {
    /// Store a snapshot.
    Snapshot(String, Snapshot),
    /// Move a checkpoint from one position to another.
    Checkpoint(String, u64, u64),
    /// Execute a statement, with its values, on tables that the log does not determine, such as leases.
    Beside(String, Vec<super::sql::Value>),
    /// Remove old data; SQLite only.
    Cut(super::removal::Order),
    /// Seal the next segment of the log; SQLite only.
    Seal(super::seal::SealKey, i64),
    /// Write as much as an append may have, to check that the database accepts it. [`Chore::EndProbe`] removes it.
    Probe,
    /// Remove the probe.
    EndProbe,
    /// Execute any statement, to make the database misbehave.
    #[cfg(test)]
    Statement(&'static str),
}

/// Size of the probe in bytes: no event is longer by default.
const PROBE: usize = 256 << 10;

/// Bytes that PostgreSQL cannot compress.
fn incompressible(length: usize) -> Vec<u8> {
    let blocks = (0..length.div_ceil(32) as u64).flat_map(|block| Sha256::digest(block.to_le_bytes()));
    blocks.take(length).collect()
}

impl Chore {
    /// Its statement, if a single one is enough; it has succeeded if it changes a row.
    pub fn statement(&self) -> Option<(&str, Vec<super::sql::Value>)> {
        use super::sql::Value;
        let int = |number: u64| Value::Int(number.cast_signed());
        Some(match self {
            Self::Cut(_) | Self::Seal(..) => return None,
            Self::Snapshot(stream, snapshot) => (
                // A snapshot from before its stream was erased holds what is erased.
                "INSERT INTO snapshots (stream, version, shape, state) SELECT $1, $2, $3, $4
                 WHERE NOT EXISTS (SELECT 1 FROM log WHERE stream = $1 AND version > $2 AND type = 'Erased')
                 ON CONFLICT (stream) DO UPDATE SET version = excluded.version, shape = excluded.shape, state = excluded.state
                 WHERE snapshots.version < excluded.version OR snapshots.shape <> excluded.shape",
                vec![
                    Value::Text(stream.clone()),
                    int(snapshot.version),
                    int(snapshot.shape.into()),
                    Value::Bytes(snapshot.state.clone()),
                ],
            ),
            Self::Checkpoint(follower, 0, to) => (
                "INSERT INTO checkpoints (follower, position) VALUES ($1, $2)
                 ON CONFLICT (follower) DO UPDATE SET position = excluded.position WHERE checkpoints.position = 0",
                vec![Value::Text(follower.clone()), int(*to)],
            ),
            Self::Checkpoint(follower, from, to) => (
                "UPDATE checkpoints SET position = $3 WHERE follower = $1 AND position = $2",
                vec![Value::Text(follower.clone()), int(*from), int(*to)],
            ),
            Self::Beside(sql, values) => (sql, values.clone()),
            Self::Probe => (
                "INSERT INTO snapshots (stream, version, shape, state) VALUES ('probe', 0, 0, $1)
                 ON CONFLICT (stream) DO UPDATE SET state = excluded.state",
                vec![Value::Bytes(incompressible(PROBE))],
            ),
            Self::EndProbe => ("DELETE FROM snapshots WHERE stream = 'probe'", Vec::new()),
            #[cfg(test)]
            Self::Statement(sql) => (sql, Vec::new()),
        })
    }
}
