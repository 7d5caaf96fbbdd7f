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
    assert_eq!(answer["payload"]["data"]["viewer"]["name"], "user:ada", "{answer}");
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
