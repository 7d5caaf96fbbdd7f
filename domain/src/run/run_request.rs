//! Builds a run's request from the record that causes it. Several servers may do so for the same run: the relay that
//! reaches the record, the ingress that wrote it and does not wait for the relay, and the worker that received the run
//! before the log had it. The log keeps whichever comes first, so all must agree: the request is built here, from the
//! record alone.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Run;
use super::event::{Delivery, Redriven, Request, Requested};
use crate::recorded::Cause;
use crate::{event, function, retry};

/// A run's request, as it is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The request.
    pub requested: Requested,
    /// Who asked for it, and what it follows from.
    pub cause: Cause,
}

impl RunRequest {
    /// The request of the run that a trigger event causes at a function. `record` and `cause` are those of the event's
    /// own record.
    ///
    /// If a caller waits for the answer, there is one attempt. Otherwise the policy named by the event applies, or, if
    /// it names none, `current`, the function's policy at the event's position in the log.
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

    /// The run that follows a dead one. `record` and `cause` are those of the record of the redrive.
    pub fn again(dead: &Run, redriven: &Redriven, record: Uuid, cause: &Cause) -> Self {
        let request = dead.request.again(redriven.run);
        let delivery = redriven.retry.map_or(dead.delivery, Delivery::Retried);
        Self { requested: Requested { request, delivery, at: redriven.at }, cause: cause.of_what_follows(record) }
    }
}
