//! The runs of one namespace that wait have a limit, however many functions each of its events reaches.

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, TestApp};
use crate::listeners::{EVENT, bundle, registered};
use crate::victim::victim;

/// Runs of a namespace that may wait, functions that each event reaches, and events.
const MOST: usize = 40;
const FUNCTIONS: usize = 10;
const EVENTS: usize = 30;

async fn publish(app: &TestApp, namespace: &str, ids: std::ops::Range<usize>) -> reqwest::Response {
    let event =
        |id: usize| json!({ "specversion": "1.0", "id": id.to_string(), "source": "/flood", "type": EVENT, "data": 1 });
    let batch: Vec<_> = ids.map(event).collect();
    let request = app.post(&format!("/v1/events?namespace={namespace}"));
    let request = request.header("content-type", "application/cloudevents-batch+json");
    request.body(json!(batch).to_string()).send().await.unwrap()
}

async fn crowded(app: &TestApp, command: &[&str]) -> Vec<String> {
    let digest = bundle(app).await;
    let names: Vec<_> = (0..FUNCTIONS).map(|number| format!("loud-{number}")).collect();
    let functions = join_all(names.iter().map(|name| registered(app, "loud", name, &digest, command))).await;
    assert_eq!(publish(app, "loud", 0..EVENTS).await.status(), StatusCode::ACCEPTED);
    functions
}

/// Runs of a namespace in a state, or in all.
async fn runs(app: &TestApp, namespace: &str, state: Option<&str>) -> usize {
    let query = "query($ns: String, $state: RunState) { runs(namespace: $ns, state: $state, first: 1) { totalCount } }";
    let found = app.graphql(query, json!({ "ns": namespace, "state": state })).await;
    usize::try_from(found["runs"]["totalCount"].as_u64().unwrap()).unwrap()
}

#[tokio::test]
async fn one_namespaces_waiting_runs_have_a_limit_and_nothing_that_was_accepted_is_lost() {
    let app = victim(Options::default().env("EVENTFLOW_MAX_WAITING_RUNS", MOST.to_string())).await;
    crowded(&app, &["/bin/sleep", "0.1"]).await;
    let mut most = 0;
    app.eventually("every event that was accepted has led to its runs", async || {
        most = most.max(runs(&app, "loud", Some("QUEUED")).await);
        (runs(&app, "loud", Some("SUCCEEDED")).await == FUNCTIONS * EVENTS).then_some(())
    })
    .await;
    // One event is taken whole.
    assert!((MOST..2 * MOST + FUNCTIONS).contains(&most), "{most} waited");
    app.eventually("the door opens again", async || {
        (publish(&app, "loud", EVENTS..EVENTS + 1).await.status() == StatusCode::ACCEPTED).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_full_namespace_is_refused_more_and_others_are_not() {
    let app = victim(Options::default().env("EVENTFLOW_MAX_WAITING_RUNS", MOST.to_string())).await;
    let loud = crowded(&app, &["/bin/sleep", "600"]).await;
    let refused = app
        .eventually("the namespace is full", async || {
            let answer = publish(&app, "loud", EVENTS..EVENTS + 1).await;
            (answer.status() == StatusCode::TOO_MANY_REQUESTS).then_some(answer)
        })
        .await;
    assert!(refused.headers().contains_key("retry-after"));
    let refused = refused.json::<Value>().await.unwrap();
    assert_eq!(refused["error"]["code"], "too_many_requests", "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("EVENTFLOW_MAX_WAITING_RUNS"), "{refused}");
    let call = app.post("/async-function/loud/loud-0").body("{}").send().await.unwrap();
    assert_eq!(call.status(), StatusCode::TOO_MANY_REQUESTS);
    let digest = bundle(&app).await;
    let quiet = registered(&app, "quiet", "job", &digest, &["/bin/true"]).await;
    let published = publish(&app, "quiet", 0..1).await;
    assert_eq!(published.status(), StatusCode::ACCEPTED);
    app.run_where(&quiet, |run| run["state"] == "SUCCEEDED").await;
    // What waits in the log for others keeps nobody's data from being erased.
    let event = published.json::<Value>().await.unwrap()["events"][0]["id"].as_str().unwrap().to_owned();
    app.eventually("the event is erased", async || {
        let erased = app.request(Method::DELETE, &format!("/v1/events/{event}/payload")).bearer_auth("dev-token");
        (erased.send().await.unwrap().status() == StatusCode::NO_CONTENT).then_some(())
    })
    .await;
    assert!(runs(&app, "loud", None).await < 2 * MOST + 3 * FUNCTIONS);
    // Nothing of it ends by itself: whoever removes the functions opens the door again.
    for id in &loud {
        app.mutate("deregisterFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
    }
    app.eventually("the door opens again", async || {
        (publish(&app, "loud", EVENTS + 1..EVENTS + 2).await.status() == StatusCode::ACCEPTED).then_some(())
    })
    .await;
}
