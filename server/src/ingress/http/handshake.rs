//! The handshake of webhooks (CloudEvents, "HTTP 1.1 Web Hooks for Event Delivery" 1.0.1, section 4): before its first
//! delivery, a sender asks by OPTIONS whether deliveries are wanted.
//!
//! They are, for everybody: a delivery authenticates itself, and there is no rate that senders are asked to keep. The
//! answer is the same at every address, so it reveals nothing.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

const REQUEST_ORIGIN: &str = "webhook-request-origin";
const REQUEST_RATE: &str = "webhook-request-rate";
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// The longest name of a sending system, in bytes: that of a DNS name with a port.
const MAX_ORIGIN: usize = 260;

/// Answers OPTIONS on routes where events are delivered by POST.
pub(super) async fn answer(request: HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ALLOW, HeaderValue::from_static("OPTIONS, POST")));
    if let Some(origin) = origin(request.headers()) {
        response.insert_header((ALLOWED_ORIGIN, origin.clone()));
        if request.headers().contains_key(REQUEST_RATE) {
            response.insert_header((ALLOWED_RATE, HeaderValue::from_static("*")));
        }
    }
    response.finish()
}

/// The sending system, if its name has the form of a DNS name.
fn origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut all = headers.get_all(REQUEST_ORIGIN);
    let origin = all.next().filter(|origin| (1..=MAX_ORIGIN).contains(&origin.len()))?;
    let is_name = origin.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(b));
    (is_name && all.next().is_none()).then_some(origin)
}
