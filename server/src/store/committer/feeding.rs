//! Feeds followers with what was written here and by other servers.

use domain::Recorded;

use super::Committer;
use crate::store::batch::Batch;
use crate::store::columns;
use crate::store::error::Error;
use crate::store::fault::Fault;
use crate::store::line::LineRow;
use crate::store::listing::Bounded;
use crate::store::sql::{self, Value};
use crate::store::table::Stored;

/// Records written by other servers that are read at a time.
const PAGE: usize = 2048;

/// If this server is further behind, it leaves other servers' records to the followers to read.
const CATCH_UP: u64 = 32_768;

impl Committer {
    /// Publishes a batch to the followers.
    pub(super) fn publish(&mut self, batch: Batch) {
        self.position = batch.head();
        self.line = batch.line_head();
        self.stats.set_position(self.position);
        self.stats.set_line(self.line);
        let erases = batch.records.iter().any(is_erasure);
        self.records.push(batch.records.into());
        self.lines.push(batch.lines.into());
        if erases {
            self.forget();
        }
    }

    /// Makes followers read from the database instead of from memory: the records may have been erased.
    fn forget(&mut self) {
        self.records.reset(self.position);
        self.lines.reset(self.line);
    }

    /// Whether a batch whose answer was lost is in the log. It is there as a whole, at its positions, or not at all.
    pub(super) async fn landed(&mut self, batch: &Batch) -> Result<bool, Fault> {
        let refused = |error: Error| Fault::Refused(error.to_string());
        if let Some(first) = batch.records.first() {
            let sql = "SELECT id FROM log WHERE position = $1";
            let rows = self.writer.fetch(sql, &[Value::Int(first.position.cast_signed())]).await?;
            let Some(row) = rows.first() else { return Ok(false) };
            return Ok(row.cells().uuid().map_err(refused)? == first.id);
        }
        let Some(first) = batch.lines.first() else { return Ok(false) };
        let sql = format!("SELECT {} FROM lines WHERE position = $1", columns::LINES.names(""));
        let rows = self.writer.fetch(&sql, &[Value::Int(first.position.cast_signed())]).await?;
        let Some(row) = rows.first() else { return Ok(false) };
        let line = LineRow::read(row).map_err(refused)?.line;
        Ok(line.text == sql::without_zero(&first.line.text) && line.function == first.line.function)
    }

    /// Connects if necessary, and reads what others have written meanwhile.
    pub(super) async fn refresh(&mut self) -> Result<(), Fault> {
        self.writer.connect().await?;
        self.catch_up().await?;
        self.stale = false;
        self.down = false;
        Ok(())
    }

    /// Reads what other servers have written, and publishes it to the followers.
    pub(super) async fn catch_up(&mut self) -> Result<(), Fault> {
        let refused = |error: Error| Fault::Refused(error.to_string());
        let rows = self.writer.fetch("SELECT position, line, cut, removed FROM head WHERE one = 1", &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| Fault::Unavailable("the log has no head row: run `eventflow migrate`".into()))?;
        let mut cells = row.cells();
        let (head, line): (u64, u64) = (cells.number().map_err(refused)?, cells.number().map_err(refused)?);
        self.cut = cells.number().map_err(refused)?;
        self.removed = cells.number().map_err(refused)?;
        if !self.started || head < self.position || head - self.position > CATCH_UP {
            self.heads.clear();
            self.records.reset(head);
            self.position = head;
        }
        if !self.started || line < self.line || line - self.line > CATCH_UP {
            self.lines.reset(line);
            self.line = line;
        }
        self.started = true;
        let mut erases = false;
        while self.position < head {
            let (between, limit) = ("WHERE position > $1 AND position <= $2", PAGE.to_string());
            let page = Bounded::by_position("log", columns::RECORD_NAMES, between, &limit);
            let range = [self.position, head].map(|position| Value::Int(position.cast_signed()));
            let rows = self.writer.fetch(&page.sql(""), &range).await?;
            let records = rows.iter().map(columns::record).collect::<Result<Vec<_>, _>>().map_err(refused)?;
            let Some(last) = records.last() else { break };
            let hole = holes(self.position, records.iter().map(|record| record.position));
            erases |= records.iter().any(is_erasure);
            self.position = last.position;
            for record in &records {
                self.remember_record(record);
            }
            match hole {
                // Records removed before this server saw them are not published: followers read on from the log.
                Some(hole) if hole <= self.cut => self.records.reset(self.position),
                _ => self.records.push(records.into()),
            }
        }
        if self.records.tail() < head && head <= self.cut {
            self.records.reset(head);
        }
        while self.line < line {
            let (names, limit) = (columns::LINES.names(""), PAGE.to_string());
            let page = Bounded::by_position("lines", &names, "WHERE position > $1 AND position <= $2", &limit);
            let range = [self.line, line].map(|position| Value::Int(position.cast_signed()));
            let rows = self.writer.fetch(&page.sql(""), &range).await?;
            let lines = rows.iter().map(LineRow::read).collect::<Result<Vec<_>, _>>().map_err(refused)?;
            let Some(last) = lines.last() else { break };
            let hole = holes(self.line, lines.iter().map(|line| line.position));
            self.line = last.position;
            match hole {
                Some(_) => self.lines.reset(self.line),
                None => self.lines.push(lines.into()),
            }
        }
        if self.lines.tail() < line {
            self.lines.reset(line);
        }
        self.position = head;
        self.line = line;
        if erases {
            self.forget();
        }
        self.stats.set_position(self.position);
        self.stats.set_line(self.line);
        Ok(())
    }

    /// Nothing is to be written: checks whether somebody else has written.
    pub(super) async fn look_for_others(&mut self) {
        if let Err(fault) = self.refresh().await {
            if !self.stale {
                tracing::warn!(error = fault.message(), "the database is gone");
            }
            self.stale = true;
        }
    }
}

/// Whether this record overwrites earlier ones.
fn is_erasure(record: &Recorded) -> bool {
    &*record.kind == "Erased"
}

/// The last position after `after`, and before one of these, that is not among them.
fn holes(after: u64, positions: impl Iterator<Item = u64>) -> Option<u64> {
    let (mut last, mut hole) = (after, None);
    for position in positions {
        if position != last + 1 {
            hole = Some(position - 1);
        }
        last = position;
    }
    hole
}
