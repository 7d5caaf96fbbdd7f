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

/// What is looked up where there is no secret to look up: no secret can be called so.
const NO_SECRET: &str = "-";

/// A sender is asked to come again after this many seconds.
const RETRY_AFTER_S: u64 = 30;

/// A sender that waits for the function's answer waits no longer, whatever the function's own timeout is.
const MAX_REPLY: Duration = Duration::from_secs(60);

/// The run's own timeout comes first: it says more than that nobody waited for it any longer.
const GRACE: Duration = Duration::from_secs(1);

/// Names the run of an answer that is a function's own.
const CALL_ID: HeaderName = HeaderName::from_static("x-call-id");

/// A page that a function answers with runs no scripts, and belongs to no origin: it was not asked for by a person.
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
    /// The run that the event asks for; it appears in a moment.
    run_id: Uuid,
    /// The delivery had come before; nothing was added.
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
/// Takes a delivery; answers when it is on disk. A delivery that comes again gets the first answer again. No token is
/// needed: the webhook's scheme says how a delivery proves where it is from. A webhook with `"reply": "sync"` answers with
/// what its function answers instead, be it of any status and type; such an answer has the header `X-Call-Id`.
#[utoipa::path(post, path = "/hooks/{namespace}/{function}/{webhook}", operation_id = "deliverWebhook", tag = "webhooks", security(()),
    params(
        ("namespace" = Name, Path, description = "The function's namespace"), ("function" = Name, Path, description = "The function"),
        ("webhook" = String, Path, description = "The webhook's name in function.json", min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"),
    ),
    request_body(content((AnyBytes = "*/*")), description = "Anything; JSON is passed on parsed"),
    responses(
        (status = 200, description = "The answer to GitHub's ping, or to Slack's challenge", body = Greeting),
        (status = 202, description = "The delivery is on disk, or had been taken before", body = Delivered),
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
    // A webhook of the scheme `none` never learns who sends: its bodies are counted until their end.
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
    // Who does not name deliveries means each call as one.
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
        // What was accepted stays accepted.
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
    // On disk: while the sender waits for an answer it takes no memory for what it sent.
    drop((body, held));
    match waiting {
        None => Ok(accepted(id, function, record.is_none())),
        Some((waiting, _place)) => {
            // The relay asks for the same run when it comes to the event; whoever is first wins.
            let taken = record.map(|record| (record, deliverer.cause()));
            let run = operations::run_of(&services, &received, taken, function, retry::Policy::default()).await?;
            replied(&services, &deliverer.viewer, run, waiting).await
        }
    }
}

/// What the function answers, once it has.
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

/// The function whose webhook took a delivery under an id that was derived as those of published events are, as it was until
/// deliveries had ids of their own. A published event has no target: it is not taken for a delivery.
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

/// The webhook at an address, if there is one. What is not there is looked for as long as what is.
async fn find(
    services: &Services,
    viewer: &Viewer,
    (namespace, function, webhook): (&str, &str, &str),
) -> Result<Option<Hook>, HttpError> {
    let view = services.view(viewer);
    let row = view.function_named(namespace, function).await?.filter(|row| row.state != Status::Deregistered);
    // Before the first build nobody knows which webhooks there will be.
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

/// Lets through what is from who knows the secret. What is wrong is told to the owner in the log, not to the sender, for
/// whom there is one answer whatever it is, and one HMAC over the body before it.
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

/// Takes the delivery as an event for its function, unless it was taken before: the event as it was taken first, and the id of
/// its record, if that was now.
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
    // The body is within the limit: that it stands in the event a second time is our doing.
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
        // Who waits for the answer gets that of one attempt.
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
