//! Storage and queries of log lines.

use std::borrow::Cow;
use std::time::Duration;

use domain::run;
use tokio::sync::oneshot;

use super::batch;
use super::columns::LINES;
use super::committer::{Lines, MAX_LINES};
use super::error::Error;
use super::feed::{self, LineFeed};
use super::line::{LineRow, LinesOf, NewLine, Recent};
use super::listing::{Bounded, Where};
use super::log::Log;
use super::reader::{Reader, gone};
use super::sql::{self, Value, int};
use super::table::Stored;
use super::timeline;

/// Lines are stored in the order in which they were read, up to this deviation: each server has its own clock.
const OUT_OF_ORDER: Duration = Duration::from_secs(60);

impl Log {
    /// Adds lines to the logs of builds and runs, in order. Returns once they are stored.
    pub async fn append_lines(&self, mut lines: Vec<NewLine>) -> Result<(), Error> {
        let commits = self.commits()?;
        for line in &mut lines {
            // Programs print anything, but PostgreSQL's texts cannot hold a zero byte.
            if let Cow::Owned(text) = sql::without_zero(&line.text) {
                line.text = text;
            }
        }
        let mut answers = Vec::new();
        while !lines.is_empty() {
            let rest = if lines.len() > MAX_LINES { lines.split_off(MAX_LINES) } else { Vec::new() };
            let (answer, done) = oneshot::channel();
            commits.lines.send(Lines(lines, answer)).await.map_err(|_| gone())?;
            answers.push(done);
            lines = rest;
        }
        for done in answers {
            done.await.map_err(|_| gone())??;
        }
        Ok(())
    }

    /// Up to `limit` lines after a position, in order.
    pub async fn lines(&self, of: LinesOf, after: u64, limit: u32) -> Result<Vec<LineRow>, Error> {
        self.reader.read_lines(of, after, limit).await
    }

    /// The newest `limit` matching lines, in order.
    pub async fn recent_lines(&self, of: LinesOf, which: Recent, limit: u32) -> Result<Vec<LineRow>, Error> {
        let mut filter = lines_of(of);
        if let Some(since) = which.since {
            let since = since.timestamp_micros();
            filter.and("at >= {}", Value::Int(since));
            // Without this condition, a time before the first line would make it search all lines.
            let early = since.saturating_sub(OUT_OF_ORDER.as_micros() as i64);
            let first = timeline::position_at(&self.reader.db, timeline::LINES, early).await?;
            filter.and("position >= {}", Value::Int(first));
        }
        filter.and("position < {}", int(which.before.unwrap_or(u64::MAX)));
        let (names, conditions, limit) = (LINES.names(""), filter.text(), limit.to_string());
        let page =
            Bounded { order: &[("position", "DESC")], ..Bounded::by_position("lines", &names, &conditions, &limit) };
        let mut lines = self.reader.select(&page.sql(""), &filter.values, LineRow::read).await?;
        lines.reverse();
        Ok(lines)
    }

    /// The position of the newest line; 0 if there is none.
    pub async fn line_head(&self) -> Result<u64, Error> {
        let rows = self.reader.db.fetch("SELECT line FROM head WHERE one = 1", &[]).await?;
        rows.first().ok_or_else(gone)?.cells().number()
    }

    /// Every line of `of` after a position, endlessly: none skipped, none twice, in order.
    pub fn follow_lines(&self, of: LinesOf, after: u64) -> LineFeed {
        feed::lines(self.reader.clone(), of, after)
    }

    /// Removes the lines of a run.
    pub async fn remove_lines(&self, run: run::Id) -> Result<(), Error> {
        let (sql, values) = batch::lines_of_run(run.to_string());
        self.beside(sql, values.into()).await
    }
}

impl Reader {
    /// Up to `limit` lines after a position.
    pub async fn read_lines(&self, of: LinesOf, after: u64, limit: u32) -> Result<Vec<LineRow>, Error> {
        let mut filter = lines_of(of);
        filter.and("position > {}", int(after));
        let (names, conditions, limit) = (LINES.names(""), filter.text(), limit.to_string());
        let page = Bounded::by_position("lines", &names, &conditions, &limit);
        self.select(&page.sql(""), &filter.values, LineRow::read).await
    }
}

/// The conditions in the form of the index's; the `NULL`s are part of its own condition.
fn lines_of(of: LinesOf) -> Where {
    let mut filter = Where::default();
    let mut is = |condition: &str, id: &dyn std::fmt::Display| filter.and(condition, Value::Text(id.to_string()));
    match of {
        LinesOf::Function(id) => is("function = {} AND build IS NULL", &id),
        LinesOf::Run { function, run } => {
            is("run = {} AND run IS NOT NULL", &run);
            is("function = {}", &function);
        }
        LinesOf::Build(id) => is("build = {} AND build IS NOT NULL", &id),
    }
    filter
}
