//! Tables without a row type of their own: the log and the lines, secrets, and those that are only copied.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{Cause, Recorded, Stream, function, run};
use uuid::Uuid;

use super::error::Error;
use super::line::{LineRow, LineStream, NewLine};
use super::sql::Row;
use super::table::{Cell, Column, Field, Stored, Table, text};
use super::tables::{BUILDS, EVENTS, FUNCTIONS, RUNS, Sealed, SecretInfo, SecretRow, VERSIONS};

pub(super) const LOG: Table = Table::new(
    "log",
    &[
        Column::of::<u64>("position"),
        Column::of::<String>("stream"),
        Column::of::<u64>("version"),
        Column::of::<Uuid>("id"),
        Column::of::<String>("type"),
        Column::of::<Vec<u8>>("data"),
        Column::of::<DateTime<Utc>>("at"),
        Column::of::<Option<String>>("actor"),
        Column::of::<Option<Uuid>>("causation"),
        Column::of::<Option<Uuid>>("correlation"),
        Column::of::<Vec<u8>>("hash"),
        Column::of::<String>("namespace"),
        Column::of::<u32>("following"),
    ],
);

pub(super) const SECRETS: Table = Table::new(
    "secrets",
    &[
        Column::of::<String>("namespace"),
        Column::of::<String>("name"),
        Column::of::<Option<String>>("key_id"),
        Column::of::<Option<Vec<u8>>>("nonce"),
        Column::of::<Option<Vec<u8>>>("sealed"),
        Column::of::<DateTime<Utc>>("set_at"),
    ],
)
.keyed(&["namespace", "name"]);

pub(super) const LINES: Table = Table::new(
    "lines",
    &[
        Column::of::<u64>("position"),
        Column::of::<function::Id>("function"),
        Column::of::<String>("namespace"),
        Column::of::<Option<function::BuildId>>("build"),
        Column::of::<Option<run::Id>>("run"),
        Column::of::<Option<String>>("instance"),
        Column::of::<String>("stream"),
        Column::of::<DateTime<Utc>>("at"),
        Column::of::<String>("text"),
    ],
);

pub(super) const CHECKPOINTS: Table =
    Table::new("checkpoints", &[Column::of::<String>("follower"), Column::of::<u64>("position")]).keyed(&["follower"]);

pub(super) const RELAYED: Table =
    Table::new("relayed", &[Column::of::<u64>("one"), Column::of::<u64>("seen"), Column::of::<String>("behind")])
        .keyed(&["one"]);

pub(super) const REVOCATIONS: Table =
    Table::new("revocations", &[Column::of::<String>("session"), Column::of::<DateTime<Utc>>("until")])
        .keyed(&["session"]);

pub(super) const LOG_KEY: Table = Table::new(
    "log_key",
    &[
        Column::of::<u64>("one"),
        Column::of::<String>("key_id"),
        Column::of::<Vec<u8>>("nonce"),
        Column::of::<Vec<u8>>("sealed"),
        Column::of::<u64>("since"),
        Column::of::<DateTime<Utc>>("made_at"),
    ],
)
.keyed(&["one"]);

pub(super) const SEALS: Table = Table::new(
    "seals",
    &[
        Column::of::<u64>("position"),
        Column::of::<u64>("first"),
        Column::of::<u64>("count"),
        Column::of::<Vec<u8>>("content"),
        Column::of::<DateTime<Utc>>("at"),
        Column::of::<Vec<u8>>("hash"),
        Column::of::<Vec<u8>>("present"),
    ],
);

/// The columns that [`record`] reads.
pub(super) const RECORD_NAMES: &str =
    "position, stream, version, id, type, data, at, actor, causation, correlation, hash";

/// Their number.
pub(super) const RECORD_WIDTH: usize = 11;

/// All tables.
pub(super) const ALL: [&Table; 13] = [
    &LOG,
    &FUNCTIONS,
    &VERSIONS,
    &BUILDS,
    &RUNS,
    &EVENTS,
    &SECRETS,
    &LINES,
    &CHECKPOINTS,
    &RELAYED,
    &REVOCATIONS,
    &LOG_KEY,
    &SEALS,
];

/// The tables that are derived from the log.
pub(super) const READ_TABLES: [&Table; 5] = [&FUNCTIONS, &VERSIONS, &BUILDS, &RUNS, &EVENTS];

/// A record with the columns that [`Recorded`] does not have.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub namespace: Arc<str>,
    /// How many events of the same append follow it.
    pub following: u32,
}

pub(super) fn log_cells<'a>(record: &'a Recorded, entry: &'a Entry, out: &mut Vec<Cell<'a>>) {
    out.extend([
        record.position.cell(),
        text(record.stream.as_str()),
        record.version.cell(),
        record.id.cell(),
        text(&record.kind),
        Cell::Bytes(Cow::Borrowed(&record.data)),
        record.at.cell(),
        record.cause.actor.as_deref().map_or(Cell::Null, text),
        record.cause.causation.cell(),
        record.cause.correlation.cell(),
        Cell::Bytes(Cow::Borrowed(&record.hash)),
        text(&entry.namespace),
        entry.following.cell(),
    ]);
}

pub(super) fn record(row: &Row) -> Result<Recorded, Error> {
    let mut cells = row.cells();
    let damaged = |error: String| {
        let position = row.cells().int().unwrap_or_default();
        Error::Damaged(format!("log position {position}: {error}"))
    };
    let position = cells.number()?;
    let stream: Stream = cells.str()?.parse().map_err(|error: domain::stream::Unknown| damaged(error.to_string()))?;
    Ok(Recorded {
        position,
        stream,
        version: cells.number()?,
        id: cells.uuid()?,
        kind: cells.str()?.into(),
        data: cells.bytes()?.into(),
        at: cells.time()?,
        cause: Cause {
            actor: cells.opt_str()?.map(Into::into),
            causation: cells.opt_uuid()?,
            correlation: cells.opt_uuid()?,
        },
        hash: cells.bytes()?.try_into().map_err(|_| damaged("its hash is not 32 bytes long".into()))?,
    })
}

impl Stored for SecretRow {
    const TABLE: &'static Table = &SECRETS;

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let (key_id, nonce, bytes) = match &self.sealed {
            Some(sealed) => (sealed.key_id.cell(), sealed.nonce.cell(), sealed.bytes.cell()),
            None => (Cell::Null, Cell::Null, Cell::Null),
        };
        out.extend([self.namespace.cell(), self.name.cell(), key_id, nonce, bytes, self.set_at.cell()]);
    }

    fn read(row: &Row) -> Result<Self, Error> {
        let mut cells = row.cells();
        let (namespace, name) = (cells.text()?, cells.text()?);
        let sealed = match (cells.opt_text()?, cells.opt_bytes()?, cells.opt_bytes()?) {
            (Some(key_id), Some(nonce), Some(bytes)) => {
                Some(Sealed { key_id, nonce: nonce.into(), bytes: bytes.into() })
            }
            _ => None,
        };
        Ok(Self { namespace, name, sealed, set_at: cells.time()? })
    }
}

pub(super) fn secret_info(row: &Row) -> Result<SecretInfo, Error> {
    let mut cells = row.cells();
    Ok(SecretInfo { namespace: cells.text()?, name: cells.text()?, set_at: cells.time()? })
}

impl Stored for LineRow {
    const TABLE: &'static Table = &LINES;

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let line = &self.line;
        out.extend([
            self.position.cell(),
            line.function.cell(),
            line.namespace.cell(),
            line.build.cell(),
            line.run.cell(),
            line.instance.cell(),
            text(match line.stream {
                LineStream::Stdout => "STDOUT",
                LineStream::Stderr => "STDERR",
                LineStream::System => "SYSTEM",
            }),
            line.at.cell(),
            line.text.cell(),
        ]);
    }

    fn read(row: &Row) -> Result<Self, Error> {
        let mut cells = row.cells();
        let position = cells.number()?;
        Ok(Self {
            position,
            line: NewLine {
                function: cells.id()?,
                namespace: cells.text()?,
                build: cells.opt_id()?,
                run: cells.opt_id()?,
                instance: cells.opt_text()?,
                stream: match cells.str()? {
                    "STDOUT" => LineStream::Stdout,
                    "STDERR" => LineStream::Stderr,
                    "SYSTEM" => LineStream::System,
                    other => return Err(Error::Damaged(format!("line {position}: `{other}` is not a stream"))),
                },
                at: cells.time()?,
                text: cells.text()?,
            },
        })
    }
}

/// A source, and the function that uses it.
pub(super) fn source_of(row: &Row) -> Result<(function::event::Source, function::Id), Error> {
    let mut cells = row.cells();
    Ok((cells.json()?, cells.id()?))
}
