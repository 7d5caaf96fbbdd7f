//! Reads request bodies up to a limit, and reports what is wrong with them.

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Payload};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::origin::Origin;
use super::{BodyReservation, Dropped, HttpError, Services, is_late, json};

/// Seconds after which a body that was dropped for want of memory may be sent again.
const RETRY_AFTER_S: u64 = 5;

/// The whole body, at most `limit` bytes. All bodies that are being read share one budget of memory.
///
/// # Errors
/// 413 when it is larger, before it was read where its length is given; 503 when the budget is used up and this body has
/// cost most.
pub(crate) async fn read(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, HttpError> {
    check_length(request, limit)?;
    let services = request.app_data::<Data<Services>>().expect("every route has the services");
    read_held(payload, limit, &services.bodies.hold(Origin::of(request).address)).await
}

/// As [`read`], of a request that has not proved yet who sends it: the bodies of all such requests share one budget of
/// memory, which the second value gives back when it is dropped. To be kept until the sender is known.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_unproved(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
    services: &Services,
) -> Result<(Bytes, BodyReservation), HttpError> {
    check_length(request, limit)?;
    let held = services.unproved.hold(Origin::of(request).address);
    let body = read_held(payload, limit, &held).await?;
    Ok((body, held))
}

async fn read_held(mut payload: Payload, limit: usize, held: &BodyReservation) -> Result<Bytes, HttpError> {
    let mut whole = BytesMut::new();
    loop {
        let part = tokio::select! {
            biased;
            () = held.dropped() => return Err(no_memory(Dropped)),
            part = payload.next() => part,
        };
        let Some(part) = part else { break };
        let part = part.map_err(|error| broke_off(&error))?;
        if whole.len() + part.len() > limit {
            return Err(HttpError::too_large("the body", limit));
        }
        whole.extend_from_slice(&part);
        held.takes(whole.capacity()).map_err(no_memory)?;
    }
    held.complete();
    Ok(whole.freeze())
}

fn no_memory(_: Dropped) -> HttpError {
    let message = "too many requests are being read; send it again, and all at once";
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).retry_after(RETRY_AFTER_S)
}

/// Why a body could not be read: it came too slowly (408), or broke off (400).
pub(crate) fn broke_off(error: &PayloadError) -> HttpError {
    match is_late(error) {
        true => HttpError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", error.to_string()),
        false => HttpError::bad_request("bad_body", format!("the body broke off: {error}")),
    }
}

/// # Errors
/// 413 when the request says that its body is larger.
pub(crate) fn check_length(request: &HttpRequest, limit: usize) -> Result<(), HttpError> {
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match length.is_some_and(|length| length > limit as u64) {
        true => Err(HttpError::too_large("the body", limit)),
        false => Ok(()),
    }
}

/// The value that a JSON body is.
///
/// # Errors
/// 400, naming the place.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HttpError> {
    if bytes.is_empty() {
        return Err(HttpError::bad_request("bad_json", "the body is empty; it must be JSON"));
    }
    json::read(bytes).map_err(|error| HttpError::bad_request("bad_json", format!("the body does not fit: {error}")))
}

/// The value that a JSON body is, as it came: see [`json::carried`].
///
/// # Errors
/// 400, naming the place.
pub(crate) fn carried(bytes: &[u8]) -> Result<domain::Json, HttpError> {
    if bytes.is_empty() {
        return Err(HttpError::bad_request("bad_json", "the body is empty; it must be JSON"));
    }
    json::carried(bytes).map_err(|error| HttpError::bad_request("bad_json", format!("the body does not fit: {error}")))
}
