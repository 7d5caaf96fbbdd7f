//! The REST API as programs of the older platforms use it.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{TestApp, json_of};

#[tokio::test]
async fn a_token_and_a_function_with_replicas_are_all_that_a_program_asks_for() {
    let app = TestApp::start().await;
    let answer = app.request(Method::POST, "/auth/token").send().await.unwrap();
    let token = json_of(answer, StatusCode::OK).await["token"].as_str().unwrap().to_owned();
    let as_admin = |method: Method, path: &str| app.request(method, path).bearer_auth(&token);

    let own = r#"{ "runtime": "node", "scaling": { "idle_s": 600 }, "env": { "WHO": "its own file" } }"#;
    let code = "exports.handler = async () => process.env.WHO;";
    let repository = app.repository("pair", &[("function.json", own), ("index.js", code)]).await;
    let new = json!({ "name": "pair", "source": { "git": { "url": repository } }, "replicas": 2 });
    let made =
        json_of(as_admin(Method::POST, "/v1/functions").json(&new).send().await.unwrap(), StatusCode::CREATED).await;
    assert_eq!(made["replicas"], 2, "{made}");
    let pair = app
        .eventually("two replicas are ready", async || {
            let answer = as_admin(Method::GET, "/v1/functions/pair").send().await.unwrap();
            let pair = json_of(answer, StatusCode::OK).await;
            assert_ne!(pair["status"], "STOPPED", "{pair}");
            (pair["ready_replicas"] == 2).then_some(pair)
        })
        .await;
    assert_eq!((&pair["status"], &pair["replicas"]), (&json!("RUNNING"), &json!(2)), "{pair}");
    assert_eq!((&pair["available_replicas"], &pair["updated_replicas"]), (&json!(2), &json!(2)), "{pair}");
    let answer = as_admin(Method::GET, "/function/pair").send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::OK).await, "its own file");
}

#[tokio::test]
async fn an_answer_says_when_its_call_came_in() {
    let app = TestApp::start().await;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    for (path, status) in [("/function/hello", StatusCode::OK), ("/async-function/hello", StatusCode::ACCEPTED)] {
        let before = now();
        let answer = app.get(path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let start: u128 = answer.headers()["x-start-time"].to_str().unwrap().parse().unwrap();
        // The server's clock has microseconds.
        assert!((before - 1_000..=now()).contains(&start), "{path}: {before} {start}");
    }
}
