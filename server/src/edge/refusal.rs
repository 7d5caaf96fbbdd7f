//! Answers outside any route: to requests that reach no route, and to connections without a slot.

use actix_web::HttpResponse;
use actix_web::dev::RequestHead;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{StatusCode, Version};

use super::HttpError;
use super::connection_slots::Full;
use super::host::{FunctionHost, Names, Whose, name_of};
use super::origin::Origin;
use super::request_id::{REQUEST_ID, RequestId};
use crate::config::Edge;

/// The `Content-Security-Policy` that the pages work under. The GraphiQL editor measures its lines with inline styles;
/// scripts come only from files of this server.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Routes that answer under every name: load balancers, kubelets and Prometheus call an address.
const UNDER_ANY_NAME: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Admits a request that calls one of our names; returns the function whose host it calls, if any.
///
/// # Errors
/// 400 when its host is missing or ambiguous, 421 when it calls somebody else.
pub(super) fn admit(head: &RequestHead, names: &Names, edge: &Edge) -> Result<Option<FunctionHost>, HttpError> {
    let unclear = |what| Err(HttpError::bad_request("bad_host", what));
    let mut hosts = head.headers.get_all(header::HOST);
    let named = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return unclear("the request has more than one header Host"),
        (named, None) => named.map(|value| value.to_str().unwrap_or_default()),
    };
    if named.is_some_and(|named| name_of(named).is_none()) {
        return unclear("the header Host is neither a name nor an address, with or without a port");
    }
    if UNDER_ANY_NAME.contains(&head.uri.path()) {
        // On a function's host these paths belong to the function.
        let whose = Origin::of_head(head, edge).host.map(|host| names.classify(edge, host));
        return Ok(match whose {
            Some(Whose::Function(function)) => Some(function),
            _ => None,
        });
    }
    // A request in absolute form (`GET http://name/`) names its host twice, and a proxy in between may have checked
    // either.
    if let (Some(authority), Some(named)) = (head.uri.authority(), named)
        && !authority.as_str().eq_ignore_ascii_case(named)
    {
        return unclear("the request's target and its header Host name different hosts");
    }
    let Some(host) = Origin::of_head(head, edge).host else {
        // Callers older than HTTP/1.1 do not send this header (RFC 9112, section 3.2).
        return match names {
            Names::Any if head.version < Version::HTTP_11 => Ok(None),
            _ => unclear("the request has no header Host"),
        };
    };
    match names.classify(edge, host) {
        Whose::Ours => Ok(None),
        Whose::Function(function) => Ok(Some(function)),
        Whose::Strange => {
            let shown: String = host.chars().filter(|c| !c.is_control()).take(100).collect();
            let message = format!("`{shown}` is not a name of this server: {}", names.expected());
            Err(HttpError::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", message))
        }
    }
}

/// The answer to a request that is not admitted. It closes the connection.
pub(super) fn answer(head: &RequestHead, error: &HttpError) -> HttpResponse {
    let id = RequestId::of(&head.headers);
    let mut response = error.response(&id.0);
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
    response.head_mut().set_connection_type(actix_http::ConnectionType::Close);
    response
}

/// The complete answer to a connection that cannot be admitted.
pub(super) fn no_place(full: &Full) -> String {
    let body = body(TOO_MANY_CONNECTIONS, &self::full(full));
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         retry-after: 1\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// The error code for a connection that cannot be admitted.
pub(super) const TOO_MANY_CONNECTIONS: &str = "too_many_connections";

/// Why a connection cannot be admitted.
pub(super) fn full(full: &Full) -> String {
    let what = match full {
        Full::Everywhere => "the server has as many connections as it takes",
        Full::Address => "this address has as many connections as one may have",
    };
    format!("{what}; try again in a moment")
}

/// An error as JSON. Neither code nor message may hold a character that JSON must escape.
pub(super) fn body(code: &str, message: &str) -> String {
    let id = crate::clock::new_id::<()>();
    format!("{{\"error\":{{\"code\":\"{code}\",\"message\":\"{message}\",\"request_id\":\"{id}\"}}}}")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn verdict(names: &Names, target: &str, hosts: &[&str]) -> Result<Option<String>, &'static str> {
        let mut request = TestRequest::with_uri(target);
        for host in hosts {
            request = request.append_header(("host", *host));
        }
        let edge = Edge { functions_host: Some("fn.example".into()), ..Edge::default() };
        let admitted = admit(request.to_http_request().head(), names, &edge);
        admitted.map(|function| function.map(|function| function.name)).map_err(|error| error.code)
    }

    #[test]
    fn whom_a_request_calls_must_be_clear_and_ours() {
        let (dev, any) = (&Names::Loopback, &Names::Any);
        type Row<'a> = (&'a Names, &'a str, &'a [&'a str], Result<Option<&'a str>, &'a str>);
        let table: [Row<'_>; 20] = [
            (dev, "/", &["localhost:8080"], Ok(None)),
            (dev, "/", &["evil.example"], Err("wrong_host")),
            (dev, "/function/hello", &["evil.example:8080"], Err("wrong_host")),
            (dev, "/", &["localhost", "evil.example"], Err("bad_host")),
            (dev, "/", &[], Err("bad_host")),
            (dev, "http://evil.example/", &["localhost"], Err("bad_host")),
            (dev, "http://evil.example/", &["evil.example"], Err("wrong_host")),
            (dev, "/healthz", &["10.1.2.3:8080"], Ok(None)),
            (dev, "/metrics", &[], Ok(None)),
            (any, "/", &["whatever.example"], Ok(None)),
            (any, "/", &["who ever"], Err("bad_host")),
            (dev, "/", &["a b"], Err("bad_host")),
            (any, "/healthz", &["a b"], Err("bad_host")),
            (any, "/", &["a:b"], Err("bad_host")),
            (any, "/", &["a/b"], Err("bad_host")),
            (any, "/", &["user@a"], Err("bad_host")),
            (any, "/", &[""], Err("bad_host")),
            (any, "/", &[], Err("bad_host")),
            (any, "/x", &["hello.fn.example"], Ok(Some("hello"))),
            (any, "/metrics", &["hello.fn.example"], Ok(Some("hello"))),
        ];
        for (names, target, hosts, expected) in table {
            let expected = expected.map(|name| name.map(str::to_owned));
            assert_eq!(verdict(names, target, hosts), expected, "{names:?} {target} {hosts:?}");
        }
    }
}
