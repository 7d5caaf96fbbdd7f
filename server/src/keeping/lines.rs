//! Takes what a process writes and stores it, in groups, as lines of its function, as far as its limits allow.

use std::sync::{Arc, OnceLock};

use domain::{function, run};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::context::Context;
use super::meter::LineDecision;
use super::stored::{BUFFER, GROUP, Origin, store_lines};
use crate::clock;
use crate::executor::{Line, Lines, Stream};
use crate::leasing::Runs;

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
    context: &Context,
    function: function::Id,
    namespace: &str,
    instance: Option<String>,
    run: Option<run::Id>,
) -> (Lines, Forward) {
    let (sender, mut receiver) = mpsc::channel::<Line>(BUFFER);
    let runs = Arc::new(OnceLock::<Arc<Runs>>::new());
    let attribution = runs.clone();
    let meter = context.meters.of(function);
    let store = context.store.clone();
    let origin = Origin { function, namespace: namespace.to_owned(), build: None, instance };
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
                match meter.decide(run, line.stream, line.text.len(), Instant::now()) {
                    LineDecision::Store => lines.push(origin.line(run, line.stream, line.at, line.text)),
                    LineDecision::LeaveOut => {}
                    LineDecision::Report(text) => lines.push(origin.line(run, Stream::System, line.at, text)),
                }
            }
            for text in meter.reports(!open, Instant::now()) {
                lines.push(origin.line(run, Stream::System, clock::now(), text));
            }
            if !lines.is_empty() {
                store_lines(&store, lines).await;
            }
        }
    });
    (sender, Forward { runs })
}
