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

/// Seconds after which a body that was dropped for lack of memory may be sent again.
const RETRY_AFTER_S: u64 = 5;

/// Reads the whole body, at most `limit` bytes. All bodies being read share one memory budget.
///
/// # Errors
/// 413 when it is too large (before it is read, if its length is declared); 503 when the budget is used up and this
/// body
/// has cost the most.
pub(crate) async fn read(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, HttpError> {
    check_length(request, limit)?;
    let services = request.app_data::<Data<Services>>().expect("every route has the services");
    read_held(payload, limit, &services.bodies.hold(Origin::of(request).address)).await
}

/// Like [`read`], for a request whose sender is not proved yet. The bodies of all such requests share one memory
/// budget;
/// the second value returns this body's part when it is dropped, so keep it until the sender is known.
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
/// 413 when the declared length is too large.
pub(crate) fn check_length(request: &HttpRequest, limit: usize) -> Result<(), HttpError> {
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match length.is_some_and(|length| length > limit as u64) {
        true => Err(HttpError::too_large("the body", limit)),
        false => Ok(()),
    }
}

/// Parses a JSON body.
///
/// # Errors
/// 400, with the position of the fault.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HttpError> {
    if bytes.is_empty() {
        return Err(HttpError::bad_request("bad_json", "the body is empty; it must be JSON"));
    }
    json::read(bytes).map_err(|error| HttpError::bad_request("bad_json", format!("the body does not fit: {error}")))
}

/// Checks a JSON body and carries it unchanged: see [`json::carried`].
///
/// # Errors
/// 400, with the position of the fault.
pub(crate) fn carried(bytes: &[u8]) -> Result<domain::Json, HttpError> {
    if bytes.is_empty() {
        return Err(HttpError::bad_request("bad_json", "the body is empty; it must be JSON"));
    }
    json::carried(bytes).map_err(|error| HttpError::bad_request("bad_json", format!("the body does not fit: {error}")))
}
