//! Kill -9 at any moment: nothing that was accepted is lost.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp, database, json_of};

const WORKER: &[(&str, &str)] = &[
    (
        "function.json",
        r#"{ "runtime": "node", "triggers": [ { "type": "http" }, { "type": "event", "pattern": "work.**" } ], "scaling": { "concurrency": 4, "max": 1 } }"#,
    ),
    (
        "index.js",
        r#"exports.handler = async (event) => {
             console.log(`work ${event.id}`);
             if (event.data?.slow) await new Promise((done) => setTimeout(done, event.data.slow));
             return { done: event.id };
           };"#,
    ),
];

#[tokio::test]
async fn everything_is_there_after_a_kill_and_what_was_accepted_is_run() {
    survives(TestApp::start().await).await;
}

#[tokio::test]
async fn the_same_on_postgres() {
    survives(TestApp::start_with(Options::default().env("DATABASE_URL", database().await)).await).await;
}

#[tokio::test]
async fn a_server_that_is_asked_to_end_loses_and_fails_nothing() {
    let mut app = TestApp::start_with(Options::default().env("EVENTFLOW_STOP_GRACE", "1")).await;
    let id = app.running("worker", WORKER).await;
    // More than can be done within the grace: some run, some wait, some would outlast it.
    for n in 0..12 {
        let slow = if n % 4 == 0 { 3000 } else { 200 };
        let response = app.publish("work.asked", &format!("event-{n}"), json!({ "slow": slow })).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
    }
    let invoked = app
        .mutate("invokeFunction", "id: $id, payload: { slow: 300 }", "run { id }", json!({ "id": id }), "$id: ID!")
        .await;
    assert!(app.terminate().await.success());
    app.restart().await;
    app.eventually("all have run", async || {
        let runs = app.runs(&id).await;
        assert!(runs.iter().all(|run| run["error"].is_null()), "{runs:#?}");
        let done = runs.iter().filter(|run| run["state"] == "SUCCEEDED").count();
        (done == 13).then_some(())
    })
    .await;
    app.run_where(&id, |run| run["id"] == invoked["run"]["id"] && run["state"] == "SUCCEEDED").await;
}

#[tokio::test]
async fn a_run_that_is_executed_again_after_a_kill_is_a_new_attempt() {
    let mut app = TestApp::start().await;
    const MARKED: &str = "exports.handler = async (event, context) => {
        console.log(`attempt ${context.attempt}`);
        if (context.attempt === 1) await new Promise((done) => setTimeout(done, 60000));
        return { attempt: context.attempt };
    };";
    let manifest =
        r#"{ "runtime": "node", "triggers": [{ "type": "event", "pattern": "work.**" }], "scaling": { "max": 1 } }"#;
    let id = app.running("worker", &[("function.json", manifest), ("index.js", MARKED)]).await;
    app.publish("work.asked", "one", json!({})).await;
    let printed = |run: &Value, text: &str| run["log"].as_array().unwrap().iter().any(|line| line["text"] == text);
    app.run_where(&id, |run| printed(run, "attempt 1")).await;
    app.kill_and_restart().await;
    let run = app.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
    assert_eq!((&run["attempt"], &run["output"]), (&json!(2), &json!({ "attempt": 2 })));
    let query = "query($id: ID!) { history(stream: $id, first: 100) { nodes { type data } } }";
    let history = app.graphql(query, json!({ "id": run["id"] })).await;
    let nodes = history["history"]["nodes"].as_array().unwrap();
    let begun: Vec<_> =
        nodes.iter().filter(|node| node["type"] == "Started").map(|node| &node["data"]["attempt"]).collect();
    assert_eq!(begun, [&json!(1), &json!(2)], "{history:#}");
}

/// It cannot be offered after the restart: what may have been executed counts all the same.
#[tokio::test]
async fn an_attempt_that_was_lost_counts_though_none_follows_at_once() {
    let mut app = TestApp::start().await;
    const ENDLESS: &str =
        "exports.handler = () => { console.log('begun'); return new Promise(() => setTimeout(() => {}, 60000)); };";
    let manifest = r#"{ "runtime": "node", "triggers": [{ "type": "event", "pattern": "work.**" }], "retry": { "max_attempts": 2, "backoff_s": 0.1 } }"#;
    let id = app.running("worker", &[("function.json", manifest), ("index.js", ENDLESS)]).await;
    app.publish("work.asked", "one", json!({})).await;
    app.run_where(&id, |run| run["log"].as_array().unwrap().iter().any(|line| line["text"] == "begun")).await;
    app.mutate("stopFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
    app.kill_and_restart().await;
    let run = app.run_where(&id, |run| run["state"] == "RETRYING").await;
    assert_eq!(run["attempt"], 1);
    let error = run["error"].as_str().unwrap();
    assert!(error.contains("ended before its outcome was recorded") && error.contains("STOPPED"), "{error}");
}

async fn survives(mut app: TestApp) {
    let id = app.running("worker", WORKER).await;
    json_of(app.call("worker").await, StatusCode::OK).await;
    app.run_where(&id, |run| run["trigger"] == "http.invoke" && run["log"][0].is_object()).await;
    let before = picture(&app, &id).await;
    // Accepted, and at the moment of the kill some run, some wait.
    for n in 0..20 {
        let response = app.publish("work.asked", &format!("event-{n}"), json!({ "slow": 300 })).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
    }
    app.kill_and_restart().await;

    let after = picture(&app, &id).await;
    assert_eq!(before["function"], after["function"]);
    assert_eq!(before["builds"], after["builds"]);
    json_of(app.call("worker").await, StatusCode::OK).await;
    let done = app
        .eventually("all accepted events have run", async || {
            let runs: Vec<_> = app.runs(&id).await.into_iter().filter(|run| run["trigger"] == "work.asked").collect();
            (runs.len() == 20 && runs.iter().all(|run| run["state"] == "SUCCEEDED")).then_some(runs)
        })
        .await;
    // Each ended once.
    for run in &done {
        let found = app
            .graphql(
                "query($id: ID!) { history(stream: $id, first: 100) { nodes { type } } }",
                json!({ "id": run["id"] }),
            )
            .await;
        let types: Vec<_> =
            found["history"]["nodes"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
        assert_eq!(types.iter().filter(|t| **t == "Succeeded").count(), 1, "{types:?}");
    }
    // An event that is sent again makes nothing new.
    let again = json_of(app.publish("work.asked", "event-3", json!({ "slow": 300 })).await, StatusCode::ACCEPTED).await;
    assert!(again.to_string().contains("true"), "the duplicate is named: {again}");
    app.terminate().await;
    let (fine, report) = app.verb("verify").await;
    assert!(fine, "{report}");
    let (fine, report) = app.verb("rebuild").await;
    assert!(fine, "{report}");
    app.restart().await;
    assert_eq!(picture(&app, &id).await["function"], after["function"]);
}

/// What must be the same before and after.
async fn picture(app: &TestApp, id: &str) -> Value {
    let data = app
        .graphql(
            "query($id: ID!) { function(id: $id) { id name state position currentVersion { number digest } builds(first: 10) { nodes { id state log(first: 100) { position text } } } versions(first: 10) { nodes { number digest } } } }",
            json!({ "id": id }),
        )
        .await;
    let mut function = data["function"].clone();
    let builds = function["builds"].take();
    json!({ "function": function, "builds": builds })
}

#[tokio::test]
async fn a_server_that_is_told_to_end_lets_go_of_who_follows() {
    let mut app = TestApp::start().await;
    let mut changes = app.subscribe("subscription { functionChanged { position } }", json!({})).await;
    let logs =
        app.get("/v1/functions/hello/logs?follow=true").header("accept", "text/event-stream").send().await.unwrap();
    let begun = std::time::Instant::now();
    let (status, code, lines) = tokio::join!(app.terminate(), changes.closed(), logs.bytes());
    assert!(status.success() && lines.is_ok());
    assert_eq!(code, 1001, "going away");
    // Whoever follows for ever was waited for until the grace of ten seconds was over.
    assert!(begun.elapsed() < std::time::Duration::from_secs(8), "{:?}", begun.elapsed());
}
