//! Records synchronous calls after their answers, in batches.
//!
//! A permit is taken before the function is called: if the log cannot keep up, calls are refused instead of lost.

use std::collections::HashMap;
use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::Cause;
use domain::run::{self, event::Answered};
use parking_lot::RwLock;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::task::JoinHandle;

use super::call_id::Hold;
use crate::actors::{Commands, Error};
use crate::backoff::Backoff;
use crate::clock;

/// Maximum number of calls waiting to be recorded.
const PLACES: usize = 16_384;

/// Maximum number of calls recorded together.
const GROUP: usize = 512;

/// Maximum bytes of calls waiting to be recorded, in total and of one namespace. Above that, calls are refused.
const MAX_HELD: usize = 64 << 20;
const MAX_HELD_OF_NAMESPACE: usize = 32 << 20;

/// The number of namespaces above which those without waiting calls are forgotten.
const MANY: usize = 1024;

/// Maximum bytes of calls recorded together, unless a single one exceeds it.
const GROUP_BYTES: usize = 4 << 20;

/// The approximate size of a record without the contents of request and answer.
const OVERHEAD: usize = 1 << 10;

/// The record of a call.
pub struct CallRecord {
    pub(super) answered: Answered,
    pub(super) cause: Cause,
    /// Reserves its id until it is recorded.
    pub(super) _hold: Option<Hold>,
}

/// Builds the record of a call after its answer, on another thread than the one that answers.
pub type BuildRecord = Box<dyn FnOnce() -> CallRecord + Send>;

/// The pause after a batch: calls in the meantime share one commit, and nobody waits for it.
const REST: Duration = Duration::from_millis(5);

/// Records calls. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    sender: mpsc::Sender<Waiting>,
    held: Arc<Held>,
}

/// Bytes of calls that are waiting to be recorded.
#[derive(Default)]
struct Held {
    all: AtomicUsize,
    namespaces: RwLock<HashMap<Arc<str>, Arc<AtomicUsize>>>,
}

impl Held {
    /// The counter of one namespace.
    fn of(&self, namespace: &Arc<str>) -> Arc<AtomicUsize> {
        if let Some(own) = self.namespaces.read().get(namespace) {
            return own.clone();
        }
        let mut namespaces = self.namespaces.write();
        if namespaces.len() >= MANY {
            namespaces.retain(|_, own| Arc::strong_count(own) > 1);
        }
        namespaces.entry(namespace.clone()).or_default().clone()
    }
}

/// A call waiting to be recorded.
struct Waiting {
    build_record: BuildRecord,
    weight: Weight,
}

/// The memory that a waiting call takes, until dropped.
struct Weight {
    bytes: usize,
    held: Arc<Held>,
    of_namespace: Arc<AtomicUsize>,
}

impl Weight {
    fn take(bytes: usize, held: Arc<Held>, of_namespace: Arc<AtomicUsize>) -> Self {
        held.all.fetch_add(bytes, Ordering::Relaxed);
        of_namespace.fetch_add(bytes, Ordering::Relaxed);
        Self { bytes, held, of_namespace }
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.held.all.fetch_sub(self.bytes, Ordering::Relaxed);
        self.of_namespace.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The right to record one call.
pub struct RecordPermit {
    permit: OwnedPermit<Waiting>,
    held: Arc<Held>,
    of_namespace: Arc<AtomicUsize>,
}

impl RecordPermit {
    /// Records the call in the background. `weight` is the approximate size of the record in bytes.
    pub fn record(self, weight: usize, build_record: BuildRecord) {
        let weight = Weight::take(weight.saturating_add(OVERHEAD), self.held, self.of_namespace);
        self.permit.send(Waiting { build_record, weight });
    }
}

impl Recorder {
    /// Starts recording. The task ends when the last recorder is dropped and everything is recorded. Must be called
    /// within a tokio runtime.
    pub fn start(commands: Commands) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(PLACES);
        (Self { sender, held: Arc::default() }, tokio::spawn(record(commands, receiver)))
    }

    /// Reserves a permit and memory for a call of a function of this namespace, if available.
    pub fn reserve(&self, namespace: &Arc<str>) -> Option<RecordPermit> {
        let of_namespace = self.held.of(namespace);
        if self.held.all.load(Ordering::Relaxed) >= MAX_HELD
            || of_namespace.load(Ordering::Relaxed) >= MAX_HELD_OF_NAMESPACE
        {
            return None;
        }
        let permit = self.sender.clone().try_reserve_owned().ok()?;
        Some(RecordPermit { permit, held: self.held.clone(), of_namespace })
    }
}

async fn record(commands: Commands, mut receiver: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::with_capacity(GROUP);
    while receiver.recv_many(&mut waiting, GROUP).await > 0 {
        let mut rest = waiting.drain(..).peekable();
        while let Some((calls, _weights)) = next_group(&mut rest) {
            record_group(&commands, calls).await;
        }
        drop(rest);
        if receiver.len() < GROUP {
            tokio::time::sleep(REST).await;
        }
    }
}

/// The next batch, with its memory reservations.
fn next_group(waiting: &mut Peekable<impl Iterator<Item = Waiting>>) -> Option<(Vec<CallRecord>, Vec<Weight>)> {
    let (mut calls, mut weights, mut bytes) = (Vec::new(), Vec::new(), 0);
    let fits = |bytes: &mut usize, next: &Waiting| {
        let is_first = *bytes == 0;
        *bytes += next.weight.bytes;
        is_first || *bytes <= GROUP_BYTES
    };
    while let Some(Waiting { build_record, weight }) = waiting.next_if(|next| fits(&mut bytes, next)) {
        calls.push(build_record());
        weights.push(weight);
    }
    (!calls.is_empty()).then_some((calls, weights))
}

/// Records calls, retrying while the log is not available; meanwhile permits are used up and new calls refused. An
/// answered call is always recorded, if necessary with another id: if a different run has its id (because the caller
/// used it twice on two servers at once), it gets a random one.
async fn record_group(commands: &Commands, mut calls: Vec<CallRecord>) {
    let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));
    loop {
        let records = calls.iter().map(|call| (call.answered.clone(), call.cause.clone()));
        let mut results = commands.record_calls(records).await.into_iter();
        calls.retain_mut(|CallRecord { answered, .. }| match results.next() {
            Some(Err(Error::Refused(run::Error::IdTaken))) => {
                let (taken, drawn) = (answered.request.run, clock::new_id());
                tracing::warn!(run = %drawn, %taken, "another run has the id of a call, which is recorded under a new one");
                answered.request.run = drawn;
                true
            }
            // A record that the log never accepts must not hold up others.
            Some(Err(Error::Store(error))) if error.is_final() => {
                tracing::error!(run = %answered.request.run, %error, "a call was not recorded");
                false
            }
            Some(Err(Error::Refused(error))) => {
                tracing::error!(run = %answered.request.run, %error, "a call was not recorded");
                false
            }
            Some(Err(error)) => {
                tracing::warn!(run = %answered.request.run, %error, "call not recorded yet");
                true
            }
            Some(Ok(())) | None => false,
        });
        if calls.is_empty() {
            return;
        }
        backoff.pause().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_record() -> BuildRecord {
        Box::new(|| unreachable!("nobody records it"))
    }

    #[test]
    fn calls_are_refused_while_what_waits_takes_all_the_memory() {
        let (sender, mut receiver) = mpsc::channel(PLACES);
        let recorder = Recorder { sender, held: Arc::default() };
        let [busy, busier, other] = ["busy", "busier", "other"].map(Arc::<str>::from);
        let early = recorder.reserve(&busy).unwrap();
        let fill = |namespace: &Arc<str>| {
            let mut waiting = 0;
            while let Some(permit) = recorder.reserve(namespace) {
                permit.record(1 << 20, build_record());
                waiting += 1;
            }
            waiting
        };
        // One namespace leaves half of it to others.
        assert_eq!(fill(&busy), 32);
        assert!(recorder.reserve(&other).is_some());
        assert_eq!(fill(&busier), 32);
        assert!(recorder.reserve(&other).is_none());
        // A permit stays valid.
        early.record(0, build_record());
        for _ in 0..2 {
            receiver.try_recv().unwrap();
        }
        assert!(recorder.reserve(&busy).is_some() && recorder.reserve(&other).is_some());
    }
}
