//! Wraps every request: its id, its span, its metrics, security headers, and a common format of errors.

use std::borrow::Cow;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use tracing::Instrument;

use crate::edge::bodiless::Bodiless;
use crate::edge::refusal::CONTENT_SECURITY_POLICY;
use crate::edge::request_id::{REQUEST_ID, RequestId, label};
use crate::edge::{HttpError, Services};
use crate::ingress::methods;
use crate::store::lane;
use crate::telemetry::watchdog;

pub(super) async fn around(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let pattern = request.match_pattern();
    let services = request.app_data::<web::Data<Services>>().cloned();
    let span = tracing::info_span!("request", request = &*id.0, %method, path = request.path());
    // HEAD is GET without the body on every route; only GET opens a WebSocket.
    let is_head = method == Method::HEAD && !request.headers().contains_key(header::UPGRADE);
    if is_head {
        request.head_mut().method = Method::GET;
    }
    let doing = format!("{method} {}", request.path());
    // The request must not be cloned: routing changes it and requires exclusive access.
    let whose = services.as_ref().and_then(|services| lane_of(services, request.request(), pattern.as_deref()));
    let work = watchdog::doing(doing, next.call(request).instrument(span));
    let response = match whose {
        Some(whose) => lane::within(&whose, work).await,
        None => work.await,
    };
    let response = response?.map_into_boxed_body();
    let path = pattern.as_deref().map(plain);
    let mut response = shaped(about_methods(response, &method, path.as_deref()), &id);
    if response.status() == StatusCode::METHOD_NOT_ALLOWED && !response.headers().contains_key(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, methods::of(path.as_deref()));
    }
    if is_head {
        response = response.map_body(|_, body| Bodiless::of(body.size()).boxed());
    }
    if let Some(services) = services {
        let status = response.status();
        let labels = [label(&method), path.as_deref().unwrap_or("none"), status.as_str()];
        services.metrics.http_requests.with_label_values(&labels).inc();
    }
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: HeaderValue| {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    };
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        default(REQUEST_ID, value);
    }
    default(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    default(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    default(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// Whose database lane a request uses; `None` if it reads next to nothing (calls of functions) or chooses the lane
/// itself
/// (GraphQL).
pub(super) fn lane_of(services: &Services, request: &HttpRequest, pattern: Option<&str>) -> Option<String> {
    let pattern = pattern?;
    let session = match pattern.starts_with("/system/") {
        true => services.auth.program_if_any(request),
        false if pattern.starts_with("/v1/") || ["/metrics", "/readyz"].contains(&pattern) => {
            services.auth.session(request).ok()
        }
        false => return None,
    };
    // A viewer's name is never empty.
    Some(session.map_or_else(String::new, |session| session.viewer.subject.to_string()))
}

/// Answers a method that a route does not have: OPTIONS gets the list of methods, and the library's own answers get our
/// error format.
fn about_methods(response: ServiceResponse, method: &Method, path: Option<&str>) -> ServiceResponse {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    if *method == Method::OPTIONS {
        let allow = (header::ALLOW, methods::of(path));
        return response.into_response(HttpResponse::NoContent().insert_header(allow).finish());
    }
    match response.response().error() {
        Some(_) => response,
        None if matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0)) => {
            let message = format!("{} does not take {method}", response.request().path());
            let error = HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
            response.into_response(HttpResponse::from_error(error))
        }
        None => response,
    }
}

/// An error's answer in the common format, with the request's id.
fn shaped(response: ServiceResponse, id: &RequestId) -> ServiceResponse {
    let Some(error) = response.response().error() else { return response };
    let ours = match error.as_error::<HttpError>() {
        Some(error) => error.clone(),
        None => {
            let status = response.status();
            let (code, message) = match status {
                StatusCode::NOT_FOUND => ("not_found", "there is nothing here".to_owned()),
                StatusCode::PAYLOAD_TOO_LARGE => ("payload_too_large", error.to_string()),
                status if status.is_client_error() => ("bad_request", error.to_string()),
                _ => {
                    tracing::error!(request = &*id.0, %error, "request failed");
                    ("internal", "the server failed; its log says why, under this request_id".to_owned())
                }
            };
            HttpError::new(status, code, message)
        }
    };
    let answer = ours.response(&id.0);
    response.into_response(answer)
}

/// A route's pattern in readable form: `{name}` instead of `{name:[^/]+}`.
fn plain(pattern: &str) -> Cow<'_, str> {
    let Some((before, rest)) = pattern.split_once('{') else { return pattern.into() };
    let (parameter, after) = rest.split_once('}').unwrap_or((rest, ""));
    match parameter.split_once(':') {
        None if !after.contains('{') => pattern.into(),
        named => format!("{before}{{{}}}{}", named.map_or(parameter, |(name, _)| name), plain(after)).into(),
    }
}
