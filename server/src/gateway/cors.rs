//! CORS (Fetch standard): the gateway answers preflight requests without a token, and adds the headers that a
//! function's http trigger allows to every answer.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use domain::manifest::Cors;

use crate::edge::HttpError;

/// Headers of an answer that cross-origin pages may read, in addition to the standard ones.
const EXPOSED: &str = "Location, Retry-After, X-Call-Id, X-Duration-Seconds, X-Function-Version, X-Request-Id";

/// The headers that a preflight response depends on.
const ASKED: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/// The CORS headers of an answer.
#[derive(Debug, Default)]
pub(super) struct CorsHeaders(Vec<(HeaderName, HeaderValue)>);

impl CorsHeaders {
    /// The headers for an answer to a request.
    pub(super) fn of(request: &HttpRequest, cors: &Cors) -> Self {
        let mut cors_headers = Self::default();
        if !cors.allows_all() {
            cors_headers.add(header::VARY, "Origin");
        }
        if let Some(origin) = origin(request).filter(|origin| cors.allows(origin)) {
            cors_headers.allow(cors, origin);
            cors_headers.add(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        cors_headers
    }

    /// Adds them to an answer, replacing the function's own CORS headers.
    pub(super) fn put(self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let theirs = headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
        for name in theirs.cloned().collect::<Vec<_>>() {
            headers.remove(name);
        }
        for (name, value) in self.0 {
            headers.append(name, value);
        }
    }

    fn allow(&mut self, cors: &Cors, origin: &str) {
        let origin = if cors.allows_all() { "*" } else { origin };
        self.add(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if cors.credentials {
            self.add(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
    }

    fn add(&mut self, name: HeaderName, value: &str) {
        self.0.extend(HeaderValue::from_str(value).map(|value| (name, value)));
    }
}

/// The preflight response; `None` if the request is not a preflight request.
pub(super) fn preflight(request: &HttpRequest, cors: &Cors) -> Option<Result<HttpResponse, HttpError>> {
    let origin = origin(request)?;
    if *request.method() != Method::OPTIONS || !request.headers().contains_key("access-control-request-method") {
        return None;
    }
    if !cors.allows(origin) {
        let message =
            "pages of this origin may not call the function: `cors` in its http trigger does not name the origin";
        return Some(Err(HttpError::new(StatusCode::FORBIDDEN, "cors_origin", message)));
    }
    let mut cors_headers = CorsHeaders::default();
    cors_headers.add(header::VARY, ASKED);
    cors_headers.allow(cors, origin);
    cors_headers.add(header::ACCESS_CONTROL_ALLOW_METHODS, &cors.methods.join(", "));
    // A wildcard would be taken literally with credentials, and never includes Authorization, so the requested headers
    // are listed.
    let wanted = request.headers().get("access-control-request-headers").and_then(|value| value.to_str().ok());
    let headers = match cors.headers.iter().any(|name| name == "*") {
        true => wanted.unwrap_or_default().to_owned(),
        false => cors.headers.join(", "),
    };
    if !headers.is_empty() {
        cors_headers.add(header::ACCESS_CONTROL_ALLOW_HEADERS, &headers);
    }
    cors_headers.add(header::ACCESS_CONTROL_MAX_AGE, &cors.max_age_s.to_string());
    let mut response = HttpResponse::NoContent().finish();
    cors_headers.put(response.headers_mut());
    Some(Ok(response))
}

fn origin(request: &HttpRequest) -> Option<&str> {
    request.headers().get(header::ORIGIN)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    fn cors(value: serde_json::Value) -> Cors {
        serde_json::from_value(value).unwrap()
    }

    fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
        headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn asked(
        cors: &Cors,
        origin: &str,
        method: &str,
        headers: Option<&str>,
    ) -> Option<Result<HttpResponse, HttpError>> {
        let request = TestRequest::default().method(Method::OPTIONS).insert_header(("origin", origin));
        let request = request.insert_header(("access-control-request-method", method));
        let request = match headers {
            Some(headers) => request.insert_header(("access-control-request-headers", headers)),
            None => request,
        };
        preflight(&request.to_http_request(), cors)
    }

    #[test]
    fn a_browsers_question_is_answered_by_what_the_trigger_says() {
        let named = cors(json!({
            "origins": ["https://shop.example", "http://localhost:3000"], "methods": ["GET", "PUT"], "headers": ["x-own"],
            "credentials": true, "max_age_s": 5
        }));
        let answer = asked(&named, "http://localhost:3000", "PUT", Some("x-own")).unwrap().unwrap();
        assert_eq!(answer.status(), 204);
        for (name, value) in [
            ("access-control-allow-origin", "http://localhost:3000"),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-headers", "x-own"),
            ("access-control-max-age", "5"),
            ("vary", ASKED),
        ] {
            assert_eq!(header(answer.headers(), name), Some(value), "{name}");
        }
        for stranger in ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null"] {
            let error = asked(&named, stranger, "GET", None).unwrap().unwrap_err();
            assert_eq!((error.status.as_u16(), error.code), (403, "cors_origin"), "{stranger}");
        }
        let all = cors(json!({ "origins": ["*"], "headers": ["*"] }));
        let answer = asked(&all, "https://any.example", "POST", Some("authorization, x-a")).unwrap().unwrap();
        assert_eq!(header(answer.headers(), "access-control-allow-origin"), Some("*"));
        assert_eq!(header(answer.headers(), "access-control-allow-headers"), Some("authorization, x-a"));
        assert_eq!(header(answer.headers(), "access-control-allow-credentials"), None);
    }

    #[test]
    fn only_a_browsers_question_is_answered() {
        let all = cors(json!({ "origins": ["*"] }));
        let of = |request: TestRequest| preflight(&request.to_http_request(), &all).is_some();
        let options = || TestRequest::default().method(Method::OPTIONS);
        let method = ("access-control-request-method", "GET");
        assert!(of(options().insert_header(("origin", "https://a")).insert_header(method)));
        assert!(!of(options().insert_header(("origin", "https://a"))), "a request of the function's own");
        assert!(!of(options().insert_header(method)));
        assert!(!of(TestRequest::default().insert_header(("origin", "https://a")).insert_header(method)));
    }

    #[test]
    fn an_answer_says_who_may_read_it_whatever_the_function_says() {
        let cors_headers = |cors: &Cors, origin: Option<&str>| {
            let request = origin
                .into_iter()
                .fold(TestRequest::default(), |request, origin| request.insert_header(("origin", origin.to_owned())));
            let mut headers = HeaderMap::new();
            let theirs = HeaderName::from_static("access-control-allow-origin");
            headers.insert(theirs, HeaderValue::from_static("https://evil.example"));
            CorsHeaders::of(&request.to_http_request(), cors).put(&mut headers);
            let found = header(&headers, "access-control-allow-origin").map(str::to_owned);
            (found, header(&headers, "vary").map(str::to_owned))
        };
        let named = cors(json!({ "origins": ["https://shop.example"] }));
        let vary = Some("Origin".to_owned());
        assert_eq!(
            cors_headers(&named, Some("https://shop.example")),
            (Some("https://shop.example".into()), vary.clone())
        );
        assert_eq!(cors_headers(&named, Some("https://evil.example")), (None, vary.clone()));
        assert_eq!(cors_headers(&named, None), (None, vary));
        let all = cors(json!({ "origins": ["*"] }));
        assert_eq!(cors_headers(&all, Some("https://any.example")), (Some("*".into()), None));
    }
}
