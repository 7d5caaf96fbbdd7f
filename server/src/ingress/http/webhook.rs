//! Webhooks: `POST /hooks/{namespace}/{function}/{webhook}`.
//!
//! Checks in this order: size, authentication of the raw body, freshness, and the delivery's id, which the log claims:
//! the event's id is derived from it, so that a repeated delivery is the same event. With `"reply": "sync"` the sender
//! waits for the run and gets the function's answer.
//!
//! Unauthenticated senders learn nothing: whether the address belongs to a webhook, to one that cannot check deliveries
//! now, to a stopped function, or to nothing at all, the answer and the work for it are the same.

mod delivered;
mod hook;
mod waiting;

use std::time::Duration;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use domain::access::{Grants, Role};
use domain::event::{self, Received};
use domain::function::{self, Status};
use domain::manifest::{Reply, Trigger, WebhookScheme};
use domain::{retry, run};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use self::hook::{Hook, KIND};
use super::described::{AnyBytes, Name};
use super::handshake;
use crate::edge::origin::base_url;
use crate::edge::request_id::{RequestId, correlation};
use crate::edge::{HttpError, Services, body, recorded};
use crate::ingress::proof::{self, Demand, Sent, Unproved};
use crate::operations::{self, Caller, Viewer, Wait};
use crate::{clock, vault};

/// Looked up if the webhook has no secret: no secret can have this name.
const NO_SECRET: &str = "-";

/// Seconds after which a sender should retry.
const RETRY_AFTER_S: u64 = 30;

/// The longest wait of a sender for the function's answer, whatever the function's own timeout is.
const MAX_REPLY: Duration = Duration::from_secs(60);

/// Added so that the run's own timeout comes first: it says more than that the sender stopped waiting.
const GRACE: Duration = Duration::from_secs(1);

/// The header that names the run, in an answer that is the function's own.
const CALL_ID: HeaderName = HeaderName::from_static("x-call-id");

/// A page in a function's answer runs no scripts and belongs to no origin: no person asked for it.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox");

pub(super) fn configure(config: &mut ServiceConfig) {
    let resource = web::resource("/hooks/{namespace}/{function}/{webhook}");
    let resource = resource.route(web::post().to(receive));
    config.service(
        resource.route(web::method(Method::OPTIONS).to(handshake::answer)).default_service(web::to(post_only)),
    );
}

/// A delivery that is on disk.
#[derive(Serialize, ToSchema)]
pub(super) struct Delivered {
    /// The event that it became.
    event_id: Uuid,
    /// The run that the event causes; it appears a moment later.
    run_id: Uuid,
    /// Whether the delivery had come before; nothing was added then.
    duplicate: bool,
}

/// What a sender is answered that only asks whether anybody is there.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Greeting {
    /// GitHub's ping.
    Pong { pong: bool },
    /// Slack's `url_verification`.
    Challenge { challenge: String },
}

/// Deliver to a webhook
///
/// Takes a delivery; answers when it is on disk. A repeated delivery gets the first answer again. No token is needed:
/// the
/// webhook's scheme determines how a delivery proves its origin. A webhook with `"reply": "sync"` answers with the
/// function's answer instead, with any status and type; such an answer has the header `X-Call-Id`.
#[utoipa::path(post, path = "/hooks/{namespace}/{function}/{webhook}", operation_id = "deliverWebhook", tag = "webhooks", security(()),
    params(
        ("namespace" = Name, Path, description = "The function's namespace"), ("function" = Name, Path, description = "The function"),
        ("webhook" = String, Path, description = "The webhook's name in function.json", min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"),
    ),
    request_body(content((AnyBytes = "*/*")), description = "Anything; JSON is passed on as JSON"),
    responses(
        (status = 200, description = "The answer to GitHub's ping, or to Slack's challenge", body = Greeting),
        (status = 202, description = "The delivery is on disk, or was accepted before", body = Delivered),
        (status = 400, description = "`bad_delivery_id`: the delivery's id is no id"),
        (status = 401, description = "`bad_signature`, also where there is no such webhook or its secret cannot be used; `stale_timestamp`"),
        (status = 503, description = "`function_not_running`: the function does not run; or too many bodies of unknown senders are being read; nothing was accepted"),
        (status = 409, description = "`run_over`, `answer_not_kept`: the function of a webhook with `\"reply\": \"sync\"` was called, and there is no answer of it, or not all of it"),
        (status = 502, description = "`function_failed`: it was called and failed without an answer"),
        (status = 504, description = "`timed_out`: the function of a webhook with `\"reply\": \"sync\"` has not answered in time"),
    ))]
pub(super) async fn receive(
    request: HttpRequest,
    payload: web::Payload,
    path: web::Path<(String, String, String)>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let (namespace, function, webhook) = path.into_inner();
    let limit = services.settings.limits.event;
    body::check_length(&request, limit)?;
    let deliverer = deliverer(&request, &namespace, &function, &webhook);
    let found = find(&services, &deliverer.viewer, (&namespace, &function, &webhook)).await?;
    let (body, held) = body::read_unproved(&request, payload, limit, &services).await?;
    let hook = proved(&services, &namespace, found, &request, &body).await?;
    // With the scheme `none` the sender is never known: its bodies count as unproved until their end.
    let held = (hook.demand.scheme == WebhookScheme::None).then_some(held);
    if hook.demand.is_ping(request.headers()) {
        return Ok(HttpResponse::Ok().json(Greeting::Pong { pong: true }));
    }
    if hook.reply == Reply::Async
        && let Some(challenge) = hook.demand.challenge(&body)
    {
        return Ok(HttpResponse::Ok().json(Greeting::Challenge { challenge }));
    }
    let delivery = hook.demand.delivery_id(request.headers(), &body);
    let delivery = delivery.map_err(|message| HttpError::bad_request("bad_delivery_id", message))?;
    // A sender that does not name its deliveries means each request as a new one.
    let delivery = delivery.unwrap_or_else(|| Uuid::now_v7().to_string());
    let id = event::delivered(&namespace, &hook.source, &delivery);
    let older = event::id(&namespace, &hook.source, &delivery);
    let known = services.view(&deliverer.viewer).events_by_id(&[id, older]).await?;
    if known.iter().any(|row| row.id == older)
        && let Some(function) = taken_before(&services, &deliverer.viewer, older).await?
    {
        return Ok(accepted(older, function, true));
    }
    if hook.function.state != Status::Running {
        // An accepted delivery stays accepted.
        return match known.iter().any(|row| row.id == id) {
            false => Err(not_running(hook.function.state)),
            true => Ok(accepted(id, hook.function.id, true)),
        };
    }
    let waiting = match hook.reply {
        Reply::Async => None,
        Reply::Sync => {
            let place = waiting::slot(&hook.function.namespace, hook.function.id).ok_or_else(too_many_wait)?;
            Some((Wait::at_most(&services, hook.timeout.min(MAX_REPLY) + GRACE).await?, place))
        }
    };
    let (received, record) = claim(&services, &request, &hook, (id, delivery), &body, &deliverer).await?;
    let function = received.target.unwrap_or(hook.function.id);
    // It is on disk: a sender that waits for its answer holds no memory for the body.
    drop((body, held));
    match waiting {
        None => Ok(accepted(id, function, record.is_none())),
        Some((waiting, _place)) => {
            // The relay requests the same run when it comes to the event; whichever is first wins.
            let taken = record.map(|record| (record, deliverer.cause()));
            let run = operations::run_of(&services, &received, taken, function, retry::Policy::default()).await?;
            replied(&services, &deliverer.viewer, run, waiting).await
        }
    }
}

/// The function's answer, once there is one.
async fn replied(services: &Services, viewer: &Viewer, run: run::Id, waiting: Wait) -> Result<HttpResponse, HttpError> {
    let over = operations::wait(services, viewer, run, waiting).await?;
    let run = over.ok_or_else(|| {
        let message = format!("run {run} goes on; the same delivery gets its answer when it is over");
        HttpError::new(StatusCode::GATEWAY_TIMEOUT, "timed_out", message)
    })?;
    let mut response = recorded::recorded_answer(&services.leasing, &run)?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    if let Ok(id) = run.request.run.to_string().parse() {
        headers.insert(CALL_ID, id);
    }
    Ok(response)
}

/// The function whose webhook took a delivery under an id that was derived like those of published events, as before
/// deliveries had ids of their own. A published event has no target, so it is not mistaken for a delivery.
async fn taken_before(services: &Services, viewer: &Viewer, id: event::Id) -> Result<Option<function::Id>, HttpError> {
    let known = operations::load_event(services, viewer, id).await?;
    Ok(known.filter(|event| event.kind == KIND).and_then(|event| event.target))
}

/// Who delivers: what the address is for, and nothing else, once the delivery proves that it knows the secret.
fn deliverer(request: &HttpRequest, namespace: &str, function: &str, webhook: &str) -> Caller {
    let subject = format!("webhook:{}", source(namespace, function, webhook));
    let viewer = Viewer::of_installation(&subject, &Grants::within(namespace, Role::Operator));
    Caller { viewer, correlation: correlation(request) }
}

/// What events of a webhook name as their source.
fn source(namespace: &str, function: &str, webhook: &str) -> String {
    format!("/hooks/{namespace}/{function}/{webhook}")
}

/// Finds the webhook at an address. A missing one takes as long to look up as an existing one.
async fn find(
    services: &Services,
    viewer: &Viewer,
    (namespace, function, webhook): (&str, &str, &str),
) -> Result<Option<Hook>, HttpError> {
    let view = services.view(viewer);
    let row = view.function_named(namespace, function).await?.filter(|row| row.state != Status::Deregistered);
    // Before the first build it is unknown which webhooks there will be.
    let current = row.as_ref().and_then(|row| Some((row.id, row.current_version?)));
    let (id, number) = current.unwrap_or((function::id(namespace, function, 1), 0));
    let version = services.unguarded().version(id, number).await?;
    let manifest = version.map(|version| version.manifest()).transpose()?;
    let timeout = manifest
        .as_ref()
        .map_or(MAX_REPLY, |manifest| Duration::try_from_secs_f64(manifest.resources.timeout_s).unwrap_or(MAX_REPLY));
    let triggers = manifest.map(|manifest| manifest.triggers).unwrap_or_default();
    let found = triggers.into_iter().find_map(|trigger| match trigger {
        Trigger::Webhook(found) if found.name == webhook => Some(found),
        _ => None,
    });
    let source = source(namespace, function, webhook);
    Ok(row.zip(found).map(|(function, found)| Hook {
        function,
        source,
        demand: Demand::from(&found),
        secret: found.secret,
        reply: found.reply,
        timeout,
    }))
}

/// Admits deliveries from senders that know the secret. The reason of a refusal goes to the log, for the owner; every
/// sender gets the same answer, after one HMAC over the body.
async fn proved(
    services: &Services,
    namespace: &str,
    found: Option<Hook>,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Hook, HttpError> {
    let refused = |code, message: &str| Err(HttpError::new(StatusCode::UNAUTHORIZED, code, message));
    let unproved = || refused("bad_signature", "the delivery does not prove where it is from");
    if let Some(hook) = &found
        && hook.demand.scheme == WebhookScheme::None
    {
        return Ok(found.expect("it was looked at"));
    }
    let name = found.as_ref().and_then(|hook| hook.secret.as_deref());
    let secret = match services.vault.secret(namespace, name.unwrap_or(NO_SECRET)).await {
        Ok(secret) => Ok(secret),
        Err(vault::Error::Store(error)) => return Err(error.into()),
        Err(error) => Err(error.to_string()),
    };
    let unusable = |hook: &Hook, error: &dyn std::fmt::Display| {
        tracing::error!(webhook = hook.source, %error, "webhook cannot check deliveries");
    };
    let (Some(hook), Ok(secret)) = (&found, &secret) else {
        proof::check_nothing(body);
        if found.is_none() {
            tracing::debug!(path = request.path(), "a delivery came to an address without a webhook");
        }
        if let (Some(hook), Err(error)) = (&found, &secret) {
            let error = name.map_or("its trigger names no secret", |_| error);
            unusable(hook, &error);
        }
        return unproved();
    };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{}{path}", base_url(request));
    let sent = Sent { url: &url, headers: request.headers(), body };
    match hook.demand.check(&secret.value, sent, clock::now().timestamp()) {
        Ok(()) => Ok(found.expect("it was looked at")),
        Err(Unproved::BadSignature) => unproved(),
        Err(Unproved::Stale) => refused("stale_timestamp", "the delivery was signed too long ago, or in the future"),
        Err(Unproved::BadSecret(error)) => {
            unusable(hook, &format_args!("the secret `{}`: {error}", secret.name));
            unproved()
        }
    }
}

/// Records the delivery as an event for its function, unless it was recorded before. Returns the event as first
/// recorded,
/// and the id of its record if that was now.
async fn claim(
    services: &Services,
    request: &HttpRequest,
    hook: &Hook,
    (id, delivery): (event::Id, String),
    body: &[u8],
    deliverer: &Caller,
) -> Result<(Received, Option<Uuid>), HttpError> {
    let at = clock::now();
    let delivered = delivered::event(request, hook, &delivery, at, body);
    let limit = services.settings.limits.event;
    // The body is within the limit; that the event repeats it is our own doing.
    if delivered.event.get().len() - delivered.repeated > limit {
        return Err(HttpError::too_large("the event that the delivery becomes", limit));
    }
    let received = Received {
        id,
        namespace: hook.function.namespace.clone(),
        kind: KIND.to_owned(),
        source: hook.source.clone(),
        event_id: delivery,
        subject: None,
        event: delivered.event,
        target: Some(hook.function.id),
        // A sender that waits for the answer gets that of a single attempt.
        asynchronous: hook.reply == Reply::Async,
        retry: None,
        callback: None,
        erased_at: None,
        at,
    };
    Ok(operations::deliver(services, deliverer, received).await?)
}

fn accepted(event: event::Id, function: function::Id, duplicate: bool) -> HttpResponse {
    let run_id = run::id(event, function).uuid();
    HttpResponse::Accepted().json(Delivered { event_id: event.uuid(), run_id, duplicate })
}

fn too_many_wait() -> HttpError {
    let message = "too many senders wait for answers right now: nothing was accepted; send it again later";
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).retry_after(RETRY_AFTER_S)
}

fn not_running(state: Status) -> HttpError {
    let message = format!("the function is {state} and does not run: nothing was accepted; send it again later");
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "function_not_running", message).retry_after(RETRY_AFTER_S)
}

async fn post_only(request: HttpRequest) -> HttpResponse {
    let message = format!("a webhook takes POST, and this is {}", request.method());
    let error = HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
    let id = request.extensions().get::<RequestId>().map_or_else(Default::default, |id| id.0.to_string());
    let mut response = error.response(&id);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}
