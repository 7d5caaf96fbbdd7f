//! Entry points for fuzzing: a caller's head on its way to a function, a function's head on its way back, and WebSocket
//! frames. See `fuzz/` and `tests/it/corpora.rs`.

use std::path::Path;

use actix_web::http::header::HeaderMap;
use actix_web::http::uri::Uri;
use actix_web::test::TestRequest;
use bytes::Bytes;
use tokio::time::Instant;
use url::Url;

use super::address::Address;
use super::cookies::Jar;
use super::frames::Frames;
use super::passing::{Named, Origin, passes};
use super::request::to_function;
use crate::config::Settings;
use crate::edge::fuzz::head_and_body;
use crate::leasing::RequestBody;

/// Headers for a single hop, or for the platform only.
const NEVER: [&str; 12] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "authorization",
    "x-call-id",
];

/// Headers that the gateway sets for a function, whatever the caller sent.
const MADE: [&str; 5] = ["host", "forwarded", "x-forwarded-host", "x-forwarded-proto", "x-eventflow-deadline"];

/// Headers that a function on the platform's origin must not send to a browser.
const NEVER_SAID: [&str; 8] = [
    "clear-site-data",
    "strict-transport-security",
    "service-worker-allowed",
    "access-control-allow-origin",
    "nel",
    "report-to",
    "reporting-endpoints",
    "alt-svc",
];

/// The platform's session cookies, in lower case.
const SESSIONS: [&str; 2] = ["eventflow_session", "__host-eventflow_session"];

fn jars() -> [Jar<'static>; 2] {
    [Jar::of(Origin::Shared, "default", "shop", "/function/shop"), Jar::of(Origin::Own, "default", "shop", "")]
}

/// A call on its way through the gateway: the first line is its target, then come head and body.
pub fn call(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (target, rest) = data.split_at(end);
    let (headers, body) = head_and_body(rest.get(1..).unwrap_or_default());
    request(std::str::from_utf8(target).unwrap_or("/"), &headers, body);
}

/// A function's answer on its way back.
pub fn answered(data: &[u8]) {
    answer(&head_and_body(data).0);
}

/// WebSocket frames, preceded by a byte that determines the sender and the maximum length of messages.
pub fn websocket_frames(data: &[u8]) {
    if let Some((how, frames)) = data.split_first() {
        self::frames(how & 1 == 1, usize::from(how >> 1), frames);
    }
}

/// A caller's request, as the function sees it.
fn request(target: &str, headers: &HeaderMap, body: &[u8]) {
    let Ok(uri) = target.parse::<Uri>() else { return };
    let made = headers.iter().fold(TestRequest::default().uri(&uri.to_string()), |made, (name, value)| {
        made.append_header((name.clone(), value.clone()))
    });
    let request = made.to_http_request();
    for jar in jars() {
        let body = RequestBody::Full(Bytes::copy_from_slice(body));
        let settings = settings();
        let address = Address::of(&request, request.uri().path(), jar.origin(), &settings);
        let call = to_function(&request, &address, body, Instant::now(), &jar);
        for name in MADE {
            assert_eq!(call.headers().get_all(name).iter().count(), 1, "the function got `{name}` other than once");
        }
        assert_eq!(call.headers()["host"], call.headers()["x-forwarded-host"]);
        for name in call.headers().keys().filter(|name| name.as_str().starts_with("x-forwarded-")) {
            assert!(MADE.contains(&name.as_str()), "the function got the caller's `{name}`");
        }
        for name in NEVER {
            assert!(!call.headers().contains_key(name), "the function got `{name}`");
        }
        let sent = headers.get_all("cookie").map(|value| String::from_utf8_lossy(value.as_bytes()));
        let sent: Vec<_> = sent.collect();
        for pair in call.headers().get_all("cookie").iter().filter_map(|value| value.to_str().ok()) {
            for pair in pair.split(';').map(str::trim) {
                let name = pair.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
                let own = format!("fn.default.shop.{pair}");
                match jar.origin() {
                    Origin::Shared => assert!(sent.iter().any(|sent| sent.contains(&own)), "the function got `{pair}`"),
                    Origin::Own => assert!(!SESSIONS.contains(&name.as_str()), "the function got `{pair}`"),
                }
            }
        }
        let named = Named::of(request.headers().get_all("connection").map(|value| value.as_bytes()));
        for name in call.headers().keys().filter(|name| *name != "host" && *name != "cookie") {
            let made = MADE.contains(&name.as_str()) || name.as_str().starts_with("x-eventflow-");
            assert!(made || !named.contain(name.as_str()), "the function got `{name}`, which Connection names");
        }
    }
}

fn settings() -> Settings {
    Settings::new(Path::new("/nowhere"))
}

/// An address in an answer leads to another site or below the function's own path.
fn answered_address(jar: &Jar<'_>, headers: &HeaderMap) {
    let request = TestRequest::with_uri("/function/shop/a/b").insert_header(("host", "flow.example")).to_http_request();
    let settings = settings();
    let address = Address::of(&request, "/a/b", jar.origin(), &settings);
    let base = Url::parse("http://flow.example/function/shop/a/b").expect("it is a URL");
    for value in headers.get_all("location") {
        let Some(mapped) = address.outward(value.as_bytes()) else { continue };
        if jar.origin() == Origin::Shared
            && let Ok(url) = base.join(&mapped)
            && url.host_str() == base.host_str()
            && url.port_or_known_default() == base.port_or_known_default()
            && url.scheme().starts_with("http")
        {
            let own = url.path().strip_prefix("/function/shop").expect("it is the function's own");
            assert!(own.is_empty() || own.starts_with('/'), "{mapped}");
        }
    }
}

/// A function's answer, as a caller sees it.
fn answer(headers: &HeaderMap) {
    for jar in jars() {
        for (name, value) in headers {
            let passed = passes(name.as_str(), value.as_bytes(), jar.origin());
            let never = NEVER.contains(&name.as_str()) && name != "authorization";
            assert!(!(passed && never), "the caller got `{name}`");
            let shared = jar.origin() == Origin::Shared && NEVER_SAID.contains(&name.as_str());
            assert!(!(passed && shared), "the caller got `{name}` on the platform's origin");
        }
        answered_address(&jar, headers);
        let set = jar.outward(headers.get_all("set-cookie").map(|value| value.as_bytes()));
        for cookie in set {
            assert!(!cookie.contains(['\r', '\n', '\0']), "{cookie:?}");
            let name = cookie.split('=').next().unwrap_or_default();
            assert!(!SESSIONS.contains(&name.to_ascii_lowercase().as_str()), "{cookie}");
            if jar.origin() == Origin::Shared {
                assert!(name.starts_with("fn.default.shop."), "{cookie}");
                let path = cookie.split(';').map(str::trim).filter_map(|part| part.strip_prefix("Path="));
                assert!(path.clone().count() == 1, "{cookie}");
                assert!(
                    path.into_iter().all(|path| path == "/function/shop" || path.starts_with("/function/shop/")),
                    "{cookie}"
                );
            }
        }
    }
}

/// One direction of a WebSocket: the result does not depend on how it is split, and no message that passes is too long.
fn frames(masked: bool, limit: usize, bytes: &[u8]) {
    let mut whole = Frames::new(masked, limit);
    let result = whole.look(bytes);
    let mut cut = Frames::new(masked, limit);
    let pieces = bytes.chunks(3).try_for_each(|piece| cut.look(piece));
    assert_eq!(result, pieces);
    assert_eq!((whole.messages, whole.bytes, whole.code()), (cut.messages, cut.bytes, cut.code()));
    assert!(whole.messages <= bytes.len() as u64 / 2);
    assert!(
        whole.bytes <= (bytes.len() as u64 / 2 + 1) * limit as u64,
        "a frame of a message is no longer than it may be"
    );
    assert!(whole.is_closing() || whole.code().is_none());
}
