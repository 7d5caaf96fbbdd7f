//! One event that reaches many functions: each run's record has a copy of it, and they are recorded in parts.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp, database};
use crate::graphql::status;
use crate::victim::victim;

/// Functions that the event reaches, and bytes of it: together they are more than one part.
const FUNCTIONS: usize = 12;
const EVENT: usize = 1 << 20;

/// Registers a function of a repository in a namespace: its id, or the code of the refusal.
async fn register(app: &TestApp, namespace: &str, name: &str, url: &std::path::Path) -> Result<String, String> {
    let input = json!({ "namespace": namespace, "name": name, "source": { "git": { "url": url } } });
    let query = "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { function { id } userErrors { code } } }";
    let mut answer = app.graphql(query, json!({ "input": input })).await;
    match answer["registerFunction"]["function"]["id"].take() {
        Value::String(id) => Ok(id),
        _ => Err(answer["registerFunction"]["userErrors"][0]["code"].as_str().unwrap().to_owned()),
    }
}

#[tokio::test]
async fn an_event_for_many_functions_reaches_each_of_them_once() {
    let options = Options::default().env("EVENTFLOW_MAX_EVENT", "6MiB").env("EVENTFLOW_BUILDS", "4");
    let mut app = victim(options.env("EVENTFLOW_MAX_BODY", "7MiB")).await;
    let manifest = json!({
        "runtime": "command", "command": ["sh", "-c", "wc -c >&2"], "mode": "job",
        "triggers": [{ "type": "event", "pattern": "big.**" }],
    });
    let repository = app.repository("many", &[("function.json", &manifest.to_string())]).await;
    let app_ref = &app;
    let ids = futures::future::join_all((0..FUNCTIONS).map(|index| {
        let repository = &repository;
        async move {
            let id = register(app_ref, "default", &format!("many-{index}"), repository).await.unwrap();
            app_ref.build(&id).await;
            app_ref.start_function(&id).await;
            id
        }
    }))
    .await;
    assert_eq!(app.publish("big.small", "0", json!("x")).await.status(), StatusCode::ACCEPTED);
    for id in &ids {
        app.run_where(id, |run| run["state"] == "SUCCEEDED").await;
    }
    assert_eq!(app.publish("big.event", "1", json!("x".repeat(EVENT))).await.status(), StatusCode::ACCEPTED);
    let counts = || async {
        let query = "query($id: ID!) { runs(function: $id, first: 10) { nodes { state } } }";
        let mut states = Vec::new();
        for id in &ids {
            let found = app.graphql(query, json!({ "id": id })).await;
            let nodes = found["runs"]["nodes"].as_array().unwrap();
            states.push(nodes.iter().filter(|run| run["state"] == "SUCCEEDED").count());
        }
        states
    };
    app.eventually("every function had the event", async || {
        counts().await.iter().all(|count| *count == 2).then_some(())
    })
    .await;
    // Nothing is repeated after a restart, and nothing was lost.
    app.kill_and_restart().await;
    assert_eq!(app.publish("big.small", "2", json!("x")).await.status(), StatusCode::ACCEPTED);
    let query = "query($id: ID!) { runs(function: $id, first: 10) { nodes { state } } }";
    for id in &ids {
        app.eventually("the next event was taken, and no earlier one again", async || {
            let found = app.graphql(query, json!({ "id": id })).await;
            let nodes = found["runs"]["nodes"].as_array().unwrap().clone();
            assert!(nodes.len() <= 3, "{nodes:?}");
            (nodes.len() == 3 && nodes.iter().all(|run| run["state"] == "SUCCEEDED")).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_large_event_arrives_whole() {
    let app = victim(Options::default()).await;
    let code = "exports.handler = async (event) => event.data.length;";
    let service = json!({ "runtime": "node", "triggers": [{ "type": "event", "pattern": "**" }] });
    let mut job = service.clone();
    job["mode"] = json!("job");
    for (name, manifest) in [("service", service), ("job", job)] {
        let id = app.running(name, &[("index.js", code), ("function.json", &manifest.to_string())]).await;
        assert_eq!(app.publish("a.b", name, json!("é".repeat(100_000))).await.status(), StatusCode::ACCEPTED);
        let run = app.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
        assert_eq!(run["output"], 100_000, "{name}");
        assert_eq!(run["attempt"], 1, "{name}");
    }
}

#[tokio::test]
async fn a_namespace_has_no_more_functions_than_it_may() {
    const LIMIT: usize = 5;
    const MANY: usize = 20;
    let app = victim(Options::default().env("EVENTFLOW_MAX_FUNCTIONS", LIMIT.to_string())).await;
    let repository = app.repository("any", &[("function.json", r#"{ "runtime": "node" }"#)]).await;
    let names: Vec<_> = (0..MANY).map(|index| format!("any-{index}")).collect();
    let asked = names.iter().map(|name| register(&app, "crowded", name, &repository));
    let results = futures::future::join_all(asked).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), LIMIT, "{results:?}");
    for result in &results {
        assert!(result.as_ref().err().is_none_or(|code| code == "too_many_functions"), "{results:?}");
    }
    // What is there is registered already; other namespaces have room; one that is gone gives its place back.
    let there = results.iter().position(Result::is_ok).unwrap();
    let id = results[there].clone().unwrap();
    assert_eq!(register(&app, "crowded", &names[there], &repository).await, Ok(id.clone()));
    assert!(register(&app, "another", "any", &repository).await.is_ok());
    app.mutate("deregisterFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
    assert!(register(&app, "crowded", "any-new", &repository).await.is_ok());
}

#[tokio::test]
async fn jobs_that_never_read_their_large_events_leave_memory_to_others() {
    const EVENT: usize = 1 << 20;
    const EVENTS: usize = 40;
    let mut options = Options::default();
    for (name, value) in [("EVENTFLOW_MAX_EVENT", "2MiB"), ("EVENTFLOW_MAX_BODY", "3MiB"), ("EVENTFLOW_BUILDS", "4")] {
        options = options.env(name, value);
    }
    let app = victim(options).await;
    let job = |command: &str| {
        json!({
            "runtime": "command", "command": ["sh", "-c", command], "mode": "job", "scaling": { "max": EVENTS },
            "resources": { "memory_mb": 16, "timeout_s": 300 }, "triggers": [{ "type": "event", "pattern": "big.**" }],
        })
    };
    let loud = app.repository("loud", &[("function.json", &job("exec sleep 300").to_string())]).await;
    let quiet = app.repository("quiet", &[("function.json", &job("wc -c >&2").to_string())]).await;
    for (namespace, name, url) in [
        ("loud", "hoard-1", &loud),
        ("loud", "hoard-2", &loud),
        ("loud", "hoard-3", &loud),
        ("default", "quick", &quiet),
    ] {
        let id = register(&app, namespace, name, url).await.unwrap();
        app.build(&id).await;
        app.start_function(&id).await;
    }
    let publish = async |namespace: &str, id: &str| {
        let event = json!({ "specversion": "1.0", "id": id, "source": "/test", "type": "big.event", "data": "x".repeat(EVENT) });
        let request = app.post("/v1/events").header("Content-Type", "application/cloudevents+json");
        let answer = request.header("X-Namespace", namespace).body(event.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    };
    let before = status(&app, "VmRSS:");
    for index in 0..EVENTS {
        publish("loud", &index.to_string()).await;
    }
    let running = async || {
        let query = "{ runs(namespace: \"loud\", state: RUNNING, first: 1) { totalCount } }";
        app.graphql(query, json!({})).await["runs"]["totalCount"].as_u64().unwrap()
    };
    // As many as there is room for in the memory of one namespace; with less it would not be the memory that they wait for.
    app.eventually("jobs of the loud namespace run", async || (running().await >= 40).then_some(())).await;
    publish("default", "quick").await;
    let quick = app.function_id("quick").await;
    app.run_where(&quick, |run| run["state"] == "SUCCEEDED").await;
    assert!(running().await < 48, "so many events of 1 MiB are in memory: {}", running().await);
    let grew = status(&app, "VmRSS:").saturating_sub(before);
    assert!(grew < 350 << 10, "the memory grew by {grew} KiB");
}

#[tokio::test]
async fn servers_that_register_at_once_give_a_namespace_no_more_functions_than_it_may() {
    const LIMIT: usize = 5;
    const MANY: usize = 40;
    let url = database().await;
    let options =
        || Options::default().env("DATABASE_URL", url.clone()).env("EVENTFLOW_MAX_FUNCTIONS", LIMIT.to_string());
    let (one, other) = tokio::join!(TestApp::start_with(options()), TestApp::start_with(options()));
    let repository = one.repository("any", &[("function.json", r#"{ "runtime": "node" }"#)]).await;
    // Each server has a namespace's registrations one after the other; those of both meet.
    let names: Vec<_> = (0..MANY).map(|index| format!("any-{index}")).collect();
    let asked = names.iter().enumerate().map(|(index, name)| {
        let app = if index % 2 == 0 { &one } else { &other };
        register(app, "crowded", name, &repository)
    });
    let results = futures::future::join_all(asked).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), LIMIT, "{results:?}");
    let found = one.graphql("{ functions(namespace: \"crowded\") { totalCount } }", json!({})).await;
    assert_eq!(found["functions"]["totalCount"], LIMIT);
    // What has been there may be registered again, though the limit is reached.
    let there = results.iter().position(Result::is_ok).unwrap();
    assert_eq!(register(&other, "crowded", &names[there], &repository).await, results[there]);
}
