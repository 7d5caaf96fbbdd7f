//! How a run is asked for by what is in the log. More than one server does it: the relay that comes to the record, the door
//! that wrote it and does not wait for the relay, the worker that was given the run before the log had it. The log takes
//! whichever is first, so all of them must say the same: what they say is made here, from the record alone.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Run;
use super::event::{Delivery, Redriven, Request, Requested};
use crate::recorded::Cause;
use crate::{event, function, retry};

/// The request of a run as it is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What is asked for.
    pub requested: Requested,
    /// Who asked, and what it follows from.
    pub cause: Cause,
}

impl Asked {
    /// What a trigger event asks of a function. `record` and `cause` are those of the event's own record.
    ///
    /// Whoever waits for the answer gets that of one attempt. Everything else is tried by the policy that the event names, or
    /// where it names none by `current`, the function's at the event's place in the log.
    pub fn by_event(
        received: &event::Received,
        record: Uuid,
        cause: &Cause,
        function: function::Id,
        current: retry::Policy,
    ) -> Self {
        let request = Request {
            run: super::id(received.id, function),
            function,
            namespace: received.namespace.clone(),
            trigger: received.kind.clone(),
            event: Some(received.id),
            input: received.event.clone(),
            input_cut: false,
            version: None,
            replayed_from: None,
            callback: received.callback.clone(),
        };
        let delivery = match received.target {
            Some(_) if !received.asynchronous => Delivery::Once,
            _ => Delivery::Retried(received.retry.unwrap_or(current)),
        };
        Self { requested: Requested { request, delivery, at: received.at }, cause: cause.of_what_follows(record) }
    }

    /// The run that follows a dead one. `record` and `cause` are those of the record that says that it is redriven.
    pub fn again(dead: &Run, redriven: &Redriven, record: Uuid, cause: &Cause) -> Self {
        let request = dead.request.again(redriven.run);
        let delivery = redriven.retry.map_or(dead.delivery, Delivery::Retried);
        Self { requested: Requested { request, delivery, at: redriven.at }, cause: cause.of_what_follows(record) }
    }
}
