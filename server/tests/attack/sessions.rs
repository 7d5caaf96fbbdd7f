//! Sessions that go on after they ended.

use std::time::Duration;

use futures::StreamExt;
use serde_json::json;

use crate::app::{Options, PATIENCE, TestApp, database};
use crate::people::{Socket, known_key, token};
use crate::victim::victim;

const FOLLOWED: &str = "subscription { functionChanged { position } }";

/// A stream of server-sent events of the demo function's lines, with this token.
async fn stream(app: &TestApp, token: &str) -> reqwest::Response {
    let request = app.request(reqwest::Method::GET, "/v1/functions/hello/logs?follow=true");
    let answer = request.bearer_auth(token).header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer
}

/// All that a stream says until it ends.
async fn rest(answer: reqwest::Response) -> String {
    let mut text = String::new();
    let mut parts = answer.bytes_stream();
    let all = async {
        while let Some(part) = parts.next().await {
            text.push_str(&String::from_utf8_lossy(&part.unwrap()));
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("the stream ends within a minute");
    text
}

async fn sign_out(app: &TestApp, token: &str) {
    let answer = app.request(reqwest::Method::POST, "/auth/logout").bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 204);
}

async fn is_let_in(app: &TestApp, token: &str) -> bool {
    let answer = app.request(reqwest::Method::GET, "/v1/functions").bearer_auth(token).send().await.unwrap();
    assert!([200, 401].contains(&answer.status().as_u16()), "{}", answer.status());
    answer.status() == 200
}

#[tokio::test]
async fn signing_out_ends_all_that_is_open_and_the_token_for_good() {
    let mut app = victim(known_key()).await;
    // A token of an older server has no id, and is revoked all the same.
    for id in [true, false] {
        let (leaving, staying) = (token(true, Duration::from_secs(600), id), token(true, Duration::from_secs(601), id));
        let mut socket = Socket::open(&app, &leaving).await;
        socket.subscribe("1", FOLLOWED).await;
        let mut idle = Socket::open(&app, &leaving).await;
        let mut other = Socket::open(&app, &staying).await;
        let lines = stream(&app, &leaving).await;
        assert!(is_let_in(&app, &leaving).await, "and is remembered as good for a moment");

        sign_out(&app, &leaving).await;
        assert!(!is_let_in(&app, &leaving).await);
        assert_eq!(socket.closed().await, 4401);
        assert_eq!(idle.closed().await, 4401);
        let text = rest(lines).await;
        assert!(text.contains("event: end\ndata: {") && text.contains("signed out"), "{text}");

        assert!(is_let_in(&app, &staying).await, "nobody else is signed out");
        other.subscribe("1", "{ viewer { name } }").await;
        assert_eq!(other.message().await.unwrap()["payload"]["data"]["viewer"]["name"], "user:admin");
        app.kill_and_restart().await;
        assert!(!is_let_in(&app, &leaving).await, "after a restart");
        assert!(is_let_in(&app, &staying).await, "after a restart");
    }
}

#[tokio::test]
async fn an_answer_that_a_function_streams_ends_with_the_session_too() {
    let app = victim(known_key()).await;
    let code = "require('node:http').createServer((_, answer) => { answer.write('x'); setInterval(() => answer.write('x'), 50); }).listen(process.env.PORT);";
    let manifest = json!({ "runtime": "command", "command": ["node", "server.js"], "resources": { "timeout_s": 300 } });
    app.running("endless", &[("server.js", code), ("function.json", &manifest.to_string())]).await;
    let leaving = token(true, Duration::from_secs(600), true);
    let answer = app.request(reqwest::Method::GET, "/function/endless").bearer_auth(&leaving).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut parts = answer.bytes_stream();
    assert!(parts.next().await.unwrap().is_ok());
    sign_out(&app, &leaving).await;
    let broken = async {
        while let Some(part) = parts.next().await {
            if part.is_err() {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(PATIENCE, broken).await.expect("the stream ends within a minute"), "it is cut off");
}

#[tokio::test]
async fn what_is_open_ends_when_the_token_expires() {
    let app = victim(known_key()).await;
    let short = token(true, Duration::from_secs(2), true);
    let mut socket = Socket::open(&app, &short).await;
    socket.subscribe("1", FOLLOWED).await;
    let lines = stream(&app, &short).await;
    assert_eq!(socket.closed().await, 4401);
    let text = rest(lines).await;
    assert!(text.contains("event: end\ndata: {") && text.contains("expired"), "{text}");
    assert!(!is_let_in(&app, &short).await);
}

#[tokio::test]
async fn a_mutation_of_a_session_that_has_ended_is_not_done() {
    let app = victim(known_key()).await;
    let leaving = token(true, Duration::from_secs(600), true);
    let mut socket = Socket::open(&app, &leaving).await;
    sign_out(&app, &leaving).await;
    let publish = "mutation { publishEvent(input: { type: \"after.the.end\" }) { event { id } } }";
    let message = json!({ "id": "1", "type": "subscribe", "payload": { "query": publish } });
    // It may be closed already.
    socket.try_send(message).await;
    assert_eq!(socket.closed().await, 4401);
    let found = app.graphql("{ events(type: \"after.the.end\") { totalCount } }", json!({})).await;
    assert_eq!(found["events"]["totalCount"], 0);
}

#[tokio::test]
async fn signing_out_counts_on_every_server() {
    let url = database().await;
    let options = || Options { without_dev: true, ..known_key().env("DATABASE_URL", url.clone()) };
    let (one, other) = tokio::join!(TestApp::start_with(options()), TestApp::start_with(options()));
    let leaving = token(true, Duration::from_secs(600), true);
    let mut socket = Socket::open(&other, &leaving).await;
    socket.subscribe("1", FOLLOWED).await;
    assert!(is_let_in(&other, &leaving).await);
    sign_out(&one, &leaving).await;
    assert_eq!(socket.closed().await, 4401);
    assert!(!is_let_in(&other, &leaving).await);
}
