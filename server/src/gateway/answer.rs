//! The way back: passes a function's answer to the caller, complete if it is short, as a stream otherwise.

use std::pin::{Pin, pin};

use actix_web::HttpResponse;
use actix_web::body::{BodyStream, SizedStream};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::{Bytes, BytesMut};
use domain::run::event::Ending;
use hyper::body::Body;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_stream::wrappers::ReceiverStream;

use super::address::{self, Address};
use super::cookies::Jar;
use super::passing::{Named, passes};
use super::record::Call;
use super::request::Pump;
use crate::edge::HttpError;
use crate::edge::auth::Over;
use crate::edge::bodiless::Bodiless;
use crate::leasing::{Answer, CallError, Lease, RequestBody};

/// Answers up to this length are read completely.
const WHOLE: u64 = 64 << 10;

/// Maximum number of buffered chunks of an answer.
const PARTS: usize = 8;

/// Calls an instance and answers the caller. `over` resolves when the caller's session ends: an answer in progress is
/// then aborted.
#[allow(clippy::too_many_arguments)] // all that a call depends on
pub(super) async fn of_service(
    mut call: Call,
    lease: Lease,
    mut request: hyper::Request<RequestBody>,
    pump: Option<Pump>,
    deadline: Instant,
    jar: &Jar<'_>,
    address: &Address<'_>,
    over: impl Future<Output = Over> + 'static,
) -> Result<HttpResponse, HttpError> {
    let is_head = request.method() == hyper::Method::HEAD;
    call.begin_attempt(Some(lease.instance()), lease.cold_start);
    call.sign(request.headers_mut());
    let mut pump = pump;
    let sent = {
        let mut sending = pin!(timeout_at(deadline, lease.send(request)));
        match unless_broken(&mut pump, sending.as_mut()).await {
            Ok(sent) => sent,
            Err(kind) => return Err(broken(call, kind)),
        }
    };
    // The function may answer before it has received the whole body.
    if let Some(pump) = pump {
        actix_web::rt::spawn(pump);
    }
    let answer = match sent {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(crashed(call, &lease, &error).await),
        Err(_) => {
            lease.time_is_up();
            return Err(call.timed_out());
        }
    };
    pass(call, lease, answer, is_head, deadline, jar, address, over).await
}

/// Passes on an instance's answer, completely if it is short.
#[allow(clippy::too_many_arguments)] // all that an answer depends on
pub(super) async fn pass(
    mut call: Call,
    lease: Lease,
    answer: Answer,
    is_head: bool,
    deadline: Instant,
    jar: &Jar<'_>,
    address: &Address<'_>,
    over: impl Future<Output = Over> + 'static,
) -> Result<HttpResponse, HttpError> {
    let status = StatusCode::from_u16(answer.response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::build(status);
    let headers = answer.response.headers();
    let named = Named::of(headers.get_all("connection").iter().map(|value| value.as_bytes()));
    for (name, value) in headers {
        if !passes(name.as_str(), value.as_bytes(), jar.origin()) || named.contain(name.as_str()) {
            continue;
        }
        let value = match address::HEADERS.contains(&name.as_str()) {
            false => HeaderValue::from_bytes(value.as_bytes()).ok(),
            true => address.outward(value.as_bytes()).and_then(|mapped| HeaderValue::from_str(&mapped).ok()),
        };
        match (HeaderName::from_bytes(name.as_str().as_bytes()), value) {
            (Ok(name), Some(value)) => _ = response.append_header((name, value)),
            _ => {
                tracing::info!(run = %call.run, header = %name, "a header of a function's answer is dropped: it is no address")
            }
        }
    }
    for cookie in jar.outward(headers.get_all("set-cookie").iter().map(|value| value.as_bytes())) {
        response.append_header((actix_web::http::header::SET_COOKIE, cookie));
    }
    // The length that the body would have, if there is none.
    let declared = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = declared.filter(|_| status == StatusCode::NOT_MODIFIED) {
        response.insert_header((actix_web::http::header::CONTENT_LENGTH, length));
    }
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or("application/octet-stream").to_owned();
    match answer.response.body().size_hint().exact() {
        Some(length) if length <= WHOLE => {
            let mut whole = BytesMut::with_capacity(usize::try_from(length).unwrap_or(0));
            let read = async {
                let mut reading = lease.read(answer);
                while let Some(part) = reading.next().await? {
                    whole.extend_from_slice(&part);
                }
                Ok::<_, CallError>(())
            };
            match timeout_at(deadline, read).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(crashed(call, &lease, &error).await),
                Err(_) => return Err(call.timed_out()),
            }
            drop(lease);
            let whole = whole.freeze();
            call.mark(&mut response);
            call.keep_answer(&whole, &kind);
            call.answered(status.as_u16());
            Ok(match is_head {
                true => response.body(Bodiless::of_length(declared)),
                false => response.body(whole),
            })
        }
        length => {
            call.mark(&mut response);
            let (sender, receiver) = mpsc::channel(PARTS);
            actix_web::rt::spawn(pass_on(call, lease, answer, sender, status.as_u16(), kind, deadline, over));
            let parts = ReceiverStream::new(receiver);
            Ok(match length {
                Some(length) => response.body(SizedStream::new(length, parts)),
                None => response.body(BodyStream::new(parts)),
            })
        }
    }
}

/// How passing on an answer ended.
enum Passed<R> {
    Read(R),
    NobodyReads,
    SessionOver(Over),
}

/// Streams an answer. The call is over when it ends, breaks off, takes too long, nobody reads it any more, or the
/// caller's session ends.
#[allow(clippy::too_many_arguments)] // all that an answer on its way needs
async fn pass_on(
    mut call: Call,
    lease: Lease,
    answer: Answer,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    status: u16,
    kind: String,
    deadline: Instant,
    over: impl Future<Output = Over>,
) {
    let limit = call.limit();
    let mut begin = BytesMut::new();
    let mut gone = false;
    let read = async {
        let mut reading = lease.read(answer);
        while let Some(part) = reading.next().await? {
            if begin.len() <= limit {
                begin.extend_from_slice(&part);
            }
            if sender.send(Ok(part)).await.is_err() {
                gone = true;
                break;
            }
        }
        Ok::<_, CallError>(())
    };
    // A function that streams for ever is ended by its timeout; a caller that disconnects ends it immediately.
    let ended = tokio::select! {
        ended = timeout_at(deadline, read) => Passed::Read(ended),
        () = sender.closed() => Passed::NobodyReads,
        over = over => Passed::SessionOver(over),
    };
    call.keep_answer(&begin.freeze(), &kind);
    match ended {
        Passed::Read(Ok(Ok(()))) if !gone => call.answered(status),
        Passed::NobodyReads | Passed::Read(Ok(Ok(()))) => {
            call.end(Ending::Cancelled, Some(status), Some("the caller went away".to_owned()))
        }
        Passed::SessionOver(over) => {
            call.end(Ending::Cancelled, Some(status), Some(over.message().to_owned()));
            let _ = sender.send(Err(std::io::Error::other(over.message()))).await;
        }
        Passed::Read(Ok(Err(error))) => {
            let failure = crashed(call, &lease, &error).await;
            let _ = sender.send(Err(std::io::Error::other(failure.message))).await;
        }
        Passed::Read(Err(_)) => {
            let failure = call.timed_out();
            let _ = sender.send(Err(std::io::Error::other(failure.message))).await;
        }
    }
}

/// The error of the caller's body that aborted the request.
fn broke_with(error: &hyper::Error) -> Option<std::io::ErrorKind> {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    source.map(std::io::Error::kind)
}

/// Waits for a future while the caller's body is passed on. Returns the body's error if that comes first. The pump is
/// dropped when the body is complete.
pub(super) async fn unless_broken<F: Future>(
    pump: &mut Option<Pump>,
    mut waited: Pin<&mut F>,
) -> Result<F::Output, std::io::ErrorKind> {
    let Some(passing) = pump else { return Ok(waited.await) };
    tokio::select! {
        biased;
        broke = passing => match broke {
            Some(kind) => return Err(kind),
            None => *pump = None,
        },
        output = waited.as_mut() => return Ok(output),
    }
    Ok(waited.await)
}

/// The caller's body failed: it was late, too long, or invalid.
pub(super) fn broken(call: Call, kind: std::io::ErrorKind) -> HttpError {
    let (status, code, what) = match kind {
        std::io::ErrorKind::TimedOut => {
            (StatusCode::REQUEST_TIMEOUT, "request_timeout", "the caller's body did not come in time")
        }
        std::io::ErrorKind::FileTooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "the caller's body is too large")
        }
        _ => (StatusCode::BAD_REQUEST, "bad_body", "the caller's body broke off"),
    };
    call.failed(status, code, what.to_owned(), &[])
}

/// The instance broke off: its last lines say more than the connection's error.
pub(super) async fn crashed(call: Call, lease: &Lease, error: &CallError) -> HttpError {
    if let CallError::Protocol(error) = error
        && error.is_user()
    {
        return broken(call, broke_with(error).unwrap_or(std::io::ErrorKind::Other));
    }
    if let CallError::Status(_) = error {
        return call.failed(StatusCode::BAD_GATEWAY, "bad_status", error.to_string(), &[]);
    }
    let found = lease.post_mortem().await;
    let lives = found.how.is_none();
    let what = found.how.unwrap_or_else(|| error.to_string());
    if let CallError::Connect(_) = error {
        // The function was not given the call: another instance may take it.
        let refused = call.failed(StatusCode::SERVICE_UNAVAILABLE, "function_unreachable", what, &found.last_lines);
        return refused.retry_after(1);
    }
    if let CallError::NotHttp(_) = error
        && lives
    {
        return call.failed(StatusCode::BAD_GATEWAY, "not_http", what, &found.last_lines);
    }
    call.failed(StatusCode::BAD_GATEWAY, "function_crashed", what, &found.last_lines)
}
