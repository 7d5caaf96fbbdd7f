//! Messages to the letter (RFC 9110, RFC 9112): lengths, chunks, HEAD, old callers, bodies that are not wanted.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};
use crate::wire::Wire;

/// A program that answers a length, with or without saying it.
const SIZES: &str = r#"
require("node:http").createServer((request, response) => {
  const url = new URL(request.url, "http://x");
  const length = Number(url.searchParams.get("length") ?? 5);
  const known = url.searchParams.has("chunked") ? {} : { "content-length": length };
  if (url.pathname === "/fresh") return response.writeHead(304, { etag: '"1"', "content-length": length }).end();
  let body = 0;
  request.on("data", (part) => (body += part.length)).on("error", () => {}).on("end", () => {
    response.writeHead(200, { ...known, "x-body": body, "x-head": JSON.stringify(request.headers).length });
    response.end("x".repeat(length));
  });
}).listen(process.env.PORT);"#;

async fn sizes() -> TestApp {
    let app = TestApp::start().await;
    let manifest = r#"{ "runtime": "command", "command": ["node", "server.js"] }"#;
    app.running("sizes", &[("function.json", manifest), ("server.js", SIZES)]).await;
    app
}

fn lines(head: &str) -> String {
    format!("{head}\r\nhost: localhost\r\nauthorization: Bearer dev-token\r\n")
}

#[tokio::test]
async fn a_length_that_is_known_is_said_and_head_says_it_too() {
    let app = sizes().await;
    for length in [0, 5, 65_536, 65_537, 300_000] {
        for method in [Method::GET, Method::HEAD] {
            let path = format!("/function/sizes?length={length}");
            let answer = app.request(method.clone(), &path).bearer_auth("dev-token").send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.headers()["content-length"], length.to_string(), "{method} {length}");
            assert!(!answer.headers().contains_key("transfer-encoding"), "{method} {length}");
            let body = answer.bytes().await.unwrap();
            assert_eq!(body.len(), if method == Method::HEAD { 0 } else { length });
        }
    }
    // Without a length: chunks for GET, and nothing that would be wrong for HEAD.
    let answer = app.get("/function/sizes?length=9&chunked").send().await.unwrap();
    assert!(!answer.headers().contains_key("content-length"));
    assert_eq!(answer.bytes().await.unwrap().len(), 9);
    let answer = app.request(Method::HEAD, "/function/sizes?length=9&chunked").bearer_auth("dev-token");
    assert!(!answer.send().await.unwrap().headers().contains_key("content-length"));
    let answer = app.get("/function/sizes/fresh?length=7").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-length"]), (304, &"7".parse().unwrap()));
    // Each of them left its connection in order.
    let mut wire = Wire::sending(&app, &(lines("HEAD /function/sizes?length=70000 HTTP/1.1") + "\r\n")).await;
    let head = wire.head().await;
    assert!(head.contains("content-length: 70000"), "{head}");
    wire.send(&(lines("GET /function/sizes?length=3 HTTP/1.1") + "connection: close\r\n\r\n")).await;
    let text = wire.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("\r\n\r\nxxx"), "{text}");
}

#[tokio::test]
async fn callers_of_http_1_0_get_no_chunks() {
    let app = sizes().await;
    for path in
        ["/function/sizes?length=9&chunked", "/function/sizes?length=100000&chunked", "/v1/functions/sizes/logs"]
    {
        let text = Wire::sending(&app, &(lines(&format!("GET {path} HTTP/1.0")) + "\r\n")).await.until_closed().await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200") && !head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
        if let Some(length) = path.split("length=").nth(1) {
            assert_eq!(body.len(), length.split('&').next().unwrap().parse::<usize>().unwrap(), "{head}");
            assert!(body.bytes().all(|byte| byte == b'x'), "{head}");
        }
    }
}

/// Requests that are no HTTP, or that two servers could read differently: each is answered 400, and its connection ends.
const BROKEN: [(&str, &str); 20] = [
    ("content-length: 5\r\ncontent-length: 6", "hello"),
    ("content-length: 5, 6", "hello"),
    ("content-length: +5", "hello"),
    ("content-length: -1", "hello"),
    ("content-length: 5x", "hello"),
    ("content-length: 0x5", "hello"),
    ("content-length: 5\r\ntransfer-encoding: chunked", "0\r\n\r\n"),
    ("transfer-encoding: chunked, identity", "0\r\n\r\n"),
    ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", "0\r\n\r\n"),
    ("transfer-encoding: xchunked", "0\r\n\r\n"),
    ("transfer-encoding: chunked", "x\r\nhello\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "-5\r\nhello\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "5\r\nhelloX\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "5\r\nhello0\r\n\r\n"),
    ("transfer-encoding: chunked", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    ("transfer-encoding : chunked", "0\r\n\r\n"),
    ("x-a : b", ""),
    ("x a: b", ""),
    ("x-a: b\r\n folded", ""),
    (": b", ""),
];

#[tokio::test]
async fn what_is_no_http_is_400() {
    let app = sizes().await;
    for (path, begin) in [("/function/sizes", "POST"), ("/auth/token", "POST")] {
        for (header, body) in BROKEN {
            let request = lines(&format!("{begin} {path} HTTP/1.1")) + header + "\r\n\r\n" + body;
            let text = Wire::sending(&app, &request).await.until_closed().await;
            assert!(text.starts_with("HTTP/1.1 400 "), "{path} {header:?} {body:?}: {text}");
            assert!(!text.contains("HTTP/1.1 200"), "{path} {header:?} {body:?}: {text}");
        }
    }
    for host in ["a b", "a/b", "a:b", "a@b", "[::1", ""] {
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let text = Wire::sending(&app, &request).await.until_closed().await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{host:?}: {text}");
    }
    // A body that breaks off half-way is no request.
    let half = lines("POST /function/sizes HTTP/1.1") + "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n";
    let text = Wire::sending(&app, &half).await.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
    assert_eq!(app.get("/function/sizes").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_is_asked_for_only_where_it_is_wanted() {
    let app = TestApp::start_with(Options::default().env("EVENTFLOW_MAX_BODY", "1000000")).await;
    let manifest = r#"{ "runtime": "command", "command": ["node", "server.js"] }"#;
    app.running("sizes", &[("function.json", manifest), ("server.js", SIZES)]).await;
    let ask = async |path: &str, headers: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n{headers}\r\n\r\n");
        let mut wire = Wire::sending(&app, &head).await;
        let first = wire.answer().await;
        (first.split("\r\n").next().unwrap().to_owned(), wire)
    };
    let known = "authorization: Bearer dev-token\r\n";
    for (path, headers, status) in [
        ("/function/sizes", "content-length: 5".to_owned(), "401"),
        ("/v1/events", "content-length: 5".to_owned(), "401"),
        ("/function/sizes", "authorization: Bearer wrong\r\ncontent-length: 5".to_owned(), "401"),
        ("/function/sizes", format!("{known}content-length: 1000001"), "413"),
        ("/function/nobody", format!("{known}content-length: 5"), "404"),
        ("/async-function/nobody", format!("{known}content-length: 5"), "404"),
        ("/function/sizes", format!("{known}host: evil.example\r\ncontent-length: 5"), "400"),
    ] {
        let (first, mut wire) = ask(path, &headers).await;
        assert!(first.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {headers}: {first}");
        // Whatever the caller sends now is not taken for a request.
        wire.until_closed().await;
    }
    for (path, kind) in [("/function/sizes", "text/plain"), ("/auth/token", "application/json")] {
        let (first, mut wire) = ask(path, &format!("{known}content-type: {kind}\r\ncontent-length: 5")).await;
        assert_eq!(first, "HTTP/1.1 100 Continue", "{path}");
        wire.send("hello").await;
        let text = wire.answer().await;
        let status = if path == "/auth/token" { "400" } else { "200" };
        assert!(text.contains(&format!("HTTP/1.1 {status} ")), "{path}: {text}");
    }
}

#[tokio::test]
async fn what_connection_names_is_neither_handed_on_nor_recorded() {
    let app = TestApp::start().await;
    app.running("mirror", &[("index.js", "exports.handler = async (event) => event.http.headers;")]).await;
    let request = |path: &str| {
        lines(&format!("GET {path} HTTP/1.1"))
            + "connection: X-Secret, cookie, close\r\nx-secret: 1\r\nx-open: 1\r\ncookie: fn.default.mirror.a=1\r\n"
    };
    let text = Wire::sending(&app, &(request("/function/mirror") + "\r\n")).await.until_closed().await;
    let headers: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((headers.get("x-secret"), headers.get("cookie"), &headers["x-open"]), (None, None, &json!("1")));
    let keyed = request("/function/mirror") + "idempotency-key: k\r\n\r\n";
    let text = Wire::sending(&app, &keyed).await.until_closed().await;
    let headers: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((headers.get("x-secret"), &headers["x-open"]), (None, &json!("1")));
    let body = json_of(app.get("/function/mirror").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(body.get("connection"), None);
}
