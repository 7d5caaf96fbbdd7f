//! A call, from its request to its answer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{StatusCode, Version};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use domain::access::Action;
use domain::run::event::Ending;
use tokio::time::Instant;

use super::address::Address;
use super::call_id::CallId;
use super::cookies::Jar;
use super::kind::Kind;
use super::passing::Origin;
use super::record::Call;
use super::refused::check_claim;
use super::request::{self, Incoming};
use super::state::Gateway;
use super::target::{Called, OpenAccess, Way};
use super::{answer, asynchronous, cors, once, socket};
use crate::edge::request_id::{REQUEST_ID, RequestId, label};
use crate::edge::{Activity, HttpError};
use crate::executor::JobCall;
use crate::leasing::{self, Arm, Backend};
use crate::telemetry::watchdog;
use crate::turns::Permit;

/// What a browser allows a function's page to do: everything except acting as a page of this server.
const SANDBOX: &str = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts";

/// Answers a request for a function, possibly with an error, and counts it.
pub(super) async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    gateway: web::Data<Gateway>,
    way: Way,
) -> HttpResponse {
    let method = label(request.method());
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let doing = format!("{method} {}", request.path());
    let mut shown = cors::CorsHeaders::default();
    let answer = watchdog::doing(doing, async {
        let open_access = gateway.open_access(&request, way).await;
        if let Some(cors) = open_access.as_ref().and_then(OpenAccess::cors) {
            if let Some(answer) = cors::preflight(&request, cors) {
                return answer;
            }
            shown = cors::CorsHeaders::of(&request, cors);
        }
        let called = gateway.called(&request, way, open_access).await?;
        match Kind::of(&request, way, called.public) {
            Kind::Now => now(&request, payload, &gateway, called).await,
            Kind::Once => once::call(&gateway, called, &request, payload).await,
            Kind::Later { preferred } => asynchronous::accept(&gateway, called, &request, payload, preferred).await,
        }
    });
    let answer = answer.await;
    let mut response = finish(&gateway, method, way, &id, answer);
    shown.put(response.headers_mut());
    response
}

fn finish(
    gateway: &Gateway,
    method: &'static str,
    way: Way,
    id: &RequestId,
    answer: Result<HttpResponse, HttpError>,
) -> HttpResponse {
    let mut response = answer.unwrap_or_else(|error| error.response(&id.0));
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if way.origin() == Origin::Shared {
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // A page served by a function is on the web UI's host, but must not share its origin, and thus its session.
        headers.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    }
    let status = response.status();
    let labels = [method, way.pattern(), status.as_str()];
    gateway.services.metrics.http_requests.with_label_values(&labels).inc();
    response
}

/// Calls the function while the caller waits, and records it afterwards.
async fn now(
    request: &HttpRequest,
    payload: web::Payload,
    gateway: &Gateway,
    called: Called<'_>,
) -> Result<HttpResponse, HttpError> {
    let Called { session, route, rest, origin, public } = called;
    check_claim(request)?;
    let id = match public {
        true => CallId::drawn(),
        false => CallId::of(request, route.function, &gateway.in_use, &gateway.services.view(&session.viewer)).await?,
    };
    let route = route.choose(id.id).clone();
    let limits = &gateway.services.settings.limits;
    let timeout = request::timeout(request, &route)?;
    let (wants_socket, whole) = match &route.backend {
        Backend::Service(_) => (socket::is_wanted(request), false),
        Backend::Job => (false, true),
    };
    // What follows the head of a WebSocket request is not a body.
    let rules = request::Rules {
        limit: limits.body,
        events: limits.event,
        recorded: limits.recorded,
        stranger: public.then_some(&gateway.services),
        whole,
    };
    let (incoming, socket) = match wants_socket {
        true => (Incoming::nothing(), Some(payload)),
        false => (request::body(request, payload, rules).await?, None),
    };
    let Incoming { body, capture, pump, held } = incoming;
    // A body may have taken its time: whoever may no longer call by now does not.
    session.viewer.may(Action::Invoke, &route.namespace)?;
    let input = match &route.backend {
        Backend::Job => room_for_job(gateway, &route, &body)?,
        Backend::Service(_) => None,
    };
    // A job's input has its own memory budget and does not count as a body.
    let _held = held.filter(|_| input.is_none());
    // Only now, so that callers who send their body slowly do not take permits from others.
    let permit = gateway.recorder.reserve(&route.namespace).ok_or_else(|| {
        HttpError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the event log does not keep up; try again in a moment",
        )
        .retry_after(1)
    })?;
    let address = Address::of(request, rest, origin, &gateway.services.settings);
    let call = Call::begin(
        permit,
        request,
        &address,
        &session.viewer,
        route.clone(),
        capture,
        limits.recorded,
        gateway.services.metrics.clone(),
        id,
    );
    // Nothing is recorded before the call's end: it is of no use without its caller.
    if let Some(activity) = request.conn_data::<Arc<Activity>>() {
        activity.follow_caller(request.version() >= Version::HTTP_11);
    }
    let deadline = Instant::now() + timeout;
    match &route.backend {
        Backend::Service(endpoints) => {
            let mut pump = pump;
            let leased = {
                let mut leasing = pin!(endpoints.lease(Some(call.run), deadline));
                match answer::unless_broken(&mut pump, leasing.as_mut()).await {
                    Ok(leased) => leased,
                    Err(kind) => return Err(answer::broken(call, kind)),
                }
            };
            let lease = match leased {
                Ok(lease) => lease,
                Err(error) => return Err(call.refused(error)),
            };
            let jar = Jar::of(origin, &route.namespace, &route.name, address.prefix());
            let mut asked = request::to_function(request, &address, body, deadline, &jar);
            if public {
                gateway.hand_on_credentials(request, asked.headers_mut());
            }
            let over = gateway.services.auth.clone().until_not(session, Action::Invoke, Arc::from(&*route.namespace));
            if let Some(payload) = socket {
                let (jar, address) = (&jar, &address);
                let opening = socket::Opening {
                    route: &route,
                    call,
                    lease,
                    request: asked,
                    payload,
                    deadline,
                    jar,
                    address,
                    over,
                };
                return socket::open(gateway, request, opening).await;
            }
            answer::of_service(call, lease, asked, pump, deadline, &jar, &address, over).await
        }
        Backend::Job => of_job(gateway, call, &route, (body, input), timeout, deadline).await,
    }
}

/// Reserves memory for a job's event: its body as JSON, which takes at most twice as much. Small ones need none.
///
/// # Errors
/// 503 if there is none: waiting for it would keep the body in memory.
fn room_for_job(gateway: &Gateway, route: &Arm, body: &leasing::RequestBody) -> Result<Option<Permit>, HttpError> {
    let leasing::RequestBody::Full(body) = body else { return Ok(None) };
    if body.len() <= leasing::SMALL {
        return Ok(None);
    }
    let permit = gateway.leasing().inputs().try_take(&route.namespace, route.function, 2 * body.len());
    permit.map(Some).ok_or_else(|| {
        let message = "too many large inputs of this function or its namespace are in memory; try again in a moment";
        HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).retry_after(1)
    })
}

/// Runs a job while the caller waits.
async fn of_job(
    gateway: &Gateway,
    mut call: Call,
    route: &Arm,
    (body, input): (leasing::RequestBody, Option<Permit>),
    timeout: Duration,
    deadline: Instant,
) -> Result<HttpResponse, HttpError> {
    let permit = match gateway.leasing().job_permit(route, deadline).await {
        Ok(permit) => permit,
        Err(error) => return Err(call.refused(error)),
    };
    call.begin_attempt(None, true);
    let limit = gateway.services.settings.limits.body;
    let Some(event) = call.whole_event(body, limit).await else {
        let what = format!("the body takes more than {} bytes in the event that the job is given", 2 * limit);
        return Err(call.failed(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", what, &[]));
    };
    let event = leasing::holding(event, input);
    let job = JobCall { run: call.run.uuid(), attempt: 1, event, timeout, trace: Some(call.trace()) };
    let ran = match gateway.services.keeping.run_job(route, job, permit).await {
        Ok(ran) => ran,
        Err(error) => return Err(call.failed(StatusCode::BAD_GATEWAY, "function_failed", error.to_string(), &[])),
    };
    call.set_instance(&ran.instance);
    let exit = &ran.outcome.exit;
    call.set_exit(exit.code);
    if exit.timed_out {
        return Err(call.timed_out());
    }
    if exit.code != Some(0) {
        let what = format!("the process {exit}");
        return Err(call.failed(StatusCode::BAD_GATEWAY, "function_failed", what, &ran.outcome.stderr_tail));
    }
    let result = ran.outcome.result.unwrap_or_else(|| bytes::Bytes::from_static(b"null"));
    let mut response = HttpResponse::Ok();
    call.mark(&mut response);
    response.content_type("application/json");
    call.keep_answer(&result, "application/json");
    call.end(Ending::Succeeded, Some(200), None);
    Ok(response.body(result))
}
