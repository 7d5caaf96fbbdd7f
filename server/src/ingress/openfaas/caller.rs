//! What every route reads from its request: the caller, the namespace, the query, the body.

use actix_web::{HttpRequest, web};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::edge::auth::Session;
use crate::edge::request_id::correlation;
use crate::edge::{HttpError, Services, body};
use crate::ingress::http;
use crate::operations::Caller;

/// The query of most routes.
#[derive(Deserialize)]
pub(super) struct Query {
    #[serde(default)]
    pub namespace: Option<String>,
}

/// Who sent a request.
///
/// # Errors
/// 401 without credentials or with invalid ones, 429 after too many wrong ones.
pub(super) fn caller(request: &HttpRequest, services: &Services) -> Result<Caller, HttpError> {
    Ok(called_by(request, &services.auth.program_or_basic(request)?))
}

/// The caller that a session is.
pub(super) fn called_by(request: &HttpRequest, session: &Session) -> Caller {
    Caller { viewer: session.viewer.clone(), correlation: correlation(request) }
}

/// Where something is: in the namespace that is named, or else in that of the header `X-Namespace`, or the default one.
///
/// # Errors
/// 400 when that can be none.
pub(super) fn namespace(
    named: Option<String>,
    request: &HttpRequest,
    services: &Services,
) -> Result<String, HttpError> {
    // Programs in Go send what is empty for what is not said.
    http::namespace(named.filter(|name| !name.is_empty()), request, services)
}

/// The query of a URL. OpenFaaS ignores parameters that it does not know, and its clients send some that mean nothing here.
///
/// # Errors
/// 400 when a parameter does not fit.
pub(super) fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, HttpError> {
    let query = web::Query::<T>::from_query(request.query_string());
    query
        .map(web::Query::into_inner)
        .map_err(|error| HttpError::bad_request("bad_query", format!("the URL's query does not fit: {error}")))
}

/// The body of a request.
///
/// # Errors
/// 400 when it does not fit, 413 when it is too large.
pub(super) async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    services: &Services,
) -> Result<T, HttpError> {
    body::json(&body::read(request, payload, services.settings.limits.body).await?)
}
