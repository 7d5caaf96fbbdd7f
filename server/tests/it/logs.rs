//! The log as an operator reads it: as text, as JSON, with or without the access log, and without floods.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use crate::app::{Options, TestApp};

fn log(app: &TestApp) -> String {
    std::fs::read_to_string(app.folder().join("server.log")).unwrap()
}

#[tokio::test]
async fn a_log_in_json_has_an_object_in_each_line_and_the_access_log_a_line_for_each_request() {
    let options = Options::default().env("LOG_FORMAT", "json").env("EVENTFLOW_ACCESS_LOG", "true");
    let app = TestApp::start_with(options.env("LOG_LEVEL", "error,server::ingress=info")).await;
    let answer = app.call("hello?token=hunter2").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let ids = ["x-request-id", "x-call-id"].map(|name| answer.headers()[name].to_str().unwrap().to_owned());
    let agent = format!("a \"quoted\"\u{1b}[31m agent{}", "x".repeat(2000)).replace('\u{1b}', "");
    let missing = app.get("/v1/functions/nobody").header("user-agent", agent).header("x-request-id", "mine-1");
    assert_eq!(missing.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let lines = app
        .eventually("both requests are logged", async || {
            let lines: Vec<Value> = log(&app).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let has = |path: &str| lines.iter().any(|line| line["path"] == path && line["message"] == "answered");
            (has("/function/hello") && has("/v1/functions/nobody")).then_some(lines)
        })
        .await;
    let of = |path: &str| lines.iter().find(|line| line["path"] == path && line["message"] == "answered").unwrap();
    let (call, missing) = (of("/function/hello"), of("/v1/functions/nobody"));
    for (line, status) in [(call, 200), (missing, 404)] {
        assert_eq!((line["status"].as_u64(), line["level"].as_str()), (Some(status), Some("INFO")), "{line:#}");
        assert_eq!((line["target"].as_str(), line["address"].as_str()), (Some("eventflow::access"), Some("127.0.0.1")));
        assert!(line["bytes"].as_u64().unwrap() > 0 && line["duration_ms"].as_f64().unwrap() > 0.0, "{line:#}");
        assert!(line["timestamp"].is_string(), "{line:#}");
    }
    assert_eq!((call["method"].as_str(), missing["method"].as_str()), (Some("GET"), Some("GET")));
    assert_eq!(["request", "run"].map(|field| call[field].as_str().unwrap()), ids, "{call:#}");
    assert_eq!(missing["request"], "mine-1");
    assert!(missing["agent"].as_str().unwrap().len() <= 512, "{missing:#}");
    assert!(!log(&app).contains("hunter2"), "queries are not logged");
}

#[tokio::test]
async fn a_caller_that_leaves_has_a_line_too_and_without_the_setting_nobody_has() {
    let app = TestApp::start_with(Options::default().env("EVENTFLOW_ACCESS_LOG", "true")).await;
    let slow = "exports.handler = () => new Promise((done) => setTimeout(done, 600000));";
    app.running("slow", &[("function.json", r#"{ "runtime": "node" }"#), ("index.js", slow)]).await;
    let left = app.get("/function/slow").timeout(Duration::from_secs(3)).send().await;
    assert!(left.unwrap_err().is_timeout());
    app.eventually("the call is logged as left", async || {
        log(&app).lines().any(|line| line.contains("/function/slow") && line.contains("status=499")).then_some(())
    })
    .await;
    let quiet = TestApp::start().await;
    assert_eq!(quiet.call("hello").await.status(), StatusCode::OK);
    assert!(!log(&quiet).contains("eventflow::access"), "{}", log(&quiet));
}

/// A broker that is away is tried again and again, by each function's queue.
#[tokio::test]
async fn a_fault_that_repeats_is_logged_once_and_then_counted() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = attempts.clone();
    // Whoever connects is sent away at once.
    std::thread::spawn(move || {
        for stream in taken.incoming() {
            drop(stream);
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut app = TestApp::start_with(Options::default().env("AMQP_URL", format!("amqp://{address}"))).await;
    for number in 0..20 {
        let answer = app.publish("user.created", &number.to_string(), serde_json::json!({})).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    let tried = async || (attempts.load(Ordering::Relaxed) >= 8).then_some(());
    app.eventually("it has tried to connect again and again", tried).await;
    let before = log(&app);
    app.terminate().await;
    let lines: Vec<_> = log(&app).lines().filter(|line| line.contains("WARN")).map(str::to_owned).collect();
    assert!(before.contains("not connected"), "{before}");
    assert!(lines.len() < 60, "{} lines:\n{}", lines.len(), lines.join("\n"));
    let counted = lines.iter().find(|line| line.contains("repeated") && line.contains("not connected"));
    assert!(counted.is_some_and(|line| line.contains("repeated=")), "{}", lines.join("\n"));
}
