//! Webhooks: `POST /hooks/{namespace}/{function}/{webhook}`.
//!
//! In this order: size, proof over the raw body, freshness, and then the claim of the delivery's id, which is the log's:
//! the event's id is derived from it, so that a delivery that comes again is the same event.
//!
//! Whoever proves nothing learns nothing: whether the address is of a webhook, of one that cannot check deliveries now, of
//! a function that is stopped, or of nothing at all, the answer and the work for it are the same.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::event::{self, Received};
use domain::manifest::{Trigger, WebhookScheme};
use domain::{Cause, Json, Stream, function, run};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::openapi::{AnyBytes, Name};
use super::{body, correlation};
use crate::clock;
use crate::ingress::error::{Fault, HttpError, Refusal};
use crate::ingress::gateway::{is_kept, query_of};
use crate::ingress::proof::{self, Demand, Unproved};
use crate::ingress::{RequestId, Services};
use crate::store::FunctionRow;
use crate::vault;

/// The type of a webhook's events.
const KIND: &str = "webhook.received";

/// What is looked up where there is no secret to look up: no secret can be called so.
const NO_SECRET: &str = "-";

/// A sender is asked to come again after this many seconds.
const RETRY_AFTER_S: u64 = 30;

pub(super) fn configure(config: &mut ServiceConfig) {
    let resource = web::resource("/hooks/{namespace}/{function}/{webhook}");
    config.service(resource.route(web::post().to(receive)).default_service(web::to(post_only)));
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

/// What GitHub's ping is answered with.
#[derive(Serialize, ToSchema)]
pub(super) struct Pong {
    pong: bool,
}

/// A webhook of a function.
struct Hook {
    function: FunctionRow,
    /// Its path.
    source: String,
    demand: Demand,
    /// The name of the secret that deliveries are proved with.
    secret: Option<String>,
}

/// Deliver to a webhook
///
/// Takes a delivery; answers when it is on disk. A delivery that comes again gets the first answer again. No token is
/// needed: the webhook's scheme says how a delivery proves where it is from.
#[utoipa::path(post, path = "/hooks/{namespace}/{function}/{webhook}", operation_id = "deliverWebhook", tag = "webhooks", security(()),
    params(
        ("namespace" = Name, Path, description = "The function's namespace"), ("function" = Name, Path, description = "The function"),
        ("webhook" = String, Path, description = "The webhook's name in function.json", min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"),
    ),
    request_body(content((AnyBytes = "*/*")), description = "Anything; JSON is passed on parsed"),
    responses(
        (status = 200, description = "The answer to GitHub's ping", body = Pong),
        (status = 202, description = "The delivery is on disk, or had been taken before", body = Delivered),
        (status = 400, description = "`bad_delivery_id`: the delivery's id is no id"),
        (status = 401, description = "`bad_signature`, also where there is no such webhook or its secret cannot be used; `stale_timestamp`"),
        (status = 503, description = "`function_not_running`: the function does not run; or too many bodies of unknown senders are being read; nothing was accepted"),
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
    let found = find(&services, &namespace, &function, &webhook).await?;
    let (body, held) = body::read_unproved(&request, payload, limit, &services).await?;
    let hook = proved(&services, &namespace, found, &request, &body).await?;
    // A webhook of the scheme `none` never learns who sends: its bodies are counted until their end.
    let _held = (hook.demand.scheme == WebhookScheme::None).then_some(held);
    if hook.demand.is_ping(request.headers()) {
        return Ok(HttpResponse::Ok().json(Pong { pong: true }));
    }
    let delivery = hook.demand.delivery_id(request.headers());
    let delivery = delivery.map_err(|message| HttpError::bad_request("bad_delivery_id", message))?;
    // Who does not name deliveries means each call as one.
    let delivery = delivery.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let id = event::delivered(&namespace, &hook.source, &delivery);
    let older = event::id(&namespace, &hook.source, &delivery);
    let known = services.store.events_by_id(&[id, older]).await?;
    if known.iter().any(|row| row.id == older)
        && let Some(function) = taken_before(&services, older).await?
    {
        return Ok(accepted(older, function, true));
    }
    if hook.function.state != "RUNNING" {
        // What was accepted stays accepted.
        return match known.iter().any(|row| row.id == id) {
            false => Err(not_running(&hook.function.state)),
            true => Ok(accepted(id, hook.function.id, true)),
        };
    }
    claim(&services, &request, hook, (id, delivery), &body).await
}

/// The function whose webhook took a delivery under an id that was derived as those of published events are, as it was until
/// deliveries had ids of their own. A published event has no target: it is not taken for a delivery.
async fn taken_before(services: &Services, id: event::Id) -> Result<Option<function::Id>, HttpError> {
    let loaded = services.commands.writer().load::<event::Aggregate>(&Stream::event(id)).await?;
    Ok(loaded.state.filter(|event| event.kind == KIND).and_then(|event| event.target))
}

/// The webhook at an address, if there is one. What is not there is looked for as long as what is.
async fn find(services: &Services, namespace: &str, function: &str, webhook: &str) -> Result<Option<Hook>, HttpError> {
    let row = services.store.function_named(namespace, function).await?.filter(|row| row.state != "DEREGISTERED");
    // Before the first build nobody knows which webhooks there will be.
    let current = row.as_ref().and_then(|row| Some((row.id, row.current_version?)));
    let (id, number) = current.unwrap_or((function::id(namespace, function, 1), 0));
    let version = services.store.version(id, number).await?;
    let triggers = version.map(|version| version.manifest.triggers).unwrap_or_default();
    let found = triggers.into_iter().find_map(|trigger| match trigger {
        Trigger::Webhook { name, scheme, secret, header, encoding, prefix } if name == webhook => {
            Some((Demand { scheme, header, encoding, prefix: prefix.unwrap_or_default() }, secret))
        }
        _ => None,
    });
    let source = format!("/hooks/{namespace}/{function}/{webhook}");
    Ok(row.zip(found).map(|(function, (demand, secret))| Hook { function, source, demand, secret }))
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
    match hook.demand.check(&secret.value, request.headers(), body, clock::now().timestamp()) {
        Ok(()) => Ok(found.expect("it was looked at")),
        Err(Unproved::BadSignature) => unproved(),
        Err(Unproved::Stale) => refused("stale_timestamp", "the delivery was signed too long ago, or in the future"),
        Err(Unproved::BadSecret(error)) => {
            unusable(hook, &format_args!("the secret `{}`: {error}", secret.name));
            unproved()
        }
    }
}

/// Takes the delivery as an event for its function, unless it was taken before.
async fn claim(
    services: &Services,
    request: &HttpRequest,
    hook: Hook,
    (id, delivery): (event::Id, String),
    body: &[u8],
) -> Result<HttpResponse, HttpError> {
    let at = clock::now();
    let event = Json::from(&cloud_event(request, &hook, &delivery, at, body));
    let limit = services.settings.limits.event;
    if event.get().len() > limit {
        return Err(HttpError::too_large("the event that the delivery becomes", limit));
    }
    let received = Received {
        id,
        namespace: hook.function.namespace,
        kind: KIND.to_owned(),
        source: hook.source.clone(),
        event_id: delivery,
        subject: None,
        event,
        target: Some(hook.function.id),
        asynchronous: true,
        callback: None,
        at,
    };
    let actor = format!("webhook:{}", hook.source);
    let cause = Cause { actor: Some(actor.into()), causation: None, correlation: correlation(request) };
    let done = services.commands.receive(received, cause).await.map_err(Refusal::from)?;
    let duplicate = !done.changed();
    let first = done.state.ok_or_else(|| Fault::Internal(format!("the event {id} was taken and cannot be read")))?;
    Ok(accepted(id, first.target.unwrap_or(hook.function.id), duplicate))
}

fn accepted(event: event::Id, function: function::Id, duplicate: bool) -> HttpResponse {
    let run_id = run::id(event, function).uuid();
    HttpResponse::Accepted().json(Delivered { event_id: event.uuid(), run_id, duplicate })
}

/// The delivery as the function gets it.
fn cloud_event(
    request: &HttpRequest,
    hook: &Hook,
    delivery: &str,
    at: chrono::DateTime<chrono::Utc>,
    body: &[u8],
) -> Value {
    let told =
        request.headers().iter().filter(|(name, _)| is_kept(name.as_str()) && !hook.demand.proves(name.as_str()));
    let headers: Map<_, _> =
        told.filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?)))).collect();
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut event = json!({
        "specversion": "1.0", "id": delivery, "source": hook.source, "type": KIND, "time": at,
        "http": {
            "method": request.method().as_str(), "path": request.path(), "query": query_of(request.query_string()),
            "headers": headers,
        },
    });
    if let Some(kind) = kind {
        event["datacontenttype"] = json!(kind);
    }
    if let Some((name, data)) = data(kind, body) {
        event[name] = data;
    }
    event
}

/// A body as an event's data: JSON where it is said to be, or nothing is said, and is; else text where it is; else bytes.
fn data(kind: Option<&str>, body: &[u8]) -> Option<(&'static str, Value)> {
    if body.is_empty() {
        return None;
    }
    let essence = kind.unwrap_or("application/json").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if (essence.ends_with("/json") || essence.ends_with("+json"))
        && let Ok(value) = crate::ingress::json::read(body)
    {
        return Some(("data", value));
    }
    Some(match std::str::from_utf8(body) {
        Ok(text) => ("data", json!(text)),
        Err(_) => ("data_base64", json!(STANDARD.encode(body))),
    })
}

fn not_running(state: &str) -> HttpError {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_text_or_bytes() {
        let json_type = Some("application/json; charset=utf-8");
        for (kind, body, expected) in [
            (json_type, br#"{"a":1}"# as &[u8], Some(("data", json!({ "a": 1 })))),
            (Some("application/vnd.shop+json"), b"1", Some(("data", json!(1)))),
            (None, b"[]", Some(("data", json!([])))),
            (None, b"Hello, World!", Some(("data", json!("Hello, World!")))),
            (json_type, b"{", Some(("data", json!("{")))),
            (Some("text/plain"), b"1", Some(("data", json!("1")))),
            (Some("application/x-www-form-urlencoded"), b"a=1", Some(("data", json!("a=1")))),
            (Some("image/png"), &[0, 255], Some(("data_base64", json!("AP8=")))),
            (json_type, b"", None),
        ] {
            assert_eq!(data(kind, body), expected, "{kind:?}");
        }
    }
}
