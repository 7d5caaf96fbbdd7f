//! The tables' columns: what is written into each, and how a row is read back. `migrations/` has the same names.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::function::{self, BuildStatus, event::Source};
use domain::manifest::Mode;
use domain::run::{self, LetterStatus};
use domain::{Cause, Recorded, Stream, trigger};
use uuid::Uuid;

use super::sql::{Cells, Row};
use super::tables::{BuildRow, EventRow, FunctionRow, RunRow, Sealed, SecretRow, VersionRow};
use super::{Error, LineRow, LineStream, NewLine, SecretInfo};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
    Bytes,
}

/// A table as it is written to.
#[derive(Debug)]
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    /// What a row is replaced by; empty: rows are never replaced.
    pub key: &'static [&'static str],
    /// Columns that keep what was written first.
    pub kept: &'static [&'static str],
    /// Columns that an older server, which does not know them, leaves empty.
    pub late: &'static [&'static str],
}

/// What stands in a column of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

use Kind::{Bytes, Int, Text};

pub(super) const LOG: Table = Table {
    name: "log",
    columns: &[
        ("position", Int),
        ("stream", Text),
        ("version", Int),
        ("id", Text),
        ("type", Text),
        ("data", Bytes),
        ("at", Int),
        ("actor", Text),
        ("causation", Text),
        ("correlation", Text),
        ("hash", Bytes),
        ("namespace", Text),
        ("following", Int),
    ],
    key: &[],
    kept: &[],
    late: &[],
};

pub(super) const FUNCTIONS: Table = Table {
    name: "functions",
    columns: &[
        ("created_position", Int),
        ("id", Text),
        ("namespace", Text),
        ("name", Text),
        ("generation", Int),
        ("state", Text),
        ("reason", Text),
        ("current_version", Int),
        ("mode", Text),
        ("runtime", Text),
        ("source", Text),
        ("manifest", Text),
        ("traffic", Text),
        ("created_at", Int),
        ("updated_at", Int),
        ("position", Int),
    ],
    key: &["id"],
    kept: &["created_position"],
    late: &[],
};

pub(super) const VERSIONS: Table = Table {
    name: "versions",
    columns: &[
        ("function", Text),
        ("number", Int),
        ("build", Text),
        ("digest", Text),
        ("manifest", Text),
        ("git_commit", Text),
        ("size", Int),
        ("created_at", Int),
        ("position", Int),
        ("triggers", Text),
    ],
    key: &["function", "number"],
    kept: &[],
    late: &["triggers"],
};

pub(super) const BUILDS: Table = Table {
    name: "builds",
    columns: &[
        ("created_position", Int),
        ("id", Text),
        ("function", Text),
        ("namespace", Text),
        ("state", Text),
        ("source", Text),
        ("manifest", Text),
        ("node", Text),
        ("version", Int),
        ("git_commit", Text),
        ("error", Text),
        ("requested_at", Int),
        ("started_at", Int),
        ("finished_at", Int),
        ("position", Int),
        ("offered", Text),
    ],
    key: &["id"],
    kept: &["created_position"],
    late: &[],
};

pub(super) const RUNS: Table = Table {
    name: "runs",
    columns: &[
        ("created_position", Int),
        ("id", Text),
        ("function", Text),
        ("namespace", Text),
        ("state", Text),
        ("trigger", Text),
        ("event", Text),
        ("version", Int),
        ("attempts", Int),
        ("node", Text),
        ("instance", Text),
        ("http_status", Int),
        ("exit_code", Int),
        ("error", Text),
        ("cold_start", Int),
        ("replayed_from", Text),
        ("queued_at", Int),
        ("started_at", Int),
        ("finished_at", Int),
        ("due", Int),
        ("dead_letter", Text),
        ("redriven_as", Text),
        ("callback_due", Int),
        ("position", Int),
    ],
    key: &["created_position"],
    kept: &[],
    late: &[],
};

pub(super) const EVENTS: Table = Table {
    name: "events",
    columns: &[
        ("position", Int),
        ("id", Text),
        ("namespace", Text),
        ("type", Text),
        ("source", Text),
        ("event_id", Text),
        ("subject", Text),
        ("at", Int),
    ],
    key: &["position"],
    kept: &[],
    late: &[],
};

pub(super) const SECRETS: Table = Table {
    name: "secrets",
    columns: &[
        ("namespace", Text),
        ("name", Text),
        ("key_id", Text),
        ("nonce", Bytes),
        ("sealed", Bytes),
        ("set_at", Int),
    ],
    key: &["namespace", "name"],
    kept: &[],
    late: &[],
};

pub(super) const LINES: Table = Table {
    name: "lines",
    columns: &[
        ("position", Int),
        ("function", Text),
        ("namespace", Text),
        ("build", Text),
        ("run", Text),
        ("instance", Text),
        ("stream", Text),
        ("at", Int),
        ("text", Text),
    ],
    key: &[],
    kept: &[],
    late: &[],
};

pub(super) const CHECKPOINTS: Table = Table {
    name: "checkpoints",
    columns: &[("follower", Text), ("position", Int)],
    key: &["follower"],
    kept: &[],
    late: &[],
};

pub(super) const RELAYED: Table = Table {
    name: "relayed",
    columns: &[("one", Int), ("seen", Int), ("behind", Text)],
    key: &["one"],
    kept: &[],
    late: &[],
};

pub(super) const REVOCATIONS: Table = Table {
    name: "revocations",
    columns: &[("session", Text), ("until", Int)],
    key: &["session"],
    kept: &[],
    late: &[],
};

pub(super) const LOG_KEY: Table = Table {
    name: "log_key",
    columns: &[("one", Int), ("key_id", Text), ("nonce", Bytes), ("sealed", Bytes), ("since", Int), ("made_at", Int)],
    key: &["one"],
    kept: &[],
    late: &[],
};

pub(super) const SEALS: Table = Table {
    name: "seals",
    columns: &[
        ("position", Int),
        ("first", Int),
        ("count", Int),
        ("content", Bytes),
        ("at", Int),
        ("hash", Bytes),
        ("present", Bytes),
    ],
    key: &[],
    kept: &[],
    late: &[],
};

/// The columns that [`record`] reads.
pub(super) const RECORD_NAMES: &str =
    "position, stream, version, id, type, data, at, actor, causation, correlation, hash";

/// How many these are.
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

/// The tables that follow from the log.
pub(super) const READ_TABLES: [&Table; 5] = [&FUNCTIONS, &VERSIONS, &BUILDS, &RUNS, &EVENTS];

impl Table {
    /// The columns' names, for `SELECT` and `INSERT`.
    pub fn names(&self, prefix: &str) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| format!("{prefix}{name}")).collect();
        names.join(", ")
    }

    /// What to do with a row whose key is there already.
    pub fn on_conflict(&self) -> String {
        if self.key.is_empty() {
            return String::new();
        }
        let replaced = self.columns.iter().filter(|(name, _)| !self.key.contains(name) && !self.kept.contains(name));
        let set: Vec<_> = replaced.map(|(name, _)| format!("{name} = excluded.{name}")).collect();
        format!(" ON CONFLICT ({}) DO UPDATE SET {}", self.key.join(", "), set.join(", "))
    }
}

/// A record, and what the log keeps of it beside [`Recorded`].
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub namespace: Arc<str>,
    /// How many events of the same append come after it.
    pub following: u32,
}

pub(super) fn log_cells<'a>(record: &'a Recorded, entry: &'a Entry, out: &mut Vec<Cell<'a>>) {
    out.extend([
        int(record.position),
        str(record.stream.as_str()),
        int(record.version),
        uuid(record.id),
        str(&record.kind),
        Cell::Bytes(Cow::Borrowed(&record.data)),
        time(record.at),
        opt(record.cause.actor.as_deref(), str),
        opt(record.cause.causation, uuid),
        opt(record.cause.correlation, uuid),
        Cell::Bytes(Cow::Borrowed(&record.hash)),
        str(&entry.namespace),
        int(entry.following),
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

pub(super) fn function_cells<'a>(row: &'a FunctionRow, created: u64, out: &mut Vec<Cell<'a>>) {
    out.extend([
        int(created),
        uuid(row.id.uuid()),
        str(&row.namespace),
        str(&row.name),
        int(row.generation),
        str(row.state.name()),
        opt(row.reason.as_deref(), str),
        opt(row.current_version, int),
        opt(row.mode, |mode| str(mode_name(mode))),
        opt(row.runtime.as_deref(), str),
        json(&row.source),
        opt(row.manifest.as_ref(), |json| str(json.get())),
        json(&row.traffic),
        time(row.created_at),
        time(row.updated_at),
        int(row.position),
    ]);
}

pub(super) fn function(row: &Row) -> Result<FunctionRow, Error> {
    let mut cells = row.cells();
    cells.int()?;
    Ok(FunctionRow {
        id: cells.id()?,
        namespace: cells.text()?,
        name: cells.text()?,
        generation: cells.number()?,
        state: named(cells.str()?, "a function's state", function::Status::named)?,
        reason: cells.opt_text()?,
        current_version: cells.opt_number()?,
        mode: cells.opt_str()?.map(|name| named(name, "a mode", mode)).transpose()?,
        runtime: cells.opt_text()?,
        source: cells.json()?,
        manifest: cells.opt_json()?,
        traffic: cells.json()?,
        created_at: cells.time()?,
        updated_at: cells.time()?,
        position: cells.number()?,
    })
}

/// A source as a function's row has it.
pub(super) fn source_text(source: &Source) -> String {
    serde_json::to_string(source).expect("sources serialise")
}

/// A source, and the function that has it.
pub(super) fn source_of(row: &Row) -> Result<(Source, domain::function::Id), Error> {
    let mut cells = row.cells();
    Ok((cells.json()?, cells.id()?))
}

pub(super) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Service => "SERVICE",
        Mode::Job => "JOB",
    }
}

fn mode(name: &str) -> Option<Mode> {
    match name {
        "SERVICE" => Some(Mode::Service),
        "JOB" => Some(Mode::Job),
        _ => None,
    }
}

/// What a name stands for. Another server may be newer, or somebody wrote to the table: then it stands for nothing here.
fn named<T>(name: &str, what: &str, of: fn(&str) -> Option<T>) -> Result<T, Error> {
    of(name).ok_or_else(|| Error::Damaged(format!("`{name}` is not {what}")))
}

pub(super) fn version_cells<'a>(row: &'a VersionRow, out: &mut Vec<Cell<'a>>) {
    out.extend([
        uuid(row.function.uuid()),
        int(row.number),
        uuid(row.build.uuid()),
        str(&row.digest),
        str(row.manifest.get()),
        opt(row.commit.as_deref(), str),
        int(row.size),
        time(row.created_at),
        int(row.position),
        Cell::Text(Cow::Owned(triggers(row.manifest.get()))),
    ]);
}

/// What the column `triggers` says of a manifest. One that cannot be read has none.
pub(super) fn triggers(manifest: &str) -> String {
    serde_json::from_str(manifest).map(|manifest| trigger::index::of(&manifest)).unwrap_or_default()
}

pub(super) fn version(row: &Row) -> Result<VersionRow, Error> {
    let mut cells = row.cells();
    Ok(VersionRow {
        function: cells.id()?,
        number: cells.number()?,
        build: cells.id()?,
        digest: cells.text()?,
        manifest: cells.json()?,
        commit: cells.opt_text()?,
        size: cells.number()?,
        created_at: cells.time()?,
        position: cells.number()?,
    })
}

pub(super) fn build_cells<'a>(row: &'a BuildRow, created: u64, out: &mut Vec<Cell<'a>>) {
    out.extend([
        int(created),
        uuid(row.id.uuid()),
        uuid(row.function.uuid()),
        str(&row.namespace),
        str(row.state.name()),
        json(&row.source),
        opt(row.manifest.as_ref(), |json| str(json.get())),
        opt(row.node.as_deref(), str),
        opt(row.version, int),
        opt(row.commit.as_deref(), str),
        opt(row.error.as_deref(), str),
        time(row.requested_at),
        opt(row.started_at, time),
        opt(row.finished_at, time),
        int(row.position),
        opt(Some(&row.offered).filter(|offered| !offered.is_empty()), json),
    ]);
}

pub(super) fn build(row: &Row) -> Result<BuildRow, Error> {
    let mut cells = row.cells();
    cells.int()?;
    Ok(BuildRow {
        id: cells.id()?,
        function: cells.id()?,
        namespace: cells.text()?,
        state: named(cells.str()?, "a build's state", BuildStatus::named)?,
        source: cells.json()?,
        manifest: cells.opt_json()?,
        node: cells.opt_text()?,
        version: cells.opt_number()?,
        commit: cells.opt_text()?,
        error: cells.opt_text()?,
        requested_at: cells.time()?,
        started_at: cells.opt_time()?,
        finished_at: cells.opt_time()?,
        position: cells.number()?,
        offered: cells.opt_json()?.unwrap_or_default(),
    })
}

pub(super) fn run_cells<'a>(row: &'a RunRow, created: u64, out: &mut Vec<Cell<'a>>) {
    out.extend([
        int(created),
        uuid(row.id.uuid()),
        uuid(row.function.uuid()),
        str(&row.namespace),
        str(row.state.name()),
        str(&row.trigger),
        opt(row.event, |id| uuid(id.uuid())),
        opt(row.version, int),
        int(row.attempts),
        opt(row.node.as_deref(), str),
        opt(row.instance.as_deref(), str),
        opt(row.http_status, |status| Cell::Int(status.into())),
        opt(row.exit_code, |code| Cell::Int(code.into())),
        opt(row.error.as_deref(), str),
        Cell::Int(row.cold_start.into()),
        opt(row.replayed_from, |id| uuid(id.uuid())),
        time(row.queued_at),
        opt(row.started_at, time),
        opt(row.finished_at, time),
        opt(row.due, time),
        opt(row.dead_letter, |letter| str(letter.name())),
        opt(row.redriven_as, |id| uuid(id.uuid())),
        opt(row.callback_due, time),
        int(row.position),
    ]);
}

pub(super) fn run(row: &Row) -> Result<RunRow, Error> {
    let mut cells = row.cells();
    let created_position = cells.number()?;
    Ok(RunRow {
        id: cells.id()?,
        function: cells.id()?,
        namespace: cells.text()?,
        state: run_state(&mut cells)?,
        trigger: cells.text()?,
        event: cells.opt_id()?,
        version: cells.opt_number()?,
        attempts: cells.number()?,
        node: cells.opt_text()?,
        instance: cells.opt_text()?,
        http_status: cells.opt_number()?,
        exit_code: cells.opt_number()?,
        error: cells.opt_text()?,
        cold_start: cells.int()? != 0,
        replayed_from: cells.opt_id()?,
        queued_at: cells.time()?,
        started_at: cells.opt_time()?,
        finished_at: cells.opt_time()?,
        due: cells.opt_time()?,
        dead_letter: cells
            .opt_str()?
            .map(|name| named(name, "a dead letter's state", LetterStatus::named))
            .transpose()?,
        redriven_as: cells.opt_id()?,
        callback_due: cells.opt_time()?,
        created_position,
        position: cells.number()?,
    })
}

pub(super) fn run_state(cells: &mut Cells<'_>) -> Result<run::Status, Error> {
    named(cells.str()?, "a run's state", run::Status::named)
}

pub(super) fn event_cells<'a>(row: &'a EventRow, out: &mut Vec<Cell<'a>>) {
    out.extend([
        int(row.position),
        uuid(row.id.uuid()),
        str(&row.namespace),
        str(&row.kind),
        str(&row.source),
        str(&row.event_id),
        opt(row.subject.as_deref(), str),
        time(row.at),
    ]);
}

pub(super) fn event(row: &Row) -> Result<EventRow, Error> {
    let mut cells = row.cells();
    let position = cells.number()?;
    Ok(EventRow {
        id: cells.id()?,
        namespace: cells.text()?,
        kind: cells.text()?,
        source: cells.text()?,
        event_id: cells.text()?,
        subject: cells.opt_text()?,
        at: cells.time()?,
        position,
    })
}

pub(super) fn secret_cells<'a>(row: &'a SecretRow, out: &mut Vec<Cell<'a>>) {
    let bytes = |bytes: &'a Vec<u8>| Cell::Bytes(Cow::Borrowed(bytes));
    let sealed = row.sealed.as_ref();
    out.extend([
        str(&row.namespace),
        str(&row.name),
        opt(sealed.map(|sealed| sealed.key_id.as_str()), str),
        opt(sealed.map(|sealed| &sealed.nonce), bytes),
        opt(sealed.map(|sealed| &sealed.bytes), bytes),
        time(row.set_at),
    ]);
}

pub(super) fn secret(row: &Row) -> Result<SecretRow, Error> {
    let mut cells = row.cells();
    let (namespace, name) = (cells.text()?, cells.text()?);
    let sealed = match (cells.opt_text()?, cells.opt_bytes()?, cells.opt_bytes()?) {
        (Some(key_id), Some(nonce), Some(bytes)) => Some(Sealed { key_id, nonce: nonce.into(), bytes: bytes.into() }),
        _ => None,
    };
    Ok(SecretRow { namespace, name, sealed, set_at: cells.time()? })
}

pub(super) fn secret_info(row: &Row) -> Result<SecretInfo, Error> {
    let mut cells = row.cells();
    Ok(SecretInfo { namespace: cells.text()?, name: cells.text()?, set_at: cells.time()? })
}

pub(super) fn line_cells<'a>(row: &'a LineRow, out: &mut Vec<Cell<'a>>) {
    let line = &row.line;
    out.extend([
        int(row.position),
        uuid(line.function.uuid()),
        str(&line.namespace),
        opt(line.build, |id| uuid(id.uuid())),
        opt(line.run, |id| uuid(id.uuid())),
        opt(line.instance.as_deref(), str),
        str(match line.stream {
            LineStream::Stdout => "STDOUT",
            LineStream::Stderr => "STDERR",
            LineStream::System => "SYSTEM",
        }),
        time(line.at),
        str(&line.text),
    ]);
}

pub(super) fn line(row: &Row) -> Result<LineRow, Error> {
    let mut cells = row.cells();
    let position = cells.number()?;
    Ok(LineRow {
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

fn int<'a>(number: impl Into<u64>) -> Cell<'a> {
    // Positions, versions and sizes stay far below 2^63.
    Cell::Int(number.into().cast_signed())
}

/// PostgreSQL's texts cannot hold a zero byte; it is shown as what it is, unreadable.
pub(super) fn without_zero(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

fn str(text: &str) -> Cell<'_> {
    Cell::Text(without_zero(text))
}

fn uuid<'a>(id: Uuid) -> Cell<'a> {
    let mut buffer = Uuid::encode_buffer();
    Cell::Text(Cow::Owned(id.hyphenated().encode_lower(&mut buffer).to_owned()))
}

fn time<'a>(at: DateTime<Utc>) -> Cell<'a> {
    Cell::Int(at.timestamp_micros())
}

fn json<'a, T: serde::Serialize>(value: &T) -> Cell<'a> {
    Cell::Text(Cow::Owned(serde_json::to_string(value).expect("rows serialise")))
}

fn opt<'a, T>(value: Option<T>, cell: impl FnOnce(T) -> Cell<'a>) -> Cell<'a> {
    value.map_or(Cell::Null, cell)
}
