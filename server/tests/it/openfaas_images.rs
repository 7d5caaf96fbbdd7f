//! OpenFaaS' API with images on a real engine: the cases of its public certifier that call functions, in our words.
//!
//! The image does what those of OpenFaaS do: a watchdog runs the program in `fprocess` for each call, and listens on 8080.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Once;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, TestApp};
use crate::executor::docker::{NODE, docker, host};
use crate::openfaas::{ask, deploy, get};

const IMAGE: &str = "eventflow-test/watchdog:1";

const WATCHDOG: &str = "const { spawn } = require('child_process');
require('http').createServer((request, response) => {
  if (process.env.destination) return response.writeHead(302, { location: process.env.destination }).end();
  const { pathname, search } = new URL(request.url, 'http://function');
  const called = { Http_Method: request.method, Http_Path: pathname, Http_Query: search.slice(1) };
  const [program, ...words] = process.env.fprocess.split(' ');
  console.error('Forking fprocess.');
  const child = spawn(program, words, { env: { ...process.env, ...called } });
  const out = [];
  child.stdin.on('error', () => {});
  child.stdout.on('data', (piece) => out.push(piece));
  child.on('close', (code) => {
    const body = Buffer.concat(out);
    response.writeHead(code ? 500 : 200).end(body);
    console.error(`Wrote ${body.length} Bytes`);
  });
  request.pipe(child.stdin);
}).listen(8080);
process.on('SIGTERM', () => process.exit());
";

/// A server whose functions everybody may call, as with OpenFaaS, and whose engine has the image.
async fn with_image() -> TestApp {
    static MADE: Once = Once::new();
    MADE.call_once(|| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("watchdog.js");
        fs::write(&file, WATCHDOG).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let container = docker(&["create", NODE]);
        docker(&["cp", file.to_str().unwrap(), &format!("{container}:/watchdog.js")]);
        docker(&["commit", "-c", "EXPOSE 8080", "-c", "CMD [\"node\", \"/watchdog.js\"]", &container, IMAGE]);
        docker(&["rm", &container]);
    });
    TestApp::start_with(Options::default().env("DOCKER_HOST", host()).env("EVENTFLOW_PUBLIC_FUNCTIONS", "default"))
        .await
}

/// An answer to a caller without a token, who follows no redirect.
async fn call(app: &TestApp, method: Method, path: &str, body: &'static str) -> Response {
    let client = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    client.request(method, format!("{}/function/{path}", app.url)).body(body).send().await.unwrap()
}

/// Waits until the function answers everybody, with this status and a text that has all these parts.
async fn answered(app: &TestApp, method: Method, path: &str, status: StatusCode, parts: &[&str]) -> Response {
    app.eventually(&format!("{path} answers {parts:?}"), async || {
        let answer = call(app, method.clone(), path, "").await;
        let fits = answer.status() == status;
        let again = call(app, method.clone(), path, "").await;
        let text = answer.text().await.unwrap();
        (fits && parts.iter().all(|part| text.contains(part))).then_some(again)
    })
    .await
}

fn containers(function: &str) -> usize {
    docker(&["ps", "-q", "--filter", &format!("label=io.eventflow.function={function}")]).lines().count()
}

#[tokio::test]
async fn an_image_is_deployed_called_logged_changed_and_removed() {
    let app = with_image().await;
    let secret = json!({ "name": "api-key", "namespace": "default", "value": "the-first-value" });
    assert_eq!(ask(&app, Method::POST, "secrets", secret).await.status(), StatusCode::CREATED);
    let deployment = |process: &str, label: &str| {
        json!({
            "service": "watched", "image": IMAGE, "envProcess": process, "envVars": { "custom_env": "custom_env_value" },
            "secrets": ["api-key"], "labels": { "step": label }, "limits": { "memory": "128Mi", "cpu": "500m" },
        })
    };
    deploy(&app, deployment("env", "one")).await;
    let redirector = json!({ "service": "redirecting", "image": IMAGE, "envVars": { "destination": "http://example.com/elsewhere" } });
    deploy(&app, redirector).await;
    let parts = [
        "Http_Method=GET",
        "Http_Query=testing=1",
        "custom_env=custom_env_value",
        "api_key=the-first-value",
        "PORT=8080",
    ];
    let answer = answered(&app, Method::GET, "watched.default?testing=1", StatusCode::OK, &parts).await;
    for header in ["x-call-id", "x-start-time"] {
        assert!(!answer.headers()[header].is_empty(), "{header}");
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = call(&app, method.clone(), "watched/a/b", "").await;
        let text = answer.text().await.unwrap();
        assert!(text.contains(&format!("Http_Method={method}\n")) && text.contains("Http_Path=/a/b\n"), "{text}");
    }
    let ids = docker(&["ps", "-q", "--filter", "label=io.eventflow.function=watched"]);
    let memory = docker(&["inspect", "-f", "{{.HostConfig.Memory}}", ids.lines().next().unwrap()]);
    assert_eq!(memory, (128 << 20).to_string());
    let moved = answered(&app, Method::POST, "redirecting.default", StatusCode::FOUND, &[]).await;
    assert_eq!(moved.headers()["location"], "http://example.com/elsewhere");

    // A new value is there without another deployment; another program is another version.
    let value = json!({ "name": "api-key", "namespace": "default", "rawValue": STANDARD.encode("the-new-value") });
    assert_eq!(ask(&app, Method::PUT, "secrets", value).await.status(), StatusCode::ACCEPTED);
    answered(&app, Method::GET, "watched", StatusCode::OK, &["api_key=the-new-value"]).await;
    assert_eq!(ask(&app, Method::PUT, "functions", deployment("cat", "two")).await.status(), StatusCode::ACCEPTED);
    app.eventually("the new version answers", async || {
        let answer = call(&app, Method::POST, "watched", "what is sent").await;
        (answer.text().await.unwrap() == "what is sent").then_some(())
    })
    .await;
    app.eventually("its log says what was done", async || {
        let answer = ask(&app, Method::GET, "logs?name=watched&namespace=default&follow=false", Value::Null).await;
        let text = answer.text().await.unwrap();
        (text.contains("Forking fprocess.") && text.contains("Wrote 12 Bytes")).then_some(())
    })
    .await;
    let later = app.request(Method::POST, "/async-function/watched").bearer_auth("dev-token").body("later");
    let later = later.send().await.unwrap();
    assert_eq!(later.status(), StatusCode::ACCEPTED);
    assert!(!later.headers()["x-call-id"].is_empty());

    for name in ["watched", "redirecting"] {
        let gone = json!({ "functionName": name, "namespace": "default" });
        assert_eq!(ask(&app, Method::DELETE, "functions", gone).await.status(), StatusCode::ACCEPTED);
        app.eventually("its containers are gone", async || (containers(name) == 0).then_some(())).await;
        assert_eq!(app.call(name).await.status(), StatusCode::NOT_FOUND);
    }
    let secret = json!({ "name": "api-key", "namespace": "default" });
    assert_eq!(ask(&app, Method::DELETE, "secrets", secret).await.status(), StatusCode::ACCEPTED);
    assert_eq!(get(&app, "functions").await.as_array().unwrap().iter().filter(|one| one["image"] == IMAGE).count(), 0);
}

#[tokio::test]
#[ignore = "takes a while: make test-containers"]
async fn a_real_engine_has_as_many_containers_as_a_function_is_scaled_to() {
    let app = with_image().await;
    let name = "test-scaling";
    let labels = json!({ "com.openfaas.scale.min": "2", "com.openfaas.scale.max": "2" });
    deploy(&app, json!({ "service": name, "image": IMAGE, "envProcess": "cat", "labels": labels })).await;
    let replicas = async |counts: &str, number: u64| {
        app.eventually(&format!("{number} {counts}"), async || {
            (get(&app, "function/test-scaling").await[counts] == number).then_some(())
        })
        .await;
    };
    replicas("availableReplicas", 2).await;
    // No more, whatever is asked of it.
    let calls = join_all((0..60).map(|_| call(&app, Method::POST, name, "sent"))).await;
    assert!(calls.iter().all(|answer| answer.status() == StatusCode::OK));
    assert_eq!((get(&app, "function/test-scaling").await["replicas"].clone(), containers(name)), (json!(2), 2));

    let scale = async |number: u32| {
        let body = json!({ "serviceName": name, "replicas": number });
        let answer = ask(&app, Method::POST, &format!("scale-function/{name}"), body).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    };
    scale(3).await;
    replicas("availableReplicas", 3).await;
    app.eventually("three containers are left", async || (containers(name) == 3).then_some(())).await;
    scale(0).await;
    assert_eq!(get(&app, "function/test-scaling").await["replicas"], 0);
    let answer = call(&app, Method::POST, name, "from nothing").await;
    assert_eq!((answer.status(), answer.text().await.unwrap().as_str()), (StatusCode::OK, "from nothing"));
}
