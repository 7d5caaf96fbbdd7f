//! Stores what processes print as lines of the log: of instances and jobs, and of the tools of builds.
//!
//! Whoever prints waits while the log does not take its lines: nothing is lost, and nothing piles up. Knows neither who
//! prints nor how much it may.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{function, run};

use crate::backoff::Backoff;
use crate::executor::Stream;
use crate::store::{LineStream, NewLine, Store};

/// Lines on their way from one process; when these are not stored in time, the process waits.
pub const BUFFER: usize = 1024;

/// Lines stored together.
pub const GROUP: usize = 256;

/// How long to wait before lines are stored again that the log did not take: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Whose lines they are.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The function.
    pub function: function::Id,
    /// Its namespace.
    pub namespace: String,
    /// The build whose tools print.
    pub build: Option<function::BuildId>,
    /// The instance that prints.
    pub instance: Option<String>,
}

impl Origin {
    /// One of its lines.
    pub fn line(&self, run: Option<run::Id>, stream: Stream, at: DateTime<Utc>, text: String) -> NewLine {
        let Self { function, namespace, build, instance } = self.clone();
        let stream = match stream {
            Stream::Stdout => LineStream::Stdout,
            Stream::Stderr => LineStream::Stderr,
            Stream::System => LineStream::System,
        };
        NewLine { function, namespace, build, run, instance, stream, at, text }
    }
}

/// Stores lines, however long the log is away: meanwhile whoever prints them waits. What the log will never take is given
/// up, or that wait would have no end.
pub async fn store_lines(store: &Store, lines: Vec<NewLine>) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    while let Err(error) = store.append_lines(lines.clone()).await {
        let first = lines.first();
        let function = first.map(|line| line.function.to_string());
        let build = first.and_then(|line| line.build).map(|build| build.to_string());
        if error.is_final() {
            return tracing::error!(%error, lines = lines.len(), function, build, "log lines were given up: the log refuses them");
        }
        tracing::warn!(%error, function, build, "log lines not stored yet");
        backoff.pause().await;
    }
}
