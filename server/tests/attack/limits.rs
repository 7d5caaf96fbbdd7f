//! Limits, asked for by many at once: what is checked and then acted upon lets all of them through.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{Options, TestApp};
use crate::graphql::status;
use crate::people::{Socket, known_key, token};
use crate::victim::victim;

/// How many ask at once.
const MANY: usize = 30;

/// Answers `/quick`, and nothing else ever.
const HOLDS: &str =
    "exports.handler = (event) => event.http.path === '/quick' ? 'ok' : new Promise(() => setTimeout(() => {}, 1e6));";

/// The statuses of calls that are made at once.
async fn at_once(app: &TestApp, path: &str) -> Vec<u16> {
    let calls = (0..MANY).map(|_| app.post(path).header("x-timeout", "8").send());
    futures::future::join_all(calls).await.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect()
}

#[tokio::test]
async fn no_more_calls_wait_for_an_instance_than_may() {
    let app = victim(Options::default().env("EVENTFLOW_MAX_WAITING", "5")).await;
    let manifest = json!({ "runtime": "node", "scaling": { "min": 1, "max": 1, "concurrency": 1 } }).to_string();
    app.running("holds", &[("index.js", HOLDS), ("function.json", &manifest)]).await;
    app.eventually("it is warm", async || {
        (app.post("/function/holds/quick").send().await.unwrap().status() == 200).then_some(())
    })
    .await;
    let statuses = at_once(&app, "/function/holds").await;
    // One has the instance, five wait for it.
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), MANY - 6, "{statuses:?}");
}

#[tokio::test]
async fn no_more_calls_wait_for_a_job_than_may() {
    let app = victim(Options::default().env("EVENTFLOW_MAX_WAITING", "5")).await;
    let manifest = json!({ "runtime": "node", "mode": "job", "scaling": { "max": 1 } }).to_string();
    app.running("holds", &[("index.js", HOLDS), ("function.json", &manifest)]).await;
    let statuses = at_once(&app, "/function/holds").await;
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), MANY - 6, "{statuses:?}");
}

#[tokio::test]
async fn a_socket_has_no_more_subscriptions_than_it_may() {
    let app = victim(known_key().env("EVENTFLOW_MAX_SUBSCRIPTIONS", "10")).await;
    let mut socket = Socket::open(&app, &token(false, Duration::from_secs(600), true)).await;
    for id in 0..MANY {
        socket.subscribe(&id.to_string(), "subscription { functionChanged { position } }").await;
    }
    for _ in 0..MANY - 10 {
        let message = socket.message().await.unwrap();
        assert_eq!(message["type"], "error", "{message}");
        assert_eq!(message["payload"][0]["extensions"]["code"], "too_many_subscriptions", "{message}");
    }
    // A place that is given back is taken again.
    socket.send(json!({ "id": "0", "type": "complete" })).await;
    socket.subscribe("again", "{ viewer { name } }").await;
    let answer = loop {
        let message = socket.message().await.unwrap();
        if message["id"] == "again" && message["type"] == "next" {
            break message;
        }
    };
    assert_eq!(answer["payload"]["data"]["viewer"]["name"], "user:admin", "{answer}");
}

/// A followed log of the demo function: its status, and the stream as long as it is kept.
async fn followed(app: &TestApp, token: &str) -> reqwest::Response {
    let request = app.request(reqwest::Method::GET, "/v1/functions/hello/logs?follow=true").bearer_auth(token);
    request.header("accept", "text/event-stream").send().await.unwrap()
}

/// Opens sockets of one viewer that subscribe at once: how many subscriptions were refused.
async fn subscribe_at_once(app: &TestApp, token: &str, sockets: usize, each: usize) -> (Vec<Socket>, usize) {
    let opened = (0..sockets).map(|_| async {
        let mut socket = Socket::open(app, token).await;
        for id in 0..each {
            socket.subscribe(&id.to_string(), "subscription { functionChanged { position } }").await;
        }
        // The answer to a ping comes after those to all that was asked before.
        socket.send(json!({ "type": "ping" })).await;
        let mut refused = 0;
        loop {
            let message = socket.message().await.unwrap();
            match message["type"].as_str() {
                Some("pong") => break (socket, refused),
                Some("error") => {
                    assert_eq!(message["payload"][0]["extensions"]["code"], "too_many_subscriptions", "{message}");
                    refused += 1;
                }
                _ => panic!("{message}"),
            }
        }
    });
    let (sockets, refused): (Vec<_>, Vec<usize>) = futures::future::join_all(opened).await.into_iter().unzip();
    (sockets, refused.into_iter().sum())
}

#[tokio::test]
async fn a_viewer_follows_no_more_than_they_may_over_all_connections() {
    let app = victim(known_key().env("EVENTFLOW_MAX_SUBSCRIPTIONS_PER_VIEWER", "10")).await;
    let ada = token(false, Duration::from_secs(600), true);
    let log = followed(&app, &ada).await;
    assert_eq!(log.status(), 200);
    let (sockets, refused) = subscribe_at_once(&app, &ada, 6, 5).await;
    assert_eq!(refused, 21, "of 30, where a followed log has one place of 10");
    // Whatever it comes in by, and by whichever token of theirs.
    let refused = followed(&app, &token(false, Duration::from_secs(601), true)).await;
    assert_eq!((refused.status().as_u16(), refused.headers().contains_key("retry-after")), (429, true));
    assert_eq!(refused.json::<Value>().await.unwrap()["error"]["code"], "too_many_subscriptions");
    // Others have places of their own.
    let (_others, refused) = subscribe_at_once(&app, "dev-token", 2, 5).await;
    assert_eq!(refused, 0);
    // All places come back with the connections.
    drop((sockets, log));
    app.eventually("the places are free again", async || {
        let (_sockets, refused) = subscribe_at_once(&app, &ada, 2, 5).await;
        (refused == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn all_viewers_follow_no_more_than_the_server_takes() {
    let app = victim(known_key().env("EVENTFLOW_MAX_SUBSCRIPTIONS_TOTAL", "10")).await;
    let ada = token(false, Duration::from_secs(600), true);
    let both = tokio::join!(subscribe_at_once(&app, &ada, 3, 5), subscribe_at_once(&app, "dev-token", 3, 5));
    assert_eq!(both.0.1 + both.1.1, 20, "of 30");
    assert_eq!(followed(&app, &ada).await.status(), 429);
}

#[tokio::test]
async fn a_socket_holds_no_more_than_it_may() {
    let app = victim(known_key()).await;
    let mut socket = Socket::open(&app, &token(false, Duration::from_secs(600), true)).await;
    // Each message has a quarter of a megabyte, and takes thirty times that as long as it is followed.
    let nothing = vec![json!({ "": 0 }); 30_000];
    let before = status(&app, "VmRSS:");
    let mut refused = 0;
    for id in 0..MANY {
        let payload =
            json!({ "query": "subscription { functionChanged { position } }", "variables": { "v": nothing } });
        socket.send(json!({ "id": id.to_string(), "type": "subscribe", "payload": payload })).await;
        // One that is followed says nothing: the next message is the answer to this question.
        socket.subscribe("question", "{ viewer { name } }").await;
        loop {
            let message = socket.message().await.unwrap();
            if message["id"] == "question" && message["type"] == "complete" {
                break;
            }
            refused += usize::from(message["payload"][0]["extensions"]["code"] == "query_too_complex");
        }
    }
    assert!(refused >= MANY / 2, "{refused} of {MANY} were refused");
    let grew = status(&app, "VmHWM:").saturating_sub(before);
    assert!(grew < 300 << 10, "the memory grew by {grew} KiB");
}

#[tokio::test]
async fn requests_at_once_under_one_key_are_one_run() {
    let app = victim(Options::default()).await;
    let runs =
        async || app.graphql("{ runs { totalCount } }", Value::Null).await["runs"]["totalCount"].as_u64().unwrap();
    let before = runs().await;
    for path in ["/async-function/hello", "/v1/functions/hello:invoke"] {
        let calls = (0..MANY).map(|_| app.post(path).header("idempotency-key", "the same").json(&json!({})).send());
        let mut ids = Vec::new();
        for answer in futures::future::join_all(calls).await {
            let answer = answer.unwrap();
            assert_eq!(answer.status(), 202, "{path}");
            ids.push(answer.json::<Value>().await.unwrap()["run_id"].to_string());
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 1, "{path}: {ids:?}");
    }
    assert!(runs().await <= before + 2);
}

#[tokio::test]
async fn no_more_is_built_at_once_than_may() {
    let app = victim(Options::default().env("EVENTFLOW_BUILDS", "1")).await;
    let mut functions = Vec::new();
    for name in ["one", "two", "three", "four"] {
        let repository = app.repository(name, &[("index.js", "exports.handler = () => 1;")]).await;
        functions.push(app.register_git(name, &repository, None).await);
    }
    let builds = functions.iter().map(|id| app.try_build(id));
    for build in futures::future::join_all(builds).await {
        assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    }
    let history = app.graphql("{ history(first: 100) { nodes { type } } }", Value::Null).await;
    let mut running = 0;
    for record in history["history"]["nodes"].as_array().unwrap() {
        running += match record["type"].as_str().unwrap() {
            "BuildStarted" => 1,
            "BuildSucceeded" | "BuildFailed" => -1,
            _ => 0,
        };
        assert!(running <= 1, "{history:#}");
    }
}
