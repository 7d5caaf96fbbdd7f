//! Followers of the log: first what is stored, then what is being appended, without a seam.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::Recorded;
use futures::Stream as Futures;
use futures::stream::unfold;

use super::log::Inner;
use super::ring::Next;
use super::{Error, LineRow, LinesOf, NewLine};

/// Every record after a position, for ever. Records that were committed together come together.
/// An `Err` is not the end: the feed goes on trying, and goes on where it was.
pub type Feed = Pin<Box<dyn Futures<Item = Result<Arc<[Recorded]>, Error>> + Send>>;

/// Every line after a position, for ever.
pub type LineFeed = Pin<Box<dyn Futures<Item = Result<Vec<LineRow>, Error>> + Send>>;

/// Records or lines that are read at a time by a follower that lags.
const PAGE: u32 = 1024;

/// After an error, a follower tries again this often.
const AGAIN: Duration = Duration::from_millis(250);

/// Follows the log after a position.
pub(super) fn records(inner: Arc<Inner>, after: u64) -> Feed {
    let tail = inner.records.watch();
    Box::pin(unfold((inner, tail, after, false), |(inner, mut tail, mut after, failed)| async move {
        if failed {
            tokio::time::sleep(AGAIN).await;
        }
        loop {
            // Marked before looking, so that what comes in between wakes again.
            tail.mark_unchanged();
            let batch: Arc<[Recorded]> = match inner.records.next(after) {
                Next::Here(batch) => batch,
                Next::Nothing => {
                    if tail.changed().await.is_err() {
                        return None;
                    }
                    continue;
                }
                Next::Older => match inner.read_log(after, PAGE).await {
                    Ok(records) => records.into(),
                    Err(error) => return Some((Err(error), (inner, tail, after, true))),
                },
            };
            let Some((first, last)) = batch.first().zip(batch.last()) else {
                // The window moved on, and the log has nothing there: records were removed.
                let error = inner.gap(after, inner.records.tail() + 1);
                let tail_now = inner.records.tail();
                return Some((Err(error), (inner, tail, tail_now, true)));
            };
            let last = last.position;
            if first.position != after + 1 {
                // Told once, then what is there is delivered.
                let (error, next) = (inner.gap(after, first.position), first.position - 1);
                return Some((Err(error), (inner, tail, next, false)));
            }
            let whole = (after + 1..).zip(batch.iter()).take_while(|(place, record)| *place == record.position).count();
            if whole < batch.len() {
                let part: Arc<[Recorded]> = batch[..whole].into();
                return Some((Ok(part), (inner, tail, after + whole as u64, false)));
            }
            after = last;
            return Some((Ok(batch), (inner, tail, after, false)));
        }
    }))
}

/// Follows the lines after a position.
pub(super) fn lines(inner: Arc<Inner>, of: LinesOf, after: u64) -> LineFeed {
    let tail = inner.lines.watch();
    Box::pin(unfold((inner, tail, after, false), move |(inner, mut tail, mut after, failed)| async move {
        if failed {
            tokio::time::sleep(AGAIN).await;
        }
        loop {
            tail.mark_unchanged();
            match inner.lines.next(after) {
                Next::Here(batch) => {
                    after = batch.last().map_or(after, |line| line.position);
                    let mine: Vec<LineRow> = batch.iter().filter(|line| of.has(&line.line)).cloned().collect();
                    if !mine.is_empty() {
                        return Some((Ok(mine), (inner, tail, after, false)));
                    }
                }
                Next::Nothing => {
                    if tail.changed().await.is_err() {
                        return None;
                    }
                }
                Next::Older => {
                    // What is committed up to here is seen by a query that begins now.
                    let known = inner.lines.tail();
                    match inner.read_lines(of, after, PAGE).await {
                        Ok(lines) => {
                            let last = lines.last().map(|line| line.position);
                            after = if lines.len() < PAGE as usize {
                                known.max(last.unwrap_or(0))
                            } else {
                                last.unwrap_or(known)
                            };
                            if !lines.is_empty() {
                                return Some((Ok(lines), (inner, tail, after, false)));
                            }
                        }
                        Err(error) => return Some((Err(error), (inner, tail, after, true))),
                    }
                }
            }
        }
    }))
}

impl LinesOf {
    /// Whether a line is one of these.
    pub fn has(&self, line: &NewLine) -> bool {
        match self {
            Self::Function(id) => line.function == *id && line.build.is_none(),
            Self::Run(id) => line.run == Some(*id),
            Self::Build(id) => line.build == Some(*id),
        }
    }
}
