//! Bodies of those who are not authenticated yet: there is one budget of memory for all of them, and no sender can use it
//! up for the others.

use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::app::{Options, TestApp};
use crate::victim::victim;
use crate::wire::Wire;

/// Connections that hold a body open.
const MANY: usize = 40;

/// A webhook that a token proves.
const HOOKED: &[(&str, &str)] = &[
    (
        "function.json",
        r#"{ "runtime": "node", "triggers": [ { "type": "webhook", "name": "shop", "scheme": "token", "secret": "SHOP" } ] }"#,
    ),
    ("index.js", "exports.handler = async () => 1;"),
];

/// Connections that each announce a body and send half of it.
async fn holding(app: &TestApp, path: &str, half: usize) -> Vec<Wire> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        half * 2
    );
    let mut held = Vec::new();
    for _ in 0..MANY {
        let mut wire = Wire::sending(app, &head).await;
        // It may be refused before all of it was sent.
        let _ = wire.0.write_all(&vec![b'x'; half]).await;
        held.push(wire);
    }
    held
}

/// Waits until so many were answered: the server knows of all the others by then, and for longer than of what is sent next.
async fn answered(app: &TestApp, held: &[Wire], most: usize) {
    app.eventually("what does not fit is refused", async || {
        let mut answered = 0;
        for wire in held {
            let peeked = tokio::time::timeout(Duration::from_millis(1), wire.0.peek(&mut [0])).await;
            answered += usize::from(peeked.is_ok());
        }
        (answered >= most).then_some(())
    })
    .await;
}

/// How many were refused for want of memory.
async fn dropped(held: Vec<Wire>) -> usize {
    let answers = join_all(held.into_iter().map(|mut wire| async move { wire.until_closed().await })).await;
    for answer in &answers {
        let expected = ["HTTP/1.1 503 ", "HTTP/1.1 408 "].iter().any(|status| answer.starts_with(status));
        assert!(expected || answer.is_empty(), "{answer}");
        assert!(!answer.contains(" 503 ") || answer.to_ascii_lowercase().contains("retry-after: "), "{answer}");
    }
    answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 503 ")).count()
}

#[tokio::test]
async fn bodies_of_strangers_share_one_budget_and_close_the_door_for_nobody() {
    let options = Options::default().env("EVENTFLOW_MAX_UNPROVED", "1048576").env("EVENTFLOW_READ_TIMEOUT", "8");
    let app = victim(options).await;
    let set = r#"mutation { setSecret(namespace: "default", name: "SHOP", value: "hunter2") { userErrors { code } } }"#;
    assert_eq!(app.graphql(set, json!({})).await["setSecret"]["userErrors"], json!([]));
    app.running("hooked", HOOKED).await;

    let deliver = async || {
        let delivery = app.request(reqwest::Method::POST, "/hooks/default/hooked/shop");
        let delivery = delivery.header("x-webhook-token", "hunter2").body(vec![b'x'; 200_000]);
        delivery.send().await.unwrap().status()
    };
    assert_eq!(deliver().await, StatusCode::ACCEPTED);
    let held = holding(&app, "/hooks/default/hooked/shop", 100_000).await;
    answered(&app, &held, MANY - 12).await;
    assert_eq!(deliver().await, StatusCode::ACCEPTED, "what comes at once is taken while others hold on");
    let dropped = dropped(held).await;
    // Ten bodies of 100,000 bytes fit, if nothing else takes any.
    assert!((MANY - 12..MANY).contains(&dropped), "{dropped} of {MANY}");
    assert_eq!(deliver().await, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn bodies_of_sign_ins_are_in_the_same_budget() {
    let options = Options::default().env("EVENTFLOW_MAX_UNPROVED", "16384").env("EVENTFLOW_READ_TIMEOUT", "8");
    let app = victim(options).await;
    let held = holding(&app, "/auth/token", 2000).await;
    let signing = app.post("/auth/token").json(&json!({ "username": "admin", "password": "admin" }));
    assert_eq!(signing.send().await.unwrap().status(), StatusCode::OK);
    let dropped = dropped(held).await;
    assert!((MANY - 9..MANY).contains(&dropped), "{dropped} of {MANY}");
}

#[tokio::test]
async fn a_socket_that_has_not_said_whom_it_is_for_is_not_listened_to_for_long() {
    let app = victim(Options::default()).await;
    let mut wire = Wire::sending(
        &app,
        "GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: graphql-transport-ws\r\n\r\n",
    )
    .await;
    // A text of 200,000 bytes begins, masked with zeros, and goes on for 100,000 of them.
    let frame = [&[0x81, 0x80 | 127][..], &200_000u64.to_be_bytes(), &[0; 4], &vec![b' '; 100_000]].concat();
    let _ = wire.0.write_all(&frame).await;
    let began = std::time::Instant::now();
    let text = wire.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 101 "), "{text}");
    // Otherwise it is waited for until the first ping, twenty seconds later.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}
