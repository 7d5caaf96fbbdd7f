//! What a function says to a caller's browser, and a caller to a function, in headers and statuses.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::app::{Options, TestApp, json_of};
use crate::graphql::status;
use crate::victim::victim;
use crate::wire::Wire;

/// Answers with the headers and the status that the query asks for, and with the request's own headers as body.
const MIRROR: &str = r#"
const net = require("node:net");
net.createServer((socket) => {
  let text = "";
  socket.on("error", () => {});
  socket.on("data", (part) => {
    text += part;
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = text.slice(0, end);
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    if (text.length < end + 4 + length) return;
    const said = text.slice(end + 4, end + 4 + length);
    const [line, ...lines] = head.split("\r\n");
    text = "";
    const query = new URLSearchParams(line.split(" ")[1].split("?")[1] ?? "");
    const body = JSON.stringify({ line, said, headers: lines.map((line) => line.split(/: ?(.*)/s).slice(0, 2)) });
    const own = query.getAll("h").map((header) => header + "\r\n").join("");
    socket.write(`HTTP/1.1 ${query.get("status") ?? "200"} x\r\ncontent-length: ${body.length}\r\n${own}\r\n${body}`);
  });
}).listen(process.env.PORT);
"#;

async fn mirror(app: &TestApp) -> String {
    let manifest = r#"{ "runtime": "command", "command": ["node", "server.js"] }"#;
    app.running("mirror", &[("function.json", manifest), ("server.js", MIRROR)]).await
}

fn asking_for(headers: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in headers {
        query.append_pair("h", &format!("{name}: {value}"));
    }
    query.finish()
}

/// The headers of a name that the function got.
fn got(body: &Value, name: &str) -> Vec<String> {
    let headers = body["headers"].as_array().unwrap().iter();
    let of_name = headers.filter(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name));
    of_name.map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
}

const HARMFUL: [(&str, &str); 22] = [
    ("Clear-Site-Data", "\"*\""),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    ("Service-Worker-Allowed", "/"),
    ("Access-Control-Allow-Origin", "https://evil.example"),
    ("Access-Control-Allow-Credentials", "true"),
    ("NEL", "{}"),
    ("Report-To", "{}"),
    ("Reporting-Endpoints", "a=\"https://evil.example\""),
    ("Alt-Svc", "h2=\"evil.example:443\""),
    ("Public-Key-Pins", "x"),
    ("SourceMap", "https://evil.example"),
    ("Set-Login", "logged-out"),
    ("Refresh", "0; url=https://evil.example"),
    ("WWW-Authenticate", "Basic realm=\"Sign in again\""),
    ("X-Accel-Redirect", "/etc/passwd"),
    ("X-Sendfile", "/etc/passwd"),
    ("Origin-Agent-Cluster", "?0"),
    ("Accept-CH", "Sec-CH-UA-Model"),
    ("X-Call-Id", "forged"),
    ("X-Function-Version", "999"),
    ("X-EventFlow-Run", "forged"),
    ("Upgrade", "h2c"),
];

#[tokio::test]
async fn a_function_says_nothing_for_the_whole_origin() {
    let app = victim(Options::default()).await;
    mirror(&app).await;
    let harmless = [
        ("content-type", "text/html"),
        ("etag", "\"1\""),
        ("cache-control", "max-age=1"),
        ("vary", "accept"),
        ("x-mine", "yes"),
        ("retry-after", "3"),
    ];
    let query = asking_for(&[&HARMFUL[..], &harmless].concat());
    let answer = app.get(&format!("/function/mirror?{query}")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    for (name, value) in HARMFUL {
        assert!(answer.headers().get_all(name).iter().all(|found| found != value), "{name} passed");
    }
    for (name, value) in harmless {
        assert_eq!(answer.headers()[name], value);
    }
    assert!(answer.headers()["content-security-policy"].to_str().unwrap().contains("sandbox"));
}

#[tokio::test]
async fn a_function_leads_nobodys_session_to_another_function() {
    let app = victim(Options::default()).await;
    mirror(&app).await;
    let credentials = json!({ "username": "admin", "password": "admin" });
    let signed_in = app.request(Method::POST, "/auth/token?cookie=true").json(&credentials).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let host = app.url.strip_prefix("http://").unwrap();
    let port = host.rsplit(':').next().unwrap();
    let ways = [
        "/function/other/drop?all=1".to_owned(),
        "../other/drop".to_owned(),
        "./../../function/other".to_owned(),
        "/function/mirror/../other".to_owned(),
        "/function/mirror/%2e%2e/other".to_owned(),
        "\\function\\other".to_owned(),
        "http:/function/other".to_owned(),
        format!("http://{host}/function/other"),
        format!("//{host}/async-function/other"),
        format!("https://{host}/function/other"),
        format!("http://localhost:{port}/function/other"),
        format!("http://[::1]:{port}/auth/logout"),
        format!("http://127.1:{port}/graphql"),
        format!("http://user:pw@{host}/function/other"),
        "/graphql".to_owned(),
        "/v1/functions/other".to_owned(),
    ];
    for way in ways {
        for header in ["Location", "Content-Location"] {
            let query = format!("status=302&{}", asking_for(&[(header, way.as_str())]));
            let request = client.get(format!("{}/function/mirror/a?{query}", app.url)).header("cookie", &cookie);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 302, "{way}");
            let led = answer.headers()[header].to_str().unwrap();
            assert!(led.starts_with("/function/mirror/"), "{way} leads to {led}");
            let url = answer.url().join(led).unwrap();
            assert!(url.path().starts_with("/function/mirror/") && url.authority() == host, "{way} leads to {url}");
        }
    }
    // To another site it may lead: the session's cookie does not go there. What is no address leads nowhere.
    for (way, led) in [("https://example.com/a?b", Some("https://example.com/a?b")), ("http://[", None)] {
        let query = format!("status=302&{}", asking_for(&[("Location", way)]));
        let request = client.get(format!("{}/function/mirror?{query}", app.url)).header("cookie", &cookie);
        let answer = request.send().await.unwrap();
        let found = answer.headers().get("location").map(|value| value.to_str().unwrap());
        assert_eq!((answer.status().as_u16(), found), (302, led), "{way}");
    }
}

#[tokio::test]
async fn a_function_has_its_own_cookies_and_nobody_elses() {
    let app = victim(Options::default()).await;
    mirror(&app).await;
    let cookies = [
        ("Set-Cookie", "sid=1; Path=/; HttpOnly; Domain=example.com"),
        ("Set-Cookie", "eventflow_session=stolen; Path=/"),
        ("set-cookie", "__Host-eventflow_session=stolen; Path=/; Secure"),
    ];
    let answer = app.get(&format!("/function/mirror?{}", asking_for(&cookies))).send().await.unwrap();
    let set: Vec<_> = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(set.len(), 1, "{set:?}");
    assert!(set[0].starts_with("fn.default.mirror.sid=1;") && set[0].contains("Path=/function/mirror"), "{set:?}");
    assert!(!set[0].contains("Domain"), "{set:?}");

    let sent =
        "eventflow_session=t; __Host-eventflow_session=t; fn.default.mirror.sid=1; fn.default.other.sid=2; sso=3";
    let answer = app.get("/function/mirror").header("cookie", sent).send().await.unwrap();
    let body = json_of(answer, StatusCode::OK).await;
    assert_eq!(got(&body, "cookie"), ["sid=1"]);
    assert_eq!(got(&body, "authorization"), Vec::<String>::new());
}

#[tokio::test]
async fn a_status_that_is_none_is_an_error_of_the_function() {
    let app = victim(Options::default()).await;
    let id = mirror(&app).await;
    for status in ["101", "999", "600"] {
        let answer = app.get(&format!("/function/mirror?status={status}")).send().await.unwrap();
        let call = answer.headers().get("x-call-id").map(|id| id.to_str().unwrap().to_owned());
        let body = json_of(answer, StatusCode::BAD_GATEWAY).await;
        assert_eq!(body["error"]["code"], "bad_status", "{status}: {body}");
        assert!(body["error"]["message"].as_str().unwrap().contains(status), "{body}");
        assert_eq!(call, None);
        let run = app.run_where(&id, |run| run["error"].as_str().is_some_and(|error| error.contains(status))).await;
        assert_eq!(run["state"], "FAILED", "{run}");
    }
    // Recorded first and run by a worker, it is the same.
    let request = app.get("/function/mirror?status=999").header("idempotency-key", "k");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn headers_for_the_next_hop_end_here() {
    let app = victim(Options::default()).await;
    mirror(&app).await;
    let query = asking_for(&[
        ("Connection", "X-Hop, Cache-Control"),
        ("X-Hop", "1"),
        ("Cache-Control", "no-store"),
        ("X-Mine", "1"),
    ]);
    let request = format!(
        "GET /function/mirror?{query} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer dev-token\r\n\
         connection: X-Secret, close\r\nx-secret: 1\r\nx-open: 1\r\n\r\n"
    );
    let text = Wire::sending(&app, &request).await.answer().await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200") && head.contains("x-mine: 1"), "{head}");
    assert!(!head.contains("x-hop") && !head.contains("no-store"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!((got(&body, "x-secret").len(), got(&body, "x-open").len()), (0, 1), "{body}");
}

#[tokio::test]
async fn a_caller_does_not_send_what_only_the_platform_sends() {
    let app = victim(Options::default()).await;
    mirror(&app).await;
    let structured = |kind: &str| json!({ "specversion": "1.0", "id": "1", "source": "/s", "type": kind });
    for kind in ["webhook.received", "schedule.triggered", "http.invoke"] {
        for path in ["/function/mirror", "/async-function/mirror"] {
            let binary = app.post(path).header("ce-type", kind).header("ce-specversion", "1.0");
            let encoded = app.post(path).header("ce-type", kind.replace('.', "%2E")).header("ce-specversion", "1.0");
            let body = app.post(path).header("content-type", "Application/CloudEvents+json; charset=utf-8");
            let body = body.body(structured(kind).to_string());
            let batch = app.post(path).header("content-type", "application/cloudevents-batch+json");
            let batch = batch.body(json!([structured("a.b"), structured(kind)]).to_string());
            for request in [binary, encoded, body, batch] {
                let body = json_of(request.send().await.unwrap(), StatusCode::BAD_REQUEST).await;
                assert_eq!(body["error"]["code"], "reserved_type", "{path} {kind}: {body}");
            }
        }
        let published = app.post("/v1/events").header("content-type", "application/cloudevents+json");
        let published = published.body(structured(kind).to_string()).send().await.unwrap();
        assert_eq!(json_of(published, StatusCode::BAD_REQUEST).await["error"]["code"], "reserved_type", "{kind}");
        let mutation =
            "mutation($type: String!) { publishEvent(input: { type: $type }) { event { id } userErrors { code } } }";
        let data = app.graphql(mutation, json!({ "type": kind })).await;
        assert_eq!(data["publishEvent"]["userErrors"][0]["code"], "reserved_type", "{kind}");
    }
    // A member that is there twice is read by each reader as it likes.
    let twice = r#"{"specversion":"1.0","id":"1","source":"/","type":"a.b","type":"webhook.received"}"#;
    let request = app.post("/function/mirror").header("content-type", "application/cloudevents+json").body(twice);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    // Events of the caller's own are calls like any other.
    let request = app.post("/function/mirror").header("content-type", "application/cloudevents+json");
    let request = request.header("x-eventflow-event", "webhook.received").body(structured("order.placed").to_string());
    let body = json_of(request.send().await.unwrap(), StatusCode::OK).await;
    assert!(body["said"].as_str().unwrap().contains("order.placed"), "{body}");
    assert_eq!(got(&body, "x-eventflow-event"), Vec::<String>::new(), "nor does it claim to be a delivery");
}

#[tokio::test]
async fn a_wrapper_takes_nothing_for_an_event_that_the_platform_did_not_look_at() {
    let app = victim(Options::default()).await;
    let python = "def handler(event, context): return event.get('type')";
    app.running("python", &[("function.json", r#"{ "runtime": "python" }"#), ("main.py", python)]).await;
    let node = "exports.handler = (event) => event.type ?? null;";
    app.running("node", &[("function.json", r#"{ "runtime": "node" }"#), ("index.js", node)]).await;
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/s", "type": "webhook.received" }).to_string();
    let latin = |text: &[u8]| reqwest::header::HeaderValue::from_bytes(text).unwrap();
    for path in ["/function/python", "/function/node"] {
        for space in [b'\xa0', b'\x85'] {
            let kind = [&[space], b"application/cloudevents+json" as &[u8]].concat();
            let structured = app.post(path).header("content-type", latin(&kind)).body(event.clone());
            let of_type = app.post(path).header("ce-specversion", "1.0");
            let binary = of_type.header("ce-type", latin(&[&[space], b"webhook.received" as &[u8]].concat()));
            for request in [structured, binary] {
                let text = request.send().await.unwrap().text().await.unwrap();
                assert_ne!(text, "\"webhook.received\"", "{path} {space:#x}");
            }
        }
        // A byte order mark, another charset: an event of the platform's stays one.
        for body in [format!("\u{feff}{event}").into_bytes(), event.encode_utf16().flat_map(u16::to_be_bytes).collect()]
        {
            let kind = "application/cloudevents+json; charset=utf-16";
            let request = app.post(path).header("content-type", kind).body(body);
            assert_eq!(request.send().await.unwrap().status(), StatusCode::BAD_REQUEST, "{path}");
        }
    }
}

#[tokio::test]
async fn what_a_caller_says_of_proxies_does_not_reach_the_function() {
    let app = victim(Options::default()).await;
    mirror(&app).await;
    let request = app.get("/function/mirror").header("x-forwarded-for", "6.6.6.6").header("x-forwarded-proto", "https");
    let request =
        request.header("forwarded", "for=6.6.6.6").header("x-real-ip", "6.6.6.6").header("x-forwarded-host", "evil");
    let body = json_of(request.send().await.unwrap(), StatusCode::OK).await;
    assert!(!body.to_string().contains("6.6.6.6") && !body.to_string().contains("evil"), "{body}");
    assert_eq!(got(&body, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(got(&body, "x-forwarded-proto"), ["http"]);
    let host = app.url.strip_prefix("http://").unwrap();
    assert_eq!(got(&body, "host"), [host]);
    assert_eq!(got(&body, "x-forwarded-host"), [host]);
    assert_eq!(got(&body, "forwarded"), [format!("for=127.0.0.1;host=\"{host}\";proto=http")]);
    let request = app.get("/function/mirror/a").header("x-forwarded-prefix", "/evil");
    let body = json_of(request.send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(got(&body, "x-forwarded-prefix"), ["/function/mirror"]);
}

#[tokio::test]
async fn a_function_on_a_host_of_its_own_is_its_own_master_and_nothing_else_is_there() {
    let app = victim(Options::default().env("EVENTFLOW_FUNCTIONS_HOST", "fn.example.com")).await;
    let id = mirror(&app).await;
    let on_its_host =
        |method: Method, target: &str| app.request(method, target).header("host", "mirror.fn.example.com:8080");
    let query = asking_for(&[
        ("Access-Control-Allow-Origin", "https://shop.example"),
        ("Clear-Site-Data", "\"cookies\""),
        ("Set-Cookie", "sid=1; Path=/; Domain=fn.example.com"),
        ("Set-Cookie", "eventflow_session=x; Path=/"),
    ]);
    let answer = on_its_host(Method::GET, &format!("/some/where?{query}")).bearer_auth("dev-token");
    let answer = answer.header("cookie", "sid=1; eventflow_session=t").send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://shop.example");
    assert_eq!(answer.headers()["clear-site-data"], "\"cookies\"");
    assert!(!answer.headers().contains_key("content-security-policy"));
    let set: Vec<_> = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(set, ["sid=1; Path=/"]);
    let body = json_of(answer, StatusCode::OK).await;
    assert!(body["line"].as_str().unwrap().starts_with("GET /some/where?"), "{body}");
    assert_eq!(got(&body, "cookie"), ["sid=1"]);

    // Routes of the platform are not there: they are the function's paths.
    for path in ["/", "/graphql", "/v1/functions", "/healthz", "/function/hello"] {
        let body =
            json_of(on_its_host(Method::GET, path).bearer_auth("dev-token").send().await.unwrap(), StatusCode::OK)
                .await;
        assert!(body["line"].as_str().unwrap().starts_with(&format!("GET {path} ")), "{path}: {body}");
    }
    // A session of the platform does not count.
    let credentials = json!({ "username": "admin", "password": "admin" });
    let signed_in = app.request(Method::POST, "/auth/token?cookie=true").json(&credentials).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(on_its_host(Method::GET, "/").header("cookie", &cookie).send().await.unwrap().status(), 401);
    // A host without a function.
    let nobody = app.get("/").header("host", "nobody.fn.example.com").send().await.unwrap();
    assert_eq!(json_of(nobody, StatusCode::NOT_FOUND).await["error"]["code"], "function_not_found");
    assert_eq!(app.get("/").header("host", "fn.example.com").send().await.unwrap().status(), 421);

    // Links lead there, and the way through the platform goes on working as it did.
    let port = app.url.rsplit(':').next().unwrap();
    let data = app.graphql("query($id: ID!) { function(id: $id) { url } }", json!({ "id": id })).await;
    assert_eq!(data["function"]["url"], format!("http://mirror.fn.example.com:{port}/"));
    let through = app.get(&format!("/function/mirror?{query}")).send().await.unwrap();
    assert!(!through.headers().contains_key("access-control-allow-origin"));
    assert_eq!(through.status(), 200);
}

#[tokio::test]
async fn a_body_is_no_longer_than_it_says_also_where_the_connection_would_become_a_socket() {
    let app = victim(Options::default()).await;
    mirror(&app).await;
    let before = status(&app, "VmRSS:");
    let head = "POST /function/mirror HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer dev-token\r\n\
                Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n";
    let mut wire = Wire::sending(&app, head).await;
    let part = vec![b'a'; 1 << 20];
    for _ in 0..200 {
        if wire.0.write_all(&part).await.is_err() {
            break;
        }
    }
    let grew = status(&app, "VmHWM:").saturating_sub(before);
    assert!(grew < 100 << 10, "the memory grew by {grew} KiB");
    assert_eq!(app.get("/function/mirror").send().await.unwrap().status(), 200);
}
