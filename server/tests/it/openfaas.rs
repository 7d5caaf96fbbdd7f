//! OpenFaaS' API on the real binary: the cases of its public certifier, in our words, as far as they go without a container.
//!
//! What needs a running image is in `openfaas_images.rs`. `docs/conformance.md` says how far the certifier itself gets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};

/// As faas-cli asks after a login.
pub async fn ask(app: &TestApp, method: Method, path: &str, body: Value) -> Response {
    let credentials = format!("Basic {}", STANDARD.encode("admin:dev-token"));
    let request = app.request(method, &format!("/system/{path}")).header("authorization", credentials);
    let request = if body.is_null() { request } else { request.json(&body) };
    request.send().await.unwrap()
}

pub async fn get(app: &TestApp, path: &str) -> Value {
    json_of(ask(app, Method::GET, path, Value::Null).await, StatusCode::OK).await
}

pub async fn deploy(app: &TestApp, deployment: Value) {
    let answer = ask(app, Method::POST, "functions", deployment).await;
    let status = answer.status();
    assert_eq!((status, answer.text().await.unwrap().as_str()), (StatusCode::ACCEPTED, ""));
}

fn contains(whole: &Value, part: &Value) -> bool {
    part.as_object().unwrap().iter().all(|(name, value)| whole[name] == *value)
}

#[tokio::test]
async fn what_is_deployed_is_told_as_it_was_deployed() {
    let app = TestApp::start().await;
    let note = "{\n \"glossary\": { \"title\": \"example\", \"also\": [\"GML\", \"XML\"] } }";
    let cases = [
        json!({ "service": "stronghash", "envProcess": "sha512sum", "labels": {}, "annotations": {} }),
        json!({
            "service": "env-test-labels", "envProcess": "env", "annotations": {},
            "labels": { "upstream_uri": "example.com", "canary_build": "true" },
        }),
        json!({
            "service": "env-test-annotations", "envProcess": "env", "labels": {},
            "annotations": { "important-date": "Fri Aug 10 08:21:00 BST 2018", "some-json": note },
        }),
        json!({
            "service": "memory-limit", "envProcess": "env", "labels": {}, "annotations": {},
            "limits": { "memory": "5Mi", "cpu": "100m" },
        }),
    ];
    for case in &cases {
        let mut deployment = case.clone();
        deployment["image"] = json!("docker.io/functions/alpine:latest");
        deployment["namespace"] = json!("team");
        deploy(&app, deployment).await;
    }
    let listed = get(&app, "functions?namespace=team").await;
    assert_eq!(listed.as_array().unwrap().len(), cases.len(), "{listed}");
    for case in &cases {
        let name = case["service"].as_str().unwrap();
        let described = get(&app, &format!("function/{name}?namespace=team&usage=1")).await;
        assert_eq!(
            (&described["image"], &described["namespace"]),
            (&json!("docker.io/functions/alpine:latest"), &json!("team"))
        );
        assert_eq!(
            (&described["envProcess"], &described["envVars"]),
            (&case["envProcess"], &Value::Null),
            "{described}"
        );
        assert_eq!(described["limits"], case["limits"], "{described}");
        assert!(contains(&described["labels"], &case["labels"]), "{described}");
        assert_eq!(described["labels"]["faas_function"], name);
        assert!(contains(&described["annotations"], &case["annotations"]), "{described}");
        assert!(described.get("requests").is_none() && described.get("constraints").is_none(), "{described}");
        // As many as are wanted at once, whatever becomes of the image.
        assert_eq!(described["replicas"], 1, "{described}");
        assert!(listed.as_array().unwrap().iter().any(|one| one["name"] == name), "{listed}");
    }
    // Older clients say the namespace in the query alone, and mean no function of that name in another one.
    deploy(&app, json!({ "service": "stronghash", "image": "functions/alpine:latest" })).await;
    let gone = json!({ "functionName": "stronghash" });
    assert_eq!(ask(&app, Method::DELETE, "functions?namespace=team", gone).await.status(), StatusCode::ACCEPTED);
    assert_eq!(get(&app, "functions?namespace=team").await.as_array().unwrap().len(), cases.len() - 1);
    assert_eq!(get(&app, "function/stronghash").await["name"], "stronghash");
}

#[tokio::test]
async fn the_gateway_is_healthy_and_says_what_it_is() {
    let app = TestApp::start().await;
    assert_eq!(app.request(Method::GET, "/healthz").send().await.unwrap().status(), StatusCode::OK);
    let info = get(&app, "info").await;
    for text in [
        "/provider/provider",
        "/provider/orchestration",
        "/provider/version/release",
        "/provider/version/sha",
        "/version/release",
        "/version/sha",
    ] {
        assert!(info.pointer(text).and_then(Value::as_str).is_some_and(|text| !text.is_empty()), "{text}: {info}");
    }
    assert_eq!(get(&app, "namespaces").await, json!(["default"]));
}

#[tokio::test]
async fn as_many_replicas_are_wanted_as_the_labels_say() {
    let app = TestApp::start().await;
    let labels = |pairs: &[(&str, &str)]| -> Value {
        pairs.iter().map(|(name, text)| (format!("com.openfaas.scale.{name}"), json!(text))).collect()
    };
    for (name, labels, replicas) in [
        ("test-min-scale", labels(&[("min", "2")]), 2),
        ("test-scaling-disabled", labels(&[("min", "2"), ("max", "2")]), 2),
        ("test-throughput-scaling", labels(&[("min", "1"), ("max", "2")]), 1),
        ("test-scaling-to-zero", labels(&[("max", "2"), ("zero", "true")]), 0),
    ] {
        deploy(
            &app,
            json!({ "service": name, "image": "functions/alpine:latest", "envProcess": "sha512sum", "labels": labels }),
        )
        .await;
        assert_eq!(get(&app, &format!("function/{name}")).await["replicas"], replicas, "{name}");
    }
    let scale = json!({ "serviceName": "test-min-scale", "replicas": 0 });
    assert_eq!(ask(&app, Method::POST, "scale-function/test-min-scale", scale).await.status(), StatusCode::ACCEPTED);
    assert_eq!(get(&app, "function/test-min-scale").await["replicas"], 0);
}

#[tokio::test]
async fn a_secret_is_created_listed_updated_and_removed() {
    let app = TestApp::start().await;
    let names = async |app: &TestApp| get(app, "secrets?namespace=default").await;
    assert_eq!(names(&app).await, json!([]));
    for (name, value, update) in [
        ("secret-string", json!({ "value": "this is the value" }), json!({ "value": "this is the NEW value" })),
        (
            "secret-bytes",
            json!({ "rawValue": STANDARD.encode("this is the RAW value") }),
            json!({ "rawValue": STANDARD.encode("this is the NEW RAW value") }),
        ),
    ] {
        let with = |more: &Value| {
            let mut body = json!({ "name": name, "namespace": "default" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        assert_eq!(ask(&app, Method::POST, "secrets", with(&value)).await.status(), StatusCode::CREATED);
        assert_eq!(names(&app).await, json!([{ "name": name, "namespace": "default" }]));
        deploy(&app, json!({ "service": name, "image": "functions/alpine:latest", "secrets": [name] })).await;
        assert_eq!(get(&app, &format!("function/{name}")).await["secrets"], json!([name]));
        assert_eq!(ask(&app, Method::PUT, "secrets", with(&update)).await.status(), StatusCode::ACCEPTED);
        let again = json!({ "service": name, "image": "functions/alpine:latest", "secrets": [name], "annotations": { "secret-hash": "2" } });
        assert_eq!(ask(&app, Method::PUT, "functions", again).await.status(), StatusCode::ACCEPTED);
        let gone = json!({ "functionName": name, "namespace": "default" });
        assert_eq!(ask(&app, Method::DELETE, "functions", gone).await.status(), StatusCode::ACCEPTED);
        assert_eq!(ask(&app, Method::DELETE, "secrets", with(&json!({}))).await.status(), StatusCode::ACCEPTED);
        assert_eq!(names(&app).await, json!([]));
    }
}

/// As callers of OpenFaaS do: without a token, by name and namespace.
#[tokio::test]
async fn a_function_is_called_by_everybody_where_that_is_allowed() {
    let app = TestApp::start_with(Options::default().env("EVENTFLOW_PUBLIC_FUNCTIONS", "default")).await;
    // The certifier's own function that is not there has no name either.
    assert_eq!(app.request(Method::POST, "/function/.default").send().await.unwrap().status(), StatusCode::NOT_FOUND);
    // Clients of OpenFaaS call what they have just deployed until it answers, and give up where they are asked who they are.
    deploy(&app, json!({ "service": "early", "image": "functions/alpine:latest", "envProcess": "env" })).await;
    let early = app
        .eventually("it is known that it will be open", async || {
            let answer = app.request(Method::POST, "/function/early.default").send().await.unwrap();
            (answer.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
        })
        .await;
    assert_eq!(early.headers()["retry-after"], "1");
    assert_eq!(early.json::<Value>().await.unwrap()["error"]["code"], "function_not_running");
    let wrong = app.request(Method::POST, "/function/early").bearer_auth("wrong").send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    let triggers = r#"{ "runtime": "node", "triggers": [{ "type": "http", "auth": "none" }] }"#;
    let code = "exports.handler = async (event) => { console.log('called'); return { path: event.http.path, query: event.http.query, \
                method: event.http.method }; };";
    app.running("env-test", &[("function.json", triggers), ("index.js", code)]).await;
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = app
            .eventually("its door is open", async || {
                let answer = app.request(method.clone(), "/function/env-test.default?testing=1").send().await.unwrap();
                (answer.status() == StatusCode::OK).then_some(answer)
            })
            .await;
        for header in ["x-call-id", "x-start-time"] {
            assert!(!answer.headers()[header].is_empty(), "{header}");
        }
        let called = answer.json::<Value>().await.unwrap();
        assert_eq!(called, json!({ "path": "/", "query": { "testing": "1" }, "method": method.as_str() }));
    }
    let below = app.request(Method::GET, "/function/env-test.openfaas-fn/a/b").send().await.unwrap();
    assert_eq!(json_of(below, StatusCode::OK).await["path"], "/a/b");
    let elsewhere = app.request(Method::GET, "/function/env-test.team").send().await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::UNAUTHORIZED);

    let logged = app
        .eventually("its log has all calls", async || {
            let answer = ask(&app, Method::GET, "logs?name=env-test&namespace=default&follow=false", Value::Null).await;
            let text = answer.text().await.unwrap();
            let lines: Vec<_> = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
            (lines.iter().filter(|line| line["text"] == "called").count() == 6).then_some(lines)
        })
        .await;
    let line = logged.iter().find(|line| line["text"] == "called").unwrap();
    assert_eq!((&line["name"], &line["namespace"]), (&json!("env-test"), &json!("default")));
    assert!(!line["instance"].as_str().unwrap().is_empty(), "{line}");
    let described = app
        .eventually("its calls are counted", async || {
            let described = get(&app, "function/env-test").await;
            (described["invocationCount"] == 6).then_some(described)
        })
        .await;
    assert_eq!(described["availableReplicas"], 1, "{described}");
}
