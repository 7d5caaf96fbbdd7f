//! Records synchronous calls after their answers, in groups.
//!
//! A place is taken before the function is called: when the log cannot keep up, calls are refused instead of forgotten.

use std::time::Duration;

use domain::Cause;
use domain::run::{self, event::Answered};
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::task::JoinHandle;

use super::call_id::Hold;
use crate::actors::{Commands, Error};
use crate::clock;

/// Calls whose record is on its way.
const PLACES: usize = 16_384;

/// Calls recorded together.
const GROUP: usize = 512;

/// What is recorded of a call.
pub struct Told {
    pub(super) answered: Answered,
    pub(super) cause: Cause,
    /// Its id is nobody else's until it is recorded.
    pub(super) _hold: Option<Hold>,
}

/// What is known of a call after its answer; the record is made of it away from the thread that answers.
pub type Telling = Box<dyn FnOnce() -> Told + Send>;

/// How long the recorder rests after a group: calls that come in meanwhile share one commit, and nobody waits for it.
const REST: Duration = Duration::from_millis(5);

/// Takes calls to record. Cloning it is cheap.
#[derive(Clone)]
pub struct Recorder {
    sender: mpsc::Sender<Telling>,
}

/// A place for one record.
pub struct Place(OwnedPermit<Telling>);

impl Place {
    /// Records the call, soon.
    pub fn record(self, telling: Telling) {
        self.0.send(telling);
    }
}

impl Recorder {
    /// Begins to record. The task ends, with everything recorded, when the last recorder is gone.
    /// Must be called within a tokio runtime.
    pub fn start(commands: Commands) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(PLACES);
        (Self { sender }, tokio::spawn(record(commands, receiver)))
    }

    /// A place, if there is one.
    pub fn reserve(&self) -> Option<Place> {
        self.sender.clone().try_reserve_owned().ok().map(Place)
    }
}

async fn record(commands: Commands, mut receiver: mpsc::Receiver<Telling>) {
    let mut group = Vec::with_capacity(GROUP);
    while receiver.recv_many(&mut group, GROUP).await > 0 {
        let calls = group.drain(..).map(|telling| telling()).collect();
        record_group(&commands, calls).await;
        if receiver.len() < GROUP {
            tokio::time::sleep(REST).await;
        }
    }
}

/// Records calls, however long the log is away: meanwhile places are taken, and new calls refused when none is left. What
/// was answered is recorded, be it under another id: where another run has the call's own (its caller named two calls alike
/// on two servers at once), it gets one that is drawn.
async fn record_group(commands: &Commands, mut calls: Vec<Told>) {
    let mut pause = Duration::from_millis(20);
    loop {
        let told = calls.iter().map(|call| (call.answered.clone(), call.cause.clone()));
        let mut results = commands.tell_of_calls(told).await.into_iter();
        calls.retain_mut(|Told { answered, .. }| match results.next() {
            Some(Err(Error::Refused(run::Error::IdTaken))) => {
                let (taken, drawn) = (answered.request.run, clock::new_id());
                tracing::warn!(run = %drawn, %taken, "another run has the id of a call, which is recorded under a new one");
                answered.request.run = drawn;
                true
            }
            // What the log never takes must not hold up what it does.
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
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}
