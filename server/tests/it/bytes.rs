//! What a function gets of a body: the bytes that were sent, however the call reaches it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{TestApp, json_of};

const NODE: &str = "exports.handler = (event) => ({ raw: event.http.rawBody.toString('base64'), data: event.data });";
const PYTHON: &str = "import base64
def handler(event, context):
    return {'raw': base64.b64encode(event['http']['rawBody']).decode(), 'data': event.get('data')}
";

/// A body, what it says to be, and what its data is. The compressed one is `{"n":1}`.
fn bodies() -> Vec<(&'static str, &'static str, Vec<u8>, Value)> {
    let gzip = STANDARD.decode("H4sIAAAAAAACA6tWylOyMqwFAH47S9QHAAAA").unwrap();
    vec![
        ("application/json", "identity", b" {\"b\": 1.0,\n  \"a\": [2]}\r\n".to_vec(), json!({ "b": 1.0, "a": [2] })),
        ("application/json", "identity", "\u{feff}{\"a\":\"\\u00e4\"}".into(), json!({ "a": "ä" })),
        ("text/plain; charset=iso-8859-1", "identity", vec![b'a', 0xe4], json!("aä")),
        // UTF-8 as well, by chance.
        ("text/plain; charset=iso-8859-1", "identity", vec![0xc3, 0xa4], json!("Ã¤")),
        ("application/json", "gzip", gzip, json!({ "n": 1 })),
        ("text/plain", "identity", " space\n".into(), json!(" space\n")),
    ]
}

async fn gets_what_was_sent(runtime: &str, file: &str, code: &str) {
    let app = TestApp::start().await;
    for mode in ["service", "job"] {
        let manifest = format!(r#"{{ "runtime": "{runtime}", "mode": "{mode}", "triggers": [{{ "type": "http" }}] }}"#);
        app.running(mode, &[("function.json", &manifest), (file, code)]).await;
        for (kind, coding, body, data) in bodies() {
            let title = format!("{runtime} {mode} {kind} {coding}");
            let call = |route: &str| {
                let call = app.post(&format!("/{route}/{mode}")).header("content-type", kind);
                call.header("content-encoding", coding).body(body.clone())
            };
            let numbers = |value: &Value| value.to_string().replace("1.0", "1");
            let expected = json!({ "raw": STANDARD.encode(&body), "data": data });
            let answer = json_of(call("function").send().await.unwrap(), StatusCode::OK).await;
            assert_eq!(numbers(&answer), numbers(&expected), "{title}");
            let asked = json_of(call("async-function").send().await.unwrap(), StatusCode::ACCEPTED).await;
            let path = format!("/v1/runs/{}", asked["run_id"].as_str().unwrap());
            let run = app
                .eventually(&title, async || {
                    let run = json_of(app.get(&path).send().await.unwrap(), StatusCode::OK).await;
                    (run["state"] == "SUCCEEDED").then_some(run)
                })
                .await;
            assert_eq!(numbers(&run["output"]), numbers(&expected), "{title}, asynchronously");
        }
    }
}

#[tokio::test]
async fn a_function_in_node_gets_what_was_sent() {
    gets_what_was_sent("node", "index.js", NODE).await;
}

#[tokio::test]
async fn a_function_in_python_gets_what_was_sent() {
    gets_what_was_sent("python", "main.py", PYTHON).await;
}
