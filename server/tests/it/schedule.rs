//! Functions that the clock starts.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::app::TestApp;

fn files(catch_up: &str) -> [(&'static str, String); 2] {
    let manifest = json!({
        "runtime": "node", "triggers": [{
            "type": "schedule", "cron": "* * * * * *", "timezone": "Europe/Berlin", "catch_up": catch_up,
            "data": { "catch_up": catch_up },
        }],
        "scaling": { "max": 1 },
    });
    let code = "exports.handler = async (event) => ({ type: event.type, time: event.time, data: event.data });";
    [("function.json", manifest.to_string()), ("index.js", code.to_owned())]
}

/// The due times of a function's events that fired, in order.
async fn fired(app: &TestApp, id: &str) -> Vec<DateTime<Utc>> {
    let query = "query($id: ID!) { runs(function: $id, first: 100) { nodes { trigger event { eventId } } } }";
    let found = app.graphql(query, json!({ "id": id })).await;
    let runs = found["runs"]["nodes"].as_array().unwrap();
    assert!(runs.iter().all(|run| run["trigger"] == "schedule.triggered"), "{runs:#?}");
    let mut times: Vec<_> = runs.iter().map(|run| run["event"]["eventId"].as_str().unwrap().parse().unwrap()).collect();
    times.sort_unstable();
    times
}

#[tokio::test]
async fn the_clock_starts_runs_and_after_a_kill_catches_up_as_the_function_wants() {
    let mut app = TestApp::start().await;
    let mut ids = Vec::new();
    for catch_up in ["last", "all", "none"] {
        let files = files(catch_up);
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        ids.push(app.running(&format!("every-second-{catch_up}"), &files).await);
    }
    let (last, all, none) = (&ids[0], &ids[1], &ids[2]);
    for id in &ids {
        let run = app.run_where(id, |run| run["state"] == "SUCCEEDED").await;
        assert_eq!(run["trigger"], "schedule.triggered");
    }
    app.kill().await;
    let killed = Utc::now();
    // Four seconds pass without a server.
    app.eventually("four seconds have passed", async || ((Utc::now() - killed).num_seconds() >= 4).then_some(())).await;
    let restarted = Utc::now();
    app.restart().await;
    let after = |times: &[DateTime<Utc>]| times.iter().filter(|time| **time > restarted).count();
    let missed = |times: &[DateTime<Utc>]| times.iter().filter(|time| **time > killed && **time <= restarted).count();
    // Each once, and none left out between the first and the last.
    let each_second = |times: &[DateTime<Utc>]| times.windows(2).all(|pair| (pair[1] - pair[0]).num_seconds() == 1);
    let times = app
        .eventually("it goes on, and what has to be made up for is", async || {
            let (last, all) = (fired(&app, last).await, fired(&app, all).await);
            (after(&last) >= 2 && after(&all) >= 2 && each_second(&all)).then_some((last, all))
        })
        .await;
    assert!(missed(&times.0) <= 1, "only the newest: {:?}, killed at {killed}, again at {restarted}", times.0);
    let late = fired(&app, none).await;
    assert!(missed(&late) <= 1, "none is one late time at most: {late:?}, killed at {killed}, again at {restarted}");
    assert!(missed(&times.1) >= 4, "all: {:?}, killed at {killed}, again at {restarted}", times.1);
    let run = app.run_where(all, |run| run["state"] == "SUCCEEDED").await;
    let query = "query($id: ID!) { run(id: $id) { input output } }";
    let found = app.graphql(query, json!({ "id": run["id"] })).await["run"].take();
    assert_eq!(found["output"]["type"], "schedule.triggered");
    assert_eq!(found["output"]["data"], json!({ "catch_up": "all" }));
    assert_eq!(found["output"]["time"], found["input"]["id"]);
}

#[tokio::test]
async fn a_trigger_says_when_it_is_due_next() {
    let app = TestApp::start().await;
    let manifest = json!({ "runtime": "node", "triggers": [
        { "type": "http" },
        { "type": "schedule", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "catch_up": "all", "overlap": "forbid" },
    ] });
    let files = [("function.json", &*manifest.to_string()), ("index.js", "exports.handler = async () => 1;")];
    let id = app.running("nightly", &files).await;
    let query = "query($id: ID!, $count: Int) { function(id: $id) { triggers { type catchUp overlap nextFireTimes(count: $count) } } }";
    let found = app.graphql(query, json!({ "id": id, "count": 100 })).await["function"]["triggers"].take();
    assert_eq!(found[0]["nextFireTimes"], Value::Null);
    assert_eq!((&found[1]["catchUp"], &found[1]["overlap"]), (&json!("ALL"), &json!("FORBID")));
    let times: Vec<DateTime<Utc>> = serde_json::from_value(found[1]["nextFireTimes"].clone()).unwrap();
    assert_eq!(times.len(), 100);
    assert!(times[0] > Utc::now() && times[0] - Utc::now() <= chrono::TimeDelta::hours(25), "{times:?}");
    assert!(times.windows(2).all(|pair| (23..=25).contains(&(pair[1] - pair[0]).num_hours())), "{times:?}");
    let refused = app.try_graphql(query, json!({ "id": id, "count": 101 })).await;
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("0 to 100"), "{refused:#}");
}

#[tokio::test]
async fn a_schedule_that_cannot_be_is_refused_when_it_is_built() {
    let app = TestApp::start().await;
    let manifest = json!({ "runtime": "node", "triggers": [
        { "type": "http" },
        { "type": "schedule", "cron": "0 0 31 2 *" },
        { "type": "schedule", "cron": "0 25 * * *", "timezone": "europe/berlin" },
    ] });
    let files = [("function.json", &*manifest.to_string()), ("index.js", "exports.handler = async () => 1;")];
    let folder = app.repository("never", &files).await;
    let id = app.register_git("never", &folder, None).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "FAILED", "{build:#}");
    let error = build["error"].as_str().unwrap();
    for part in [
        "/triggers/1/cron: `0 0 31 2 *` never fires",
        "/triggers/2/cron: `0 25 * * *` cannot be read: the hour `25`",
        "/triggers/2/timezone: `europe/berlin` is no time zone that is known; did you mean `Europe/Berlin`?",
    ] {
        assert!(error.contains(part), "{part} is not in {error}");
    }
}
