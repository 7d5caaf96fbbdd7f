//! A function that writes lines without end.

use serde_json::{Value, json};

use crate::app::{Options, TestApp};
use crate::victim::victim;

/// Writes what the event asks for, as fast as it can, until its time is over.
const FLOOD: &str = r"
import os

def handler(event, context):
    what = event['http']['query']['what']
    piece = b'y\n' * 32768 if what == 'lines' else b'x' * 65536
    for _ in range(int(event['http']['query']['pieces'])):
        os.write(1, piece)
    return 'written'
";

async fn lines(app: &TestApp, id: &str) -> Vec<Value> {
    let query = "query($id: ID!) { function(id: $id) { log(last: 1000) { text stream } } }";
    let data = app.graphql(query, json!({ "id": id })).await;
    data["function"]["log"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_flood_is_cut_and_said_and_nobody_else_waits() {
    let options = Options::default().env("EVENTFLOW_MAX_LINES", "100").env("EVENTFLOW_MAX_COMPLEXITY", "100000");
    let app = victim(options).await;
    let id = app.running("flood", &[("main.py", FLOOD), ("function.json", r#"{"runtime": "python"}"#)]).await;
    let good =
        app.running("good", &[("index.js", "exports.handler = async () => { console.log('good'); return 1; };")]).await;
    let flood = app.call("flood?what=lines&pieces=200");
    let calls = async {
        for _ in 0..10 {
            assert_eq!(app.call("good").await.status(), 200);
        }
    };
    let (answer, ()) = tokio::join!(flood, calls);
    assert_eq!(answer.text().await.unwrap(), "\"written\"");
    // 6.5 million lines were written.
    let reports = app
        .eventually("what was left out is reported", async || {
            let lines = lines(&app, &id).await;
            let reports =
                lines.iter().filter(|line| line["stream"] == "SYSTEM").filter_map(|line| line["text"].as_str());
            let reports: Vec<_> = reports.filter(|text| text.contains("were left out")).map(str::to_owned).collect();
            (!reports.is_empty()).then_some(reports)
        })
        .await;
    assert!(reports[0].ends_with("lines were left out: more than 100 lines a second"), "{reports:?}");
    let stored = lines(&app, &id).await.iter().filter(|line| line["text"] == "y").count();
    assert!(stored <= 1000, "{stored} lines were stored");
    app.eventually("the other function's line is there", async || {
        lines(&app, &good).await.iter().any(|line| line["text"] == "good").then_some(())
    })
    .await;
}

#[tokio::test]
async fn text_without_line_ends_is_one_line_that_is_cut() {
    let app = victim(Options::default()).await;
    let id = app.running("flood", &[("main.py", FLOOD), ("function.json", r#"{"runtime": "python"}"#)]).await;
    assert_eq!(app.call("flood?what=text&pieces=200").await.text().await.unwrap(), "\"written\"");
    app.mutate("stopFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
    app.eventually("the line is there", async || {
        let lines = lines(&app, &id).await;
        let text = lines.iter().find(|line| line["stream"] == "STDOUT")?["text"].as_str()?.to_owned();
        assert!(text.len() <= 16 * 1024, "{} bytes", text.len());
        text.contains("line cut").then_some(())
    })
    .await;
}

/// Writes a line for a run of somebody else's, by the mark with which wrappers say whose a line is.
const FORGER: &str = r"
import os

def handler(event, context):
    os.write(1, ('\x1e%s\x1fforged\n' % event['http']['query']['run']).encode())
    return 'written'
";

#[tokio::test]
async fn a_function_writes_lines_for_its_own_runs_only() {
    let app = victim(Options::default()).await;
    let good = app.running("good", &[("index.js", "exports.handler = async () => 1;")]).await;
    let foreign = app.call("good").await.headers()["x-call-id"].to_str().unwrap().to_owned();
    let forger = app.running("forger", &[("main.py", FORGER), ("function.json", r#"{"runtime": "python"}"#)]).await;
    let answer = app.call(&format!("forger?run={foreign}")).await;
    let own = answer.headers()["x-call-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.status(), 200);
    let query = "query($id: ID!) { function(id: $id) { log(last: 1000) { text run } } }";
    let line = app
        .eventually("the line is there", async || {
            let data = app.graphql(query, json!({ "id": forger })).await;
            data["function"]["log"].as_array()?.iter().find(|line| line["text"] == "forged").cloned()
        })
        .await;
    // Its own run may be over by the time that the line is read.
    assert!(line["run"].is_null() || line["run"] == own.as_str(), "{line}, and not {foreign}");
    let data = app.graphql(query, json!({ "id": good })).await;
    assert_eq!(data["function"]["log"], json!([]));
}

#[tokio::test]
async fn a_run_that_writes_too_much_is_cut_and_the_next_is_not() {
    let options = Options::default().env("EVENTFLOW_MAX_RUN_LOG", "10000");
    let app = victim(options).await;
    let code = "exports.handler = async () => { for (let i = 0; i < 500; i++) console.log('line ' + i); return 1; };";
    let id = app.running("talker", &[("index.js", code)]).await;
    for round in 1..=2 {
        assert_eq!(app.call("talker").await.status(), 200);
        app.eventually("the run's limit is reported", async || {
            let lines = lines(&app, &id).await;
            let reports = lines
                .iter()
                .filter(|line| line["text"].as_str().is_some_and(|text| text.contains("limit of 10000 bytes")));
            (reports.count() == round).then_some(())
        })
        .await;
    }
    let firsts = lines(&app, &id).await.iter().filter(|line| line["text"] == "line 0").count();
    assert_eq!(firsts, 2);
}
