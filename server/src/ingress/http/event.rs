//! CloudEvents over HTTP: binary, structured and batch.

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::described::{AnyBytes, CloudEventBody, Name, NamespaceHeader};
use super::handshake;
use super::incoming::{caller, namespace, no_query, query, wrong_method};
use crate::edge::{HttpError, Services, body};
use crate::ingress::cloudevent::{self, CloudEvent, MAX_BATCH, Mode};
use crate::operations::{self, Problem, Publication, Refusal};

/// Events of one batch that are written concurrently: they share commits.
const PARALLEL: usize = 64;

/// The most faults of one batch that are reported.
const MAX_PROBLEMS: usize = 50;

pub(super) fn configure(config: &mut ServiceConfig, _: &Services) {
    let resource = web::resource("/v1/events")
        .route(web::post().to(publish))
        .route(web::method(Method::OPTIONS).to(handshake::answer))
        .default_service(web::to(wrong_method));
    config.service(resource).service(
        web::resource("/v1/events/{id}/payload").route(web::delete().to(erase)).default_service(web::to(wrong_method)),
    );
}

/// Erase the payload of an event
///
/// Permanently erases the content of an event and of every run that it caused. Their records stay and show when.
/// Repeating
/// the request changes nothing.
#[utoipa::path(delete, path = "/v1/events/{id}/payload", operation_id = "eraseEvent", tag = "events", params(("id" = Uuid, Path, description = "The id that the event got when it was accepted")), responses(
    (status = 204, description = "It is erased"),
    (status = 404, description = "`event_not_found`: there is no such event"),
    (status = 409, description = "`event_not_routed`: its functions have not got it yet; `run_not_over`: a run that it caused is not over; `callback_open`: the callback of one is still open; `older_servers`: a server of an older version is running"),
))]
pub(super) async fn erase(
    request: HttpRequest,
    id: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    no_query(&request)?;
    let id = id
        .parse()
        .map_err(|_| HttpError::bad_request("bad_id", format!("`{id}` is not an event's id: it must be a UUID")))?;
    operations::erase_event(&services, &caller, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Where events are sent to.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Target {
    /// The namespace of the events; by default that of the header `X-Namespace`, or else the default namespace.
    #[param(value_type = Option<Name>)]
    namespace: Option<String>,
}

/// Events that are on disk.
#[derive(Serialize, ToSchema)]
pub(super) struct Accepted {
    /// In the order in which they were sent.
    events: Vec<AcceptedEvent>,
}

/// An event that is on disk.
#[derive(Serialize, ToSchema)]
pub(super) struct AcceptedEvent {
    /// The event's id in EventFlow.
    id: Uuid,
    /// Whether the event had been accepted before; nothing was added then.
    duplicate: bool,
    /// Its position in the log.
    position: u64,
}

/// Publish events
///
/// Takes one CloudEvent or a batch, in any mode of the HTTP binding of CloudEvents 1.0. Answers when all are on disk.
#[utoipa::path(post, path = "/v1/events", operation_id = "publishEvents", tag = "events",
    params(
        Target, NamespaceHeader,
        ("ce-specversion" = Option<String>, Header, description = "Binary mode: `1.0`"),
        ("ce-id" = Option<String>, Header, description = "Binary mode: the event's `id`"),
        ("ce-source" = Option<String>, Header, description = "Binary mode: the event's `source`"),
        ("ce-type" = Option<String>, Header, description = "Binary mode: the event's `type`. Other attributes have headers of their own, with `ce-` before their names"),
    ),
    request_body(
        description = "Structured mode: the event as JSON. Batch: a list of such events. Binary mode: the event's `data` as any other media type, which becomes its `datacontenttype`; its attributes are in the headers `ce-…`",
        content((CloudEventBody = "application/cloudevents+json"), (Vec<CloudEventBody> = "application/cloudevents-batch+json"), (AnyBytes = "*/*")),
    ),
    responses(
        (status = 202, description = "The events are on disk, or were accepted before", body = Accepted),
        (status = 400, description = "`bad_event`: this is no CloudEvent; `reserved_type`: its type is the platform's own; a batch with a fault is refused as a whole"),
        (status = 503, description = "`unavailable`: nothing was accepted"),
    ))]
pub(super) async fn publish(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let target: Target = query(&request)?;
    let limits = &services.settings.limits;
    body::check_length(&request, limits.body)?;
    let mode = cloudevent::mode(request.headers()).map_err(Refusal::from)?;
    let bytes = body::read(&request, payload, if mode == Mode::Batch { limits.body } else { limits.event }).await?;
    let events = match mode {
        Mode::Binary => vec![cloudevent::binary(request.headers(), &bytes).map_err(Refusal::Refused)?],
        Mode::Structured => {
            let event = body::carried(&bytes).map_err(bad_event)?;
            vec![cloudevent::structured(event.get()).map_err(Refusal::Refused)?]
        }
        Mode::Batch => batch(body::json(&bytes).map_err(bad_event)?, limits.event)?,
    };
    let namespace = namespace(target.namespace, &request, &services)?;
    let published = stream::iter(events)
        .map(|event| operations::publish(&services, &caller, Publication { namespace: namespace.clone(), event }))
        .buffered(PARALLEL);
    let accepted = published.map_ok(|published| AcceptedEvent {
        id: published.received.id.uuid(),
        duplicate: published.duplicate,
        position: published.position,
    });
    Ok(HttpResponse::Accepted().json(Accepted { events: accepted.try_collect().await? }))
}

/// All events of a batch, or all their faults: a batch with a fault is refused as a whole.
fn batch(values: Vec<Box<RawValue>>, limit: usize) -> Result<Vec<CloudEvent>, Refusal> {
    let (mut events, mut problems) = (Vec::new(), Vec::new());
    if values.len() > MAX_BATCH {
        let message = format!("the batch has {} events, the most that is taken is {MAX_BATCH}", values.len());
        return Err(Problem::new("payload_too_large", message).into());
    }
    for (index, value) in values.into_iter().enumerate() {
        match cloudevent::structured(value.get()) {
            Ok(event) if event.json.get().len() > limit => {
                let message = format!("event {index} is larger than {limit} bytes, the most that is taken");
                problems.push(Problem::new("payload_too_large", message).at([index.to_string()]));
            }
            Ok(event) => events.push(event),
            Err(faults) => problems.extend(faults.into_iter().map(|mut fault| {
                fault.message = format!("event {index}: {}", fault.message);
                let inner = fault.field.take().unwrap_or_default();
                fault.at([index.to_string()].into_iter().chain(inner))
            })),
        }
        // Nothing of a faulty batch is accepted, so further faults can be reported the next time.
        if problems.len() >= MAX_PROBLEMS {
            break;
        }
    }
    problems.truncate(MAX_PROBLEMS);
    if problems.is_empty() { Ok(events) } else { Err(Refusal::Refused(problems)) }
}

fn bad_event(error: HttpError) -> HttpError {
    HttpError { code: "bad_event", ..error }
}
