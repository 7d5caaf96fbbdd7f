//! `/function/{name}`: routing, cold starts, streams, limits, crashes.

use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::timeout;

use crate::app::{Options, PATIENCE, TestApp, json_of};

#[tokio::test]
async fn a_function_sees_the_call_and_nothing_that_is_not_its_own() {
    let app = TestApp::start_with(Options::default().env("JWT_SECRET", "a secret of the server, long enough")).await;
    app.running(
        "mirror",
        &[(
            "index.js",
            "exports.handler = async (event) => ({ http: event.http, data: event.data ?? null, env: process.env });",
        )],
    )
    .await;
    let answer = app
        .post("/function/mirror/some/where?a=1&a=2&b=%C3%A4")
        .header("x-mine", "yes")
        .header("cookie", "session=secret")
        .header("x-eventflow-run", "forged")
        .body("plain text")
        .header("content-type", "text/plain")
        .send()
        .await
        .unwrap();
    let answer = json_of(answer, StatusCode::OK).await;
    let http = &answer["http"];
    assert_eq!((&http["method"], &http["path"]), (&json!("POST"), &json!("/some/where")));
    assert_eq!(http["query"], json!({ "a": ["1", "2"], "b": "ä" }));
    assert_eq!(http["headers"]["x-mine"], "yes");
    assert_eq!(answer["data"], "plain text");
    for secret in ["authorization", "cookie", "x-eventflow-run"] {
        assert!(http["headers"].get(secret).is_none(), "{secret} reached the function");
    }
    let environment = answer["env"].to_string();
    for secret in ["JWT_SECRET", "long enough", "EVENTFLOW_DATA_DIR"] {
        assert!(!environment.contains(secret), "{environment}");
    }
}

#[tokio::test]
async fn a_call_is_a_run_with_its_input_and_output_and_trace() {
    let app = TestApp::start().await;
    let id = app
        .running(
            "traced",
            &[("index.js", "exports.handler = async (event) => ({ parent: event.http.headers.traceparent });")],
        )
        .await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let wanted = "5f0c1f3a-0d0b-4a5e-9d3c-8f1f0a6c2b11";
    let mut runs = Vec::new();
    for _ in 0..2 {
        let response = app.get("/function/traced").header("x-call-id", wanted).send().await.unwrap();
        let run = response.headers()["x-call-id"].to_str().unwrap().to_owned();
        app.run_where(&id, |found| found["id"] == run.as_str()).await;
        runs.push(run);
    }
    assert_ne!(runs[0], runs[1], "each call is a run of its own");
    // What the caller names leads to the first of them, through its function.
    let named = app.get(&format!("/v1/runs/{wanted}?function=traced")).send().await.unwrap();
    assert_eq!(json_of(named, StatusCode::OK).await["id"], runs[0].as_str());
    assert_eq!(app.get(&format!("/v1/runs/{wanted}")).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let response = app
        .get("/function/traced")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .send()
        .await
        .unwrap();
    let call = response.headers()["x-call-id"].to_str().unwrap().to_owned();
    let answer = json_of(response, StatusCode::OK).await;
    assert!(answer["parent"].as_str().unwrap().contains(trace), "{answer}");
    let run = app.run_where(&id, |run| run["id"] == call.as_str()).await;
    assert_eq!(
        (&run["state"], &run["trigger"], &run["coldStart"]),
        (&json!("SUCCEEDED"), &json!("http.invoke"), &run["coldStart"])
    );
    assert_eq!(run["input"]["http"]["method"], "GET");
    assert_eq!(run["output"], answer);
}

/// A request with these header fields, in this order; the trace that its function got.
async fn trace_of(app: &TestApp, path: &str, fields: &[(&str, &str)]) -> (String, Option<String>) {
    let request = fields.iter().fold(app.get(path), |request, (name, value)| request.header(*name, *value));
    let answer = json_of(request.send().await.unwrap(), StatusCode::OK).await;
    (answer["traceparent"].as_str().unwrap().to_owned(), answer["tracestate"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn a_trace_is_passed_on_as_w3c_trace_context_says_or_begins_here() {
    let app = TestApp::start().await;
    app.running("traced", &[("index.js", "exports.handler = async (event) => event.http.headers;")]).await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let goes_on = |parent: &str| parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-");

    // The same trace, this call as its parent, the known flags, and the state as one list.
    let later = format!("cc{}-later", parent[2..].replace("-01", "-ff"));
    let (passed, state) = trace_of(
        &app,
        "/function/traced",
        &[("traceparent", &later), ("tracestate", "a=1 ,b=2"), ("tracestate", "c=3")],
    )
    .await;
    assert!(goes_on(&passed) && passed.ends_with("-03") && !passed.contains("00f067aa0ba902b7"), "{passed}");
    assert_eq!(state.as_deref(), Some("a=1,b=2,c=3"));

    // What is no trace begins a new one, to which the old one's state does not belong.
    let nothing = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    let cases: [&[(&str, &str)]; 5] = [
        &[("traceparent", nothing), ("tracestate", "a=1")],
        &[("traceparent", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", "a=1")],
        &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"), ("tracestate", "a=1")],
        &[("traceparent", parent), ("traceparent", parent), ("tracestate", "a=1")],
        &[("tracestate", "a=1")],
    ];
    for fields in cases {
        let (passed, state) = trace_of(&app, "/function/traced", fields).await;
        assert!(!goes_on(&passed) && passed != nothing && passed.len() == 55, "{fields:?}: {passed}");
        assert_eq!(state, None, "{fields:?}");
    }

    // A state that is wrong is dropped, and the trace goes on.
    let many = (0..33).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    for state in [many.as_str(), "FOO=1", &format!("a={}", "x".repeat(257))] {
        let (passed, state) =
            trace_of(&app, "/function/traced", &[("traceparent", parent), ("tracestate", state)]).await;
        assert!(goes_on(&passed) && state.is_none(), "{passed} {state:?}");
    }

    // The same where the call is recorded first and run by a worker.
    let recorded = [("traceparent", parent), ("tracestate", "a=1"), ("idempotency-key", "k")];
    let (passed, state) = trace_of(&app, "/function/traced", &recorded).await;
    assert!(goes_on(&passed) && !passed.contains("00f067aa0ba902b7"), "{passed}");
    assert_eq!(state.as_deref(), Some("a=1"));
    let recorded = [("traceparent", nothing), ("tracestate", "a=1"), ("idempotency-key", "l")];
    let (passed, state) = trace_of(&app, "/function/traced", &recorded).await;
    assert!(passed != nothing && state.is_none(), "{passed} {state:?}");
}

#[tokio::test]
async fn an_event_cannot_put_anything_but_a_trace_where_the_trace_belongs() {
    let app = TestApp::start().await;
    let manifest = r#"{ "runtime": "command", "command": ["node", "server.js"], "triggers": [{ "type": "event", "pattern": "a.b" }] }"#;
    let code = r#"
        require("node:http").createServer((request, response) => {
          const { traceparent, tracestate } = request.headers;
          response.setHeader("content-type", "application/json");
          request.resume().on("end", () => response.end(JSON.stringify({ traceparent, tracestate })));
        }).listen(process.env.PORT);"#;
    let id = app.running("listener", &[("function.json", manifest), ("server.js", code)]).await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let table = [
        ("valid", json!(parent), json!("a=1"), json!({ "traceparent": parent, "tracestate": "a=1" })),
        ("state", json!(parent), json!("A=1"), json!({ "traceparent": parent })),
        ("lines", json!("00-x\r\nx-eventflow-run: forged"), json!("a=1"), json!({})),
        ("zeros", json!("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), json!("a=1"), json!({})),
    ];
    for (name, parent, state, expected) in table {
        let event = json!({ "specversion": "1.0", "id": name, "source": "/test", "type": "a.b", "traceparent": parent, "tracestate": state });
        let request = app.post("/v1/events").header("content-type", "application/cloudevents+json");
        let answer = request.body(event.to_string()).send().await.unwrap();
        // What an event may say at all is for its door to decide; what was taken is delivered.
        let taken = answer.status() == StatusCode::ACCEPTED;
        assert!(taken || name == "lines", "{name}: {}", answer.status());
        if taken {
            let run = app.run_where(&id, |run| run["input"]["id"] == name && run["state"] == "SUCCEEDED").await;
            assert_eq!(run["output"], expected, "{name}");
        }
    }
}

#[tokio::test]
async fn bodies_are_streamed_both_ways() {
    let app = TestApp::start().await;
    let program = r#"
        const http = require("node:http");
        http.createServer((request, response) => {
          response.writeHead(200, { "content-type": "text/plain" });
          request.on("data", (part) => response.write(part));
          request.on("end", () => response.end());
        }).listen(process.env.PORT);"#;
    app.running(
        "echo",
        &[("function.json", r#"{ "runtime": "command", "command": ["node", "server.js"] }"#), ("server.js", program)],
    )
    .await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
    // The first part is sent before the headers of the answer are waited for; each further one after the last came back.
    sender.send(Ok(b"part 0".to_vec())).await.unwrap();
    let response = app.post("/function/echo").body(body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut parts = response.bytes_stream();
    for n in 1..=5 {
        let back = timeout(PATIENCE, parts.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(back, format!("part {}", n - 1));
        sender.send(Ok(format!("part {n}").into_bytes())).await.unwrap();
    }
    drop(sender);
    assert_eq!(timeout(PATIENCE, parts.next()).await.unwrap().unwrap().unwrap(), "part 5");
    assert!(timeout(PATIENCE, parts.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_function_starts_from_zero_and_stops_when_idle() {
    let app = TestApp::start().await;
    let manifest = r#"{ "runtime": "node", "scaling": { "min": 0, "max": 1, "idle_s": 1 } }"#;
    let id = app
        .running("sleepy", &[("function.json", manifest), ("index.js", "exports.handler = async () => process.pid;")])
        .await;
    let instances = async || {
        let found =
            app.graphql("query($id: ID!) { function(id: $id) { instances { id state } } }", json!({ "id": id })).await;
        found["function"]["instances"].as_array().unwrap().len()
    };
    app.eventually("no instance is left", async || (instances().await == 0).then_some(())).await;
    // Requests wait for the one instance, all of them.
    let answers = join_all((0..10).map(|_| app.call("sleepy"))).await;
    assert!(answers.iter().all(|answer| answer.status() == StatusCode::OK));
    assert_eq!(instances().await, 1);
    let run = app.run_where(&id, |run| run["coldStart"] == true).await;
    assert_eq!(run["state"], "SUCCEEDED");
    app.eventually("the instance is stopped again", async || (instances().await == 0).then_some(())).await;
}

#[tokio::test]
async fn instances_follow_the_load_up_to_the_most() {
    let app = TestApp::start().await;
    let manifest = r#"{ "runtime": "node", "scaling": { "max": 3, "concurrency": 2 } }"#;
    let code = "exports.handler = async () => { await new Promise((done) => setTimeout(done, 1500)); return process.env.EVENTFLOW_SOCKET; };";
    let id = app.running("busy", &[("function.json", manifest), ("index.js", code)]).await;
    let calls = join_all((0..12).map(|_| app.call("busy")));
    let most = async {
        app.eventually("three instances", async || {
            let found = app
                .graphql("query($id: ID!) { function(id: $id) { instances { inFlight } } }", json!({ "id": id }))
                .await;
            let all = found["function"]["instances"].as_array().unwrap().clone();
            assert!(all.len() <= 3 && all.iter().all(|i| i["inFlight"].as_i64().unwrap() <= 2), "{all:?}");
            (all.len() == 3).then_some(())
        })
        .await;
    };
    let (answers, ()) = tokio::join!(calls, most);
    assert!(answers.iter().all(|answer| answer.status() == StatusCode::OK));
}

#[tokio::test]
async fn too_many_that_wait_are_told_to_come_back() {
    let app = TestApp::start_with(Options::default().env("EVENTFLOW_MAX_WAITING", "2")).await;
    let manifest = r#"{ "runtime": "node", "scaling": { "max": 1, "concurrency": 1 } }"#;
    app.running(
        "narrow",
        &[
            ("function.json", manifest),
            ("index.js", "exports.handler = async () => { await new Promise((done) => setTimeout(done, 500)); };"),
        ],
    )
    .await;
    app.call("narrow").await;
    let answers = join_all((0..10).map(|_| app.call("narrow"))).await;
    let (good, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status() == StatusCode::OK);
    assert_eq!(good.len(), 3, "one runs and two wait");
    for answer in refused {
        assert!(answer.headers().contains_key("retry-after"));
        let body = json_of(answer, StatusCode::TOO_MANY_REQUESTS).await;
        assert_eq!(body["error"]["code"], "too_many_requests");
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_ended() {
    let app = TestApp::start().await;
    let id = app
        .running(
            "slow",
            &[("index.js", "exports.handler = async () => new Promise(() => setInterval(() => {}, 1000));")],
        )
        .await;
    let answer = app.get("/function/slow").header("x-timeout", "300ms").send().await.unwrap();
    let body = json_of(answer, StatusCode::GATEWAY_TIMEOUT).await;
    assert_eq!(body["error"]["code"], "timed_out");
    app.run_where(&id, |run| run["state"] == "TIMED_OUT").await;
    let answer = app.get("/function/slow").header("x-timeout", "soon").send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::BAD_REQUEST).await["error"]["code"], "bad_timeout");
}

#[tokio::test]
async fn a_crash_is_told_with_the_functions_last_lines() {
    let app = TestApp::start().await;
    let code = "exports.handler = async () => { console.error('the disk is on fire'); setImmediate(() => process.exit(7)); return new Promise(() => {}); };";
    let id = app.running("crasher", &[("index.js", code)]).await;
    let body = json_of(app.call("crasher").await, StatusCode::BAD_GATEWAY).await;
    assert_eq!(body["error"]["code"], "function_crashed", "{body}");
    assert!(body["error"]["message"].as_str().unwrap().contains("code 7"), "{body}");
    let run = app.run_where(&id, |run| run["state"] == "FAILED").await;
    let error = run["error"].as_str().unwrap();
    assert!(error.contains("code 7") && error.contains("the disk is on fire"), "{error}");
}

#[tokio::test]
async fn an_instance_that_dies_is_replaced() {
    let app = TestApp::start().await;
    let code = "exports.handler = async (event) => { if (event.data === 'die') process.exit(1); return process.pid; };";
    app.running("phoenix", &[("index.js", code)]).await;
    assert_eq!(app.call("phoenix").await.status(), StatusCode::OK);
    assert_eq!(
        app.post("/function/phoenix").body("die").header("content-type", "text/plain").send().await.unwrap().status(),
        StatusCode::BAD_GATEWAY
    );
    app.eventually("it answers again", async || (app.call("phoenix").await.status() == StatusCode::OK).then_some(()))
        .await;
}

#[tokio::test]
async fn a_function_that_streams_for_ever_is_ended_and_a_caller_that_leaves_ends_its_call() {
    let app = TestApp::start().await;
    let manifest = r#"{ "runtime": "node", "resources": { "timeout_s": 2 } }"#;
    let code = "exports.handler = async () => ({ statusCode: 200, body: (async function* () { for (;;) { yield 'tick\\n'; await new Promise((done) => setTimeout(done, 10)); } })() });";
    let id = app.running("endless", &[("function.json", manifest), ("index.js", code)]).await;
    let mut parts = app.call("endless").await.bytes_stream();
    let ended = timeout(Duration::from_secs(20), async { while let Some(Ok(_)) = parts.next().await {} }).await;
    assert!(ended.is_ok(), "the stream is broken off at the function's timeout");
    app.run_where(&id, |run| run["state"] == "TIMED_OUT").await;

    let mut parts = app.call("endless").await.bytes_stream();
    parts.next().await.unwrap().unwrap();
    drop(parts);
    app.run_where(&id, |run| run["state"] == "CANCELLED").await;
}

#[tokio::test]
async fn what_is_not_there_or_does_not_run_is_told_apart() {
    let app = TestApp::start().await;
    assert_eq!(json_of(app.call("nobody").await, StatusCode::NOT_FOUND).await["error"]["code"], "function_not_found");
    let id = app.running("here", &[("index.js", "exports.handler = async () => 1;")]).await;
    assert_eq!(app.call("default/here").await.status(), StatusCode::OK);
    app.mutate("stopFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
    let body = json_of(app.call("here").await, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(body["error"]["code"], "function_not_running");
    assert!(body["error"]["message"].as_str().unwrap().contains("STOPPED"), "{body}");
    app.mutate("deregisterFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
    assert_eq!(json_of(app.call("here").await, StatusCode::NOT_FOUND).await["error"]["code"], "function_not_found");
    // The name is free again.
    app.running("here", &[("index.js", "exports.handler = async () => 2;")]).await;
    assert_eq!(json_of(app.call("here").await, StatusCode::OK).await, json!(2));
    // A stranger gets nothing.
    let answer = app.request(reqwest::Method::GET, "/function/here").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}
