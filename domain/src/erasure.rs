//! What is erased of a record when somebody's data has to go: the record stays, its payload is written over.
//!
//! Erasing is a fact of its own, in the same stream: it names the records that were written over and the digest of what
//! stands there now, so that the chain of hashes stays provable. Everything that the platform goes by stays: ids, types,
//! times, states.

use serde::{Deserialize, Serialize};

use crate::cloudevent::{Data, Event};
use crate::json::Json;
use crate::{event, run};

/// What stands where a text was.
pub const ERASED: &str = "erased";

/// A record that was written over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Its place in its stream.
    pub version: u64,
    /// SHA-256 of the payload that stands there now, as hexadecimal digits.
    pub digest: String,
}

/// What may stay of a run's event; `None` when all of it may.
pub fn of_run(event: &run::Event) -> Option<run::Event> {
    use run::Event;
    let mut left = event.clone();
    match &mut left {
        Event::Requested(e) => request(&mut e.request),
        Event::Answered(e) => {
            request(&mut e.request);
            text(&mut e.error);
            outcome(&mut e.outcome);
        }
        Event::Succeeded(e) => outcome(&mut e.outcome),
        Event::AttemptFailed(run::event::AttemptFailed { failure: f, .. })
        | Event::Failed(run::event::Failed { failure: f, .. })
        | Event::TimedOut(run::event::TimedOut { failure: f, .. })
        | Event::DeadLettered(run::event::DeadLettered { failure: f, .. }) => failure(f),
        Event::CallbackFailed(e) => e.error = ERASED.to_owned(),
        Event::Started(_)
        | Event::Cancelled(_)
        | Event::Deferred(_)
        | Event::Redriven(_)
        | Event::Purged(_)
        | Event::CallbackDelivered(_)
        | Event::Erased(_) => {}
    }
    (left != *event).then_some(left)
}

/// What may stay of a trigger event's; `None` when all of it may.
pub fn of_event(event: &event::Event, at: chrono::DateTime<chrono::Utc>) -> Option<event::Event> {
    match event {
        event::Event::Received(received) if received.erased_at.is_none() => {
            let mut left = received.clone();
            received_event(&mut left, at);
            Some(event::Event::Received(left))
        }
        event::Event::Received(_) | event::Event::Erased(_) => None,
    }
}

/// Erases a trigger event, but what it is known by.
pub(crate) fn received_event(received: &mut event::Received, at: chrono::DateTime<chrono::Utc>) {
    let (kind, id, source) = (&received.kind, &received.event_id, &received.source);
    let stub = Event { data: Some(Data::Text(ERASED.to_owned())), ..Event::<()>::new(kind, id, source) };
    received.event = stub.json();
    received.subject = None;
    received.callback = received.callback.take().map(|_| ERASED.to_owned());
    received.erased_at = Some(at);
}

/// Erases what a run was asked with. It counts as one that was not kept whole: nothing can be run again with it.
pub(crate) fn request(request: &mut run::event::Request) {
    request.input = Json::text(ERASED);
    request.input_cut = true;
    request.callback = request.callback.take().map(|_| ERASED.to_owned());
}

/// Whether what a run was asked with was erased: the record that says so may come later.
pub fn is_erased(request: &run::event::Request) -> bool {
    request.input_cut && request.input.get() == "\"erased\""
}

/// Erases what an attempt left behind.
pub(crate) fn outcome(outcome: &mut run::event::Outcome) {
    outcome.output = None;
    outcome.output_cut = false;
    outcome.encoding = run::event::Encoding::Json;
    outcome.content_type = None;
}

/// Erases what is said of a failure.
pub(crate) fn failure(failure: &mut run::event::Failure) {
    failure.error = ERASED.to_owned();
    outcome(&mut failure.outcome);
}

fn text(text: &mut Option<String>) {
    if let Some(text) = text {
        *text = ERASED.to_owned();
    }
}
