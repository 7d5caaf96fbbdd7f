//! Complete answers for callers that wait on this server. A run keeps only the beginning of a long answer; the first
//! request with an `Idempotency-Key` must still get all of it. Also passes on the runs that this server should execute
//! itself because such a caller waits here.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use domain::{function, run};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long a complete answer is kept for its caller.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// Maximum bytes of all kept answers; the oldest are dropped first.
const MAX_KEPT: usize = 64 << 20;

/// Maximum number of runs waiting to be executed here. Further ones are delivered by the queue only.
const MAX_HERE: usize = 1024;

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeAnswer {
    /// The HTTP status of a service's answer.
    pub status: Option<u16>,
    /// The media type, if there is one.
    pub content_type: Option<String>,
    /// The complete body.
    pub body: Bytes,
}

struct KeptAnswer {
    at: Instant,
    run: run::Id,
    whole: WholeAnswer,
}

pub(super) struct Answers {
    kept: Mutex<VecDeque<KeptAnswer>>,
    here: mpsc::Sender<(function::Id, run::Id)>,
    taken: Mutex<Option<mpsc::Receiver<(function::Id, run::Id)>>>,
}

impl Default for Answers {
    fn default() -> Self {
        let (here, taken) = mpsc::channel(MAX_HERE);
        Self { kept: Mutex::default(), here, taken: Mutex::new(Some(taken)) }
    }
}

impl Answers {
    /// Keeps an answer for a short time.
    pub(super) fn keep(&self, run: run::Id, whole: WholeAnswer) {
        let mut kept = self.kept.lock();
        kept.push_back(KeptAnswer { at: Instant::now(), run, whole });
        let mut bytes: usize = kept.iter().map(|kept| kept.whole.body.len()).sum();
        while let Some(oldest) = kept.front()
            && (bytes > MAX_KEPT || oldest.at.elapsed() > KEPT_FOR)
        {
            bytes -= oldest.whole.body.len();
            kept.pop_front();
        }
    }

    /// The complete answer of a run, if this server produced it just now and it was kept.
    pub(super) fn whole(&self, run: run::Id) -> Option<WholeAnswer> {
        let mut kept = self.kept.lock();
        kept.retain(|kept| kept.at.elapsed() <= KEPT_FOR);
        kept.iter().rev().find(|kept| kept.run == run).map(|kept| kept.whole.clone())
    }

    /// Executes a recorded run on this server unless another one has begun it, because its caller waits here for the
    /// complete answer.
    pub(super) fn run_here(&self, function: function::Id, run: run::Id) {
        // If the channel is full, the queue delivers the run.
        let _ = self.here.try_send((function, run));
    }

    /// The receiver of those runs; for the worker, once.
    pub(super) fn runs_here(&self) -> Option<mpsc::Receiver<(function::Id, run::Id)>> {
        self.taken.lock().take()
    }
}
