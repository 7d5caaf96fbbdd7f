//! One namespace's flood of events, each of which reaches many functions, does not hold up the events of another.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};
use crate::listeners::{EVENT, bundle, registered};
use crate::victim::victim;

/// Functions that each event of the flood reaches, events of it, and bytes of each.
const FUNCTIONS: usize = 40;
const EVENTS: usize = 500;
const BYTES: usize = 4 << 10;

async fn publish(app: &TestApp, namespace: &str, count: usize) {
    let event = |id: usize| json!({ "specversion": "1.0", "id": id.to_string(), "source": "/flood", "type": EVENT, "data": "x".repeat(BYTES) });
    let batch: Vec<_> = (0..count).map(event).collect();
    let request = app.post(&format!("/v1/events?namespace={namespace}"));
    let request = request.header("content-type", "application/cloudevents-batch+json");
    json_of(request.body(json!(batch).to_string()).send().await.unwrap(), StatusCode::ACCEPTED).await;
}

async fn runs(app: &TestApp, id: &str) -> usize {
    let query = "query($id: ID!) { runs(function: $id, first: 1) { totalCount } }";
    let found = app.graphql(query, json!({ "id": id })).await;
    usize::try_from(found["runs"]["totalCount"].as_u64().unwrap()).unwrap()
}

/// Where the log has the first record of a stream.
async fn first_position(app: &TestApp, stream: &Value) -> u64 {
    let query = "query($id: ID!) { history(stream: $id, first: 1) { nodes { position } } }";
    let found = app.graphql(query, json!({ "id": stream })).await;
    found["history"]["nodes"][0]["position"].as_u64().unwrap()
}

#[tokio::test]
async fn a_flood_of_one_namespaces_events_does_not_hold_up_anothers() {
    let options = Options::default().env("EVENTFLOW_MAX_BODY", "16MiB").env("EVENTFLOW_BUILDS", "2");
    let app = victim(options).await;
    let digest = bundle(&app).await;
    let quiet = registered(&app, "quiet", "job", &digest, &["/bin/true"]).await;
    // Each of them works on its first event for as long as the test looks: what follows is the relay's work alone.
    let names: Vec<_> = (0..FUNCTIONS).map(|number| format!("loud-{number}")).collect();
    let loud = names.iter().map(|name| registered(&app, "loud", name, &digest, &["/bin/sleep", "600"]));
    let loud = futures::future::join_all(loud).await;
    publish(&app, "loud", EVENTS).await;
    publish(&app, "quiet", 1).await;
    let run = app.run_where(&quiet, |run| run["state"] == "SUCCEEDED").await;
    let (event, run) = (first_position(&app, &run["event"]["id"]).await, first_position(&app, &run["id"]).await);
    let between = usize::try_from(run - event).unwrap();
    assert!(between < FUNCTIONS * EVENTS / 4, "{between} records came between the event and its run");
    // And the flood arrives whole.
    for id in [&loud[0], &loud[FUNCTIONS - 1]] {
        app.eventually("each event of the flood leads to a run", async || {
            (runs(&app, id).await == EVENTS).then_some(())
        })
        .await;
    }
}
