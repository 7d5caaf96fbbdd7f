//! The way in: converts a caller's request into the function's.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use chrono::{SecondsFormat, TimeDelta};
use domain::Json;
use domain::duration::{self, Form};
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use hyper::header::HeaderValue;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use super::address::Address;
use super::cookies::Jar;
use super::passing::Named;
use super::refused::claimed;
use crate::clock;
use crate::edge::body::{broke_off, read, read_unproved};
use crate::edge::capture::is_stripped;
use crate::edge::{BodyReservation, HttpError, Services};
use crate::leasing::{Arm, RequestBody, claim};

/// Bodies up to this length are read completely before the function is called; longer ones are streamed.
const WHOLE: usize = 64 << 10;

/// Maximum number of buffered chunks of a body.
const PARTS: usize = 8;

/// The captured body, for the record.
#[derive(Debug, Clone)]
pub(super) struct Capture {
    pub bytes: std::sync::Arc<parking_lot::Mutex<CapturedBytes>>,
}

#[derive(Debug, Default)]
pub(super) struct CapturedBytes {
    pub bytes: Bytes,
    pub cut: bool,
}

impl Capture {
    fn whole(bytes: Bytes, limit: usize) -> Self {
        let cut = !Json::fits(&bytes, limit);
        let bytes = if cut { Bytes::new() } else { bytes };
        Self { bytes: std::sync::Arc::new(parking_lot::Mutex::new(CapturedBytes { bytes, cut })) }
    }
}

/// The time limit of the call: the caller's `X-Timeout` (seconds, or with a unit), at most the function's.
pub(super) fn timeout(request: &HttpRequest, route: &Arm) -> Result<Duration, HttpError> {
    let most = route.manifest.resources.timeout();
    let Some(value) = request.headers().get("x-timeout") else { return Ok(most) };
    let asked = asked_timeout(&String::from_utf8_lossy(value.as_bytes())).map_err(|why| {
        let wrong = format!("X-Timeout must be a time above 0 such as 5, 5s, 500ms or 2m: {why}");
        HttpError::bad_request("bad_timeout", wrong)
    })?;
    Ok(asked.min(most))
}

/// A length of time above 0; a sign before it is taken for what it is.
fn asked_timeout(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let time = duration::parse(text, Form { bare: true, averages: false }).map_err(|fault| fault.to_string())?;
    if time.is_zero() { Err("it is 0".to_owned()) } else { Ok(time) }
}

/// Passes on a body as it arrives. Resolves to the error that broke it, if any. Polled by the task that answers, until
/// there is an answer: a broken body ends the connection at once, and only an answer at the same moment is still sent.
pub(super) type Pump = LocalBoxFuture<'static, Option<std::io::ErrorKind>>;

/// A body on its way to a function.
pub(super) struct Incoming {
    pub body: RequestBody,
    pub capture: Capture,
    pub pump: Option<Pump>,
    /// The share of the budget for unauthenticated senders, held until the call is over.
    pub held: Option<BodyReservation>,
}

impl Incoming {
    /// Without a body.
    pub(super) fn nothing() -> Self {
        Self::whole(Bytes::new(), 0)
    }

    fn whole(bytes: Bytes, recorded: usize) -> Self {
        Self {
            body: RequestBody::Full(bytes.clone()),
            capture: Capture::whole(bytes, recorded),
            pump: None,
            held: None,
        }
    }
}

/// The limits of a body.
pub(super) struct Rules<'s> {
    pub limit: usize,
    /// The limit for a body that is an event.
    pub events: usize,
    pub recorded: usize,
    /// Set if the sender is not authenticated.
    pub stranger: Option<&'s Services>,
    /// Whether it is needed completely, as for a job.
    pub whole: bool,
}

/// The body, and the part that is captured for the record.
pub(super) async fn body(
    request: &HttpRequest,
    mut payload: web::Payload,
    rules: Rules<'_>,
) -> Result<Incoming, HttpError> {
    let Rules { limit, events, recorded, stranger, whole } = rules;
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(HttpError::too_large("the body", limit));
    }
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    // A possible event is checked before it is passed on.
    let event = request.headers().get(header::CONTENT_TYPE).filter(|kind| claim::is_event(kind.as_bytes()));
    if whole || event.is_some() {
        let limit = if event.is_some() { limit.min(events) } else { limit };
        let (whole, held) = match stranger {
            Some(services) => {
                let (whole, held) = read_unproved(request, payload, limit, services).await?;
                (whole, Some(held))
            }
            None => (read(request, payload, limit).await?, None),
        };
        if let Some(kind) = event {
            claim::check_body(kind.as_bytes(), &whole).map_err(claimed)?;
        }
        return Ok(Incoming { held, ..Incoming::whole(whole, recorded) });
    }
    if length.unwrap_or(0) == 0 && !chunked {
        return Ok(Incoming::nothing());
    }
    if let Some(services) = stranger.filter(|_| length.is_some_and(|length| length <= WHOLE)) {
        let (whole, held) = read_unproved(request, payload, WHOLE, services).await?;
        return Ok(Incoming { held: Some(held), ..Incoming::whole(whole, recorded) });
    }
    if length.is_some_and(|length| length <= WHOLE) {
        let mut whole = BytesMut::with_capacity(length.unwrap_or(0));
        while let Some(part) = payload.next().await {
            let part = part.map_err(|error| broke_off(&error))?;
            // The announced length is only the caller's word: a request that wants to be a WebSocket has no end.
            if whole.len() + part.len() > WHOLE {
                return Err(HttpError::bad_request("bad_body", "the body is longer than its Content-Length"));
            }
            whole.extend_from_slice(&part);
        }
        return Ok(Incoming::whole(whole.freeze(), recorded));
    }
    let capture = Capture::whole(Bytes::new(), recorded);
    let (sender, receiver) = mpsc::channel(PARTS);
    let pump = Box::pin(pass_on(payload, sender, limit, recorded, capture.clone()));
    Ok(Incoming { body: RequestBody::Stream(receiver), capture, pump: Some(pump), held: None })
}

/// Streams a body. One that exceeds its limit is aborted, so that the function never sees a complete request.
async fn pass_on(
    mut payload: web::Payload,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    limit: usize,
    recorded: usize,
    capture: Capture,
) -> Option<std::io::ErrorKind> {
    let mut length = 0;
    let mut broke = None;
    let mut begin = BytesMut::new();
    while let Some(part) = payload.next().await {
        let part = part.map_err(io_error).and_then(|part| {
            length += part.len();
            if length > limit { Err(too_large()) } else { Ok(part) }
        });
        if let Ok(part) = &part
            && length <= recorded
        {
            begin.extend_from_slice(part);
        }
        broke = part.as_ref().err().map(std::io::Error::kind);
        if broke.is_some() {
            // Without waiting, since the answer must not be delayed. But the function has to learn of the error, or it
            // would take what it has for the whole body.
            if let Err(TrySendError::Full(part)) = sender.try_send(part) {
                actix_web::rt::spawn(async move { sender.send(part).await });
            }
            break;
        }
        if sender.send(part).await.is_err() {
            break;
        }
    }
    let cut = length > recorded || !Json::fits(&begin, recorded);
    *capture.bytes.lock() = CapturedBytes { bytes: if cut { Bytes::new() } else { begin.freeze() }, cut };
    broke
}

/// The kind of the error that aborts the function's request says whose fault it was: the caller was late, sent too
/// much, or sent an invalid body.
fn io_error(error: PayloadError) -> std::io::Error {
    match error {
        PayloadError::Io(error) => error,
        error => std::io::Error::new(std::io::ErrorKind::InvalidData, error),
    }
}

fn too_large() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::FileTooLarge, "the body is too large")
}

/// The request as the function sees it.
pub(super) fn to_function(
    request: &HttpRequest,
    address: &Address<'_>,
    body: RequestBody,
    deadline: Instant,
    jar: &Jar<'_>,
) -> hyper::Request<RequestBody> {
    let mut call = hyper::Request::new(body);
    *call.method_mut() = hyper::Method::from_bytes(request.method().as_str().as_bytes()).expect("a method stays one");
    let path = address.path();
    let target = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // A suffix of a valid path is valid, too.
    *call.uri_mut() = target.parse().unwrap_or_else(|_| hyper::Uri::from_static("/"));
    let headers = call.headers_mut();
    headers.reserve(request.headers().len() + 10);
    let named = Named::of(request.headers().get_all(header::CONNECTION).map(|value| value.as_bytes()));
    for (name, value) in request.headers() {
        if !is_stripped(name.as_str())
            && *name != header::COOKIE
            && !domain::trace::HEADERS.contains(&name.as_str())
            && !named.contain(name.as_str())
            && let (Ok(name), Ok(value)) = (
                hyper::header::HeaderName::from_bytes(name.as_str().as_bytes()),
                HeaderValue::from_bytes(value.as_bytes()),
            )
        {
            headers.append(name, value);
        }
    }
    let cookies = request.headers().get_all(header::COOKIE).map(|value| value.as_bytes());
    let cookies = cookies.filter(|_| !named.contain("cookie"));
    if let Some(Ok(cookies)) = jar.inward(cookies).map(HeaderValue::try_from) {
        headers.insert("cookie", cookies);
    }
    address.add_to(headers);
    let left = deadline.saturating_duration_since(Instant::now());
    let until = clock::now() + TimeDelta::from_std(left).unwrap_or_default();
    if let Ok(value) = HeaderValue::from_str(&until.to_rfc3339_opts(SecondsFormat::Millis, true)) {
        headers.insert("x-eventflow-deadline", value);
    }
    call
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_asks_for_a_time_above_zero() {
        for (text, millis) in [
            ("5", 5000),
            ("5s", 5000),
            ("500ms", 500),
            ("2m", 120_000),
            ("1.5", 1500),
            (".5 s", 500),
            ("+5", 5000),
            ("1h 1s", 3_601_000),
        ] {
            assert_eq!(asked_timeout(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for (text, why) in [
            ("", "it is empty"),
            ("0", "it is 0"),
            ("0ms", "it is 0"),
            ("-1", "`-1` does not begin with a number"),
            ("soon", "`soon` does not begin with a number"),
            ("5x", "`x` is no unit of time; write ms, s, m, h, d or w"),
        ] {
            assert_eq!(asked_timeout(text), Err(why.to_owned()), "{text}");
        }
    }
}
