//! What is offered and not taken, and what crashes its instance: neither costs anybody else an attempt.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};

impl TestApp {
    /// The records of a stream of this type, oldest first: what each says.
    async fn records(&self, stream: &str, kind: &str) -> Vec<Value> {
        let data = self
            .graphql(
                "query($s: ID!, $k: String!) { history(stream: $s, type: $k, first: 100) { nodes { data } } }",
                json!({ "s": stream, "k": kind }),
            )
            .await;
        data["history"]["nodes"].as_array().unwrap().iter().map(|node| node["data"].clone()).collect()
    }

    async fn set_secret(&self, name: &str, value: &str) {
        let query = "mutation($n: String!, $v: String!) { setSecret(namespace: \"default\", name: $n, value: $v) { userErrors { code } } }";
        let set = self.graphql(query, json!({ "n": name, "v": value })).await;
        assert_eq!(set["setSecret"]["userErrors"], json!([]));
    }
}

fn manifest(more: &str) -> String {
    format!(
        r#"{{ "runtime": "node", "triggers": [{{ "type": "http" }}, {{ "type": "event", "pattern": "job.*" }}],
            "retry": {{ "max_attempts": 3, "backoff_s": 0.05, "backoff_max_s": 0.2 }}{more} }}"#
    )
}

#[tokio::test]
async fn poison_events_are_dead_letters_and_none_of_their_neighbours_is() {
    let app = TestApp::start().await;
    let code = "exports.handler = async (event) => {
        if (event.data.poison) { setTimeout(() => process.exit(1), 20); await new Promise(() => {}); }
        await new Promise((done) => setTimeout(done, 30));
        return 'fine';
    };";
    let id = app.running("eater", &[("function.json", &manifest("")), ("index.js", code)]).await;
    for n in 0..43 {
        let published = app.publish("job.todo", &format!("e{n}"), json!({ "n": n, "poison": n < 3 })).await;
        assert_eq!(published.status(), StatusCode::ACCEPTED);
    }
    let runs = app
        .eventually("every run is over", async || {
            let runs = app.runs(&id).await;
            let over = |run: &&Value| run["finishedAt"].is_string();
            (runs.iter().filter(over).count() == 43).then_some(runs)
        })
        .await;
    for run in &runs {
        let poison = run["input"]["data"]["poison"] == true;
        let expected = if poison { "DEAD" } else { "SUCCEEDED" };
        assert_eq!(run["state"], expected, "{run:#}");
        if poison {
            // By its policy three, and two more where it was not known whose fault the crash was.
            let attempts = run["attempt"].as_u64().unwrap();
            assert!((3..=5).contains(&attempts), "{run:#}");
            assert!(run["error"].as_str().unwrap().contains("code 1"), "{run:#}");
        }
    }
    // The function is as quick as before.
    let answer = app.post("/function/eater").json(&json!({})).send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::OK).await, json!("fine"));
}

#[tokio::test]
async fn a_run_that_cannot_be_offered_waits_without_attempts_until_it_can() {
    let app = TestApp::start().await;
    let files = manifest(r#", "secrets": ["KEY_OF_WAITER"]"#);
    let code = "exports.handler = async () => process.env.KEY_OF_WAITER;";
    let id = app.running("waiter", &[("function.json", &files), ("index.js", code)]).await;
    app.publish("job.todo", "1", json!({})).await;
    let run = app.run_where(&id, |run| run["trigger"] == "job.todo").await["id"].as_str().unwrap().to_owned();
    let deferred = app
        .eventually("the log says that it waits", async || {
            let deferred = app.records(&run, "Deferred").await;
            (!deferred.is_empty()).then_some(deferred)
        })
        .await;
    assert!(deferred[0]["reason"].as_str().unwrap().contains("KEY_OF_WAITER"), "{deferred:#?}");
    let query = "query($id: ID!) { run(id: $id) { state attempt waitsFor } }";
    let waiting = app.graphql(query, json!({ "id": run })).await["run"].clone();
    assert_eq!((&waiting["state"], &waiting["attempt"]), (&json!("QUEUED"), &json!(0)), "{waiting}");
    assert!(waiting["waitsFor"].as_str().unwrap().contains("KEY_OF_WAITER"), "{waiting}");

    // A caller in the meantime gets 503 with Retry-After.
    let answer = app.call("waiter").await;
    assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    let body = json_of(answer, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(body["error"]["code"], "function_unhealthy", "{body}");

    // It is tried again and again, also when others come, which shows nowhere.
    for n in 2..5 {
        app.publish("job.todo", &n.to_string(), json!({})).await;
        app.eventually("the next one waits as well", async || {
            let runs = app.runs(&id).await;
            let newest = runs.iter().find(|run| run["trigger"] == "job.todo")?["id"].as_str()?.to_owned();
            (newest != run && app.records(&newest, "Deferred").await.len() == 1).then_some(())
        })
        .await;
    }
    app.set_secret("KEY_OF_WAITER", "opened").await;
    let done = app.run_where(&id, |found| found["id"] == run.as_str() && found["state"] == "SUCCEEDED").await;
    assert_eq!((&done["attempt"], &done["output"]), (&json!(1), &json!("opened")));
    assert_eq!(app.records(&run, "Deferred").await.len(), 1);
    assert_eq!(app.graphql(query, json!({ "id": run })).await["run"]["waitsFor"], Value::Null);
}

#[tokio::test]
async fn a_run_waits_while_its_function_is_stopped() {
    let app = TestApp::start().await;
    let code = "exports.handler = async () => { await new Promise((done) => setTimeout(done, 200)); return 'done'; };";
    let one = manifest(r#", "scaling": { "max": 1, "concurrency": 1 }"#);
    let id = app.running("rester", &[("function.json", &one), ("index.js", code)]).await;
    for n in 0..8 {
        app.publish("job.todo", &n.to_string(), json!({})).await;
    }
    app.run_where(&id, |run| run["state"] == "RUNNING" || run["state"] == "SUCCEEDED").await;
    app.mutate("stopFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
    app.eventually("one waits for the function", async || {
        let runs = app.runs(&id).await;
        let mut deferred = 0;
        for run in runs.iter().filter(|run| run["state"] == "QUEUED") {
            deferred += app.records(run["id"].as_str().unwrap(), "Deferred").await.len();
        }
        (deferred > 0).then_some(())
    })
    .await;
    app.start_function(&id).await;
    app.eventually("all have succeeded", async || {
        let runs = app.runs(&id).await;
        assert!(runs.iter().all(|run| run["state"] != "DEAD" && run["state"] != "FAILED"), "{runs:#?}");
        runs.iter().all(|run| run["state"] == "SUCCEEDED").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_run_that_waits_too_long_is_a_dead_letter_with_the_reason() {
    let app = TestApp::start_with(Options::default().env("EVENTFLOW_OFFER_TIMEOUT", "2")).await;
    let files = manifest(r#", "start_test": false"#);
    let broken = "console.error('no way'); process.exit(3);";
    let id = app.running("broken", &[("function.json", &files), ("index.js", broken)]).await;
    app.publish("job.todo", "1", json!({})).await;
    let run = app.run_where(&id, |run| run["state"] == "DEAD").await;
    let error = run["error"].as_str().unwrap();
    assert!(error.contains("could not be offered") && error.contains("code 3") && error.contains("no way"), "{error}");
    assert_eq!(run["attempt"], 0);
}

#[tokio::test]
async fn a_crash_of_an_instance_that_served_well_keeps_nobody_out() {
    let app = TestApp::start().await;
    let code = "exports.handler = async (event) => { if (event.data === 'die') process.exit(1); return 'alive'; };";
    app.running("lives", &[("index.js", code)]).await;
    for _ in 0..4 {
        assert_eq!(json_of(app.call("lives").await, StatusCode::OK).await, json!("alive"));
        let request = app.post("/function/lives").body("die").header("content-type", "text/plain");
        let body = json_of(request.send().await.unwrap(), StatusCode::BAD_GATEWAY).await;
        assert_eq!(body["error"]["code"], "function_crashed", "{body}");
    }
}
