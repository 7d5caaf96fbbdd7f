//! The session cookie of browsers: invisible to scripts, and accepted only for requests from this server's own pages.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode};

use super::token::TOKEN_LIFE;
use crate::edge::HttpError;
use crate::edge::origin::Origin;

/// The cookie's name without TLS.
pub const COOKIE: &str = "eventflow_session";

/// The cookie's name with TLS: browsers accept a cookie of such a name only from this very host, over https, for all of
/// its paths. Neither another host of the domain nor a page loaded without TLS can set it.
pub const SECURE_COOKIE: &str = "__Host-eventflow_session";

/// Whether a cookie has a name that only the platform may set and read.
pub(crate) fn is_platforms(name: &str) -> bool {
    let name = name.strip_prefix("__Host-").or_else(|| name.strip_prefix("__Secure-")).unwrap_or(name);
    name.get(..PREFIX.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(PREFIX))
}

/// The prefix of all of the platform's cookies.
const PREFIX: &str = "eventflow";

fn name(secure: bool) -> &'static str {
    if secure { SECURE_COOKIE } else { COOKIE }
}

/// The token in a request's cookie. A caller over https must have the cookie that no other host can set.
pub(crate) fn token(request: &HttpRequest) -> Option<Cookie<'static>> {
    let secure = request.cookie(SECURE_COOKIE);
    secure.or_else(|| request.cookie(COOKIE).filter(|_| !Origin::of(request).secure))
}

/// The cookie that carries a token.
pub(crate) fn carrying(token: String, secure: bool) -> Cookie<'static> {
    let life = i64::try_from(TOKEN_LIFE.as_secs()).unwrap_or(i64::MAX);
    let cookie =
        Cookie::build(name(secure), token).path("/").http_only(true).same_site(SameSite::Strict).secure(secure);
    cookie.max_age(CookieDuration::seconds(life)).finish()
}

/// The cookie that ends a session.
pub(crate) fn gone(secure: bool) -> Cookie<'static> {
    let cookie = Cookie::build(name(secure), "").path("/").http_only(true).same_site(SameSite::Strict).secure(secure);
    let mut cookie = cookie.finish();
    cookie.make_removal();
    cookie
}

/// Refuses requests that a page of another site made a browser send with the cookie. Requests that may change something
/// must come from this server's own pages. Requests that only read must not come from elsewhere as far as the browser
/// tells us: a GET, too, can call a function, and a query has its costs.
pub(crate) fn same_origin(request: &HttpRequest) -> Result<(), HttpError> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    // A WebSocket starts with a GET, is not bound by the same-origin policy, and may change anything.
    let socket = request.headers().contains_key(header::UPGRADE);
    let (headers, host) = (request.headers(), Origin::of(request).host);
    let allowed = match safe && !socket {
        true => !is_from_elsewhere(headers, host),
        false => is_from_here(headers, host, socket),
    };
    if allowed {
        return Ok(());
    }
    let message = match safe && !socket {
        true => {
            "another site led this browser here, so that the session's cookie is not good for this request: open the \
             address from this server's own pages or type it; a program sends `Authorization: Bearer TOKEN` instead"
        }
        false => {
            "a request with the session's cookie must come from this server's own pages (Origin), or carry \
             X-Requested-With; a program sends `Authorization: Bearer TOKEN` instead"
        }
    };
    Err(HttpError::new(StatusCode::FORBIDDEN, "cross_site", message))
}

/// Whether any header set by the browser shows that a page of another origin sent the request.
fn is_from_elsewhere(headers: &HeaderMap, host: Option<&str>) -> bool {
    let names_another = |name: header::HeaderName| {
        let same = |value: &header::HeaderValue| {
            let authority = value.to_str().map(authority).unwrap_or_default();
            host.is_some_and(|host| authority.eq_ignore_ascii_case(host))
        };
        headers.get(name).is_some_and(|value| !same(value))
    };
    is_led_here(headers) || names_another(header::ORIGIN) || names_another(header::REFERER)
}

/// The host and port of a URL or an origin; empty if it has none, as in `null`.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Refuses a request that the browser marks as sent by a page of another site. For signing in and out, where the cookie
/// does not protect yet or no longer: looking at a page must not sign anybody in as somebody else, or out.
///
/// # Errors
/// 403 `cross_site`.
pub(crate) fn not_from_elsewhere(request: &HttpRequest) -> Result<(), HttpError> {
    if !is_from_elsewhere(request.headers(), Origin::of(request).host) {
        return Ok(());
    }
    let message = "a page of another origin must not sign anybody in or out";
    Err(HttpError::new(StatusCode::FORBIDDEN, "cross_site", message))
}

fn is_from_here(headers: &HeaderMap, host: Option<&str>, socket: bool) -> bool {
    match headers.get(header::ORIGIN).map(|origin| origin.to_str()) {
        Some(Ok(origin)) => origin
            .split_once("://")
            .is_some_and(|(_, authority)| host.is_some_and(|host| authority.eq_ignore_ascii_case(host))),
        Some(Err(_)) => false,
        // A page of another site cannot set this header without a preflight, which is not granted. A browser's
        // statement of
        // the page's origin is trusted as well.
        None => !socket && headers.contains_key("x-requested-with") && !is_led_here(headers),
    }
}

/// Whether `Sec-Fetch-Site` shows that a page of another origin sent the request.
fn is_led_here(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn allowed(method: Method, headers: &[(&'static str, &str)]) -> bool {
        let request = TestRequest::default().method(method).insert_header(("host", "flow.example:8080"));
        let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
        same_origin(&request.to_http_request()).is_ok()
    }

    #[test]
    fn only_this_servers_own_pages_change_anything_with_the_cookie() {
        assert!(allowed(Method::GET, &[]));
        assert!(allowed(Method::GET, &[("sec-fetch-site", "none")]), "typed by hand");
        assert!(allowed(
            Method::GET,
            &[("sec-fetch-site", "same-origin"), ("referer", "http://flow.example:8080/a?b")]
        ));
        for led in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("referer", "https://evil.example/flow.example:8080"),
            ("referer", "https://flow.example:8080@evil.example/"),
        ] {
            assert!(!allowed(Method::GET, &[led]), "{led:?}");
        }
        assert!(!allowed(Method::POST, &[]));
        assert!(allowed(Method::POST, &[("x-requested-with", "EventFlow")]));
        assert!(allowed(Method::POST, &[("origin", "https://flow.example:8080")]));
        for stranger in
            ["https://evil.example", "https://flow.example", "null", "https://flow.example:8080.evil.example"]
        {
            assert!(!allowed(Method::POST, &[("origin", stranger), ("x-requested-with", "x")]), "{stranger}");
        }
    }

    #[test]
    fn nobody_is_signed_in_or_out_by_a_page_of_a_stranger() {
        let allowed = |headers: &[(&'static str, &str)]| {
            let request = TestRequest::default().method(Method::POST).insert_header(("host", "flow.example:8080"));
            let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
            not_from_elsewhere(&request.to_http_request()).is_ok()
        };
        assert!(allowed(&[]), "a program");
        assert!(allowed(&[("origin", "http://flow.example:8080")]));
        assert!(allowed(&[("sec-fetch-site", "same-origin")]));
        assert!(!allowed(&[("origin", "https://evil.example")]));
        assert!(!allowed(&[("origin", "null")]));
        assert!(!allowed(&[("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn a_browser_that_says_that_another_page_sent_the_request_is_believed() {
        let ours = ("x-requested-with", "EventFlow");
        assert!(allowed(Method::POST, &[ours, ("sec-fetch-site", "same-origin")]));
        assert!(allowed(Method::POST, &[ours, ("sec-fetch-site", "none")]));
        for site in ["cross-site", "same-site", "nonsense"] {
            assert!(!allowed(Method::POST, &[ours, ("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn a_socket_with_the_cookie_must_name_its_origin() {
        assert!(!allowed(Method::GET, &[("upgrade", "websocket")]));
        assert!(!allowed(Method::GET, &[("upgrade", "websocket"), ("origin", "https://evil.example")]));
        assert!(allowed(Method::GET, &[("upgrade", "websocket"), ("origin", "http://flow.example:8080")]));
    }
}
