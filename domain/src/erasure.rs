//! Erasure of personal data: a record stays in the log, but its payload is overwritten.
//!
//! Erasure is itself recorded, in the same stream: the event names the overwritten records and the digests of their new
//! payloads, so that the hash chain can still be verified. Everything the platform relies on is kept: ids, types, times
//! and states.

use serde::{Deserialize, Serialize};

use crate::cloudevent::{Data, Event};
use crate::json::Json;
use crate::{event, run};

/// The text that replaces an erased one.
pub const ERASED: &str = "erased";

/// A record whose payload was overwritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The record's version in its stream.
    pub version: u64,
    /// SHA-256 of the new payload, in hexadecimal.
    pub digest: String,
}

/// A run event without its erasable parts; `None` if it has none.
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

/// A trigger event without its erasable parts; `None` if it has none.
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

/// Erases a trigger event except for what identifies it.
pub(crate) fn received_event(received: &mut event::Received, at: chrono::DateTime<chrono::Utc>) {
    let (kind, id, source) = (&received.kind, &received.event_id, &received.source);
    let stub = Event { data: Some(Data::Text(ERASED.to_owned())), ..Event::<()>::new(kind, id, source) };
    received.event = stub.json();
    received.subject = None;
    received.callback = received.callback.take().map(|_| ERASED.to_owned());
    received.erased_at = Some(at);
}

/// Erases the input of a run. It is then treated as truncated, so the run cannot be repeated.
pub(crate) fn request(request: &mut run::event::Request) {
    request.input = Json::text(ERASED);
    request.input_cut = true;
    request.callback = request.callback.take().map(|_| ERASED.to_owned());
}

/// Whether a run's input was erased. The record that says so may come later in the log.
pub fn is_erased(request: &run::event::Request) -> bool {
    request.input_cut && request.input.get() == "\"erased\""
}

/// Erases the outcome of an attempt.
pub(crate) fn outcome(outcome: &mut run::event::Outcome) {
    outcome.output = None;
    outcome.output_cut = false;
    outcome.encoding = run::event::Encoding::Json;
    outcome.content_type = None;
}

/// Erases the description of a failure.
pub(crate) fn failure(failure: &mut run::event::Failure) {
    failure.error = ERASED.to_owned();
    outcome(&mut failure.outcome);
}

fn text(text: &mut Option<String>) {
    if let Some(text) = text {
        *text = ERASED.to_owned();
    }
}
