//! Answers that are longer than what a run keeps of them, for callers that wait for them on this server: the first request
//! under an `Idempotency-Key` gets its answer, however long it is. And runs that this server should do itself, because such a
//! caller waits here.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use domain::{function, run};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long an answer is kept for who waits for it.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// Bytes of all that are kept; the oldest make room.
const MAX_KEPT: usize = 64 << 20;

/// Runs that were asked for here and that nobody has taken yet. With more, the queue alone delivers them.
const MAX_HERE: usize = 1024;

/// An answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The status of a service's answer.
    pub status: Option<u16>,
    /// Its media type, where it says one.
    pub content_type: Option<String>,
    /// All of it.
    pub body: Bytes,
}

struct Kept {
    at: Instant,
    run: run::Id,
    whole: Whole,
}

pub(super) struct Answers {
    kept: Mutex<VecDeque<Kept>>,
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
    /// Keeps an answer for a moment.
    pub(super) fn keep(&self, run: run::Id, whole: Whole) {
        let mut kept = self.kept.lock();
        kept.push_back(Kept { at: Instant::now(), run, whole });
        let mut bytes: usize = kept.iter().map(|kept| kept.whole.body.len()).sum();
        while let Some(oldest) = kept.front()
            && (bytes > MAX_KEPT || oldest.at.elapsed() > KEPT_FOR)
        {
            bytes -= oldest.whole.body.len();
            kept.pop_front();
        }
    }

    /// The answer of a run, if this server has done it just now, and all of it was kept.
    pub(super) fn whole(&self, run: run::Id) -> Option<Whole> {
        let mut kept = self.kept.lock();
        kept.retain(|kept| kept.at.elapsed() <= KEPT_FOR);
        kept.iter().rev().find(|kept| kept.run == run).map(|kept| kept.whole.clone())
    }

    /// Has this server do a run that is in the log, if none has begun it yet: somebody waits here for the whole of its answer.
    pub(super) fn run_here(&self, function: function::Id, run: run::Id) {
        // Where there is no room, the queue delivers it.
        let _ = self.here.try_send((function, run));
    }

    /// Those runs; for who does them.
    pub(super) fn runs_here(&self) -> Option<mpsc::Receiver<(function::Id, run::Id)>> {
        self.taken.lock().take()
    }
}
