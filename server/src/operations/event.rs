//! Publishes trigger events.

use domain::access::Action;
use domain::cloudevent::CloudEvent;
use domain::event::{self, Received};
use domain::{Stream, function};
use uuid::Uuid;

use super::{Caller, Fault, Problem, Refusal, Services, Viewer};
use crate::actors::Done;
use crate::clock;

/// An event to publish.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The namespace it is sent to.
    pub namespace: String,
    /// The event.
    pub event: CloudEvent,
}

/// A recorded event.
#[derive(Debug, Clone)]
pub struct Published {
    /// The event as it was first received.
    pub received: Received,
    /// Whether it is a duplicate; nothing was recorded then.
    pub duplicate: bool,
    /// The position of its record.
    pub position: u64,
}

/// Publishes an event; it is on disk on return. A duplicate (namespace, source, id) returns the first one.
///
/// # Errors
/// `bad_namespace`, `forbidden`, `reserved_type`, `payload_too_large`; if too many runs of the namespace are waiting,
/// or the log is not available.
pub async fn publish(services: &Services, caller: &Caller, asked: Publication) -> Result<Published, Refusal> {
    let (received, cause) = (received(services, caller, asked)?, caller.cause());
    published(services, received.id, services.guarded.commands.receive(received, cause).await?).await
}

/// Like [`publish`], for events from RabbitMQ, regardless of how many runs are waiting: holding back a message of one
/// namespace would hold up those of others.
///
/// # Errors
/// As [`publish`].
pub async fn publish_from_broker(
    services: &Services,
    caller: &Caller,
    asked: Publication,
) -> Result<Published, Refusal> {
    let (received, cause) = (received(services, caller, asked)?, caller.cause());
    published(services, received.id, services.guarded.commands.receive_beyond_limit(received, cause).await?).await
}

/// The event to be recorded.
fn received(services: &Services, caller: &Caller, asked: Publication) -> Result<Received, Refusal> {
    let Publication { namespace, event } = asked;
    if !domain::name::fits(&namespace) {
        let error = function::Error::BadNamespace { namespace };
        return Err(Problem::new(error.code(), error.to_string()).at(["input", "namespace"]).into());
    }
    caller.viewer.may(Action::Invoke, &namespace).map_err(|refusal| refusal.at(&["input", "namespace"]))?;
    if event::is_platforms(&event.kind) {
        let message = format!("the type `{}` is the platform's own: choose another one for your events", event.kind);
        return Err(Problem::new("reserved_type", message).at(["input", "type"]).into());
    }
    let (size, limit) = (event.json.get().len(), services.settings.limits.event);
    if size > limit {
        let message = format!("the event of {size} bytes is larger than {limit} bytes, the most that is taken");
        return Err(Problem::new("payload_too_large", message).at(["input", "data"]).into());
    }
    Ok(Received {
        id: event::id(&namespace, &event.source, &event.id),
        namespace,
        kind: event.kind,
        source: event.source,
        event_id: event.id,
        subject: event.subject,
        event: event.json,
        target: None,
        asynchronous: false,
        retry: None,
        callback: None,
        erased_at: None,
        at: clock::now(),
    })
}

/// A trigger event with its content, as the viewer sees it.
///
/// # Errors
/// When the log is away.
pub async fn load_event(services: &Services, viewer: &Viewer, id: event::Id) -> Result<Option<Received>, Fault> {
    let loaded = services.guarded.commands.writer().load::<event::Aggregate>(&Stream::event(id)).await?;
    Ok(loaded.state.filter(|event| viewer.sees(&event.namespace)))
}

/// Takes what a webhook delivered as an event for its function, unless it was taken before: the event as it was taken first, and
/// the id of its record, if that was now.
///
/// # Errors
/// `forbidden`; when too many runs of the namespace wait, or the log is away.
pub async fn deliver(
    services: &Services,
    caller: &Caller,
    delivery: Received,
) -> Result<(Received, Option<Uuid>), Refusal> {
    caller.viewer.may(Action::Invoke, &delivery.namespace)?;
    let id = delivery.id;
    let done = services.guarded.commands.receive(delivery, caller.cause()).await?;
    let first = done.state.ok_or_else(|| Fault::Internal(format!("the event {id} was taken and cannot be read")))?;
    Ok((first, done.record))
}

async fn published(services: &Services, id: event::Id, done: Done<event::Aggregate>) -> Result<Published, Refusal> {
    let gone = || Refusal::Failed(Fault::Internal(format!("the event {id} was taken and cannot be read")));
    let position = match done.position {
        Some(position) => position,
        None => services.guarded.store.events_by_id(&[id]).await?.first().ok_or_else(gone)?.position,
    };
    Ok(Published { received: done.state.ok_or_else(gone)?, duplicate: done.position.is_none(), position })
}
