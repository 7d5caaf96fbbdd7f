//! The lines of a container, by the engine's own log: after an interruption it goes on where it was, without a gap or a
//! double.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};
use bytes::Bytes;
use chrono::DateTime;
use futures::StreamExt;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::super::lines::{TAIL_LINES, in_pieces};
use super::engine::{Engine, status};
use super::watch::State;
use crate::backoff::Backoff;

/// Pauses between attempts to read on.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The log ends with its container; how long the news of the end may take after that.
const NEWS_WITHIN: Duration = Duration::from_millis(500);

/// A log that does not end with its container is left after this.
const LAST_WITHIN: Duration = Duration::from_secs(2);

/// How far one of the two outputs was read: the time of the last piece, and how many pieces have that time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mark {
    nanoseconds: i64,
    pieces: u64,
}

/// Leaves out the pieces that were read before the interruption.
#[derive(Debug, Default)]
struct Filter {
    read: Mark,
    /// Where the log was left, until what comes is later.
    left_at: Option<Mark>,
    seen: u64,
}

impl Filter {
    /// The log is read anew.
    fn begin_again(&mut self) {
        self.left_at = Some(self.read).filter(|mark| mark.pieces > 0);
        self.seen = 0;
    }

    /// Whether a piece of this time is new.
    fn is_new(&mut self, nanoseconds: i64) -> bool {
        if let Some(left_at) = self.left_at {
            if nanoseconds < left_at.nanoseconds {
                return false;
            }
            if nanoseconds == left_at.nanoseconds {
                self.seen += 1;
                if self.seen <= left_at.pieces {
                    return false;
                }
            }
            self.left_at = self.left_at.filter(|mark| mark.nanoseconds == nanoseconds);
        }
        match self.read.nanoseconds == nanoseconds {
            true => self.read.pieces += 1,
            false => self.read = Mark { nanoseconds, pieces: 1 },
        }
        true
    }
}

/// One output of a container, on its way to be split into lines.
pub(super) struct Output {
    to: DuplexStream,
    filter: Filter,
}

impl Output {
    pub(super) fn new(to: DuplexStream) -> Self {
        Self { to, filter: Filter::default() }
    }

    async fn pass(&mut self, piece: &Bytes) {
        let Some((nanoseconds, text)) = split(piece) else { return };
        if self.filter.is_new(nanoseconds) {
            // Nobody splits it any more: the container need not know.
            let _ = self.to.write_all(text).await;
        }
    }
}

/// Passes a container's outputs on until it has ended and everything was read.
pub(super) async fn follow(
    engine: &Engine,
    id: &str,
    mut state: watch::Receiver<State>,
    mut stdout: Output,
    mut stderr: Output,
) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let has_ended = state.borrow().ended;
        let mut log = engine.client.logs(id, Some(options(&stdout, &stderr, !has_ended)));
        stdout.filter.begin_again();
        stderr.filter.begin_again();
        let mut fault = None;
        loop {
            let piece = match has_ended {
                true => timeout(LAST_WITHIN, log.next()).await.unwrap_or_default(),
                false => log.next().await,
            };
            match piece {
                Some(Ok(LogOutput::StdErr { message })) => stderr.pass(&message).await,
                Some(Ok(LogOutput::StdOut { message } | LogOutput::Console { message })) => stdout.pass(&message).await,
                Some(Ok(LogOutput::StdIn { .. })) => {}
                Some(Err(error)) => {
                    fault = Some(error);
                    break;
                }
                None => break,
            }
            backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        }
        let is_gone = fault.as_ref().is_some_and(|fault| status(fault) == Some(404));
        if is_gone {
            return;
        }
        if has_ended {
            // An engine that restarts gives the last lines afterwards; who follows gives up some time.
            if fault.is_some_and(|fault| status(&fault).is_none()) {
                backoff.pause().await;
                continue;
            }
            return;
        }
        // Engines may end the log of a container that has ended a line too early: it is read once more, then.
        let over = timeout(NEWS_WITHIN, async { state.wait_for(|state| state.ended).await.map(drop) }).await;
        match over {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => backoff.pause().await,
        }
    }
}

/// The last lines of a container's standard error, oldest first: what a flood of others had no time for.
pub(super) async fn last(engine: &Engine, id: &str) -> Vec<String> {
    let options = LogsOptionsBuilder::default().stderr(true).tail(&TAIL_LINES.to_string()).build();
    let mut log = engine.client.logs(id, Some(options));
    let mut text = Vec::new();
    while let Ok(Some(Ok(piece))) = timeout(LAST_WITHIN, log.next()).await {
        text.extend_from_slice(&piece.into_bytes());
    }
    in_pieces(&text, text.len()).into_iter().map(|line| line.text).collect()
}

fn options(stdout: &Output, stderr: &Output, follow: bool) -> LogsOptions {
    let seconds = |output: &Output| output.filter.read.nanoseconds / 1_000_000_000;
    // The engine takes whole seconds; what was read of the last one is left out here.
    let since = seconds(stdout).min(seconds(stderr)).try_into().unwrap_or(0);
    LogsOptionsBuilder::default().follow(follow).stdout(true).stderr(true).timestamps(true).since(since).build()
}

/// The time of a piece of the log, and the piece.
fn split(piece: &[u8]) -> Option<(i64, &[u8])> {
    let end = memchr::memchr(b' ', &piece[..piece.len().min(64)])?;
    let time = std::str::from_utf8(&piece[..end]).ok()?;
    let time = DateTime::parse_from_rfc3339(time).ok()?;
    Some((time.timestamp_nanos_opt()?, &piece[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_read_again_has_no_gap_and_no_double() {
        let log: [i64; 8] = [1, 2, 2, 2, 3, 5, 5, 7];
        for cut in 0..=log.len() {
            for second_cut in cut..=log.len() {
                let mut filter = Filter::default();
                let mut read: Vec<i64> = Vec::new();
                for end in [cut, second_cut, log.len()] {
                    filter.begin_again();
                    read.extend(log[..end].iter().copied().filter(|time| filter.is_new(*time)));
                }
                assert_eq!(read, log, "cut after {cut} and {second_cut}");
            }
        }
    }

    #[test]
    fn the_time_of_a_piece_is_taken_off() {
        let (time, text) = split(b"2026-11-27T21:31:15.123456789Z hello world\n").unwrap();
        assert_eq!((time % 1_000_000_000, text), (123_456_789, b"hello world\n".as_slice()));
        assert_eq!(split(b"no time"), None);
        assert_eq!(split(b"2026-11-27T21:31:15Z ").unwrap().1, b"");
    }
}
