//! One attempt: to a service by HTTP, to a job by a process.

use std::time::Duration;

use base64::Engine;
use bytes::{Bytes, BytesMut};
use chrono::{SecondsFormat, TimeDelta};
use domain::Json;
use domain::run::event::{Outcome, Request};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Method, Uri};
use serde::Deserialize;
use serde_json::Value;

use crate::clock;
use crate::executor::{self, JobCall};
use crate::fleet::{self, Fleet, Lease, RequestBody, Route};

/// Bytes of an answer that are read; a longer one is broken off.
const MAX_ANSWER: usize = 6 << 20;

/// What an attempt ended with.
pub(super) struct Ended {
    pub outcome: Outcome,
    /// What went wrong; `None` when nothing did.
    pub error: Option<String>,
    pub timed_out: bool,
    pub retry_after_s: Option<f64>,
}

impl Ended {
    fn failed(outcome: Outcome, error: String) -> Self {
        Self { outcome, error: Some(error), timed_out: false, retry_after_s: None }
    }
}

/// Hands the event to an instance.
pub(super) async fn service(
    request: &Request,
    attempt: u32,
    lease: Lease,
    timeout: Duration,
    recorded: usize,
) -> Ended {
    let mut outcome =
        Outcome { instance: Some(lease.instance().to_owned()), cold_start: lease.cold_start, ..Outcome::default() };
    let call = match http_request(request, attempt, timeout) {
        Ok(call) => call,
        Err(error) => return Ended::failed(outcome, format!("the event cannot be sent as a request: {error}")),
    };
    let exchange = async {
        let answer = lease.send(call).await?;
        let (status, headers) = (answer.response.status().as_u16(), answer.response.headers().clone());
        let mut body = BytesMut::new();
        let mut reading = lease.read(answer);
        while body.len() <= MAX_ANSWER
            && let Some(part) = reading.next().await?
        {
            body.extend_from_slice(&part);
        }
        let whole = body.len() <= MAX_ANSWER;
        Ok::<_, fleet::CallError>((status, headers, body.freeze(), whole))
    };
    match tokio::time::timeout(timeout, exchange).await {
        Err(_) => {
            let error = format!("no answer within {} s", timeout.as_secs_f64());
            Ended { outcome, error: Some(error), timed_out: true, retry_after_s: None }
        }
        Ok(Err(error)) => {
            let (ended, tail) = lease.post_mortem().await;
            Ended::failed(outcome, fleet::with_last_lines(&ended.unwrap_or_else(|| error.to_string()), &tail))
        }
        Ok(Ok((status, _, _, false))) => {
            outcome.http_status = Some(status);
            Ended::failed(outcome, format!("the answer is longer than {MAX_ANSWER} bytes"))
        }
        Ok(Ok((status, headers, body, true))) => {
            outcome.http_status = Some(status);
            (outcome.output, outcome.output_cut) = output(&headers, &body, recorded);
            // Whoever called over HTTP gets client errors as answers; an event that is answered so was not taken.
            let bad = if request.trigger == "http.invoke" { status >= 500 } else { status >= 300 };
            let error = bad.then(|| match message(&body) {
                Some(message) => format!("the function answered {status}: {message}"),
                None => format!("the function answered {status}"),
            });
            let retry_after_s = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            Ended { outcome, error, timed_out: false, retry_after_s }
        }
    }
}

/// Runs the event as a job.
pub(super) async fn job(
    fleet: &Fleet,
    request: &Request,
    attempt: u32,
    route: &Route,
    timeout: Duration,
    recorded: usize,
) -> Ended {
    let call = JobCall {
        run: request.run.uuid(),
        attempt,
        event: Bytes::copy_from_slice(request.input.get().as_bytes()),
        timeout,
        traceparent: traceparent(request),
    };
    let ran = match fleet.run_job(route, call).await {
        Ok(ran) => ran,
        Err(error) => return Ended::failed(Outcome::default(), error.to_string()),
    };
    let exit = &ran.outcome.exit;
    let mut outcome =
        Outcome { instance: Some(ran.instance), exit_code: exit.code, cold_start: true, ..Outcome::default() };
    if let Some(result) = &ran.outcome.result {
        (outcome.output, outcome.output_cut) = output(&HeaderMap::new(), result, recorded);
    }
    match exit {
        executor::Exit { timed_out: true, .. } => {
            let error = format!("the job took longer than {} s", timeout.as_secs_f64());
            Ended { outcome, error: Some(error), timed_out: true, retry_after_s: None }
        }
        executor::Exit { code: Some(0), .. } => Ended { outcome, error: None, timed_out: false, retry_after_s: None },
        exit => {
            let what = fleet::describe_exit(exit);
            Ended::failed(outcome, fleet::with_last_lines(&what, &ran.outcome.stderr_tail))
        }
    }
}

/// The part of a CloudEvent that says how it came in over HTTP.
#[derive(Deserialize)]
struct Http {
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    query: serde_json::Map<String, Value>,
    #[serde(default)]
    headers: serde_json::Map<String, Value>,
}

/// The request that an event becomes: an HTTP call is repeated as it was, every other event is posted as a CloudEvent
/// in structured mode (CloudEvents HTTP binding 1.0, section 3.2).
fn http_request(
    request: &Request,
    attempt: u32,
    timeout: Duration,
) -> Result<hyper::Request<RequestBody>, Box<dyn std::error::Error + Send + Sync>> {
    let mut call = if request.trigger == "http.invoke" {
        let event = request.input.value();
        let http: Http = serde_json::from_value(event.get("http").cloned().unwrap_or_else(|| serde_json::json!({})))?;
        repeat(&event, http)?
    } else {
        let mut call = hyper::Request::new(RequestBody::Full(Bytes::copy_from_slice(request.input.get().as_bytes())));
        *call.method_mut() = Method::POST;
        call.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/cloudevents+json"));
        call
    };
    let deadline = clock::now() + TimeDelta::from_std(timeout)?;
    let headers = call.headers_mut();
    headers.insert("host", HeaderValue::from_static("function"));
    headers.insert("x-call-id", HeaderValue::from_str(&request.run.to_string())?);
    headers.insert("x-eventflow-run", HeaderValue::from_str(&request.run.to_string())?);
    headers.insert("x-eventflow-attempt", HeaderValue::from(attempt));
    headers
        .insert("x-eventflow-deadline", HeaderValue::from_str(&deadline.to_rfc3339_opts(SecondsFormat::Millis, true))?);
    if let Some(parent) = traceparent(request) {
        headers.insert("traceparent", HeaderValue::from_str(&parent)?);
    }
    Ok(call)
}

fn repeat(event: &Value, http: Http) -> Result<hyper::Request<RequestBody>, Box<dyn std::error::Error + Send + Sync>> {
    let body = match (event.get("data"), event.get("data_base64").and_then(Value::as_str)) {
        (_, Some(encoded)) => Bytes::from(base64::engine::general_purpose::STANDARD.decode(encoded)?),
        (None | Some(Value::Null), None) => Bytes::new(),
        (Some(Value::String(text)), None) if !is_json(event) => Bytes::from(text.clone()),
        (Some(data), None) => Bytes::from(data.to_string()),
    };
    let mut call = hyper::Request::new(RequestBody::Full(body));
    *call.method_mut() = http.method.as_deref().unwrap_or("POST").parse()?;
    let mut target = http.path.unwrap_or_else(|| "/".to_owned());
    if !target.starts_with('/') {
        target.insert(0, '/');
    }
    let query: Vec<String> = http
        .query
        .iter()
        .flat_map(|(name, value)| match value {
            Value::Array(values) => values.iter().map(|value| pair(name, value)).collect(),
            value => vec![pair(name, value)],
        })
        .collect();
    if !query.is_empty() {
        target = format!("{target}?{}", query.join("&"));
    }
    *call.uri_mut() = target.parse::<Uri>()?;
    for (name, value) in &http.headers {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let name: HeaderName = name.parse()?;
        if !matches!(name.as_str(), "host" | "content-length" | "transfer-encoding" | "connection") {
            call.headers_mut().insert(name, HeaderValue::from_str(&value)?);
        }
    }
    if !call.headers().contains_key(CONTENT_TYPE) && event.get("data").is_some_and(|data| !data.is_null()) {
        call.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(call)
}

fn pair(name: &str, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{}={}", encode(name), encode(&text))
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn is_json(event: &Value) -> bool {
    event.get("datacontenttype").and_then(Value::as_str).is_none_or(|kind| kind.contains("json"))
}

/// W3C trace context: that of the event where it has one.
fn traceparent(request: &Request) -> Option<String> {
    #[derive(Deserialize)]
    struct Traced {
        traceparent: Option<String>,
    }
    serde_json::from_str::<Traced>(request.input.get()).ok()?.traceparent
}

/// An answer's body as what a run keeps of it, and whether it had to be cut.
fn output(headers: &HeaderMap, body: &Bytes, limit: usize) -> (Option<Json>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json");
    if body.len() > limit {
        let start = String::from_utf8_lossy(&body[..limit]);
        return (Json::of(&*start).ok(), true);
    }
    let text = std::str::from_utf8(body);
    let json = match text {
        Ok(text) if kind.contains("json") => Json::parse(text).or_else(|_| Json::of(text)),
        Ok(text) => Json::of(text),
        Err(_) => Json::of(&base64::engine::general_purpose::STANDARD.encode(body)),
    };
    (json.ok(), false)
}

/// What a function's error says, where it is in the form that wrappers give it.
fn message(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = value.get("error")?;
    let text = error.get("message").unwrap_or(error).as_str()?;
    Some(text.chars().take(1000).collect())
}
