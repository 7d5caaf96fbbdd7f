//! Stores what a process writes, in batches, as log lines of its function.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::{function, run};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::means::Means;
use super::meter::Verdict;
use crate::backoff::Backoff;
use crate::clock;
use crate::executor::{Line, Lines, Stream};
use crate::leasing::Runs;
use crate::store::{LineStream, NewLine, Store};

/// Lines of one process on their way to the store. If it is full, the process blocks on writing.
const BUFFER: usize = 1024;

/// Maximum number of lines stored in one batch.
const GROUP: usize = 256;

pub(super) struct Forward {
    runs: Arc<OnceLock<Arc<Runs>>>,
}

impl Forward {
    /// Restricts the lines to runs of this instance: a function names the run in its own output, and could name any.
    pub(super) fn attribute_to(&self, runs: &Arc<Runs>) {
        // Set once, right after the start.
        let _ = self.runs.set(runs.clone());
    }
}

/// A channel whose lines are stored until its last sender is dropped, within the function's limits.
pub(super) fn forward(
    means: &Means,
    function: function::Id,
    namespace: &str,
    instance: Option<String>,
    run: Option<run::Id>,
) -> (Lines, Forward) {
    let (sender, mut receiver) = mpsc::channel::<Line>(BUFFER);
    let runs = Arc::new(OnceLock::<Arc<Runs>>::new());
    let attribution = runs.clone();
    let meter = means.meters.of(function);
    let (store, namespace) = (means.store.clone(), namespace.to_owned());
    let new_line = move |run: Option<run::Id>, stream: Stream, at, text: String| NewLine {
        function,
        namespace: namespace.clone(),
        build: None,
        run,
        instance: instance.clone(),
        stream: stored(stream),
        at,
        text,
    };
    tokio::spawn(async move {
        let mut group = Vec::with_capacity(GROUP);
        let mut open = true;
        while open {
            tokio::select! {
                received = receiver.recv_many(&mut group, GROUP) => open = received > 0,
                () = meter.report_due() => {}
            }
            let own = |line: &Line| attribution.get()?.of_line(line.run.map(run::Id::new), line.at);
            let mut lines = Vec::with_capacity(group.len());
            for line in group.drain(..) {
                let run = run.or_else(|| own(&line));
                match meter.judge(run, line.stream, line.text.len(), Instant::now()) {
                    Verdict::Store => lines.push(new_line(run, line.stream, line.at, line.text)),
                    Verdict::LeaveOut => {}
                    Verdict::Say(text) => lines.push(new_line(run, Stream::System, line.at, text)),
                }
            }
            for text in meter.reports(!open, Instant::now()) {
                lines.push(new_line(run, Stream::System, clock::now(), text));
            }
            if !lines.is_empty() {
                store_lines(&store, lines).await;
            }
        }
    });
    (sender, Forward { runs })
}

/// Stores lines, waiting for as long as the log is not available; the process blocks meanwhile. Lines that the log will
/// never accept are dropped, or the process would block for ever.
async fn store_lines(store: &Store, lines: Vec<NewLine>) {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
    while let Err(error) = store.append_lines(lines.clone()).await {
        if error.is_final() {
            let function = lines.first().map(|line| line.function.to_string());
            return tracing::error!(%error, lines = lines.len(), function, "log lines dropped: the store refuses them");
        }
        tracing::warn!(%error, "log lines not stored yet");
        backoff.pause().await;
    }
}

fn stored(stream: Stream) -> LineStream {
    match stream {
        Stream::Stdout => LineStream::Stdout,
        Stream::Stderr => LineStream::Stderr,
        Stream::System => LineStream::System,
    }
}
