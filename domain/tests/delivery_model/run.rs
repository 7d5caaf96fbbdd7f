//! A run in the model: a short log, decided by the real aggregate.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Aggregate as _;
use domain::retry::Policy;
use domain::run::event::{self, Failure, Outcome, Request};
use domain::run::{Aggregate, Command, Error, Event, State};
use domain::{Json, function};

/// Attempts in every run's policy.
pub const ATTEMPTS: u32 = 2;

/// A record in a run's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entry {
    Requested,
    Started {
        attempt: u32,
        node: usize,
    },
    /// `of` is the attempt that the worker meant. The log does not contain it; the properties need it.
    AttemptFailed {
        attempt: u32,
        of: u32,
    },
    /// `attempt` is the one that had begun and is withdrawn.
    Deferred {
        attempt: Option<u32>,
        of: u32,
    },
    Succeeded {
        of: u32,
    },
    Dead {
        of: u32,
    },
}

impl Entry {
    pub fn is_end(self) -> bool {
        matches!(self, Self::Succeeded { .. } | Self::Dead { .. })
    }
}

/// A server's command to a run.
#[derive(Debug, Clone, Copy)]
pub enum Intent {
    Request,
    /// `again`: it is taken for the recorded start, sent twice.
    Start {
        node: usize,
        lost: Option<u32>,
        again: bool,
    },
    Succeed {
        attempt: u32,
    },
    Fail {
        attempt: u32,
    },
    Defer {
        attempt: Option<u32>,
    },
}

/// The state after a log.
pub fn state(log: &[Entry]) -> Rc<State> {
    thread_local! {
        /// There are few logs, and each occurs in many states of the system.
        static KNOWN: RefCell<HashMap<Vec<Entry>, Rc<State>>> = RefCell::default();
    }
    if let Some(state) = KNOWN.with_borrow(|known| known.get(log).cloned()) {
        return state;
    }
    let entries = log.iter().enumerate();
    let state =
        entries.fold(State::default(), |state, (n, entry)| Aggregate::evolve(state, &recorded(*entry, time(n))));
    let state = Rc::new(state);
    KNOWN.with_borrow_mut(|known| known.insert(log.to_vec(), state.clone()));
    state
}

/// The number of attempts so far.
pub fn attempts(log: &[Entry]) -> u32 {
    state(log).as_ref().as_ref().map_or(0, |run| run.attempts)
}

/// The result of a command about the attempt `of`.
pub fn decide(log: &[Entry], intent: Intent, of: u32) -> Result<Vec<Entry>, Error> {
    let begun = log.iter().rposition(|entry| matches!(entry, Entry::Started { .. }));
    let at = match (intent, begun) {
        (Intent::Start { again: true, .. }, Some(begun)) => time(begun),
        _ => time(log.len()),
    };
    let events = Aggregate::decide(&state(log), command(intent, at))?;
    Ok(events.iter().map(|event| entry(event, of)).collect())
}

/// When the entry with this number was recorded: each at a different time.
fn time(number: usize) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(i64::try_from(number).expect("a log is short"))
}

fn command(intent: Intent, at: DateTime<Utc>) -> Command {
    match intent {
        Intent::Request => {
            let Event::Requested(event::Requested { request, delivery, at }) = recorded(Entry::Requested, at) else {
                unreachable!("a request is recorded as one")
            };
            Command::Request { request, delivery, at }
        }
        Intent::Start { node, lost, .. } => Command::Start { version: 1, node: node.to_string(), lost, at },
        Intent::Succeed { attempt } => Command::Succeed { attempt, outcome: Outcome::default(), at },
        Intent::Defer { attempt } => Command::Defer { attempt, reason: String::new(), at },
        Intent::Fail { attempt } => {
            let (retry_after_s, jitter) = (None, 0.0);
            Command::Fail { begun: true, attempt, failure: failure(), retryable: true, retry_after_s, jitter, at }
        }
    }
}

fn entry(event: &Event, of: u32) -> Entry {
    match event {
        Event::Requested(_) => Entry::Requested,
        Event::Started(e) => Entry::Started { attempt: e.attempt, node: e.node.parse().expect("a node is a number") },
        Event::AttemptFailed(e) => Entry::AttemptFailed { attempt: e.attempt, of },
        Event::Deferred(e) => Entry::Deferred { attempt: e.attempt, of },
        Event::Succeeded(_) => Entry::Succeeded { of },
        Event::DeadLettered(_) => Entry::Dead { of },
        other => unreachable!("no server of the model asks for {other:?}"),
    }
}

fn recorded(entry: Entry, at: DateTime<Utc>) -> Event {
    match entry {
        Entry::Requested => {
            let delivery =
                event::Delivery::Retried(Policy { max_attempts: ATTEMPTS, backoff_s: 0.0, backoff_max_s: 0.0 });
            Event::Requested(event::Requested { request: request(), delivery, at })
        }
        Entry::Started { attempt, node } => {
            Event::Started(event::Started { attempt, version: 1, node: node.to_string(), at })
        }
        Entry::AttemptFailed { attempt, .. } => {
            Event::AttemptFailed(event::AttemptFailed { attempt, failure: failure(), due: at, at })
        }
        Entry::Deferred { attempt, .. } => Event::Deferred(event::Deferred { attempt, reason: String::new(), at }),
        Entry::Succeeded { .. } => Event::Succeeded(event::Succeeded { outcome: Outcome::default(), at }),
        Entry::Dead { .. } => Event::DeadLettered(event::DeadLettered { failure: failure(), at }),
    }
}

fn request() -> Request {
    let function = function::id("default", "hello", 1);
    let event = domain::event::id("default", "/shop", "1");
    Request {
        run: domain::run::id(event, function),
        function,
        namespace: "default".into(),
        trigger: "file.uploaded".into(),
        event: Some(event),
        input: Json::parse("{}").expect("it is JSON"),
        input_cut: false,
        version: None,
        replayed_from: None,
        callback: None,
    }
}

fn failure() -> Failure {
    Failure { error: String::new(), timed_out: false, outcome: Outcome::default() }
}
