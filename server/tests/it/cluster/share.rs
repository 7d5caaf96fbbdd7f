//! Who does how much: servers share the work, instances follow it, and no function holds up another one.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};

use super::{Cluster, function, running, shared_broker, unique, within};
use crate::app::{Options, TestApp, database};

/// Events sent together.
async fn send_all(app: &TestApp, kind: &str, count: usize) {
    join_all((0..count).map(async |n| app.send(kind, &format!("event-{n}")).await)).await;
}

fn sleeping(ms: u32) -> String {
    format!("exports.handler = () => new Promise((done) => setTimeout(done, {ms}, {{}}));")
}

#[tokio::test]
async fn servers_share_the_backlog_of_a_function() {
    let cluster = Cluster::on_shared_broker().await;
    let app = &cluster.nodes[0];
    let id =
        running(app, &unique("worker"), &function("work.**", json!({ "max": 1, "concurrency": 1 }), &sleeping(50)))
            .await;
    send_all(app, "work.asked", 60).await;
    let runs = app.all_succeeded(&id, 60).await;
    let histories = join_all(runs.iter().map(|run| app.history(run["id"].as_str().unwrap()))).await;
    let started = histories.iter().flatten().filter(|(kind, _)| kind == "Started");
    let by: Vec<_> = started.map(|(_, begun)| begun["node"].as_str().unwrap()).collect();
    let nodes: HashSet<_> = cluster.nodes.iter().map(TestApp::node).collect();
    assert_eq!(by.len(), 60, "each was begun once");
    assert_eq!(by.iter().map(|node| (*node).to_owned()).collect::<HashSet<_>>(), nodes);
}

#[tokio::test]
async fn instances_follow_the_depth_of_the_local_queue() {
    instances_follow_the_depth(TestApp::start().await).await;
}

#[tokio::test]
async fn instances_follow_the_depth_of_the_brokers_queue() {
    let options = Options::default().env("DATABASE_URL", database().await).env("AMQP_URL", shared_broker());
    instances_follow_the_depth(TestApp::start_with(options).await).await;
}

async fn instances_follow_the_depth(app: TestApp) {
    let name = unique("deep");
    let id = running(&app, &name, &function("work.**", json!({ "max": 3, "concurrency": 1 }), &sleeping(1000))).await;
    send_all(&app, "work.asked", 12).await;
    let (mut most, mut deepest) = (0, 0);
    app.eventually("all have run", async || {
        let query = "query($id: ID!) { function(id: $id) { instances { id } } }";
        let found = app.graphql(query, json!({ "id": id })).await;
        most = most.max(found["function"]["instances"].as_array().unwrap().len());
        deepest = deepest.max(depth(&app, &name).await.unwrap_or(0));
        let done = app.runs(&id).await.iter().filter(|run| run["state"] == "SUCCEEDED").count();
        (done == 12).then_some(())
    })
    .await;
    assert_eq!(most, 3, "instances at a time");
    assert!((1..=12).contains(&deepest), "{deepest} runs waited");
    app.eventually("nothing waits", async || (depth(&app, &name).await == Some(0)).then_some(())).await;
}

/// The runs of the function that wait, as Prometheus gets them.
async fn depth(app: &TestApp, function: &str) -> Option<u64> {
    let metric = format!("eventflow_queue_depth{{function=\"{function}\"}} ");
    let text = app.get("/metrics").send().await.unwrap().text().await.unwrap();
    text.lines().find_map(|line| line.strip_prefix(&metric)?.parse().ok())
}

#[tokio::test]
async fn a_slow_function_holds_up_no_other() {
    let cluster = Cluster::on_shared_broker().await;
    let app = &cluster.nodes[0];
    let scaling = json!({ "max": 1, "concurrency": 1 });
    let slow = running(app, &unique("slow"), &function("slow.**", scaling.clone(), &sleeping(5000))).await;
    let name = unique("quick");
    let quick = running(app, &name, &function("quick.**", scaling, "exports.handler = () => ({});")).await;
    let succeeded = async |event: &str| {
        app.run_where(&quick, |run: &Value| run["input"]["id"] == event && run["state"] == "SUCCEEDED").await
    };
    // Its instances are there.
    for node in &cluster.nodes {
        node.call(&name).await.error_for_status().unwrap();
    }
    send_all(app, "slow.asked", 50).await;
    app.eventually("the slow function works, and most of it waits", async || {
        let runs = app.runs(&slow).await;
        let count = |state: &str| runs.iter().filter(|run| run["state"] == state).count();
        (count("RUNNING") >= 2 && count("QUEUED") >= 40).then_some(())
    })
    .await;
    let sent = Instant::now();
    app.send("quick.asked", "now").await;
    succeeded("now").await;
    within(Duration::from_secs(1), "another function's event beside 50 slow ones", sent);
}
