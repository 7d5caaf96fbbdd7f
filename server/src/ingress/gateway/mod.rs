//! Calls: `ANY /function/{name}[/path]` and `ANY /function/{namespace}/{name}[/path]`, and the same under
//! `/async-function`; with `EVENTFLOW_FUNCTIONS_HOST` all paths of a function's own host as well.
//!
//! A synchronous call takes a place for its record, then a place on an instance; the answer is streamed back as it comes. What is
//! known of the call is recorded after its answer. [`answer`] is the way back, [`record`] what is told of it. An [`asynchronous`] call is recorded
//! first, and run by a worker.

mod address;
mod answer;
mod asynchronous;
mod call_id;
mod cookies;
pub(super) mod fuzz;
mod once;
mod passing;
mod record;
mod recorder;
mod request;
mod said;

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{StatusCode, Version};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, guard, web};
use domain::run::event::Ending;
use tokio::time::Instant;

pub(super) use once::recorded_answer;
pub use recorder::Recorder;
pub(super) use said::{is_kept, query as query_of};

use super::auth::{Session, Viewer};
use super::edge::{FunctionHost, Seat};
use super::{HttpError, Services};
use crate::clock;
use crate::executor::JobCall;
use crate::fleet::claim::{self, Claim};
use crate::fleet::{self, Fleet, Route};
use crate::telemetry::watchdog;
use address::Address;
use call_id::CallId;
use cookies::Jar;
use passing::Origin;
use record::Call;

/// The routes' patterns, as metrics name them.
const PATTERN: &str = "/function/{path}*";
const ASYNC_PATTERN: &str = "/async-function/{path}*";
const HOST_PATTERN: &str = "//{function}/{path}*";

/// What a browser lets a function's page do: everything but to act as a page of this server.
const SANDBOX: &str = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts";

/// What the gateway needs. Cloning it is cheap.
#[derive(Clone)]
pub struct Gateway {
    services: Services,
    recorder: Recorder,
    in_use: call_id::InUse,
}

impl Gateway {
    /// A gateway that records by `recorder`.
    pub fn new(services: Services, recorder: Recorder) -> Self {
        Self { services, recorder, in_use: call_id::InUse::default() }
    }

    /// Adds its routes.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        if self.services.settings.edge.functions_host.is_some() {
            // On a function's host there is nothing but the function.
            let is_functions = guard::fn_guard(|context| context.req_data().contains::<FunctionHost>());
            config.service(web::scope("").guard(is_functions).default_service(web::to(answer_on_its_host)));
        }
        // A scope's fixed beginning is compared, where a pattern would be searched for by a regular expression.
        let calls = web::scope("/function").default_service(web::to(answer_any));
        let later = web::scope("/async-function").default_service(web::to(accept_any));
        config.app_data(web::Data::new(self.clone())).service(calls).service(later);
    }

    fn fleet(&self) -> &Fleet {
        &self.services.fleet
    }

    /// The route that a path leads to, and what is left of the path for the function. A first part that is no function of
    /// the default namespace may be a namespace.
    ///
    /// # Errors
    /// 404 when there is none; 403 for who may look only: a call is what a function does with the world.
    async fn find<'p>(&self, viewer: &Viewer, path: &'p str) -> Result<(std::sync::Arc<Route>, &'p str), HttpError> {
        let (route, rest) = self.lead(viewer, path).await?;
        viewer.may_change(&route.namespace)?;
        Ok((route, rest))
    }

    async fn lead<'p>(&self, viewer: &Viewer, path: &'p str) -> Result<(std::sync::Arc<Route>, &'p str), HttpError> {
        let default = self.services.settings.namespace.as_str();
        let (first, rest) = split(path);
        if sees(viewer, default)
            && let Some(route) = self.fleet().route(default, first).await.map_err(refusal)?
        {
            return Ok((route, rest));
        }
        let (second, rest) = split(rest.trim_start_matches('/'));
        if !second.is_empty()
            && sees(viewer, first)
            && let Some(route) = self.fleet().route(first, second).await.map_err(refusal)?
        {
            return Ok((route, rest));
        }
        Err(HttpError::new(
            StatusCode::NOT_FOUND,
            "function_not_found",
            format!(
                "there is no function `{first}` in namespace `{default}`; `GET /v1/functions` lists those there are"
            ),
        ))
    }
}

/// A function that is called, by whom, and with what.
struct Called<'r> {
    session: Session,
    route: Arc<Route>,
    /// The path as the function sees it.
    rest: &'r str,
    origin: Origin,
}

impl Gateway {
    /// Whom a request below a route of the platform calls.
    async fn called<'r>(&self, request: &'r HttpRequest, begin: &str) -> Result<Called<'r>, HttpError> {
        let session = self.services.auth.session(request)?;
        let path = request.uri().path().strip_prefix(begin).unwrap_or_default();
        let (route, rest) = self.find(&session.viewer, path).await?;
        callable(&route)?;
        Ok(Called { session, route, rest, origin: Origin::Shared })
    }

    /// Whom a request to a function's own host calls. A session of the platform does not count there.
    async fn called_on_its_host<'r>(&self, request: &'r HttpRequest) -> Result<Called<'r>, HttpError> {
        let session = self.services.auth.program(request)?;
        let host = request.extensions().get::<FunctionHost>().cloned();
        let missing =
            || HttpError::new(StatusCode::NOT_FOUND, "function_not_found", "there is no function on this host");
        let host = host.ok_or_else(missing)?;
        let namespace = host.namespace.as_deref().unwrap_or(&self.services.settings.namespace);
        let route = match sees(&session.viewer, namespace) {
            true => self.fleet().route(namespace, &host.name).await.map_err(refusal)?,
            false => None,
        };
        let route = route.ok_or_else(missing)?;
        session.viewer.may_change(&route.namespace)?;
        callable(&route)?;
        Ok(Called { session, route, rest: request.uri().path(), origin: Origin::Own })
    }
}

/// Answers a call, be it with an error, and counts it.
async fn answer_any(request: HttpRequest, payload: web::Payload, gateway: web::Data<Gateway>) -> HttpResponse {
    let (method, asked) = told(&request);
    let doing = format!("{method} {}", request.path());
    let answer = watchdog::doing(doing, async {
        let called = gateway.called(&request, "/function/").await?;
        call(&request, payload, &gateway, called).await
    });
    let answer = answer.await;
    finish(&gateway, method, PATTERN, asked, answer, Origin::Shared)
}

/// The same on the function's own host.
async fn answer_on_its_host(request: HttpRequest, payload: web::Payload, gateway: web::Data<Gateway>) -> HttpResponse {
    let (method, asked) = told(&request);
    let doing = format!("{method} {}", request.path());
    let answer = watchdog::doing(doing, async {
        let called = gateway.called_on_its_host(&request).await?;
        call(&request, payload, &gateway, called).await
    });
    let answer = answer.await;
    finish(&gateway, method, HOST_PATTERN, asked, answer, Origin::Own)
}

/// Accepts a call for which nobody waits, or says why not, and counts it.
async fn accept_any(request: HttpRequest, payload: web::Payload, gateway: web::Data<Gateway>) -> HttpResponse {
    let (method, asked) = told(&request);
    let doing = format!("{method} {}", request.path());
    let accepted = watchdog::doing(doing, async {
        let called = gateway.called(&request, "/async-function/").await?;
        asynchronous::accept(&gateway, called, &request, payload, false).await
    });
    let accepted = accepted.await;
    finish(&gateway, method, ASYNC_PATTERN, asked, accepted, Origin::Shared)
}

/// What is told of a request after its answer: its method, and the id that the caller gave it.
fn told(request: &HttpRequest) -> (&'static str, Option<HeaderValue>) {
    let asked = request.headers().get(super::middleware::REQUEST_ID).cloned();
    (super::middleware::label(request.method()), asked)
}

/// A request's id: the caller's own, or a new one.
fn id_of(asked: Option<&HeaderValue>) -> String {
    let id = asked.and_then(|value| value.to_str().ok()).map(str::to_owned);
    id.unwrap_or_else(|| clock::new_id::<()>().to_string())
}

fn request_id(request: &HttpRequest) -> String {
    id_of(request.headers().get(super::middleware::REQUEST_ID))
}

fn finish(
    gateway: &Gateway,
    method: &'static str,
    pattern: &'static str,
    asked: Option<HeaderValue>,
    answer: Result<HttpResponse, HttpError>,
    origin: Origin,
) -> HttpResponse {
    let mut response = answer.unwrap_or_else(|error| error.response(&id_of(asked.as_ref())));
    if let Some(value) = asked {
        response.headers_mut().insert(super::middleware::REQUEST_ID, value);
    }
    if origin == Origin::Shared {
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // A page that a function serves shares the web UI's host: it must not share its origin, and so its session.
        headers.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    }
    let status = response.status();
    let labels = [method, pattern, status.as_str()];
    gateway.services.metrics.http_requests.with_label_values(&labels).inc();
    response
}

async fn call(
    request: &HttpRequest,
    payload: web::Payload,
    gateway: &Gateway,
    called: Called<'_>,
) -> Result<HttpResponse, HttpError> {
    if super::wishes::prefers_async(request.headers()) {
        return asynchronous::accept(gateway, called, request, payload, true).await;
    }
    if request.headers().contains_key("idempotency-key") {
        return once::call(gateway, called, request, payload).await;
    }
    let Called { session, route, rest, origin } = called;
    check_claim(request)?;
    let limits = &gateway.services.settings.limits;
    let timeout = request::timeout(request, &route)?;
    let (body, kept) = request::body(request, payload, limits.body, limits.event, limits.recorded).await?;
    // Only now: who sends its body slowly takes no place from others meanwhile.
    let place = gateway.recorder.reserve().ok_or_else(|| {
        HttpError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the event log does not keep up; try again in a moment",
        )
        .retry_after(1)
    })?;
    let id = CallId::of(request, route.function, &gateway.in_use, &gateway.services.store).await?;
    let address = Address::of(request, rest, origin, &gateway.services.settings);
    let call = Call::begin(
        place,
        request,
        &address,
        &session.viewer,
        route.clone(),
        kept,
        limits.recorded,
        gateway.services.metrics.clone(),
        id,
    );
    // Nothing is recorded of the call before its end: it is for its caller alone.
    if let Some(seat) = request.conn_data::<Arc<Seat>>() {
        seat.follow_caller(request.version() >= Version::HTTP_11);
    }
    let deadline = Instant::now() + timeout;
    match &route.pool {
        Some(pool) => {
            let lease = match pool.lease(Some(call.run), deadline).await {
                Ok(lease) => lease,
                Err(error) => return Err(call.refused(error)),
            };
            let jar = Jar::of(origin, &route.namespace, &route.name, address.prefix());
            let asked = request::to_function(request, &address, body, deadline, &jar);
            let over = gateway.services.auth.clone().until_over(session);
            answer::of_service(call, lease, asked, deadline, &jar, &address, over).await
        }
        None => of_job(gateway, call, &route, body, timeout, deadline).await,
    }
}

/// A call stays a call: what only the platform may send as an event does not pass as one.
///
/// # Errors
/// 400 `reserved_type`.
fn check_claim(request: &HttpRequest) -> Result<(), HttpError> {
    claim::check_types(request.headers().get_all("ce-type").map(|value| value.as_bytes())).map_err(claimed)
}

fn claimed(claim: Claim) -> HttpError {
    let code = match claim {
        Claim::Reserved(_) => "reserved_type",
        Claim::Unreadable(_) => "bad_event",
    };
    HttpError::bad_request(code, claim.to_string())
}

/// # Errors
/// When a function is not called over HTTP.
fn callable(route: &Route) -> Result<(), HttpError> {
    match route.manifest.answers_http() {
        true => Ok(()),
        false => Err(HttpError::new(
            StatusCode::NOT_FOUND,
            "no_http_trigger",
            format!(
                "function `{}` has no http trigger; add {{\"type\":\"http\"}} to its triggers and build it",
                route.name
            ),
        )),
    }
}

/// Runs a job while the caller waits.
async fn of_job(
    gateway: &Gateway,
    mut call: Call,
    route: &Route,
    body: fleet::RequestBody,
    timeout: Duration,
    deadline: Instant,
) -> Result<HttpResponse, HttpError> {
    let place = match gateway.fleet().job_place(route, deadline).await {
        Ok(place) => place,
        Err(error) => return Err(call.refused(error)),
    };
    call.begin_attempt(None, true);
    call.keep_all(body).await;
    let job =
        JobCall { run: call.run.uuid(), attempt: 1, event: call.event_json(), timeout, trace: Some(call.trace()) };
    let ran = match gateway.fleet().run_job(route, job, Some(place)).await {
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
        let what = fleet::describe_exit(exit);
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

fn split(path: &str) -> (&str, &str) {
    match path.find('/') {
        Some(at) => path.split_at(at),
        None => (path, ""),
    }
}

fn sees(viewer: &Viewer, namespace: &str) -> bool {
    viewer.namespaces.as_ref().is_none_or(|all| all.iter().any(|name| name == namespace))
}

/// Why there is no instance, as an answer.
fn refusal(error: fleet::Error) -> HttpError {
    let message = error.to_string();
    match error {
        fleet::Error::NotRunning { .. } => {
            HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "function_not_running", message).retry_after(1)
        }
        fleet::Error::NoSuchVersion(_) => HttpError::new(StatusCode::NOT_FOUND, "version_not_found", message),
        fleet::Error::Overloaded { .. } => {
            HttpError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message).retry_after(1)
        }
        fleet::Error::TimedOut => HttpError::new(StatusCode::GATEWAY_TIMEOUT, "timed_out", message),
        fleet::Error::Unhealthy { retry_in, .. } => {
            let refused = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "function_unhealthy", message);
            refused.retry_after(retry_in.as_secs() + 1)
        }
        fleet::Error::Store(error) => error.into(),
    }
}

/// Now, for people who wait.
fn now() -> chrono::DateTime<chrono::Utc> {
    clock::now()
}
