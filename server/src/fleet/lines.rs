//! Takes what a process writes and stores it, in groups, as lines of its function.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use domain::{function, run};
use tokio::sync::mpsc;

use super::instance::Running;
use crate::executor::{Line, Lines, Stream};
use crate::store::{LineStream, NewLine, Store};

/// Lines on their way from one process; when these are not stored in time, the process waits.
const BUFFER: usize = 1024;

/// Lines stored together.
const GROUP: usize = 256;

pub(super) struct Forward {
    running: Arc<OnceLock<Weak<Running>>>,
}

impl Forward {
    /// Lines that name no run belong to the only one that this instance works on.
    pub(super) fn attribute_to(&self, running: &Arc<Running>) {
        // Set once, right after the start.
        let _ = self.running.set(Arc::downgrade(running));
    }
}

/// A channel whose lines are stored until its last sender is gone.
pub(super) fn forward(
    store: &Store,
    function: function::Id,
    namespace: &str,
    instance: Option<String>,
    run: Option<run::Id>,
) -> (Lines, Forward) {
    let (sender, mut receiver) = mpsc::channel::<Line>(BUFFER);
    let running = Arc::new(OnceLock::<Weak<Running>>::new());
    let attribution = running.clone();
    let (store, namespace) = (store.clone(), namespace.to_owned());
    tokio::spawn(async move {
        let mut group = Vec::with_capacity(GROUP);
        while receiver.recv_many(&mut group, GROUP).await > 0 {
            let only = || attribution.get()?.upgrade()?.only_run();
            let lines: Vec<_> = group
                .drain(..)
                .map(|line| NewLine {
                    function,
                    namespace: namespace.clone(),
                    build: None,
                    run: run.or(line.run.map(run::Id::new)).or_else(only),
                    instance: instance.clone(),
                    stream: stored(line.stream),
                    at: line.at,
                    text: line.text,
                })
                .collect();
            store_lines(&store, lines).await;
        }
    });
    (sender, Forward { running })
}

/// Stores lines, however long the log is away: meanwhile the process waits.
async fn store_lines(store: &Store, lines: Vec<NewLine>) {
    let mut pause = Duration::from_millis(50);
    while let Err(error) = store.append_lines(lines.clone()).await {
        tracing::warn!(%error, "log lines not stored yet");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

fn stored(stream: Stream) -> LineStream {
    match stream {
        Stream::Stdout => LineStream::Stdout,
        Stream::Stderr => LineStream::Stderr,
        Stream::System => LineStream::System,
    }
}
