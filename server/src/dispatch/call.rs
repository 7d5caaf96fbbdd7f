//! Executes one attempt of a run: by HTTP for a service, as a process for a job.

use std::time::Duration;

use base64::Engine;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::Json;
use domain::cloudevent::body_of;
use domain::run::event::{Delivery, Outcome, Request};
use domain::trace::Context;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Method, Uri};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::clock;
use crate::executor::{self, JobCall};
use crate::keeping::Keeping;
use crate::leasing::{self, Arm, Input, JobPermit, Lease, Leasing, RequestBody, WholeAnswer};
use crate::turns::Permit;

/// Maximum bytes of an answer; a longer one is aborted.
const MAX_ANSWER: usize = 6 << 20;

/// The result of offering a run to a function.
pub(super) enum Called {
    /// The function was given the input.
    Ended(Ended),
    /// The function was not given the input, with the reason.
    NotGiven(String),
}

impl From<Ended> for Called {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

/// How an attempt ended.
pub(super) struct Ended {
    pub outcome: Outcome,
    /// The error, if it failed.
    pub error: Option<String>,
    pub timed_out: bool,
    pub retry_after_s: Option<f64>,
}

impl Ended {
    fn failed(outcome: Outcome, error: String) -> Self {
        Self { outcome, error: Some(error), timed_out: false, retry_after_s: None }
    }
}

/// The input of an attempt.
pub(super) struct Attempt<'r> {
    /// The run's request. Its own input is not used.
    pub request: &'r Request,
    pub input: Input,
    pub delivery: Delivery,
    /// The number of the attempt, from 1.
    pub number: u32,
    pub timeout: Duration,
    /// Maximum bytes of an answer that are recorded.
    pub recorded: usize,
}

/// Sends the event to an instance.
pub(super) async fn service(leasing: &Leasing, attempt: Attempt<'_>, lease: Lease) -> Called {
    let Attempt { request, input, delivery, number, timeout, recorded } = attempt;
    let mut outcome =
        Outcome { instance: Some(lease.instance().to_owned()), cold_start: lease.cold_start, ..Outcome::default() };
    let call = match http_request(request, input, number, timeout) {
        Ok(call) => call,
        Err(error) => {
            return Ended::failed(outcome, format!("the event cannot be sent as a request: {error}")).into();
        }
    };
    let exchange = async {
        let answer = lease.send(call).await?;
        let (status, headers) = (answer.response.status().as_u16(), answer.response.headers().clone());
        let room = || leasing.large_answers().try_take(&request.namespace, request.function, MAX_ANSWER);
        let mut body = AnswerBody::new(recorded, is_awaited(request).then_some(room));
        let mut reading = lease.read(answer);
        while body.length <= MAX_ANSWER
            && let Some(part) = reading.next().await?
        {
            body.add(&part);
        }
        Ok::<_, leasing::CallError>((status, headers, body))
    };
    let ended = match tokio::time::timeout(timeout, exchange).await {
        Err(_) => {
            lease.time_is_up();
            let error = format!("no answer within {} s", timeout.as_secs_f64());
            Ended { outcome, error: Some(error), timed_out: true, retry_after_s: None }
        }
        Ok(Err(error @ leasing::CallError::Status(status))) => {
            outcome.http_status = Some(status);
            Ended::failed(outcome, error.to_string())
        }
        Ok(Err(leasing::CallError::Connect(error))) => {
            return Called::NotGiven(leasing::CallError::Connect(error).to_string());
        }
        Ok(Err(error)) => {
            let found = lease.post_mortem().await;
            outcome.crash = found.crash;
            let what = found.how.unwrap_or_else(|| error.to_string());
            Ended::failed(outcome, leasing::with_last_lines(&what, &found.last_lines))
        }
        Ok(Ok((status, _, body))) if body.length > MAX_ANSWER => {
            outcome.http_status = Some(status);
            Ended::failed(outcome, format!("the answer is longer than {MAX_ANSWER} bytes"))
        }
        Ok(Ok((status, headers, answer))) => {
            outcome.http_status = Some(status);
            let (is_whole, body) = (answer.is_whole, answer.bytes.freeze());
            let cut = !Json::fits(&body, recorded);
            outcome.keep(media_type(&headers).as_deref(), &body, cut, recorded);
            if is_awaited(request) {
                outcome.content_type = media_type(&headers);
                if outcome.output_cut && is_whole {
                    let content_type = outcome.content_type.clone();
                    leasing.keep_answer(
                        request.run,
                        WholeAnswer { status: Some(status), content_type, body: body.clone() },
                    );
                }
            }
            let error = is_failure(&request.trigger, delivery, status).then(|| match message(&body) {
                Some(message) => format!("the function answered {status}: {message}"),
                None => format!("the function answered {status}"),
            });
            let retry_after_s =
                headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, clock::now()));
            Ended { outcome, error, timed_out: false, retry_after_s }
        }
    };
    ended.into()
}

/// Collects the body of an answer: the part to be recorded, or all of it if memory can be reserved.
struct AnswerBody<R> {
    bytes: BytesMut,
    /// Bytes received.
    length: usize,
    is_whole: bool,
    recorded: usize,
    /// Reserves memory for the complete body; `None` if nobody waits for more than what is recorded.
    room: Option<R>,
    permit: Option<Permit>,
}

impl<R: FnMut() -> Option<Permit>> AnswerBody<R> {
    fn new(recorded: usize, room: Option<R>) -> Self {
        Self { bytes: BytesMut::new(), length: 0, is_whole: true, recorded, room, permit: None }
    }

    fn add(&mut self, part: &[u8]) {
        self.length += part.len();
        if self.is_whole && self.length > self.recorded && self.permit.is_none() {
            self.permit = self.room.as_mut().and_then(|room| room());
            self.is_whole = self.permit.is_some();
        }
        // One byte more than is recorded shows that there was more.
        let most = if self.is_whole { usize::MAX } else { self.recorded.saturating_add(1) };
        let left = most.saturating_sub(self.bytes.len()).min(part.len());
        self.bytes.extend_from_slice(&part[..left]);
    }
}

/// Whether an answer counts as a failure of the run. A caller by HTTP gets client errors as answers, unless nobody
/// waits and the status asks for a retry; for an event they mean that it was not accepted.
pub(super) fn is_failure(trigger: &str, delivery: Delivery, status: u16) -> bool {
    match (trigger, delivery) {
        ("http.invoke", Delivery::Once) => status >= 500,
        ("http.invoke", Delivery::Retried(_)) => status >= 500 || matches!(status, 408 | 429),
        _ => status >= 300,
    }
}

/// The delay in seconds given by a `Retry-After`, which is a number or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(text: &str, now: DateTime<Utc>) -> Option<f64> {
    let text = text.trim();
    let seconds = text.parse().ok().filter(|seconds: &f64| seconds.is_finite());
    seconds.or_else(|| {
        let date = DateTime::<Utc>::from(httpdate::parse_http_date(text).ok()?);
        Some((date - now).as_seconds_f64().max(0.0))
    })
}

/// Whether a caller may be waiting for the run's answer.
fn is_awaited(request: &Request) -> bool {
    matches!(&*request.trigger, "http.invoke" | "webhook.received")
}

/// Runs the event as a job.
pub(super) async fn job(
    leasing: &Leasing,
    keeping: &Keeping,
    attempt: Attempt<'_>,
    arm: &Arm,
    permit: JobPermit,
) -> Called {
    let Attempt { request, input, number, timeout, recorded, .. } = attempt;
    let call = JobCall {
        run: request.run.uuid(),
        attempt: number,
        timeout,
        trace: trace(input.get()),
        event: input.into_bytes(),
    };
    let ran = match keeping.run_job(arm, call, permit).await {
        Ok(ran) => ran,
        Err(error @ executor::Error::Result(_)) => return Ended::failed(Outcome::default(), error.to_string()).into(),
        Err(error) => return Called::NotGiven(error.to_string()),
    };
    let exit = &ran.outcome.exit;
    let mut outcome =
        Outcome { instance: Some(ran.instance), exit_code: exit.code, cold_start: true, ..Outcome::default() };
    if let Some(result) = &ran.outcome.result {
        outcome.keep(None, result, !Json::fits(result, recorded), recorded);
        if outcome.output_cut && is_awaited(request) {
            leasing.keep_answer(request.run, WholeAnswer { status: None, content_type: None, body: result.clone() });
        }
    }
    let ended = match exit {
        executor::Exit { timed_out: true, .. } => {
            let error = format!("the job took longer than {} s", timeout.as_secs_f64());
            Ended { outcome, error: Some(error), timed_out: true, retry_after_s: None }
        }
        executor::Exit { code: Some(0), .. } => Ended { outcome, error: None, timed_out: false, retry_after_s: None },
        exit => {
            let what = format!("the process {exit}");
            Ended::failed(outcome, leasing::with_last_lines(&what, &ran.outcome.stderr_tail))
        }
    };
    ended.into()
}

/// The parts of a CloudEvent that an HTTP request is made of. The data is not parsed: signed contents must stay as they
/// were.
#[derive(Deserialize)]
struct Carried<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    data_base64: Option<String>,
    datacontenttype: Option<String>,
    #[serde(default)]
    http: Http,
}

/// How an event was received over HTTP.
#[derive(Default, Deserialize)]
struct Http {
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    query: serde_json::Map<String, Value>,
    #[serde(default)]
    headers: serde_json::Map<String, Value>,
    /// The body in Base64, if the data does not represent it exactly.
    #[serde(default, rename = "rawBody")]
    raw_body: Option<String>,
}

/// The request for an event: an HTTP call is repeated as it was; any other event is posted as a CloudEvent in
/// structured mode (CloudEvents HTTP binding 1.0, section 3.2).
fn http_request(
    request: &Request,
    input: Input,
    attempt: u32,
    timeout: Duration,
) -> Result<hyper::Request<RequestBody>, Box<dyn std::error::Error + Send + Sync>> {
    let trace = trace(input.get());
    let mut call = if request.trigger == "http.invoke" {
        repeat(serde_json::from_str(input.get())?)?.map(|body| RequestBody::Full(input.become_bytes(body)))
    } else {
        let mut call = hyper::Request::new(RequestBody::Full(input.into_bytes()));
        *call.method_mut() = Method::POST;
        let headers = call.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/cloudevents+json"));
        // Callers cannot set this header, so a program that receives both can distinguish events from calls.
        if let Ok(kind) = HeaderValue::from_str(&request.trigger) {
            headers.insert("x-eventflow-event", kind);
        }
        call
    };
    let deadline = clock::now() + TimeDelta::from_std(timeout)?;
    let headers = call.headers_mut();
    // A recorded call keeps the host that its caller used.
    headers.entry("host").or_insert(HeaderValue::from_static("function"));
    headers.insert("x-call-id", HeaderValue::from_str(&request.run.to_string())?);
    headers.insert("x-eventflow-run", HeaderValue::from_str(&request.run.to_string())?);
    headers.insert("x-eventflow-attempt", HeaderValue::from(attempt));
    headers
        .insert("x-eventflow-deadline", HeaderValue::from_str(&deadline.to_rfc3339_opts(SecondsFormat::Millis, true))?);
    headers.remove("traceparent");
    headers.remove("tracestate");
    if let Some(trace) = trace {
        headers.insert("traceparent", HeaderValue::from_str(&trace.parent())?);
        if let Some(state) = trace.state() {
            headers.insert("tracestate", HeaderValue::from_str(state)?);
        }
    }
    Ok(call)
}

fn repeat(event: Carried<'_>) -> Result<hyper::Request<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    let Carried { data, data_base64, datacontenttype, http } = event;
    let body = match (data, http.raw_body.as_ref().or(data_base64.as_ref())) {
        (_, Some(encoded)) => Bytes::from(base64::engine::general_purpose::STANDARD.decode(encoded)?),
        (None, None) => Bytes::new(),
        (Some(data), None) => Bytes::from(body_of(data.get(), datacontenttype.as_deref()).into_owned()),
    };
    let has_body = !body.is_empty();
    let mut call = hyper::Request::new(body);
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
        if !matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection") {
            call.headers_mut().insert(name, HeaderValue::from_bytes(value.as_bytes())?);
        }
    }
    if !call.headers().contains_key(CONTENT_TYPE) && has_body {
        let kind = datacontenttype.as_deref().unwrap_or("application/json");
        call.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_str(kind)?);
    }
    // However the call came in, it must not look like an event.
    leasing::claim::check_types(call.headers().get_all("ce-type").iter().map(HeaderValue::as_bytes))?;
    if let Some(kind) = call.headers().get(CONTENT_TYPE).filter(|kind| leasing::claim::is_event(kind.as_bytes())) {
        leasing::claim::check_body(kind.as_bytes(), call.body())?;
    }
    Ok(call)
}

fn pair(name: &str, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{}={}", encode(name), encode(&text))
}

/// Percent-encodes everything except RFC 3986's unreserved characters.
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

/// The trace of the event, if it names a valid one (CloudEvents, extension Distributed Tracing); the sender may have
/// written anything.
fn trace(input: &str) -> Option<Context> {
    #[derive(Deserialize)]
    struct Traced {
        traceparent: Option<String>,
        tracestate: Option<String>,
    }
    let traced: Traced = serde_json::from_str(input).ok()?;
    let [parent, state] = [&traced.traceparent, &traced.tracestate].map(|text| text.as_deref().map(str::as_bytes));
    Context::read(parent, state)
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The message of a function's error, if it has the form that the wrappers use.
fn message(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = value.get("error")?;
    let text = error.get("message").unwrap_or(error).as_str()?;
    Some(text.chars().take(1000).collect())
}

#[cfg(test)]
mod tests {
    use domain::retry;

    use super::*;

    #[test]
    fn of_an_answer_that_nobody_waits_for_no_more_is_kept_than_is_recorded() {
        let room = crate::leasing::MemoryBudget::default();
        let function = clock::new_id();
        let take = || room.try_take("default", function, MAX_ANSWER);
        let mut kept = Vec::new();
        for awaited in [false, true] {
            for _ in 0..20 {
                let mut body = AnswerBody::new(10, awaited.then_some(take));
                (0..100).for_each(|_| body.add(b"twenty bytes of text"));
                assert_eq!((body.length, body.bytes.len()), (2000, if body.is_whole { 2000 } else { 11 }));
                kept.push((awaited, body.is_whole));
                std::mem::forget(body.permit.take());
            }
        }
        assert!(kept.iter().all(|(awaited, whole)| *awaited || !whole));
        // As many as fit the function's share of the memory.
        assert_eq!(kept.iter().filter(|(_, whole)| *whole).count(), 5);
        let mut small = AnswerBody::new(10, Some(take));
        small.add(b"ten bytes!");
        assert!(small.is_whole && small.permit.is_none());
    }

    #[test]
    fn who_waits_gets_client_errors_as_answers() {
        let retried = Delivery::Retried(retry::Policy::default());
        let table = [
            ("http.invoke", Delivery::Once, 429, false),
            ("http.invoke", Delivery::Once, 404, false),
            ("http.invoke", Delivery::Once, 500, true),
            ("http.invoke", retried, 204, false),
            ("http.invoke", retried, 302, false),
            ("http.invoke", retried, 404, false),
            ("http.invoke", retried, 408, true),
            ("http.invoke", retried, 429, true),
            ("http.invoke", retried, 503, true),
            ("file.uploaded", retried, 204, false),
            ("file.uploaded", retried, 302, true),
            ("file.uploaded", retried, 404, true),
        ];
        for (trigger, delivery, status, fails) in table {
            assert_eq!(is_failure(trigger, delivery, status), fails, "{trigger} {delivery:?} {status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-01-31T12:00:00Z").unwrap().to_utc();
        for (text, seconds) in [
            ("7", Some(7.0)),
            (" 0.5 ", Some(0.5)),
            ("Sat, 31 Jan 2026 12:00:30 GMT", Some(30.0)),
            ("Saturday, 31-Jan-26 12:01:00 GMT", Some(60.0)),
            ("Sat, 31 Jan 2026 11:00:00 GMT", Some(0.0)),
            ("soon", None),
            ("inf", None),
        ] {
            assert_eq!(retry_after(text, now), seconds, "{text}");
        }
    }

    #[test]
    fn a_call_never_becomes_an_event_of_the_platforms() {
        let of =
            |event: &str| repeat(serde_json::from_str(event).unwrap()).map(|_| ()).map_err(|error| error.to_string());
        let kind = "\"headers\":{\"content-type\":\"application/cloudevents+json\"}";
        let structured = format!(r#"{{"data":{{"type":"webhook.received"}},"http":{{{kind}}}}}"#);
        let binary = r#"{"http":{"headers":{"ce-type":"schedule.triggered"}}}"#;
        for event in [structured.as_str(), binary] {
            assert!(of(event).unwrap_err().contains("the platform's own"), "{event}");
        }
        assert_eq!(of(&structured.replace("webhook.received", "order.placed")), Ok(()));
    }

    #[test]
    fn a_call_is_repeated_byte_by_byte() {
        let body = |event: &str| {
            let call = repeat(serde_json::from_str(event).unwrap()).unwrap();
            let kind = call.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
            (String::from_utf8(call.into_body().to_vec()).unwrap(), kind)
        };
        let json = Some("application/json".to_owned());
        assert_eq!(body(r#"{"data":{"b": 1.0,  "a":2}}"#), (r#"{"b": 1.0,  "a":2}"#.to_owned(), json.clone()));
        assert_eq!(body(r#"{"data":"a"}"#), ("\"a\"".to_owned(), json));
        let text = Some("text/plain".to_owned());
        assert_eq!(body(r#"{"data":"a\nb","datacontenttype":"text/plain"}"#), ("a\nb".to_owned(), text));
        assert_eq!(body(r#"{"data":null}"#), (String::new(), None));
        let spaced = r#"{"data":[1],"http":{"rawBody":"IFsxXQo="}}"#;
        assert_eq!(body(spaced), (" [1]\n".to_owned(), Some("application/json".to_owned())));
        let headers = r#"{"data_base64":"aGk=","http":{"headers":{"content-type":"x/y"}}}"#;
        assert_eq!(body(headers), ("hi".to_owned(), Some("x/y".to_owned())));
    }
}
