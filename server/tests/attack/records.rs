//! What is recorded of calls: bodies that become much larger when they are written down as JSON.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp};
use crate::victim::victim;

/// Becomes six characters in JSON.
const CONTROL: &str = "\u{1}";

/// Bytes that a run may keep of an input or an output, when they are written as JSON (`EVENTFLOW_MAX_RECORDED` twice), and
/// what a record has besides.
const RECORDED: usize = 2 * (64 << 10) + (16 << 10);

async fn post(app: &TestApp, path: &str, body: String) -> (StatusCode, String) {
    let answer = app.post(path).header("content-type", "text/plain").body(body).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

fn written(value: &Value) -> usize {
    value.to_string().len()
}

#[tokio::test]
async fn a_jobs_call_is_recorded_within_the_limit_although_the_job_gets_all_of_it() {
    let app = victim(Options::default()).await;
    let manifest = json!({ "runtime": "node", "mode": "job", "triggers": [{ "type": "http" }] }).to_string();
    let code = "exports.handler = async (event) => event.data.length;";
    let id = app.running("job", &[("index.js", code), ("function.json", &manifest)]).await;
    for (text, bytes) in [("a", 1 << 20), (CONTROL, 1 << 20)] {
        let (status, answer) = post(&app, "/function/job", text.repeat(bytes)).await;
        assert_eq!((status, answer.as_str()), (StatusCode::OK, bytes.to_string().as_str()), "{text:?}");
    }
    // 36 MiB as JSON.
    let (status, answer) = post(&app, "/function/job", CONTROL.repeat(6 << 20)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{answer}");
    app.eventually("all calls are recorded", async || (app.runs(&id).await.len() == 3).then_some(())).await;
    for run in app.runs(&id).await {
        assert!(written(&run["input"]) < RECORDED, "{}", written(&run["input"]));
    }
}

#[tokio::test]
async fn a_services_call_is_recorded_within_the_limit() {
    let app = victim(Options::default()).await;
    let code = "exports.handler = async () => ({ statusCode: 200, headers: { 'content-type': 'text/plain' }, body: '\\u0001'.repeat(65536) });";
    let id = app.running("echo", &[("index.js", code)]).await;
    let (status, answer) = post(&app, "/function/echo", CONTROL.repeat(64 << 10)).await;
    assert_eq!((status, answer.len()), (StatusCode::OK, 64 << 10));
    let (status, _) = post(&app, "/async-function/echo", CONTROL.repeat(250 << 10)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, _) = post(&app, "/async-function/echo", "a".repeat(1000)).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    app.eventually("both calls are done", async || {
        (app.runs(&id).await.iter().filter(|run| run["state"] == "SUCCEEDED").count() == 2).then_some(())
    })
    .await;
    for run in app.runs(&id).await {
        for kept in [&run["input"], &run["output"]] {
            assert!(written(kept) < RECORDED, "{}", written(kept));
        }
    }
}
