//! Records synchronous calls after their answers, in groups.
//!
//! A place is taken before the function is called: when the log cannot keep up, calls are refused instead of forgotten.

use std::time::Duration;

use domain::Cause;
use domain::run::event::Answered;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::task::JoinHandle;

use crate::actors::{Commands, Error};

/// Calls whose record is on its way.
const PLACES: usize = 16_384;

/// Calls recorded together.
const GROUP: usize = 512;

/// What is known of a call after its answer; the record is made of it away from the thread that answers.
pub type Told = Box<dyn FnOnce() -> (Answered, Cause) + Send>;

/// How long the recorder rests after a group: calls that come in meanwhile share one commit, and nobody waits for it.
const REST: Duration = Duration::from_millis(5);

/// Takes calls to record. Cloning it is cheap.
#[derive(Clone)]
pub struct Recorder {
    sender: mpsc::Sender<Told>,
}

/// A place for one record.
pub struct Place(OwnedPermit<Told>);

impl Place {
    /// Records the call, soon.
    pub fn record(self, told: Told) {
        self.0.send(told);
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

async fn record(commands: Commands, mut receiver: mpsc::Receiver<Told>) {
    let mut group = Vec::with_capacity(GROUP);
    while receiver.recv_many(&mut group, GROUP).await > 0 {
        let calls = group.drain(..).map(|told| told()).collect();
        record_group(&commands, calls).await;
        if receiver.len() < GROUP {
            tokio::time::sleep(REST).await;
        }
    }
}

/// Records calls, however long the log is away: meanwhile places are taken, and new calls refused when none is left.
async fn record_group(commands: &Commands, mut calls: Vec<(Answered, Cause)>) {
    let mut pause = Duration::from_millis(20);
    loop {
        let results = commands.tell_of_calls(calls.iter().cloned()).await;
        let mut results = results.into_iter();
        calls.retain(|(answered, _)| match results.next() {
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
