//! Collects what is recorded of a call, and records it at its end, however it ends.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponseBuilder};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::manifest::Runtime;
use domain::run::event::{Answered, Ending, Outcome, Request};
use domain::trace::Context;
use domain::{Cause, Json, run};
use http_body_util::BodyExt;
use hyper::header::HeaderValue;
use tokio::time::Instant;

use super::address::Address;
use super::call_id::{CallId, Hold};
use super::recorder::{CallRecord, RecordPermit};
use super::refused::refusal;
use super::request::{Capture, CapturedBytes};
use super::request_event::{EventContext, RequestHead};
use crate::clock;
use crate::edge::{HttpError, trace};
use crate::leasing::{self, Arm, RequestBody};
use crate::operations::Viewer;
use crate::telemetry::Metrics;

/// A call in progress. If it is dropped without an end, its caller disconnected.
pub(super) struct Call {
    pub run: run::Id,
    permit: Option<RecordPermit>,
    pending: Option<PendingRecord>,
    arrived: Instant,
    limit: usize,
    metrics: Metrics,
    trace: Context,
}

/// What the record is made of.
struct PendingRecord {
    run: run::Id,
    hold: Option<Hold>,
    route: Arc<Arm>,
    actor: Arc<str>,
    request_head: RequestHead,
    trace: Context,
    capture: Capture,
    outcome: Outcome,
    answer: Option<(Bytes, String, bool)>,
    queued_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
}

impl Call {
    #[allow(clippy::too_many_arguments)] // all that is known when a call comes in
    pub(super) fn begin(
        permit: RecordPermit,
        request: &HttpRequest,
        address: &Address<'_>,
        viewer: &Viewer,
        route: Arc<Arm>,
        capture: Capture,
        limit: usize,
        metrics: Metrics,
        id: CallId,
    ) -> Self {
        let CallId { id: run, hold } = id;
        let trace = trace::of_run(request.headers(), run);
        let pending = PendingRecord {
            run,
            hold,
            route,
            actor: viewer.subject.clone(),
            request_head: RequestHead::of(request, address, &trace),
            trace: trace.clone(),
            capture,
            outcome: Outcome::default(),
            answer: None,
            queued_at: clock::now(),
            started_at: None,
        };
        Self { run, permit: Some(permit), pending: Some(pending), arrived: Instant::now(), limit, metrics, trace }
    }

    fn pending(&mut self) -> &mut PendingRecord {
        self.pending.as_mut().expect("a call that has not ended has its record")
    }

    /// Maximum bytes of a body that are captured.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn trace(&self) -> Context {
        self.trace.clone()
    }

    /// An instance took the call.
    pub(super) fn begin_attempt(&mut self, instance: Option<&str>, cold_start: bool) {
        let pending = self.pending();
        pending.started_at = Some(clock::now());
        pending.outcome.instance = instance.map(str::to_owned);
        pending.outcome.cold_start = cold_start;
    }

    pub(super) fn set_instance(&mut self, instance: &str) {
        self.pending().outcome.instance = Some(instance.to_owned());
    }

    pub(super) fn set_exit(&mut self, code: Option<i32>) {
        self.pending().outcome.exit_code = code;
    }

    /// Identifies the call to the function: to its wrapper, or to the program if there is none. Without a number, it is
    /// the first attempt.
    pub(super) fn sign(&mut self, headers: &mut hyper::HeaderMap) {
        let wrapped = matches!(self.pending().route.manifest.runtime, Runtime::Node | Runtime::Python);
        let mut buffer = uuid::Uuid::encode_buffer();
        let id = HeaderValue::from_str(self.run.uuid().hyphenated().encode_lower(&mut buffer))
            .expect("a UUID is a valid header");
        if !wrapped {
            headers.insert("x-call-id", id.clone());
        }
        headers.insert("x-eventflow-run", id);
        // The caller's own trace headers were parsed and removed.
        let parent = HeaderValue::try_from(self.trace.parent()).expect("hexadecimal digits are a valid header");
        headers.insert("traceparent", parent);
        if let Some(Ok(state)) = self.trace.state().map(HeaderValue::from_str) {
            headers.insert("tracestate", state);
        }
    }

    /// Adds the call's id, start time, duration and version to the answer.
    pub(super) fn mark(&mut self, response: &mut HttpResponseBuilder) {
        let mut buffer = uuid::Uuid::encode_buffer();
        let id = &*self.run.uuid().hyphenated().encode_lower(&mut buffer);
        response.insert_header(("x-call-id", id));
        response.insert_header(("x-duration-seconds", format!("{:.6}", self.arrived.elapsed().as_secs_f64())));
        let pending = self.pending();
        response.insert_header(("x-start-time", start_time(pending.queued_at)));
        response.insert_header(("x-function-version", pending.route.version));
    }

    /// The event for a job with the whole body, which takes at most `limit` bytes and twice as much as JSON; `None` if
    /// it takes more. The body is recorded like any other.
    pub(super) async fn whole_event(&mut self, body: RequestBody, limit: usize) -> Option<Bytes> {
        let whole = body.collect().await.ok().map(http_body_util::Collected::to_bytes);
        let recorded = self.limit;
        let pending = self.pending();
        if let Some(whole) = whole {
            if !Json::fits(&whole, limit) {
                *pending.capture.bytes.lock() = CapturedBytes { bytes: Bytes::new(), cut: true };
                return None;
            }
            *pending.capture.bytes.lock() = CapturedBytes { bytes: whole, cut: false };
        }
        let event = Bytes::from_owner(Text(pending.event()));
        let mut capture = pending.capture.bytes.lock();
        if !Json::fits(&capture.bytes, recorded) {
            *capture = CapturedBytes { bytes: Bytes::new(), cut: true };
        }
        drop(capture);
        Some(event)
    }

    /// Captures the answer, up to the limit.
    pub(super) fn keep_answer(&mut self, answer: &Bytes, kind: &str) {
        let cut = !Json::fits(answer, self.limit);
        // A copy, because a slice would keep the complete answer in memory until it is recorded.
        let capture =
            if cut { Bytes::copy_from_slice(&answer[..answer.len().min(self.limit)]) } else { answer.clone() };
        self.pending().answer = Some((capture, kind.to_owned(), cut));
    }

    /// The function answered.
    pub(super) fn answered(self, status: u16) {
        match status {
            500.. => {
                let error = format!("the function answered {status}");
                self.end(Ending::Failed, Some(status), Some(error));
            }
            _ => self.end(Ending::Succeeded, Some(status), None),
        }
    }

    /// The call timed out.
    pub(super) fn timed_out(self) -> HttpError {
        let message = format!("the function did not answer within {:.3} s", self.arrived.elapsed().as_secs_f64());
        self.end(Ending::TimedOut, None, Some(message.clone()));
        HttpError::new(StatusCode::GATEWAY_TIMEOUT, "timed_out", message)
    }

    /// The call failed without an answer. The caller learns what happened; the run also records the last lines.
    pub(super) fn failed(
        self,
        status: StatusCode,
        code: &'static str,
        what: String,
        stderr_tail: &[String],
    ) -> HttpError {
        let run = self.run;
        let error = leasing::with_last_lines(&what, stderr_tail);
        self.end(Ending::Failed, None, Some(error));
        HttpError::new(status, code, format!("{what}; its log is that of run {run}"))
    }

    /// There was no instance for the call.
    pub(super) fn refused(self, error: leasing::Error) -> HttpError {
        let (ending, tail) = match &error {
            leasing::Error::TimedOut => (Ending::TimedOut, Vec::new()),
            leasing::Error::Unhealthy { stderr_tail, .. } => (Ending::Failed, stderr_tail.clone()),
            _ => (Ending::Failed, Vec::new()),
        };
        let message = leasing::with_last_lines(&error.to_string(), &tail);
        self.end(ending, None, Some(message));
        refusal(error)
    }

    /// Ends and records the call.
    pub(super) fn end(mut self, ending: Ending, status: Option<u16>, error: Option<String>) {
        self.finish(ending, status, error);
    }

    fn finish(&mut self, ending: Ending, status: Option<u16>, error: Option<String>) {
        let (Some(permit), Some(mut pending)) = (self.permit.take(), self.pending.take()) else { return };
        pending.outcome.http_status = status;
        let outcome = match ending {
            Ending::Succeeded => "succeeded",
            Ending::Failed => "failed",
            Ending::TimedOut => "timed_out",
            Ending::Cancelled => "cancelled",
        };
        let labels = [&*pending.route.namespace, &*pending.route.name, "http.invoke", outcome];
        self.metrics.invocations.with_label_values(&labels).inc();
        self.metrics.duration.with_label_values(&labels[..2]).observe(self.arrived.elapsed().as_secs_f64());
        let at = clock::now();
        permit.record(pending.weight(), Box::new(move || pending.answered(ending, error, at)));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.finish(Ending::Cancelled, None, Some("the caller went away".to_owned()));
    }
}

/// JSON as bytes, without copying.
struct Text(Json);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.get().as_bytes()
    }
}

impl PendingRecord {
    /// The approximate size of the record, hardly ever too low.
    fn weight(&self) -> usize {
        let answer = self.answer.as_ref().map_or(0, |(answer, ..)| answer.len());
        let headers: usize = self.request_head.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let sent = headers + 2 * (self.request_head.path.len() + self.request_head.query.len());
        // Text takes up to twice as much, and the body may be there again in Base64.
        4 * self.capture.bytes.lock().bytes.len() + 2 * answer + 2 * sent
    }

    fn answered(mut self, ending: Ending, error: Option<String>, at: DateTime<Utc>) -> CallRecord {
        let input = self.event();
        let input_cut = self.capture.bytes.lock().cut;
        if let Some((answer, kind, cut)) = self.answer.take()
            && !answer.is_empty()
        {
            let kind = Some(kind.as_str()).filter(|kind| !kind.is_empty());
            self.outcome.keep(kind, &answer, cut, answer.len());
        }
        let request = Request {
            run: self.run,
            function: self.route.function,
            namespace: self.route.namespace.to_string(),
            trigger: "http.invoke".to_owned(),
            event: None,
            input,
            input_cut,
            version: None,
            replayed_from: None,
            callback: None,
        };
        let answered = Answered {
            request,
            ran: self.route.version,
            ending,
            error,
            outcome: self.outcome,
            queued_at: self.queued_at,
            started_at: self.started_at,
            at,
        };
        CallRecord { answered, cause: Cause { actor: Some(self.actor), ..Cause::default() }, _hold: self.hold }
    }

    /// The call as a CloudEvent.
    fn event(&self) -> Json {
        let capture = self.capture.bytes.lock();
        let (id, source) = (self.run.to_string(), format!("eventflow/function/{}", self.route.name));
        let context = EventContext {
            id: &id,
            source: &source,
            time: self.queued_at,
            trace: &self.trace,
            digest: None,
            exact: false,
            whole: !capture.cut,
        };
        self.request_head.event(&context, &capture.bytes)
    }
}

/// The value of `X-Start-Time`: nanoseconds since 1970.
pub(super) fn start_time(at: DateTime<Utc>) -> String {
    at.timestamp_nanos_opt().unwrap_or(i64::MAX).to_string()
}
