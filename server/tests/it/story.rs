//! What a newcomer does, from a repository to a live run.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};

/// A function that answers calls and takes events.
pub const GREETER: &[(&str, &str)] = &[
    (
        "functions/greeter/function.json",
        r#"{ "runtime": "node", "handler": "index.handler",
             "triggers": [ { "type": "http" }, { "type": "event", "pattern": "file.uploaded", "filter": { "data.kind": "image" } } ],
             "scaling": { "min": 0, "max": 2, "concurrency": 10 } }"#,
    ),
    (
        "functions/greeter/index.js",
        r#"exports.handler = async (event, context) => {
             console.log(`a line about ${event.type}`);
             return { saw: event.type, data: event.data ?? null, version: context.version };
           };"#,
    ),
    ("README.md", "not a part of the function"),
];

#[tokio::test]
async fn a_function_from_a_repository_is_built_run_called_triggered_and_watched_live() {
    let app = TestApp::start().await;
    newcomer(&app).await;
}

#[tokio::test]
async fn the_same_story_on_postgres() {
    let app = TestApp::on_postgres().await;
    assert!(app.output.contains("PostgreSQL"), "{}", app.output);
    newcomer(&app).await;
}

async fn newcomer(app: &TestApp) {
    let repository = app.repository("shop", GREETER).await;
    let mut functions = app
        .subscribe(
            "subscription { functionChanged(afterPosition: 0) { position event { type } function { name state } } }",
            json!({}),
        )
        .await;

    let id = app.register_git("greeter", &repository, Some("functions/greeter")).await;
    let payload = app.mutate("buildFunction", "id: $id", "build { id state }", json!({ "id": id }), "$id: ID!").await;
    let build = payload["build"]["id"].as_str().unwrap();
    // The log of the build comes line by line and ends with the build.
    let mut log = app
        .subscribe("subscription($id: ID!) { buildLog(build: $id) { position stream text } }", json!({ "id": build }))
        .await;
    let mut lines = Vec::new();
    while let Some(line) = log.next().await {
        lines.push(line);
    }
    let positions: Vec<_> = lines.iter().map(|line| line["position"].as_i64().unwrap()).collect();
    assert!(positions.windows(2).all(|pair| pair[0] < pair[1]), "{positions:?}");
    assert!(lines.iter().any(|line| line["text"].as_str().unwrap().contains("sha256:")), "{lines:#?}");

    let changes = functions
        .until(|change| change["event"]["type"] == "BuildSucceeded" && change["function"]["name"] == "greeter")
        .await;
    let mine: Vec<_> = changes
        .iter()
        .filter(|c| c["function"]["name"] == "greeter")
        .map(|c| c["event"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(mine, ["Registered", "BuildRequested", "BuildStarted", "BuildSucceeded"]);

    app.start_function(&id).await;
    let mut output =
        app.subscribe("subscription($id: ID!) { logs(function: $id) { text run stream } }", json!({ "id": id })).await;
    let mut runs = app
        .subscribe(
            "subscription($id: ID!) { runChanged(function: $id) { run { id state trigger } event { type } } }",
            json!({ "id": id }),
        )
        .await;

    // A call.
    let response = app.post("/function/greeter").json(&json!({ "n": 1 })).send().await.unwrap();
    let call_id = response.headers()["x-call-id"].to_str().unwrap().to_owned();
    assert_eq!(response.headers()["x-function-version"], "1");
    assert!(response.headers().contains_key("x-duration-seconds"));
    let answer = json_of(response, StatusCode::OK).await;
    assert_eq!(answer, json!({ "saw": "http.invoke", "data": { "n": 1 }, "version": 1 }));
    let lines = output.until(|line| line["text"] == "a line about http.invoke").await;
    assert_eq!(lines.last().unwrap()["run"], call_id.as_str());
    let changes = runs.until(|change| change["run"]["id"] == call_id.as_str()).await;
    assert_eq!(changes.last().unwrap()["run"]["state"], "SUCCEEDED");

    // An event that fits, and one that does not.
    assert_eq!(
        app.publish("file.uploaded", "not-mine", json!({ "kind": "video" })).await.status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(app.publish("file.uploaded", "mine", json!({ "kind": "image" })).await.status(), StatusCode::ACCEPTED);
    let changes = runs.until(|change| change["event"]["type"] == "Succeeded").await;
    let states: Vec<_> = changes.iter().map(|change| change["event"]["type"].as_str().unwrap()).collect();
    assert_eq!(states, ["Requested", "Started", "Succeeded"]);
    let run = app.run_where(&id, |run| run["trigger"] == "file.uploaded").await;
    assert_eq!(run["state"], "SUCCEEDED");
    assert_eq!(run["output"], json!({ "saw": "file.uploaded", "data": { "kind": "image" }, "version": 1 }));
    assert_eq!((&run["attempt"], &run["version"], &run["httpStatus"]), (&json!(1), &json!(1), &json!(200)));
    assert!(run["durationMs"].as_f64().unwrap() > 0.0 && run["event"]["id"].is_string(), "{run:#}");
    let run = app.run_where(&id, |run| run["trigger"] == "file.uploaded" && run["log"][0].is_object()).await;
    assert_eq!(run["log"][0]["text"], "a line about file.uploaded");
    assert_eq!(app.runs(&id).await.len(), 2, "the event that did not fit made no run");
}

#[tokio::test]
async fn the_demo_function_runs_and_its_curl_line_works() {
    let app = TestApp::start().await;
    let line = app.output.lines().find(|line| line.contains("curl")).unwrap().trim().to_owned();
    for part in ["store     SQLite", "queue     in process", "executor  sandbox"] {
        assert!(app.output.contains(part), "`{part}` in {}", app.output);
    }
    let output = tokio::process::Command::new("sh").args(["-c", &line]).output().await.unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(answer["message"], "Hello, world!");
    let found = app
        .graphql(r#"{ function(namespace: "default", name: "hello") { state triggers { type } } }"#, json!({}))
        .await;
    assert_eq!(found["function"]["state"], "RUNNING");
    assert_eq!(found["function"]["triggers"][1]["type"].as_str().unwrap().to_lowercase(), "event");
}

#[tokio::test]
async fn a_newer_version_takes_over_when_it_is_healthy_and_an_older_one_comes_back_by_rollback() {
    let app = TestApp::start().await;
    let code = |n: u32| format!("exports.handler = async () => ({{ answer: {n} }});");
    let id = app.running("answers", &[("index.js", &code(1))]).await;
    let folder = app.folder().join("repositories/answers");
    assert_eq!(json_of(app.call("answers").await, StatusCode::OK).await, json!({ "answer": 1 }));

    app.commit(&folder, &[("index.js", &code(2))]).await;
    assert_eq!(app.build(&id).await, 2);
    app.eventually("version 2 answers", async || {
        let response = app.call("answers").await;
        assert_eq!(response.status(), StatusCode::OK, "no call fails while versions change");
        (response.headers()["x-function-version"] == "2").then_some(())
    })
    .await;

    // What does not start is no version: its build fails, and says why.
    app.commit(&folder, &[("index.js", "throw new Error('not today')")]).await;
    let build = app.try_build(&id).await;
    assert_eq!((&build["state"], &build["version"]), (&json!("FAILED"), &Value::Null), "{build:#}");
    assert!(build["error"].as_str().unwrap().contains("not today"), "{build:#}");
    // A version that was not tried, and cannot start, leaves the running one alone.
    app.commit(&folder, &[("function.json", r#"{ "runtime": "node", "start_test": false }"#)]).await;
    assert_eq!(app.build(&id).await, 3);
    let reason = app
        .eventually("the function says why", async || {
            let found = app
                .graphql(
                    "query($id: ID!) { function(id: $id) { state stateReason currentVersion { number } } }",
                    json!({ "id": id }),
                )
                .await;
            found["function"]["stateReason"].is_string().then(|| found["function"].clone())
        })
        .await;
    assert_eq!((&reason["state"], &reason["currentVersion"]["number"]), (&json!("RUNNING"), &json!(2)), "{reason:#}");
    assert_eq!(json_of(app.call("answers").await, StatusCode::OK).await, json!({ "answer": 2 }));

    let payload = app
        .mutate(
            "rollbackFunction",
            "id: $id, version: 1, reason: \"2 was worse\"",
            "function { currentVersion { number } }",
            json!({ "id": id }),
            "$id: ID!",
        )
        .await;
    assert_eq!(payload["function"]["currentVersion"]["number"], 1);
    assert_eq!(json_of(app.call("answers").await, StatusCode::OK).await, json!({ "answer": 1 }));

    // The log shows who did what, and what was before.
    let found = app
        .graphql(
            "query($id: ID!) { history(stream: $id, first: 100) { nodes { type version data actor at } totalCount } }",
            json!({ "id": id }),
        )
        .await;
    let events = found["history"]["nodes"].as_array().unwrap();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["data"]["reason"]),
        (&json!("VersionPromoted"), &json!("2 was worse")),
        "{events:#?}"
    );
    assert_eq!(last["actor"], "token:dev");
    let started = events.iter().find(|e| e["type"] == "Started").unwrap();
    let before = app
        .graphql(
            "query($id: ID!, $at: DateTime!) { function(id: $id, asOf: $at) { state currentVersion { number } } }",
            json!({ "id": id, "at": started["at"] }),
        )
        .await;
    assert_eq!(before["function"], json!({ "state": "RUNNING", "currentVersion": { "number": 1 } }));
}

#[tokio::test]
async fn a_builds_success_the_functions_state_and_its_versions_are_one_snapshot() {
    let app = TestApp::start().await;
    let query = "query($n: String!) { function(namespace: \"default\", name: $n) { state versions(first: 9) { nodes { number } } builds(first: 9) { nodes { state } } } }";
    for round in 0..6 {
        let name = format!("snapshot-{round}");
        let repository = app.repository(&name, &[("index.js", "exports.handler = async () => 1;")]).await;
        let id = app.register_git(&name, &repository, None).await;
        app.mutate("buildFunction", "id: $id", "build { id }", json!({ "id": id }), "$id: ID!").await;
        let read = async || {
            loop {
                let found = app.graphql(query, json!({ "n": name })).await;
                let function = &found["function"];
                let built = function["builds"]["nodes"][0]["state"] == "SUCCEEDED";
                assert_eq!(built, function["state"] == "BUILT", "{function}");
                assert_eq!(built, function["versions"]["nodes"][0]["number"] == 1, "{function}");
                if built {
                    return;
                }
            }
        };
        let readers = futures::future::join_all([read(), read(), read(), read()]);
        tokio::time::timeout(crate::app::PATIENCE, readers).await.expect("it is built within a minute");
    }
}

#[tokio::test]
async fn a_run_is_replayed_with_the_same_or_another_payload_on_any_version() {
    let app = TestApp::start().await;
    let code = |n: u32| format!("exports.handler = async (event) => ({{ by: {n}, got: event.data ?? null }});");
    let id = app.running("echo", &[("index.js", &code(1))]).await;
    json_of(app.post("/function/echo").json(&json!({ "a": 1 })).send().await.unwrap(), StatusCode::OK).await;
    let first = app.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
    app.commit(&app.folder().join("repositories/echo"), &[("index.js", &code(2))]).await;
    app.build(&id).await;
    app.eventually("version 2 is current", async || {
        let found = app
            .graphql("query($id: ID!) { function(id: $id) { currentVersion { number } } }", json!({ "id": id }))
            .await;
        (found["function"]["currentVersion"]["number"] == 2).then_some(())
    })
    .await;
    for (arguments, expected) in [
        ("id: $id", json!({ "by": 2, "got": { "a": 1 } })),
        ("id: $id, version: 1", json!({ "by": 1, "got": { "a": 1 } })),
        ("id: $id, payload: { b: 2 }", json!({ "by": 2, "got": { "b": 2 } })),
    ] {
        let payload = app
            .mutate(
                "replayRun",
                arguments,
                "run { id state replayedFrom { id } }",
                json!({ "id": first["id"] }),
                "$id: ID!",
            )
            .await;
        assert_eq!(payload["run"]["replayedFrom"]["id"], first["id"]);
        let run = app.run_where(&id, |run| run["id"] == payload["run"]["id"] && run["state"] == "SUCCEEDED").await;
        assert_eq!(run["output"], expected, "{arguments}");
    }
}

#[tokio::test]
async fn a_job_takes_an_event_and_its_result_is_the_runs() {
    let app = TestApp::start().await;
    let files = [
        (
            "function.json",
            r#"{ "runtime": "python", "mode": "job", "handler": "main.handler", "triggers": [ { "type": "event", "pattern": "sum.*" }, { "type": "http" } ] }"#,
        ),
        (
            "main.py",
            "def handler(event, context):\n    print('adding')\n    return {'sum': sum(event['data']), 'attempt': context.attempt}\n",
        ),
    ];
    let id = app.running("adder", &files).await;
    app.publish("sum.asked", "1", json!([1, 2, 3])).await;
    let run = app.run_where(&id, |run| run["state"] == "SUCCEEDED" && run["log"][0].is_object()).await;
    assert_eq!((&run["output"], &run["exitCode"]), (&json!({ "sum": 6, "attempt": 1 }), &json!(0)));
    assert_eq!(run["log"][0]["text"], "adding");
    // The same over HTTP, and by invocation.
    let answer = json_of(app.post("/function/adder").json(&json!([4, 5])).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(answer["sum"], 9);
    let payload = app
        .mutate(
            "invokeFunction",
            "id: $id, payload: [7], wait: true",
            "run { state output }",
            json!({ "id": id }),
            "$id: ID!",
        )
        .await;
    assert_eq!((&payload["run"]["state"], &payload["run"]["output"]["sum"]), (&json!("SUCCEEDED"), &json!(7)));
}

#[tokio::test]
async fn a_build_that_runs_is_called_off() {
    let app = TestApp::start().await;
    // Its install script would take an hour.
    let package = r#"{ "name": "slow", "version": "1.0.0", "scripts": { "build": "sleep 86399" } }"#;
    let repository =
        app.repository("slow", &[("package.json", package), ("index.js", "exports.handler = async () => 1;")]).await;
    let id = app.register_git("slow", &repository, None).await;
    let payload = app.mutate("buildFunction", "id: $id", "build { id }", json!({ "id": id }), "$id: ID!").await;
    let build = payload["build"]["id"].clone();
    let mut log =
        app.subscribe("subscription($id: ID!) { buildLog(build: $id) { text } }", json!({ "id": build })).await;
    log.until(|line| line["text"].as_str().unwrap().contains("build")).await;
    for _ in 0..2 {
        let payload = app.mutate("cancelBuild", "id: $id", "build { state }", json!({ "id": build }), "$id: ID!").await;
        assert_eq!(payload["build"]["state"], "CANCELLED");
    }
    while log.next().await.is_some() {}
    let found = app
        .graphql("query($id: ID!) { function(id: $id) { state versions { totalCount } } }", json!({ "id": id }))
        .await;
    assert_eq!(found["function"], json!({ "state": "REGISTERED", "versions": { "totalCount": 0 } }));
    app.eventually("its processes are gone", async || {
        let found = tokio::process::Command::new("pgrep").args(["-f", "sleep 86399"]).output().await.unwrap();
        (!found.status.success()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn metrics_have_their_promised_names_and_a_port_of_their_own_when_asked() {
    let app = TestApp::start().await;
    app.call("hello").await;
    app.publish("demo.thing", "1", json!({})).await;
    let text = app
        .eventually("the metrics count both runs", async || {
            let text = app.request(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
            let both =
                ["http.invoke", "demo.thing"].iter().all(|trigger| text.contains(&format!("trigger=\"{trigger}\"")));
            both.then_some(text)
        })
        .await;
    for name in [
        "eventflow_function_invocations_total{function=\"hello\",namespace=\"default\",outcome=\"succeeded\"",
        "eventflow_function_duration_seconds_bucket",
        "eventflow_http_requests_total{method=",
        "eventflow_active_functions 1",
        "eventflow_cold_starts_total",
        "eventflow_cold_start_seconds_bucket",
        "eventflow_event_log_position ",
        "eventflow_append_seconds_bucket",
        "eventflow_builds_total{outcome=\"succeeded\"} 1",
        "eventflow_feed_gaps 0",
    ] {
        assert!(text.contains(name), "{name} in\n{text}");
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let app = TestApp::start_with(Options::default().env("METRICS_PORT", port.to_string())).await;
    let own = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.unwrap();
    assert!(own.text().await.unwrap().contains("eventflow_event_log_position"));
    assert_eq!(app.get("/metrics").send().await.unwrap().status(), StatusCode::NOT_FOUND);
}
