//! Ids that callers choose: none takes the place of what is somebody else's.

use std::collections::HashSet;

use domain::{event, function, run};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, json_of};
use crate::victim::victim;

/// Fails at every attempt, of which it has three.
const FAILING: &[(&str, &str)] = &[
    (
        "function.json",
        r#"{ "runtime": "node", "handler": "index.handler", "triggers": [{ "type": "event", "pattern": "order.placed" }],
             "retry": { "max_attempts": 3, "backoff_s": 0.05, "backoff_max_s": 0.1 } }"#,
    ),
    ("index.js", "exports.handler = async () => { throw new Error('broken'); };"),
];

const ANSWERING: &[(&str, &str)] = &[("index.js", "exports.handler = async (event) => ({ id: event.id });")];

#[tokio::test]
async fn a_call_id_takes_no_place_of_a_run_that_is_to_come() {
    let app = victim(Options::default()).await;
    let victim = app.running("orders", FAILING).await;
    let thief = app.running("thief", ANSWERING).await;
    // What the platform will call the run, as anybody can work out.
    let id: function::Id = victim.parse().unwrap();
    assert_eq!(id, function::id("default", "orders", 1));
    let coming = run::id(event::id("default", "/test", "o-1"), id);
    let answer = app.get("/function/thief").header("x-call-id", coming.to_string()).send().await.unwrap();
    let own = answer.headers()["x-call-id"].to_str().unwrap().to_owned();
    assert_eq!((answer.status(), own == coming.to_string()), (StatusCode::OK, false));
    app.run_where(&thief, |run| run["id"] == own.as_str()).await;

    assert_eq!(app.publish("order.placed", "o-1", json!({ "n": 1 })).await.status(), StatusCode::ACCEPTED);
    let dead = app.run_where(&victim, |run| run["state"] == "DEAD").await;
    assert_eq!((&dead["id"], &dead["attempt"]), (&json!(coming.to_string()), &json!(3)));
    let letter = app.get(&format!("/v1/dead-letters/{coming}")).send().await.unwrap();
    assert_eq!(letter.status(), StatusCode::OK);
    // A run that is there is not taken either.
    let answer = app.get("/function/thief").header("x-call-id", coming.to_string()).send().await.unwrap();
    assert_ne!(answer.headers()["x-call-id"], coming.to_string().as_str());
    let (fine, output) = app.verb("verify").await;
    assert!(fine, "{output}");
}

#[tokio::test]
async fn calls_at_once_under_one_id_are_all_recorded() {
    let app = victim(Options::default()).await;
    let id = app.running("busy", ANSWERING).await;
    let call = || app.get("/function/busy").header("x-call-id", "the-same").send();
    let answers = futures::future::join_all((0..16).map(|_| call())).await;
    let mut runs_of_calls = HashSet::new();
    for answer in answers {
        let answer = answer.unwrap();
        let run = answer.headers()["x-call-id"].to_str().unwrap().to_owned();
        // The function was called by the same id.
        assert_eq!(json_of(answer, StatusCode::OK).await["id"], run.as_str());
        assert!(runs_of_calls.insert(run), "an id was given twice");
    }
    app.eventually("every answered call is a run", async || {
        let runs: HashSet<_> = app.runs(&id).await.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
        (runs == runs_of_calls).then_some(())
    })
    .await;
    let (fine, output) = app.verb("verify").await;
    assert!(fine, "{output}");
}

#[tokio::test]
async fn a_flood_of_lines_in_another_runs_name_hides_none_of_its_lines() {
    let app = victim(Options::default()).await;
    let code = "exports.handler = async () => { console.log('mine, first'); console.log('mine, last'); return 1; };";
    let speaker = app.running("speaker", &[("index.js", code)]).await;
    let flood = r#"const fs = require("node:fs");
        exports.handler = async (event) => {
          const line = `\x1e${event.data.run}\x1fnot of it\n`;
          const write = (text) => {
            let rest = Buffer.from(text);
            while (rest.length > 0) {
              try { rest = rest.subarray(fs.writeSync(1, rest)); } catch (error) { if (error.code !== "EAGAIN") throw error; }
            }
          };
          for (let n = 0; n < 40; n++) write(line.repeat(100));
          write("flooded\n");
          return 1;
        };"#;
    let flooder = app.running("flooder", &[("index.js", flood)]).await;
    let answer = app.call("speaker").await;
    let run = answer.headers()["x-call-id"].to_str().unwrap().to_owned();
    let path = format!("/v1/functions/speaker/logs?run={run}");
    let log = async || app.get(&path).send().await.unwrap().text().await.unwrap();
    app.eventually("its lines are there", async || (log().await == "mine, first\nmine, last\n").then_some(())).await;
    let flooded = app.post("/function/flooder").json(&json!({ "run": run })).send().await.unwrap();
    json_of(flooded, StatusCode::OK).await;
    app.eventually("the flood is over", async || {
        let text = app.get("/v1/functions/flooder/logs").send().await.unwrap().text().await.unwrap();
        text.contains("flooded").then_some(())
    })
    .await;
    assert_eq!(log().await, "mine, first\nmine, last\n");
    let query = "query($id: ID!) { run(id: $id) { log(first: 10) { text } } }";
    let data = app.graphql(query, json!({ "id": run })).await;
    let texts: Vec<&Value> = data["run"]["log"].as_array().unwrap().iter().map(|line| &line["text"]).collect();
    assert_eq!(texts, ["mine, first", "mine, last"]);
    let stream = app.get(&path).header("accept", "text/event-stream").header("last-event-id", "0");
    let mut stream = stream.send().await.unwrap();
    let mut seen = String::new();
    while !seen.contains("mine, last") {
        let part = tokio::time::timeout(crate::app::PATIENCE, stream.chunk()).await.expect("the lines come in time");
        seen.push_str(&String::from_utf8_lossy(&part.unwrap().expect("the stream goes on")));
    }
    assert!(!seen.contains("not of it"), "{seen}");
    assert_ne!(speaker, flooder);
}
