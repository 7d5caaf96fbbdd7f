//! Callers that leave before their answer, and callers that only say that they send nothing more.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::app::{PATIENCE, TestApp, json_of};

pub const SLOW: &str = "exports.handler = async (event, context) => {
    console.log('begun');
    const ms = Number(event.http.query.ms ?? 100000);
    await new Promise((done) => { setTimeout(done, ms); context.signal.addEventListener('abort', () => { console.log('aborted'); done(); }); });
    return 'the answer';
};";

impl TestApp {
    /// A connection on which a call is made.
    async fn calling(&self, path: &str, version: &str) -> TcpStream {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).await.unwrap();
        let head =
            format!("GET /function/{path} HTTP/{version}\r\nhost: {host}\r\nauthorization: Bearer dev-token\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    /// Waits until an instance of the function works on so many calls.
    pub async fn working(&self, id: &str, calls: u64) {
        self.eventually(&format!("{calls} calls are being worked on"), async || {
            let query = "query($id: ID!) { function(id: $id) { instances { inFlight } } }";
            let found = self.graphql(query, json!({ "id": id })).await;
            let each = found["function"]["instances"].as_array().unwrap().iter();
            let sum: u64 = each.filter_map(|instance| instance["inFlight"].as_u64()).sum();
            (sum == calls).then_some(())
        })
        .await;
    }

    pub async fn cancelled(&self, id: &str) -> Value {
        let run = self.run_where(id, |run| run["state"] == "CANCELLED").await;
        let query = "query($id: ID!) { run(id: $id) { error startedAt } }";
        let shown = self.graphql(query, json!({ "id": run["id"] })).await["run"].clone();
        let records = self
            .graphql(
                "query($id: ID!) { history(stream: $id, first: 10) { nodes { type data } } }",
                json!({ "id": run["id"] }),
            )
            .await;
        assert_eq!(records["history"]["nodes"][0]["data"]["error"], "the caller went away", "{shown}");
        run
    }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("it ends within a minute").unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Waits until the handler of the newest run has printed that its signal aborted.
async fn has_noticed(app: &TestApp, id: &str) {
    app.eventually("the function has noticed", async || {
        let runs = app.runs(id).await;
        let lines = runs[0]["log"].as_array().unwrap();
        lines.iter().any(|line| line["text"] == "aborted").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_leaves_aborts_its_call_in_node() {
    let app = TestApp::start().await;
    let id = app.running("slow", &[("index.js", SLOW)]).await;
    let stream = app.calling("slow", "1.1").await;
    app.working(&id, 1).await;
    drop(stream);
    app.cancelled(&id).await;
    has_noticed(&app, &id).await;
    app.working(&id, 0).await;
}

#[tokio::test]
async fn a_caller_that_leaves_aborts_its_call_in_python() {
    let app = TestApp::start().await;
    let code = "def handler(event, context):
    if context.signal.wait(20):
        print('aborted')
    return 1
";
    let manifest = r#"{ "runtime": "python" }"#;
    let id = app.running("snail", &[("function.json", manifest), ("main.py", code)]).await;
    let stream = app.calling("snail", "1.1").await;
    app.working(&id, 1).await;
    drop(stream);
    app.cancelled(&id).await;
    has_noticed(&app, &id).await;
}

#[tokio::test]
async fn a_caller_that_sends_nothing_more_and_reads_on_gets_its_answer() {
    let app = TestApp::start().await;
    let id = app.running("slow", &[("index.js", SLOW)]).await;
    for version in ["1.1", "1.0"] {
        let mut stream = app.calling("slow?ms=1500", version).await;
        app.working(&id, 1).await;
        stream.shutdown().await.unwrap();
        let text = read_all(&mut stream).await;
        // It is asked whether it is there, by what every client of HTTP/1.1 passes over.
        let asked = text.matches("HTTP/1.1 100 Continue\r\n\r\n").count();
        assert_eq!(asked > 0, version == "1.1", "{text}");
        let answer = text.replace("HTTP/1.1 100 Continue\r\n\r\n", "");
        assert!(answer.starts_with(&format!("HTTP/{version} 200")) && answer.ends_with("\"the answer\""), "{text}");
    }
    // Also when it says so with its request.
    let mut stream = app.calling("slow?ms=10", "1.1").await;
    stream.shutdown().await.unwrap();
    assert!(read_all(&mut stream).await.ends_with("\"the answer\""));
    let runs = app.runs(&id).await;
    assert!(runs.iter().all(|run| run["state"] == "SUCCEEDED"), "{runs:#?}");
}

#[tokio::test]
async fn a_caller_that_sends_nothing_more_and_then_leaves_is_noticed() {
    let app = TestApp::start().await;
    let id = app.running("slow", &[("index.js", SLOW)]).await;
    let mut stream = app.calling("slow", "1.1").await;
    app.working(&id, 1).await;
    stream.shutdown().await.unwrap();
    let mut first = [0; 25];
    timeout(PATIENCE, stream.read_exact(&mut first)).await.expect("it is asked within a minute").unwrap();
    drop(stream);
    app.cancelled(&id).await;
}

#[tokio::test]
async fn a_caller_that_leaves_while_it_waits_for_an_instance_takes_none() {
    let app = TestApp::start().await;
    let manifest = r#"{ "runtime": "node", "scaling": { "max": 1, "concurrency": 1 } }"#;
    let id = app.running("narrow", &[("function.json", manifest), ("index.js", SLOW)]).await;
    let first = app.calling("narrow", "1.1").await;
    app.working(&id, 1).await;
    let second = app.calling("narrow", "1.1").await;
    drop(second);
    let run = app.cancelled(&id).await;
    assert_eq!(run["startedAt"], Value::Null, "{run:#}");
    drop(first);
    app.working(&id, 0).await;
    // Connections that are kept are no callers that leave.
    let answer = app.call("narrow?ms=1").await;
    assert_eq!(json_of(answer, StatusCode::OK).await, json!("the answer"));
}
