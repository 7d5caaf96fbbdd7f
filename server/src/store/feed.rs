//! Followers of the log: first the stored records, then new ones, without a gap.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::Recorded;
use futures::Stream as Futures;
use futures::stream::unfold;

use super::error::Error;
use super::line::{LineRow, LinesOf};
use super::page;
use super::reader::Reader;
use super::ring::Next;

/// Every record after a position, without end. Records that were committed together arrive together. An `Err` does not
/// end the feed: it retries and continues where it was.
pub type Feed = Pin<Box<dyn Futures<Item = Result<Arc<[Recorded]>, Error>> + Send>>;

/// Every line after a position, without end.
pub type LineFeed = Pin<Box<dyn Futures<Item = Result<Vec<LineRow>, Error>> + Send>>;

/// Records or lines that a lagging follower reads at a time.
const PAGE: u32 = 1024;

/// How long a follower waits after an error before it retries.
const AGAIN: Duration = Duration::from_millis(250);

/// Follows the log from after a position.
pub(super) fn records(reader: Arc<Reader>, after: u64) -> Feed {
    let tail = reader.records.watch();
    Box::pin(unfold((reader, tail, after, false), |(reader, mut tail, mut after, failed)| async move {
        if failed {
            tokio::time::sleep(AGAIN).await;
        }
        loop {
            // Marked before the check, so that anything arriving in between wakes it again.
            tail.mark_unchanged();
            // Everything committed up to here is visible to a query that starts now.
            let known = reader.records.tail();
            let batch: Arc<[Recorded]> = match reader.records.next(after) {
                Next::Here(batch) => batch,
                Next::Nothing => {
                    if tail.changed().await.is_err() {
                        return None;
                    }
                    continue;
                }
                Next::Older => match reader.read_log(after, PAGE).await {
                    Ok(records) => records.into(),
                    Err(error) => return Some((Err(error), (reader, tail, after, true))),
                },
            };
            let whole = match whole(&reader, after, &batch, known).await {
                Ok(whole) => whole,
                Err(error) => return Some((Err(error), (reader, tail, after, true))),
            };
            match whole {
                Whole::UpTo(count) => {
                    after = batch[count - 1].position;
                    let part = if count < batch.len() { batch[..count].into() } else { batch };
                    return Some((Ok(part), (reader, tail, after, false)));
                }
                // The window has moved on and the log has nothing there: all of it was removed.
                Whole::Removed => after = known,
                // Reported once; then the existing records are delivered.
                Whole::Missing => {
                    let found = batch.first().map_or_else(|| reader.records.tail() + 1, |first| first.position);
                    return Some((Err(reader.gap(after, found)), (reader, tail, found - 1, batch.is_empty())));
                }
            }
        }
    }))
}

/// What follows a position in the log.
enum Whole {
    /// This many records, at least one, follow each other without a gap, apart from removed ones.
    UpTo(usize),
    /// Nothing: everything up to the end was removed.
    Removed,
    /// A record is missing.
    Missing,
}

/// Checks for gaps in what was read after a position, when the log went up to `known`.
async fn whole(reader: &Reader, after: u64, batch: &[Recorded], known: u64) -> Result<Whole, Error> {
    if batch.is_empty() {
        return Ok(if reader.is_cut(known).await? { Whole::Removed } else { Whole::Missing });
    }
    let mut last = after;
    for (index, record) in batch.iter().enumerate() {
        if record.position != last + 1 && !reader.is_cut(record.position - 1).await? {
            return Ok(if index == 0 { Whole::Missing } else { Whole::UpTo(index) });
        }
        last = record.position;
    }
    Ok(Whole::UpTo(batch.len()))
}

/// Follows the lines from after a position.
pub(super) fn lines(reader: Arc<Reader>, of: LinesOf, after: u64) -> LineFeed {
    let tail = reader.lines.watch();
    Box::pin(unfold((reader, tail, after, false), move |(reader, mut tail, mut after, failed)| async move {
        if failed {
            tokio::time::sleep(AGAIN).await;
        }
        loop {
            tail.mark_unchanged();
            match reader.lines.next(after) {
                Next::Here(batch) => {
                    after = batch.last().map_or(after, |line| line.position);
                    let mine: Vec<LineRow> = batch.iter().filter(|line| of.has(&line.line)).cloned().collect();
                    if !mine.is_empty() {
                        return Some((Ok(mine), (reader, tail, after, false)));
                    }
                }
                Next::Nothing => {
                    if tail.changed().await.is_err() {
                        return None;
                    }
                }
                Next::Older => {
                    // Everything committed up to here is visible to a query that starts now.
                    let known = reader.lines.tail();
                    match reader.read_lines(of, after, PAGE).await {
                        Ok(lines) => {
                            let last = lines.last().map(|line| line.position);
                            after = if page::is_last_of_lines(&lines, PAGE) {
                                known.max(last.unwrap_or(0))
                            } else {
                                last.unwrap_or(known)
                            };
                            if !lines.is_empty() {
                                return Some((Ok(lines), (reader, tail, after, false)));
                            }
                        }
                        Err(error) => return Some((Err(error), (reader, tail, after, true))),
                    }
                }
            }
        }
    }))
}
