//! Metrics, which name the functions of all namespaces.

use std::time::Duration;

use reqwest::Method;

use crate::app::{Options, TestApp};
use crate::people::{known_key, token};
use crate::victim::victim;

async fn asked(app: &TestApp, token: Option<&str>) -> (u16, String) {
    let request = app.request(Method::GET, "/metrics");
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn metrics_are_closed_where_that_is_set() {
    let app = victim(known_key().env("EVENTFLOW_METRICS", "token")).await;
    assert_eq!(app.call("hello").await.status(), 200);
    let (status, text) = asked(&app, None).await;
    assert!(status == 401 && !text.contains("hello"), "{status} {text}");
    // Ada sees one namespace, and metrics name all.
    let (status, text) = asked(&app, Some(&token(true, Duration::from_secs(600), true))).await;
    assert!(status == 403 && !text.contains("hello"), "{status} {text}");
    assert_eq!(asked(&app, Some("nonsense")).await.0, 401);
    let (status, text) = asked(&app, Some("dev-token")).await;
    assert!(status == 200 && text.contains("eventflow_function_invocations_total"), "{status} {text}");
}

#[tokio::test]
async fn metrics_are_open_where_nothing_is_set() {
    let app = victim(Options::default()).await;
    let (status, text) = asked(&app, None).await;
    assert!(status == 200 && text.contains("eventflow_event_log_position"), "{status} {text}");
}
