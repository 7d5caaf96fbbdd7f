//! Two servers on one PostgreSQL.

use reqwest::StatusCode;
use serde_json::json;

use crate::app::{Options, TestApp, database, json_of};

#[tokio::test]
async fn two_servers_may_command_the_same_function_and_the_log_stays_correct() {
    let url = database().await;
    let shared = tempfile::TempDir::new().unwrap();
    let options = Options::default()
        .env("DATABASE_URL", &url)
        .env("EVENTFLOW_ARTIFACTS", shared.path().to_str().unwrap())
        .env("JWT_SECRET", "of-all-servers-on-this-database-together")
        .env("EVENTFLOW_SECRET_KEY", "ab".repeat(32));
    let (mut a, mut b) = (TestApp::start_with(options.clone()).await, TestApp::start_with(options).await);
    let found = a.graphql(r#"{ function(namespace: "default", name: "hello") { id } }"#, json!({})).await;
    let id = found["function"]["id"].as_str().unwrap().to_owned();
    let query = "{ viewer { server { degraded logPosition relayPosition nodes leader } } }";
    let server = b.graphql(query, json!({})).await["viewer"]["server"].take();
    let nodes: Vec<_> = server["nodes"].as_array().unwrap().iter().map(|node| node.as_str().unwrap()).collect();
    assert_eq!((nodes.len(), server["degraded"].as_array().unwrap().len()), (2, 0), "{server}");
    assert!(nodes.contains(&server["leader"].as_str().unwrap()), "{server}");
    assert!(server["relayPosition"].as_u64() <= server["logPosition"].as_u64(), "{server}");
    // Both stop and start it, again and again, at the same time.
    let command = async |app: &TestApp, n: u32| {
        let verb = if n.is_multiple_of(2) { "stopFunction" } else { "startFunction" };
        let query =
            format!("mutation($id: ID!) {{ {verb}(id: $id) {{ function {{ state }} userErrors {{ code }} }} }}");
        let answer = app.try_graphql(&query, json!({ "id": id })).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
    };
    for n in 0..25 {
        tokio::join!(command(&a, n), command(&b, n), command(&a, n + 1), command(&b, n + 1));
    }
    let history = async |app: &TestApp| {
        let query = "query($id: ID!, $after: String) { history(stream: $id, first: 100, after: $after) { nodes { version type } pageInfo { hasNextPage endCursor } } }";
        let mut all = Vec::new();
        let mut after = json!(null);
        loop {
            let page = app.graphql(query, json!({ "id": id, "after": after })).await["history"].take();
            all.extend(
                page["nodes"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|e| (e["version"].as_i64().unwrap(), e["type"].as_str().unwrap().to_owned())),
            );
            if page["pageInfo"]["hasNextPage"] != true {
                return all;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    };
    let (one, other) = (history(&a).await, history(&b).await);
    assert_eq!(one, other);
    assert!(one.iter().map(|(version, _)| *version).eq(1..=i64::try_from(one.len()).unwrap()), "versions have no gap");
    // Started and Stopped take turns: no command was decided on a state that was not true any more.
    let life: Vec<_> =
        one.iter().map(|(_, kind)| kind.as_str()).filter(|kind| matches!(*kind, "Started" | "Stopped")).collect();
    assert!(life.len() > 10, "{life:?}");
    assert!(life.windows(2).all(|pair| pair[0] != pair[1]), "{life:?}");
    // An event is run once, whichever server took it.
    a.start_with_retry(&id).await;
    assert_eq!(b.publish("demo.thing", "once", json!({})).await.status(), StatusCode::ACCEPTED);
    let duplicate = json_of(a.publish("demo.thing", "once", json!({})).await, StatusCode::ACCEPTED).await;
    assert!(duplicate.to_string().contains("true"), "{duplicate}");
    let run = a.run_where(&id, |run| run["trigger"] == "demo.thing" && run["state"] == "SUCCEEDED").await;
    let found = b
        .graphql("query($id: ID!) { history(stream: $id, first: 100) { nodes { type } } }", json!({ "id": run["id"] }))
        .await;
    let types: Vec<_> =
        found["history"]["nodes"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["Requested", "Started", "Succeeded"]);
    a.terminate().await;
    b.terminate().await;
    let (fine, report) = a.verb("verify").await;
    assert!(fine && report.contains("Sealed under the log's key") && !report.contains("not sealed yet"), "{report}");
}

impl TestApp {
    /// Starts it whatever state it is in.
    async fn start_with_retry(&self, id: &str) {
        self.start_function(id).await;
    }
}
