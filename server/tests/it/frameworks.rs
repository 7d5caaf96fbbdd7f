//! Applications as people write them with Flask, Django, Express and FastAPI, behind the gateway: their redirects and links
//! stay below `/function/NAME`, their sessions and their protection against forged forms work.

use std::collections::BTreeMap;

use futures::{SinkExt, StreamExt};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use url::Url;

use crate::app::{PATIENCE, TestApp};

/// A browser that is signed in by a token, and looks at one function.
struct Browser<'a> {
    app: &'a TestApp,
    client: Client,
    /// The path below which everything must stay.
    prefix: String,
    /// Cookies by name: the value, and the path that they are for.
    cookies: BTreeMap<String, (String, String)>,
}

impl<'a> Browser<'a> {
    fn at(app: &'a TestApp, function: &str) -> Self {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { app, client, prefix: format!("/function/{function}"), cookies: BTreeMap::new() }
    }

    fn own(&self, path: &str) -> bool {
        path.strip_prefix(&self.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for set in headers.get_all("set-cookie") {
            let mut parts = set.to_str().unwrap().split(';').map(str::trim);
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let path = parts.find_map(|part| part.strip_prefix("Path=")).expect("the cookie has a path");
            assert!(self.own(path), "{set:?} is for more than the function");
            self.cookies.insert(name.to_owned(), (value.to_owned(), path.to_owned()));
        }
    }

    /// Asks as a browser does, and follows where it is led, which must be below the function's path.
    async fn ask(&mut self, method: Method, path: &str, form: &str, headers: &[(&str, &str)]) -> (StatusCode, Value) {
        let mut url = Url::parse(&format!("{}{}{path}", self.app.url, self.prefix)).unwrap();
        let (mut method, mut form) = (method, form);
        for _ in 0..5 {
            let sent = self.cookies.iter().filter(|(_, (_, path))| url.path().starts_with(path.as_str()));
            let sent: Vec<_> = sent.map(|(name, (value, _))| format!("{name}={value}")).collect();
            let request = self.client.request(method.clone(), url.clone()).bearer_auth("dev-token").timeout(PATIENCE);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let request = if sent.is_empty() { request } else { request.header("cookie", sent.join("; ")) };
            let request = match form {
                "" => request,
                form => request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned()),
            };
            let answer = request.send().await.unwrap();
            self.keep(answer.headers());
            if !answer.status().is_redirection() {
                let status = answer.status();
                let text = answer.text().await.unwrap();
                return (status, serde_json::from_str(&text).unwrap_or(Value::String(text)));
            }
            let location = answer.headers()["location"].to_str().unwrap().to_owned();
            let next = url.join(&location).unwrap();
            assert_eq!(next.authority(), url.authority(), "{url} leads to {location}");
            assert!(self.own(next.path()), "{url} leads to {location}");
            url = next;
            if matches!(answer.status().as_u16(), 301..=303) {
                (method, form) = (Method::GET, "");
            }
        }
        panic!("{url} leads nowhere");
    }

    async fn get(&mut self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, "", &[]).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }
}

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn socket(app: &TestApp, path: &str) -> Socket {
    let mut request = format!("{}{path}", app.url.replace("http", "ws")).into_client_request().unwrap();
    request.headers_mut().insert("authorization", "Bearer dev-token".parse().unwrap());
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

async fn text_of(socket: &mut Socket) -> String {
    let message = timeout(PATIENCE, socket.next()).await.expect("a message within a minute");
    message.expect("the socket is open").unwrap().to_text().unwrap().to_owned()
}

fn with_one_instance(manifest: Value) -> String {
    let mut manifest = manifest;
    manifest["scaling"] = json!({ "max": 1 });
    manifest["resources"] = json!({ "memory_mb": 512 });
    manifest.to_string()
}

#[tokio::test]
async fn flask_lives_below_the_functions_path() {
    let app = TestApp::start().await;
    let manifest = with_one_instance(json!({ "runtime": "python-flask" }));
    let files = [
        ("function.json", manifest.as_str()),
        ("requirements.txt", "Flask==3.1.3\n"),
        ("app.py", include_str!("frameworks/flask.py")),
    ];
    app.running("flask", &files).await;
    let mut browser = Browser::at(&app, "flask");
    let root = format!("{}/function/flask/", app.url);
    let home = browser.get("").await;
    assert_eq!((&home["user"], &home["url"], &home["root"]), (&Value::Null, &json!(root), &json!(root)));
    assert_eq!((&home["link"], &home["address"]), (&json!("/function/flask/shop/7/"), &json!("127.0.0.1")));
    assert_eq!(home["absolute"], format!("{root}shop/7/"));
    // A session, which is a cookie.
    let (status, home) = browser.ask(Method::POST, "/login", "user=Ada", &[]).await;
    assert_eq!((status, &home["user"]), (StatusCode::OK, &json!("Ada")), "{home}");
    // The slash that a route ends with; addresses from the root, relative ones, and other sites.
    assert_eq!(browser.get("/shop/3").await, json!({ "item": 3, "user": "Ada" }));
    assert_eq!(browser.get("/plain").await["user"], "Ada");
    assert_eq!(browser.get("/relative/way").await["user"], "Ada");
    let request = browser.client.get(format!("{root}elsewhere")).bearer_auth("dev-token").send().await.unwrap();
    assert_eq!(request.headers()["location"], "https://example.com/next?a=b");
    // Recorded first and run by a worker, it lives at the same place.
    let recorded = app.get("/function/flask").header("idempotency-key", "k").send().await.unwrap();
    assert_eq!(recorded.json::<Value>().await.unwrap()["absolute"], format!("{root}shop/7/"));
}

#[tokio::test]
async fn django_lives_below_the_functions_path_and_its_forms_are_protected() {
    let app = TestApp::start().await;
    let manifest = with_one_instance(json!({ "runtime": "python-flask" }));
    let files = [
        ("function.json", manifest.as_str()),
        ("requirements.txt", "Django==5.2.19\n"),
        ("app.py", include_str!("frameworks/django.py")),
    ];
    app.running("django", &files).await;
    let mut browser = Browser::at(&app, "django");
    let home = browser.get("/").await;
    assert_eq!(home["url"], format!("{}/function/django/", app.url));
    assert_eq!((&home["link"], &home["address"]), (&json!("/function/django/shop/"), &json!("127.0.0.1")));
    // Without its token, or from another origin, a form is refused; with both it is taken.
    let origin = app.url.clone();
    let token = browser.get("/login").await["token"].as_str().unwrap().to_owned();
    let form = format!("user=Ada&csrfmiddlewaretoken={token}");
    let (status, _) = browser.ask(Method::POST, "/login/", "user=Eve", &[("origin", &origin)]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = browser.ask(Method::POST, "/login/", &form, &[("origin", "https://evil.example")]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, home) = browser.ask(Method::POST, "/login/", &form, &[("origin", &origin)]).await;
    assert_eq!((status, &home["user"]), (StatusCode::OK, &json!("Ada")), "{home}");
    assert_eq!(browser.get("/shop").await["user"], "Ada");
}

#[tokio::test]
async fn express_stays_below_the_functions_path_though_it_does_not_know_it() {
    let app = TestApp::start().await;
    let manifest = with_one_instance(json!({ "runtime": "command", "command": ["node", "server.js"] }));
    let package = r#"{ "private": true, "dependencies": { "express": "5.1.0", "express-session": "1.18.2", "socket.io": "4.8.1" } }"#;
    let files = [
        ("function.json", manifest.as_str()),
        ("package.json", package),
        ("server.js", include_str!("frameworks/express.js")),
    ];
    app.running("express", &files).await;
    let mut browser = Browser::at(&app, "express");
    let host = app.url.strip_prefix("http://").unwrap();
    let home = browser.get("").await;
    assert_eq!((&home["protocol"], &home["ip"], &home["host"]), (&json!("http"), &json!("127.0.0.1"), &json!(host)));
    assert_eq!(home["prefix"], "/function/express");
    let (status, home) = browser.ask(Method::POST, "/login", "user=Ada", &[]).await;
    assert_eq!((status, &home["user"]), (StatusCode::OK, &json!("Ada")), "{home}");
    // A cookie for a part of its paths comes back there.
    for path in ["/shop/cart", "/absolute", "/shop/back"] {
        let cookie = browser.get(path).await["cookie"].as_str().unwrap().to_owned();
        assert!(cookie.contains("seen=yes") && cookie.contains("connect.sid="), "{path}: {cookie}");
    }
    assert_eq!(browser.get("").await["user"], "Ada");
    // Socket.IO, as its clients speak it: Engine.IO opens, the namespace is joined, and events pass.
    let mut socket = socket(&app, "/function/express/socket.io/?EIO=4&transport=websocket").await;
    assert!(text_of(&mut socket).await.starts_with("0{"));
    socket.send(Message::text("40")).await.unwrap();
    assert!(text_of(&mut socket).await.starts_with("40{"));
    socket.send(Message::text("42[\"echo\",\"hello\"]")).await.unwrap();
    assert_eq!(text_of(&mut socket).await, "42[\"echo\",\"hello\"]");
}

#[tokio::test]
async fn fastapi_lives_below_the_functions_path() {
    let app = TestApp::start().await;
    let manifest = with_one_instance(json!({ "runtime": "command", "command": ["python3", "main.py"] }));
    let files = [
        ("function.json", manifest.as_str()),
        (
            "requirements.txt",
            "fastapi==0.121.3\nuvicorn==0.38.0\nitsdangerous==2.2.0\nwebsockets==15.0.1\npython-multipart==0.0.20\n",
        ),
        ("main.py", include_str!("frameworks/fastapi.py")),
    ];
    app.running("fastapi", &files).await;
    let mut browser = Browser::at(&app, "fastapi");
    let home = browser.get("/").await;
    let root = format!("{}/function/fastapi/", app.url);
    assert_eq!((&home["url"], &home["link"]), (&json!(root), &json!(format!("{root}shop/"))));
    assert_eq!(home["address"], "127.0.0.1");
    let (status, home) = browser.ask(Method::POST, "/login", "user=Ada", &[]).await;
    assert_eq!((status, &home["user"]), (StatusCode::OK, &json!("Ada")), "{home}");
    assert_eq!(browser.get("/shop").await["user"], "Ada");
    let mut socket = socket(&app, "/function/fastapi/echo").await;
    assert_eq!(text_of(&mut socket).await, format!("{}echo", root.replace("http", "ws")));
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(text_of(&mut socket).await, "hello");
}
