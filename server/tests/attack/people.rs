//! Who comes to the door: tokens of any kind, browsers, and a socket of their own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::app::{Options, PATIENCE, TestApp};

/// The key that the victim signs tokens with, where the attack needs tokens of its own making.
const SECRET: &str = "a secret of 32 characters or more, known to this test";

/// Who may do everything, as far as a token of theirs goes.
const ADMIN: &str = "user:admin";

/// Options of a server whose tokens these tests can make.
pub fn known_key() -> Options {
    Options::default().env("JWT_SECRET", SECRET)
}

/// A token without bounds, of whom the log may know or not.
pub fn of(subject: &str) -> String {
    signed(subject, Value::Null, true, Duration::from_secs(600), true)
}

/// A token that is good for so long. `id`: whether it has one, as tokens of older servers have not.
pub fn token(may_write: bool, life: Duration, id: bool) -> String {
    signed(ADMIN, json!(["default"]), may_write, life, id)
}

/// A token of somebody who sees and may change one namespace.
pub fn member(namespace: &str) -> String {
    signed(ADMIN, json!([namespace]), true, Duration::from_secs(600), true)
}

/// A token of somebody who sees and may do everything.
pub fn owner() -> String {
    signed(ADMIN, Value::Null, true, Duration::from_secs(600), true)
}

fn signed(subject: &str, namespaces: Value, may_write: bool, life: Duration, id: bool) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({
        "sub": subject, "namespaces": namespaces, "may_write": may_write, "iat": now, "exp": now + life.as_secs(),
    });
    if id {
        claims["jti"] = json!(uuid::Uuid::new_v4().to_string());
    }
    let [header, claims] =
        [json!({ "alg": "HS256", "typ": "JWT" }), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(format!("{header}.{claims}"));
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// The session's cookie of somebody who signs in as browsers do, on a server with `--dev`.
pub async fn cookie(app: &TestApp) -> String {
    let request = app.request(reqwest::Method::POST, "/auth/token?cookie=true");
    let answer = request.json(&json!({ "username": "admin", "password": "admin" })).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// A socket of `graphql-transport-ws`.
pub struct Socket {
    inner: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
}

impl Socket {
    /// Opens it with a token; it is greeted.
    pub async fn open(app: &TestApp, token: &str) -> Self {
        let mut request = format!("{}/graphql", app.url.replace("http", "ws")).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        let (inner, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut socket = Self { inner };
        socket
            .send(json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {token}") } }))
            .await;
        assert_eq!(socket.message().await.unwrap()["type"], "connection_ack");
        socket
    }

    /// One that is open.
    pub fn of(
        inner: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
    ) -> Self {
        Self { inner }
    }

    pub async fn send(&mut self, value: Value) {
        self.inner.send(Message::text(value.to_string())).await.unwrap();
    }

    /// Sends, if it is still open.
    pub async fn try_send(&mut self, value: Value) {
        _ = self.inner.send(Message::text(value.to_string())).await;
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }

    /// The next message; its close code when it is closed.
    pub async fn message(&mut self) -> Result<Value, u16> {
        loop {
            let next = timeout(PATIENCE, self.inner.next()).await.expect("a message within a minute");
            match next {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// Reads on until it is closed: the code.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.message().await {
                return code;
            }
        }
    }
}
