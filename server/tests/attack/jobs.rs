//! Synchronous calls of jobs: their bodies are read before they take a place, and what they are given takes room.

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::app::{Options, TestApp};
use crate::graphql::status;
use crate::victim::victim;

async fn job(app: &TestApp, name: &str, command: &str, max: u32) {
    let manifest = json!({
        "runtime": "command", "command": ["sh", "-c", command], "mode": "job", "scaling": { "max": max },
        "resources": { "memory_mb": 16, "timeout_s": 20 }, "triggers": [{ "type": "http" }],
    });
    app.running(name, &[("function.json", &manifest.to_string())]).await;
}

#[tokio::test]
async fn large_bodies_for_jobs_that_never_read_them_are_refused_beyond_their_room() {
    const BODY: usize = 5 << 20;
    let app = victim(Options::default()).await;
    job(&app, "hoard", "exec sleep 15", 60).await;
    job(&app, "other", "cat >/dev/null; echo '\"read\"' >\"$EVENTFLOW_RESULT\"", 2).await;
    let before = status(&app, "VmRSS:");
    let calls = (0..40).map(|_| async {
        let body = vec![b'x'; BODY];
        app.post("/function/hoard").header("Content-Type", "text/plain").body(body).send().await.unwrap().status()
    });
    let other = async {
        app.post("/function/other").header("Content-Type", "text/plain").body("small").send().await.unwrap().status()
    };
    let (statuses, other) = tokio::join!(join_all(calls), other);
    assert_eq!(other, StatusCode::OK);
    let refused = statuses.iter().filter(|status| **status == StatusCode::SERVICE_UNAVAILABLE).count();
    assert!(refused >= 30, "{statuses:?}");
    let grew = status(&app, "VmHWM:").saturating_sub(before);
    assert!(grew < 400 << 10, "the memory grew by {grew} KiB");
}

#[tokio::test]
async fn a_body_that_trickles_takes_no_place_of_a_job() {
    let app = victim(Options::default()).await;
    job(&app, "single", "cat >/dev/null", 1).await;
    let address = app.url.strip_prefix("http://").unwrap().to_owned();
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "POST /function/single HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer dev-token\r\n\
             Content-Type: text/plain\r\nContent-Length: 100000\r\n\r\nbegin"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    for _ in 0..3 {
        let answer = app.post("/function/single").header("Content-Type", "text/plain").body("whole").send().await;
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
    }
    drop(held);
}
