//! What every route reads from its request: the caller, the namespace, the query, times.

use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use domain::duration::{self, Form};

use crate::edge::request_id::correlation;
use crate::edge::{HttpError, Services};
use crate::operations::Caller;
use crate::store::page::MAX_PAGE;

/// Answers 405 for a method that a route does not have.
pub(super) async fn wrong_method(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let message = format!("{} does not take {}; /openapi.json says what it takes", request.path(), request.method());
    Err(HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message))
}

/// Who sent a request.
///
/// # Errors
/// 401 without credentials or with invalid ones.
pub(in crate::ingress) fn caller(request: &HttpRequest, services: &Services) -> Result<Caller, HttpError> {
    Ok(Caller { viewer: services.auth.viewer(request)?, correlation: correlation(request) })
}

/// Whether a browser asks for a page.
pub(in crate::ingress) fn wants_html(request: &HttpRequest) -> bool {
    request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// The namespace of a request: `?namespace=`, the header `X-Namespace`, or the default one.
///
/// # Errors
/// 400 when the name is not valid: a request meant for another namespace must not end up in the default one.
pub(in crate::ingress) fn namespace(
    asked: Option<String>,
    request: &HttpRequest,
    services: &Services,
) -> Result<String, HttpError> {
    Ok(named(asked, request)?.unwrap_or_else(|| services.settings.namespace.clone()))
}

/// The namespace that a request names, by its query or body (`asked`) or the header `X-Namespace`. Who names none looks into all.
///
/// # Errors
/// 400 when what is asked for cannot be a namespace.
pub(super) fn named(asked: Option<String>, request: &HttpRequest) -> Result<Option<String>, HttpError> {
    let header = || Some(String::from_utf8_lossy(request.headers().get("x-namespace")?.as_bytes()).into_owned());
    // Both are checked although the query wins: an invalid header is a mistake.
    let (asked, named) = (fitting(asked)?, fitting(header())?);
    Ok(asked.or(named))
}

fn fitting(namespace: Option<String>) -> Result<Option<String>, HttpError> {
    match namespace {
        Some(namespace) if !domain::name::fits(&namespace) => {
            let error = domain::function::Error::BadNamespace { namespace };
            Err(HttpError::bad_request(error.code(), error.to_string()))
        }
        namespace => Ok(namespace),
    }
}

/// A length of time in a query, such as `30s`, `500ms`, `10m`, `1h`, or plain seconds.
pub(in crate::ingress) fn duration(text: &str) -> Result<Duration, duration::Fault> {
    duration::parse(text, Form { bare: true, averages: false })
}

/// How many rows a page is to have: as many as are asked for, or as may be.
///
/// # Errors
/// 400 when more are asked for, or none.
pub(super) fn page_size(limit: Option<u32>) -> Result<u32, HttpError> {
    match limit.unwrap_or(MAX_PAGE) {
        first if (1..=MAX_PAGE).contains(&first) => Ok(first),
        first => Err(HttpError::bad_request("page_too_large", format!("limit is {first}; it must be 1 to {MAX_PAGE}"))),
    }
}

/// A link to the same request for the page after a cursor.
pub(super) fn next_link(request: &HttpRequest, cursor: &str) -> String {
    let others = request.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("after="));
    let encoded: String = cursor
        .bytes()
        .map(|b| match b {
            b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect();
    let mut pairs: Vec<_> = others.map(str::to_owned).collect();
    pairs.push(format!("after={encoded}"));
    format!("<{}?{}>; rel=\"next\"", request.path(), pairs.join("&"))
}

/// The query of a URL, read. A parameter that the route does not know is a mistake: without it, something else would be done
/// than was meant.
pub(super) fn query<T: serde::de::DeserializeOwned>(request: &HttpRequest) -> Result<T, HttpError> {
    let query = actix_web::web::Query::<T>::from_query(request.query_string());
    query
        .map(actix_web::web::Query::into_inner)
        .map_err(|error| HttpError::bad_request("bad_query", format!("the URL's query does not fit: {error}")))
}

/// For a route that takes no query: what is asked for there would not be done, and nobody would notice.
///
/// # Errors
/// 400 when there is one.
pub(super) fn no_query(request: &HttpRequest) -> Result<(), HttpError> {
    match request.query_string() {
        "" => Ok(()),
        query => {
            let name = query.split(['=', '&']).next().unwrap_or_default();
            let message = format!("{} {} takes no query, and there is `{name}`", request.method(), request.path());
            Err(HttpError::bad_request("bad_query", message))
        }
    }
}
