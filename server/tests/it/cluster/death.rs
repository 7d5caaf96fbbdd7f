//! A server is gone: killed, paused, or asked to end.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::json;

use super::{Cluster, function, running, unique, within};
use crate::app::{TestApp, json_of};

/// Longer than this the cluster is not without a leader.
const SUCCESSION: Duration = Duration::from_secs(10);

/// A leader that ends in order does not make the others wait for the end of its lease, which is 5 s.
const HANDED_OVER: Duration = Duration::from_secs(3);

/// The first attempt takes so long that its server is gone before it ends.
const SLOW_AT_FIRST: &str = "exports.handler = async (event, context) => {
    if (context.attempt === 1) await new Promise((done) => setTimeout(done, 3000));
    return { attempt: context.attempt };
};";

/// The same, for as long as the test may take.
const SLOW_AT_FIRST_LONG: &str = "exports.handler = async (event, context) => {
    if (context.attempt === 1 && !event.data.quick) await new Promise((done) => setTimeout(done, 60000));
    return { attempt: context.attempt };
};";

/// Both attempts take a while.
const SLOW: &str = "exports.handler = async (event, context) => {
    await new Promise((done) => setTimeout(done, context.attempt === 1 ? 1000 : 4000));
    return { attempt: context.attempt };
};";

const ONE_BY_ONE: &str = "exports.handler = () => new Promise((done) => setTimeout(done, 1000, {}));";

#[tokio::test]
async fn when_the_leader_is_killed_another_server_relays() {
    let mut cluster = Cluster::on_shared_broker().await;
    let files = function("work.**", json!({ "max": 1 }), "exports.handler = () => ({});");
    let name = unique("worker");
    let id = running(&cluster.nodes[0], &name, &files).await;
    for node in &cluster.nodes {
        json_of(node.call(&name).await, StatusCode::OK).await;
    }
    let leader = cluster.leader().await;
    cluster.nodes[leader].kill().await;
    let killed = Instant::now();
    let other = &cluster.nodes[1 - leader];
    other.send("work.asked", "after").await;
    other.run_where(&id, |run| run["input"]["id"] == "after" && run["state"] == "SUCCEEDED").await;
    within(SUCCESSION, "from the kill of the leader to the end of a run", killed);
}

#[tokio::test]
async fn a_run_whose_server_is_killed_is_taken_over() {
    let mut cluster = Cluster::on_shared_broker().await;
    let id =
        running(&cluster.nodes[0], &unique("worker"), &function("work.**", json!({ "max": 1 }), SLOW_AT_FIRST)).await;
    cluster.nodes[0].send("work.asked", "one").await;
    let (node, run) = cluster.running(&id).await;
    cluster.nodes[node].kill().await;
    let other = &cluster.nodes[1 - node];
    let ended = other.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
    assert_eq!((&ended["attempt"], &ended["output"]), (&json!(2), &json!({ "attempt": 2 })));
    taken_over(&cluster, node, &run).await;
    // It goes on as if nothing had been, and so does the run.
    cluster.nodes[node].restart().await;
    cluster.nodes[node].send("work.asked", "two").await;
    cluster.nodes[node].run_where(&id, |run| run["input"]["id"] == "two" && run["state"] == "SUCCEEDED").await;
    taken_over(&cluster, node, &run).await;
}

/// Those of several functions, and of one that lets several run at once: all of them are taken over within the same time.
#[tokio::test]
async fn all_runs_of_a_server_that_is_killed_are_taken_over_in_time() {
    let mut cluster = Cluster::on_shared_broker().await;
    let mut functions = Vec::new();
    for n in 0..4 {
        let files = function(&format!("work{n}.**"), json!({ "max": 2, "concurrency": 2 }), SLOW_AT_FIRST_LONG);
        let name = unique("worker");
        functions.push(running(&cluster.nodes[0], &name, &files).await);
        // What is measured is the take-over, not the start of an instance: both servers have one.
        for node in &cluster.nodes {
            json_of(
                node.post(&format!("/function/{name}")).json(&json!({ "quick": true })).send().await.unwrap(),
                StatusCode::OK,
            )
            .await;
        }
    }
    for n in 0..4 {
        for m in 0..2 {
            cluster.nodes[0].send(&format!("work{n}.asked"), &format!("{n}-{m}")).await;
        }
    }
    let app = &cluster.nodes[0];
    // Which server has each of them.
    let mut lost = [Vec::new(), Vec::new()];
    for function in &functions {
        let runs = app
            .eventually("both run", async || {
                let runs: Vec<_> =
                    app.runs(function).await.into_iter().filter(|run| run["state"] == "RUNNING").collect();
                (runs.len() == 2).then_some(runs)
            })
            .await;
        for run in runs {
            let id = run["id"].as_str().unwrap().to_owned();
            let (_, begun) = app.history(&id).await.into_iter().rfind(|(kind, _)| kind == "Started").unwrap();
            let node = cluster.nodes.iter().position(|node| begun["node"] == node.node()).unwrap();
            lost[node].push((function.clone(), id));
        }
    }
    // The one that has most of them, be it the leader or not.
    let node = usize::from(lost[1].len() > lost[0].len());
    cluster.nodes[node].kill().await;
    let killed = Instant::now();
    let other = &cluster.nodes[1 - node];
    for (function, run) in &lost[node] {
        other.run_where(function, |found| found["id"] == run.as_str() && found["attempt"] == 2).await;
    }
    within(SUCCESSION, &format!("the take-over of {} runs", lost[node].len()), killed);
}

#[tokio::test]
async fn a_server_that_was_paused_does_not_end_a_run_that_was_taken_over() {
    let cluster = Cluster::on_shared_broker().await;
    let id = running(&cluster.nodes[0], &unique("worker"), &function("work.**", json!({ "max": 1 }), SLOW)).await;
    cluster.nodes[0].send("work.asked", "one").await;
    let (node, run) = cluster.running(&id).await;
    let (paused, other) = (&cluster.nodes[node], &cluster.nodes[1 - node]);
    paused.signal(Signal::SIGSTOP);
    other.run_where(&id, |run| run["attempt"] == 2).await;
    // The second attempt runs still: the first one's answer is there, and comes too late.
    paused.signal(Signal::SIGCONT);
    other.eventually("the paused server has tried to end it", async || refused(paused, &run)).await;
    let ended = other.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
    assert_eq!((&ended["attempt"], &ended["output"]), (&json!(2), &json!({ "attempt": 2 })));
    taken_over(&cluster, node, &run).await;
}

/// Whether a server says that it did not record how a run ended.
fn refused(app: &TestApp, run: &str) -> Option<()> {
    let log = std::fs::read_to_string(app.folder().join("server.log")).unwrap();
    log.lines().any(|line| line.contains("outcome not recorded") && line.contains(run)).then_some(())
}

/// A run was begun by one server, and by the other one, which ended it.
async fn taken_over(cluster: &Cluster, first: usize, run: &str) {
    let other = &cluster.nodes[1 - first];
    let history = other.history(run).await;
    let kinds: Vec<_> = history.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["Requested", "Started", "Started", "Succeeded"]);
    assert_eq!(history[1].1["node"], cluster.nodes[first].node());
    assert_eq!(history[2].1["node"], other.node());
}

#[tokio::test]
async fn a_leader_that_is_asked_to_end_hands_over() {
    let mut cluster = Cluster::on_shared_broker().await;
    let files = function("work.**", json!({ "max": 1, "concurrency": 1 }), ONE_BY_ONE);
    let id = running(&cluster.nodes[0], &unique("worker"), &files).await;
    let leads = cluster.leader().await;
    let names = [cluster.nodes[0].node(), cluster.nodes[1].node()];
    let (left, right) = cluster.nodes.split_at_mut(1);
    let (old, other) = if leads == 0 { (&mut left[0], &right[0]) } else { (&mut right[0], &left[0]) };
    for n in 0..8 {
        other.send("work.asked", &format!("event-{n}")).await;
    }
    // It has one in its hands.
    let run = other
        .eventually("the leader runs one", async || {
            for run in other.runs(&id).await.into_iter().filter(|run| run["state"] == "RUNNING") {
                let run = run["id"].as_str()?;
                if other.history(run).await.last()?.1["node"] == names[leads] {
                    return Some(run.to_owned());
                }
            }
            None
        })
        .await;
    let asked = Instant::now();
    let succession = async {
        let led = async || (other.cluster().await["leader"] == names[1 - leads]).then_some(());
        other.eventually("the other one leads", led).await;
        within(HANDED_OVER, "from SIGTERM of the leader to another one", asked);
    };
    let (status, ()) = tokio::join!(old.terminate(), succession);
    assert!(status.success());
    assert_eq!(other.cluster().await["nodes"], json!([names[1 - leads]]), "who has left is not missed");
    let runs = other.all_succeeded(&id, 8).await;
    assert!(runs.iter().all(|run| run["attempt"] == 1), "{runs:#?}");
    let history = other.history(&run).await;
    assert_eq!(history[1].1["node"], names[leads], "it ended what it had begun: {history:?}");
}
