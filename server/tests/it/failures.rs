//! What is broken is visible wherever somebody looks, with its cause, and as long as the cause is there.

use std::fs;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};

const ECHO: &str = "exports.handler = (event) => ({ echo: event.data ?? null });";

impl TestApp {
    async fn described(&self, name: &str) -> Value {
        json_of(self.get(&format!("/v1/functions/{name}")).send().await.unwrap(), StatusCode::OK).await
    }

    /// The value of a metric without labels.
    async fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").send().await.unwrap().text().await.unwrap();
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }
}

#[tokio::test]
async fn a_failed_build_is_shown_by_rest_by_calls_and_by_metrics_until_one_succeeds() {
    let app = TestApp::start().await;
    let repository = app.repository("broken", &[("function.json", r#"{ "runtime": "cobol" }"#)]).await;
    let id = app.register_git("broken", &repository, None).await;
    let build = app.try_build(&id).await;
    let error = build["error"].as_str().unwrap();
    assert!(error.contains("cobol"), "{error}");

    let found = app.described("broken").await;
    assert_eq!((&found["status"], &found["build"]["status"]), (&json!("BUILD_FAILED"), &json!("FAILED")));
    assert_eq!(found["build"]["error"], error);
    assert!(found["reason"].as_str().unwrap().contains(error), "{found}");
    let all = json_of(app.get("/v1/functions?search=broken").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(all[0], found);
    let refused = json_of(app.call("broken").await, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("cobol"), "{refused}");
    let refused = app.post("/v1/functions/broken:invoke").send().await.unwrap();
    assert!(refused.text().await.unwrap().contains("cobol"));
    assert_eq!(app.metric("eventflow_functions_build_failed").await, Some(1.0));

    app.commit(&repository, &[("function.json", r#"{ "runtime": "node" }"#), ("index.js", ECHO)]).await;
    app.build(&id).await;
    let found = app.described("broken").await;
    assert_eq!(
        (&found["status"], &found["reason"], &found["build"]["status"]),
        (&json!("BUILT"), &Value::Null, &json!("SUCCEEDED"))
    );
    // The numbers that the database has are read once a second.
    app.eventually("no build has failed", async || {
        (app.metric("eventflow_functions_build_failed").await == Some(0.0)).then_some(())
    })
    .await;
    assert_eq!(app.metric("eventflow_leader").await, Some(1.0));
}

#[tokio::test]
async fn dead_letters_and_the_age_of_what_waits_are_metrics() {
    let app = TestApp::start().await;
    let manifest = r#"{ "runtime": "node", "triggers": [{ "type": "event", "pattern": "work.**" }], "retry": { "max_attempts": 1 } }"#;
    let failing = "exports.handler = () => { throw new Error('never'); };";
    let id = app.running("failing", &[("function.json", manifest), ("index.js", failing)]).await;
    app.publish("work.asked", "one", json!({})).await;
    app.run_where(&id, |run| run["state"] == "DEAD").await;
    assert_eq!(app.metric("eventflow_dead_letters").await, Some(1.0));
    // One run at a time, and that one does not end: the other one waits.
    let manifest = r#"{ "runtime": "node", "triggers": [{ "type": "event", "pattern": "wait.**" }], "scaling": { "max": 1, "concurrency": 1 } }"#;
    let endless = "exports.handler = () => new Promise(() => setTimeout(() => {}, 600000));";
    app.running("busy", &[("function.json", manifest), ("index.js", endless)]).await;
    for id in ["two", "three"] {
        app.publish("wait.asked", id, json!({})).await;
    }
    app.eventually("the age of what waits is a metric", async || {
        let text = app.get("/metrics").send().await.unwrap().text().await.unwrap();
        let line = text.lines().find(|line| line.starts_with("eventflow_queue_oldest_seconds{function=\"busy\""))?;
        line.rsplit_once(' ')?.1.parse::<f64>().ok().filter(|age| *age >= 1.0)
    })
    .await;
}

#[tokio::test]
async fn the_reason_goes_when_the_function_answers_again() {
    let app = TestApp::start().await;
    let code = "const fs = require('node:fs');
        exports.handler = (event) => { if (event.http.path === '/die') process.exit(3); return { ok: true }; };";
    let id = app.running("fragile", &[("index.js", code)]).await;
    json_of(app.call("fragile").await, StatusCode::OK).await;
    assert!(!app.call("fragile/die").await.status().is_success());
    app.eventually("it says why it is broken", async || {
        let reason = app.described("fragile").await["reason"].take();
        reason.as_str().is_some_and(|reason| reason.contains("exited with code 3")).then_some(())
    })
    .await;
    app.eventually("the reason is gone", async || {
        app.call("fragile").await;
        app.described("fragile").await["reason"].is_null().then_some(())
    })
    .await;
    let query = "query($id: ID!) { function(id: $id) { stateReason } history(stream: $id, type: \"InstanceRecovered\") { nodes { type } } }";
    let found = app.graphql(query, json!({ "id": id })).await;
    assert_eq!(found["function"]["stateReason"], Value::Null);
    assert_eq!(found["history"]["nodes"], json!([{ "type": "InstanceRecovered" }]));
}

#[tokio::test]
async fn a_server_without_the_artifacts_of_a_function_starts_and_says_what_to_do() {
    let mut app = TestApp::start_with(Options::default()).await;
    let manifest = r#"{ "runtime": "node", "scaling": { "min": 1 } }"#;
    let id = app.running("bare", &[("function.json", manifest), ("index.js", ECHO)]).await;
    let query = "query($id: ID!) { function(id: $id) { currentVersion { digest } state stateReason } }";
    let digest = app.graphql(query, json!({ "id": id })).await["function"]["currentVersion"]["digest"].take();
    app.terminate().await;
    let artifact = app.folder().join("data/artifacts").join(digest.as_str().unwrap().strip_prefix("sha256:").unwrap());
    let aside = app.folder().join("aside");
    fs::rename(&artifact, &aside).unwrap();
    app.restart().await;

    json_of(app.call("hello").await, StatusCode::OK).await;
    let function = app.graphql(query, json!({ "id": id })).await["function"].take();
    let reason = function["stateReason"].as_str().unwrap();
    assert!(reason.contains("build the function again") && function["state"] == "RUNNING", "{function}");
    assert_eq!(app.described("bare").await["reason"], reason);
    let refused = json_of(app.call("bare").await, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("build the function again"), "{refused}");
    let ready = json_of(app.get("/readyz").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(ready["status"], "degraded");
    assert!(ready["reasons"][0].as_str().unwrap().contains("default/bare"), "{ready}");
    let stranger = json_of(app.request(reqwest::Method::GET, "/readyz").send().await.unwrap(), StatusCode::OK).await;
    assert!(!stranger.to_string().contains("bare"), "{stranger}");

    // It is there again: nothing has to be restarted.
    fs::rename(&aside, &artifact).unwrap();
    let ready = json_of(app.get("/readyz").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(ready["status"], "ready");
    app.eventually("it answers", async || (app.call("bare").await.status() == StatusCode::OK).then_some(())).await;

    // And building it again is enough, too.
    app.terminate().await;
    fs::rename(&artifact, &aside).unwrap();
    app.restart().await;
    app.build(&id).await;
    app.eventually("it answers", async || (app.call("bare").await.status() == StatusCode::OK).then_some(())).await;
    assert_eq!(app.described("bare").await["reason"], Value::Null);
}

#[tokio::test]
async fn a_namespace_that_is_not_named_is_the_same_in_graphql_and_rest() {
    let app = TestApp::start_with(Options::default().env("NAMESPACE", "team")).await;
    let repository = app.repository("echo", &[("index.js", ECHO)]).await;
    let input = |name: &str| json!({ "name": name, "source": { "git": { "url": repository } } });
    const REGISTER: &str = "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { function { namespace } userErrors { message } } }";
    const PUBLISH: &str =
        "mutation { publishEvent(input: { type: \"a.b\" }) { event { namespace } userErrors { message } } }";
    let ask = async |query: &str, variables: Value, header: Option<&str>| {
        let request = app.post("/graphql").json(&json!({ "query": query, "variables": variables }));
        let request = header.iter().fold(request, |request, header| request.header("x-namespace", *header));
        json_of(request.send().await.unwrap(), StatusCode::OK).await["data"].take()
    };
    for (name, header, namespace) in [("one", None, "team"), ("two", Some("other"), "other")] {
        let registered = ask(REGISTER, json!({ "input": input(name) }), header).await;
        assert_eq!(registered["registerFunction"]["function"]["namespace"], namespace, "{registered}");
        let published = ask(PUBLISH, json!({}), header).await;
        assert_eq!(published["publishEvent"]["event"]["namespace"], namespace, "{published}");
        let found = ask(&format!("{{ function(name: \"{name}\") {{ namespace }} }}"), json!({}), header).await;
        assert_eq!(found["function"]["namespace"], namespace);
        let request = app.get(&format!("/v1/functions/{name}"));
        let request = header.iter().fold(request, |request, header| request.header("x-namespace", *header));
        assert_eq!(json_of(request.send().await.unwrap(), StatusCode::OK).await["namespace"], namespace);
    }
    // What is named counts.
    let named =
        json!({ "input": { "namespace": "third", "name": "three", "source": { "git": { "url": repository } } } });
    assert_eq!(ask(REGISTER, named, Some("other")).await["registerFunction"]["function"]["namespace"], "third");
}

#[tokio::test]
async fn the_first_call_under_a_key_gets_its_answer_however_long() {
    let app = TestApp::start_with(Options::default().env("EVENTFLOW_MAX_RECORDED", "1000")).await;
    let code = "exports.handler = (event) => ({ statusCode: 201, headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(3000000) });";
    app.running("long", &[("index.js", code)]).await;
    for replayed in [false, true] {
        let answer = app.post("/function/long").header("idempotency-key", "one").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(answer.headers().contains_key("idempotency-replayed"), replayed);
        assert_eq!(answer.headers()["content-type"], "text/plain");
        let text = answer.text().await.unwrap();
        assert!(text.len() == 3_000_000 && text.bytes().all(|byte| byte == b'x'), "{}", text.len());
    }
}
