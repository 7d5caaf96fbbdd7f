//! Asynchronous calls: the call becomes a trigger event for one function, and is answered when that is on disk.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use domain::{Json, event, run};
use serde_json::json;

use super::address::Address;
use super::passing::Origin;
use super::record;
use super::refused::{check_claim, claimed};
use super::request_event::{EventContext, RequestHead};
use super::state::Gateway;
use super::target::Called;
use crate::clock;
use crate::edge::request_id::correlation;
use crate::edge::{HttpError, body, call_options, trace};
use crate::leasing::{Arm, claim};
use crate::operations::{self, Ask, Caller, Claim, RequestedRun, Viewer};

/// Accepts a call. `preferred`: the caller asked for it by `Prefer`, which the answer confirms.
pub(super) async fn accept(
    gateway: &Gateway,
    called: Called<'_>,
    request: &HttpRequest,
    payload: web::Payload,
    preferred: bool,
) -> Result<HttpResponse, HttpError> {
    let settings = &gateway.services.settings;
    let Called { session, route, rest, origin, .. } = called;
    let arrived = clock::now();
    let callback = call_options::callback(request.headers(), &settings.callback_allow)?;
    let address = Address::of(request, rest, origin, settings);
    let asked = ask(gateway, session.viewer, request, payload, route.current(), &address, true, callback).await?;
    // The run belongs to the platform, which is not on a function's own host.
    let at = match origin {
        Origin::Shared => String::new(),
        Origin::Own => settings.edge.public_url.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    let mut response = HttpResponse::Accepted();
    if preferred {
        response.insert_header(("preference-applied", "respond-async"));
    }
    if asked.replayed {
        response.insert_header((operations::REPLAYED, "true"));
    }
    response.insert_header(("x-call-id", asked.run.to_string()));
    response.insert_header(("x-start-time", record::start_time(arrived)));
    response.insert_header((header::LOCATION, format!("{at}/v1/runs/{}", asked.run)));
    Ok(response.json(json!({ "run_id": asked.run })))
}

/// Requests the run of a call; it is in the log on return.
#[allow(clippy::too_many_arguments)] // all that is known when a call comes in
pub(super) async fn ask(
    gateway: &Gateway,
    viewer: Viewer,
    request: &HttpRequest,
    payload: web::Payload,
    route: &Arm,
    address: &Address<'_>,
    asynchronous: bool,
    callback: Option<String>,
) -> Result<RequestedRun, HttpError> {
    let services = &gateway.services;
    let key = call_options::key(request.headers())?;
    check_claim(request)?;
    let limit = services.settings.limits.event;
    let body = body::read(request, payload, limit).await?;
    if !Json::fits(&body, limit) {
        return Err(HttpError::too_large("the body, written as JSON,", 2 * limit));
    }
    if let Some(kind) = request.headers().get(header::CONTENT_TYPE).filter(|kind| claim::is_event(kind.as_bytes())) {
        claim::check_body(kind.as_bytes(), &body).map_err(claimed)?;
    }
    let (event_id, source) = (uuid::Uuid::now_v7().to_string(), format!("eventflow/function/{}", route.name));
    let claim = key.map(|key| {
        let path = address.path();
        let (method, query) = (request.method().as_str(), request.query_string());
        let digest = operations::digest(method, path, query, callback.as_deref(), &body);
        Claim::new(route.function, &viewer, &key, digest)
    });
    let id = match &claim {
        Some(claim) => claim.event,
        None => event::invoked(route.function, &event_id),
    };
    let trace = trace::of_run(request.headers(), run::id(id, route.function));
    let request_head = RequestHead::of(request, address, &trace);
    let context = EventContext {
        id: &event_id,
        source: &source,
        time: clock::now(),
        trace: &trace,
        digest: claim.as_ref().map(|claim| claim.digest.as_str()),
        exact: true,
        whole: true,
    };
    let event = request_head.event(&context, &body);
    let at = context.time;
    let asked = Ask {
        id,
        function: route.function,
        namespace: route.namespace.to_string(),
        source,
        event_id,
        event,
        asynchronous,
        retry: route.manifest.retry,
        callback,
        claim,
        at,
    };
    let caller = Caller { viewer, correlation: correlation(request) };
    Ok(operations::ask(services, &caller, asked).await?)
}
