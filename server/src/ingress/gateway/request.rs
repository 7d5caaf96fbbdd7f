//! The way in: a caller's request becomes the function's.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use chrono::{SecondsFormat, TimeDelta};
use futures::StreamExt;
use hyper::header::HeaderValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::HttpError;
use crate::clock;
use crate::fleet::{RequestBody, Route};

/// A body up to this length is read whole before the function is called; a longer one is passed on as it comes.
const WHOLE: usize = 64 << 10;

/// Parts of a body on their way.
const PARTS: usize = 8;

/// Headers that belong to one connection (RFC 9110, section 7.6.1), or to EventFlow and not to the function.
pub(in crate::ingress) fn stays_here(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "proxy-connection"
            | "host"
            | "content-length"
            | "authorization"
            | "expect"
            | "x-call-id"
            | "x-timeout"
            | "x-callback-url"
    ) || name.starts_with("x-eventflow-")
}

/// What of a body is kept for the record.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub bytes: std::sync::Arc<parking_lot::Mutex<KeptBytes>>,
}

#[derive(Debug, Default)]
pub(super) struct KeptBytes {
    pub bytes: Bytes,
    pub cut: bool,
}

impl Kept {
    fn whole(bytes: Bytes, limit: usize) -> Self {
        let cut = bytes.len() > limit;
        let bytes = if cut { Bytes::new() } else { bytes };
        Self { bytes: std::sync::Arc::new(parking_lot::Mutex::new(KeptBytes { bytes, cut })) }
    }
}

/// How long the call may take: what the caller asks for in `X-Timeout` (seconds, or with a unit), at most the function's.
pub(super) fn timeout(request: &HttpRequest, route: &Route) -> Result<Duration, HttpError> {
    let most = route.manifest.resources.timeout();
    let Some(value) = request.headers().get("x-timeout") else { return Ok(most) };
    let wrong = || HttpError::bad_request("bad_timeout", "X-Timeout must be a time above 0 such as 5, 5s, 500ms or 2m");
    let text = value.to_str().map_err(|_| wrong())?.trim();
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let factor = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<f64>().map_err(|_| wrong())? * factor;
    if !(seconds.is_finite() && seconds > 0.0) {
        return Err(wrong());
    }
    Ok(Duration::from_secs_f64(seconds.min(most.as_secs_f64())))
}

/// The body, and what of it is kept for the record.
pub(super) async fn body(
    request: &HttpRequest,
    mut payload: web::Payload,
    limit: usize,
    recorded: usize,
) -> Result<(RequestBody, Kept), HttpError> {
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(HttpError::too_large("the body", limit));
    }
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    if length.unwrap_or(0) == 0 && !chunked {
        return Ok((RequestBody::Full(Bytes::new()), Kept::whole(Bytes::new(), recorded)));
    }
    if length.is_some_and(|length| length <= WHOLE) {
        let mut whole = BytesMut::with_capacity(length.unwrap_or(0));
        while let Some(part) = payload.next().await {
            whole.extend_from_slice(&part.map_err(|error| HttpError::bad_request("bad_body", error.to_string()))?);
        }
        let whole = whole.freeze();
        return Ok((RequestBody::Full(whole.clone()), Kept::whole(whole, recorded)));
    }
    let kept = Kept::whole(Bytes::new(), recorded);
    let (sender, receiver) = mpsc::channel(PARTS);
    actix_web::rt::spawn(pass_on(payload, sender, limit, recorded, kept.clone()));
    Ok((RequestBody::Stream(receiver), kept))
}

/// Passes a body on as it comes. One that is longer than it may be is broken off: the function sees no whole request.
async fn pass_on(
    mut payload: web::Payload,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    limit: usize,
    recorded: usize,
    kept: Kept,
) {
    let mut length = 0;
    let mut begin = BytesMut::new();
    while let Some(part) = payload.next().await {
        let part = part.map_err(std::io::Error::other).and_then(|part| {
            length += part.len();
            if length > limit { Err(std::io::Error::other("the body is too large")) } else { Ok(part) }
        });
        if let Ok(part) = &part
            && length <= recorded
        {
            begin.extend_from_slice(part);
        }
        let broken = part.is_err();
        if sender.send(part).await.is_err() || broken {
            break;
        }
    }
    let cut = length > recorded;
    *kept.bytes.lock() = KeptBytes { bytes: if cut { Bytes::new() } else { begin.freeze() }, cut };
}

/// The request as the function sees it.
pub(super) fn to_function(
    request: &HttpRequest,
    rest: &str,
    body: RequestBody,
    deadline: Instant,
) -> hyper::Request<RequestBody> {
    let mut call = hyper::Request::new(body);
    *call.method_mut() = hyper::Method::from_bytes(request.method().as_str().as_bytes()).expect("a method stays one");
    let path = if rest.is_empty() { "/" } else { rest };
    let target = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // A part of a valid path is one, too; only its beginning was cut off.
    *call.uri_mut() = target.parse().unwrap_or_else(|_| hyper::Uri::from_static("/"));
    let headers = call.headers_mut();
    headers.reserve(request.headers().len() + 5);
    for (name, value) in request.headers() {
        if !stays_here(name.as_str())
            && let (Ok(name), Ok(value)) = (
                hyper::header::HeaderName::from_bytes(name.as_str().as_bytes()),
                HeaderValue::from_bytes(value.as_bytes()),
            )
        {
            headers.append(name, value);
        }
    }
    headers.remove("cookie");
    headers.insert("host", HeaderValue::from_static("function"));
    if let Some(host) = request.headers().get(header::HOST)
        && let Ok(host) = HeaderValue::from_bytes(host.as_bytes())
    {
        headers.insert("x-forwarded-host", host);
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let until = clock::now() + TimeDelta::from_std(left).unwrap_or_default();
    if let Ok(value) = HeaderValue::from_str(&until.to_rfc3339_opts(SecondsFormat::Millis, true)) {
        headers.insert("x-eventflow-deadline", value);
    }
    call
}
