//! Identification of requests: id, trace, and the method label of metrics.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpMessage, HttpRequest};
use uuid::Uuid;

use super::trace;

/// The header that carries a request's id, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id accepted from a caller, in bytes.
const MAX_REQUEST_ID: usize = 128;

/// A request's id: the caller's own, or a new one.
#[derive(Debug, Clone)]
pub struct RequestId(pub Arc<str>);

impl RequestId {
    /// The id of a request with these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let theirs = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let fits = |id: &&str| (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        Self(theirs.filter(fits).map_or_else(|| Uuid::now_v7().to_string().into(), Arc::from))
    }

    /// The id that a request got when it came in.
    pub(crate) fn given(request: &HttpRequest) -> Self {
        let known = request.extensions().get::<Self>().cloned();
        known.unwrap_or_else(|| Self::of(request.headers()))
    }
}

/// What ties everything that follows from a request together: its trace, or else its id.
pub(crate) fn correlation(request: &HttpRequest) -> Option<Uuid> {
    let trace = || trace::read(request.headers()).map(|context| Uuid::from_u128(context.trace()));
    let own = || Uuid::try_parse(&request.extensions().get::<RequestId>()?.0).ok();
    trace().or_else(own)
}

/// Methods that clients invent must not create metrics.
pub(crate) fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
