//! Calls for which nobody waits: retried, called back, called off, dead, redriven; and calls that are made once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::app::{Options, PATIENCE, TestApp, json_of};

const QUICK: &str = r#"{ "runtime": "node", "handler": "index.handler", "triggers": [{ "type": "http" }],
    "retry": { "max_attempts": 2, "backoff_s": 0.05, "backoff_max_s": 0.1 } }"#;

async fn run_id(answer: reqwest::Response) -> String {
    json_of(answer, StatusCode::ACCEPTED).await["run_id"].as_str().unwrap().to_owned()
}

impl TestApp {
    /// Waits until a run is in this state; what REST says of it.
    async fn run_in(&self, id: &str, state: &str) -> Value {
        self.eventually(&format!("run {id} is {state}"), async || {
            let run = json_of(self.get(&format!("/v1/runs/{id}")).send().await.unwrap(), StatusCode::OK).await;
            (run["state"] == state).then_some(run)
        })
        .await
    }
}

/// The next request that comes to a receiver, which answers it with 204: head and body.
async fn received(listener: &TcpListener) -> (String, Vec<u8>) {
    let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.expect("a call back within a minute").unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "it broke off");
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        if bytes.len() >= end + 4 + header(&head, "content-length").parse::<usize>().unwrap() {
            stream.write_all(b"HTTP/1.1 204 Fine\r\n\r\n").await.unwrap();
            return (head, bytes[end + 4..].to_vec());
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap()
}

#[tokio::test]
async fn an_asynchronous_call_is_retried_and_called_back() {
    let app = TestApp::start_with(Options::default().env("EVENTFLOW_CALLBACK_ALLOW", "127.0.0.0/8")).await;
    let code = "exports.handler = async (event, context) => context.attempt === 1
        ? { statusCode: 429, headers: { 'retry-after': '0' }, body: 'later' }
        : { method: event.http.method, path: event.http.path, data: event.data };";
    app.running("later", &[("index.js", code), ("function.json", QUICK)]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/done", listener.local_addr().unwrap());
    let answer =
        app.post("/async-function/later/x").header("x-callback-url", &url).json(&json!({ "n": 1 })).send().await;
    let id = run_id(answer.unwrap()).await;
    let run = app.run_in(&id, "SUCCEEDED").await;
    assert_eq!(run["attempt"], 2);
    assert_eq!(run["output"], json!({ "method": "POST", "path": "/x", "data": { "n": 1 } }));

    let (head, body) = received(&listener).await;
    assert!(head.starts_with("POST /done HTTP/1.1"), "{head}");
    let notification: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&notification["run_id"], &notification["function"]), (&json!(id), &json!("later")));
    assert_eq!(
        (&notification["state"], &notification["output"], &notification["attempts"]),
        (&json!("SUCCEEDED"), &run["output"], &json!(2))
    );
    // Whoever runs the server can give the receiver what it verifies it with.
    let query = "query($id: ID!) { run(id: $id) { callback { url state failures error } } }";
    let delivered = json!({ "url": url, "state": "DELIVERED", "failures": 0, "error": null });
    app.eventually("the run shows that its callback was delivered", async || {
        let run = app.graphql(query, json!({ "id": id })).await["run"].take();
        (run["callback"] == delivered).then_some(())
    })
    .await;
    let (_, output) = app.verb("callback-secret").await;
    let secret = output.lines().find_map(|line| line.strip_prefix("whsec_")).unwrap();
    assert_eq!(header(&head, "webhook-id"), id);
    assert_eq!(header(&head, "webhook-signature"), signature(&head, &body, &STANDARD.decode(secret).unwrap()));

    // A namespace may have a secret of its own for that.
    let set = r#"mutation { setSecret(namespace: "default", name: "CALLBACK_SECRET", value: "ours") { userErrors { code } } }"#;
    assert_eq!(app.graphql(set, json!({})).await["setSecret"]["userErrors"], json!([]));
    app.post("/async-function/later").header("x-callback-url", &url).send().await.unwrap();
    let (head, body) = received(&listener).await;
    assert_eq!(header(&head, "webhook-signature"), signature(&head, &body, b"ours"));
}

fn signature(head: &str, body: &[u8], key: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{}.{}.", header(head, "webhook-id"), header(head, "webhook-timestamp")).as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_running_call_is_called_off() {
    let app = TestApp::start().await;
    let code = "exports.handler = () => new Promise(() => {});";
    app.running("stuck", &[("index.js", code), ("function.json", QUICK)]).await;
    let id = run_id(app.post("/function/stuck").header("prefer", "respond-async").send().await.unwrap()).await;
    app.run_in(&id, "RUNNING").await;
    let cancel = app.request(Method::DELETE, &format!("/v1/runs/{id}")).bearer_auth("dev-token").send().await.unwrap();
    assert_eq!(json_of(cancel, StatusCode::OK).await["state"], "CANCELLED");
}

#[tokio::test]
async fn a_dead_call_is_redriven_as_another_run() {
    let app = TestApp::start().await;
    // It breaks twice, which are all attempts of the first run.
    let code = "exports.handler = async () => {
        globalThis.tries = (globalThis.tries ?? 0) + 1;
        if (globalThis.tries > 2) return { mended: true };
        throw new Error('it broke');
    };";
    app.running("frail", &[("index.js", code), ("function.json", QUICK)]).await;
    let old = run_id(app.post("/async-function/frail").json(&json!({})).send().await.unwrap()).await;
    let dead = app.run_in(&old, "DEAD").await;
    assert!(dead["error"].as_str().unwrap().contains("it broke"), "{dead}");
    let letters = json_of(app.get("/v1/dead-letters").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(letters[0]["id"], json!(old));
    let answer = app.post("/v1/dead-letters:redrive").json(&json!({ "namespace": "default" })).send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::OK).await, json!({ "redriven": 1, "remaining": 0, "problems": [] }));
    let letter = json_of(app.get(&format!("/v1/dead-letters/{old}")).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(letter["state"], "REDRIVEN");
    let run = app.run_in(letter["redriven_as"].as_str().unwrap(), "SUCCEEDED").await;
    assert_eq!((&run["output"], &run["replayed_from"]), (&json!({ "mended": true }), &json!(old)));
}

#[tokio::test]
async fn a_call_under_a_key_is_made_once_and_answered_again_after_a_kill() {
    let mut app = TestApp::start().await;
    let code = "let calls = 0; exports.handler = async (event) =>
        ({ statusCode: 201, headers: { 'content-type': 'text/plain' }, body: `call ${++calls} said ${event.data}` });";
    app.running("counter", &[("index.js", code), ("function.json", QUICK)]).await;
    let ask =
        |app: &TestApp, body: &'static str| app.post("/function/counter").header("idempotency-key", "k").body(body);
    for round in 0..3 {
        if round == 2 {
            app.kill_and_restart().await;
        }
        let answer = ask(&app, "hi").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
        assert_eq!(answer.headers().contains_key("idempotency-replayed"), round > 0);
        assert_eq!(answer.text().await.unwrap(), "call 1 said hi");
    }
    let answer = ask(&app, "ho").send().await.unwrap();
    let answer = json_of(answer, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(answer["error"]["code"], "idempotency_key_reused");
}
