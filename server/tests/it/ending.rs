//! The end of a server: announced beforehand, within one grace, and at once when it is asked a second time.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::timeout;

use crate::app::{Options, PATIENCE, TestApp, json_of};

/// Neither a signal nor the end of its callers makes it stop what it does.
const STUBBORN: &str = "process.on('SIGTERM', () => {});
exports.handler = (event) => { console.log(`has ${event.type}`); return new Promise((done) => setTimeout(done, 600000)); };";

const MANIFEST: &str = r#"{ "runtime": "node", "triggers": [{ "type": "http" }, { "type": "event", "pattern": "work.**" }],
    "resources": { "timeout_s": 900 }, "scaling": { "max": 1, "concurrency": 10 } }"#;

impl TestApp {
    fn ask_to_end(&self) {
        kill(Pid::from_raw(i32::try_from(self.pid()).unwrap()), Signal::SIGTERM).unwrap();
    }

    /// A function that has a call and a run which do not end.
    async fn busy(&self) -> tokio::task::JoinHandle<()> {
        let id = self.running("stubborn", &[("function.json", MANIFEST), ("index.js", STUBBORN)]).await;
        self.publish("work.asked", "one", json!({})).await;
        self.run_where(&id, |run| run["log"].as_array().unwrap().iter().any(|line| line["text"] == "has work.asked"))
            .await;
        let call = self.get("/function/stubborn").timeout(Duration::from_secs(900)).send();
        let call = tokio::spawn(async move { drop(call.await) });
        self.eventually("the function has the call", async || {
            let lines = self.get("/v1/functions/stubborn/logs").send().await.unwrap().text().await.unwrap();
            lines.contains("has http.invoke").then_some(())
        })
        .await;
        call
    }
}

#[tokio::test]
async fn a_server_that_is_asked_to_end_says_so_and_takes_requests_for_the_delay() {
    let mut app = TestApp::start_with(Options::default().env("EVENTFLOW_DRAIN_DELAY", "4")).await;
    json_of(app.call("hello").await, StatusCode::OK).await;
    let asked = Instant::now();
    app.ask_to_end();
    let answer = app
        .eventually("it says that it drains", async || {
            let answer = app.get("/readyz").send().await.unwrap();
            let status = answer.status();
            let body: serde_json::Value = answer.json().await.unwrap();
            (body["status"] == "draining").then_some((status, body))
        })
        .await;
    assert_eq!(answer.0, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.1);
    // On a connection of its own, as a caller has that a load balancer still sends here.
    let answer =
        reqwest::Client::new().get(format!("{}/function/hello", app.url)).bearer_auth("dev-token").send().await;
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), StatusCode::OK);
    assert!(app.terminated().await.success());
    assert!(asked.elapsed() >= Duration::from_secs(4), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn the_grace_is_spent_once_by_calls_runs_and_instances_together() {
    let mut app = TestApp::start_with(Options::default().env("EVENTFLOW_STOP_GRACE", "8")).await;
    let call = app.busy().await;
    let asked = Instant::now();
    app.ask_to_end();
    let status = app.terminated().await;
    let took = asked.elapsed();
    println!("the end took {took:.1?}");
    assert!(status.success(), "{status}");
    assert!(took >= Duration::from_secs(8), "what runs gets the grace: {took:?}");
    assert!(took < Duration::from_secs(15), "the grace was spent twice: {took:?}");
    call.abort();
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once_and_loses_nothing() {
    let mut app = TestApp::start_with(Options::default().env("EVENTFLOW_STOP_GRACE", "120")).await;
    let call = app.busy().await;
    app.ask_to_end();
    app.eventually("it ends", async || {
        let log = std::fs::read_to_string(app.folder().join("server.log")).unwrap();
        log.contains("a second signal stops immediately").then_some(())
    })
    .await;
    let asked = Instant::now();
    app.ask_to_end();
    let status = timeout(PATIENCE, app.terminated()).await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!((status.code(), status.signal()), (Some(143), None));
    call.abort();
    app.restart().await;
    let id = app.function_id("stubborn").await;
    app.run_where(&id, |run| run["state"] == "RUNNING" && run["attempt"] == 2).await;
    app.ask_to_end();
    app.ask_to_end();
}
