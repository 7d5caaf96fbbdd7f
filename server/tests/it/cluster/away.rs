//! The broker is away, or was replaced by one that knows nothing.

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Cluster, function, running};
use crate::amqp::blocking;
use crate::app::{TestApp, json_of};
use crate::broker::Broker;

impl TestApp {
    /// Waits until it says this of itself; it takes requests all the time.
    async fn says(&self, status: &str) -> Value {
        self.eventually(&format!("it is {status}"), async || {
            let answer = json_of(self.get("/readyz").send().await.unwrap(), StatusCode::OK).await;
            (answer["status"] == status).then_some(answer)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_broker_a_cluster_takes_everything_and_says_what_is_wrong() {
    let mut broker = blocking(Broker::start).await;
    let cluster = Cluster::on(&broker.url()).await;
    let files = function("work.**", json!({ "max": 1 }), "exports.handler = (event) => ({ type: event.type });");
    let id = running(&cluster.nodes[0], "worker", &files).await;
    for node in &cluster.nodes {
        assert!(node.says("ready").await.get("reasons").is_none());
    }
    broker.kill();
    for (n, node) in cluster.nodes.iter().enumerate() {
        let answer = node.says("degraded").await;
        assert!(answer["reasons"][0].as_str().unwrap().contains("RabbitMQ at 127.0.0.1"), "{answer}");
        assert_ne!(node.cluster().await["degraded"], json!([]));
        for m in 0..10 {
            node.send("work.asked", &format!("event-{n}-{m}")).await;
        }
        let answer = json_of(node.call("worker").await, StatusCode::OK).await;
        assert_eq!(answer["type"], "http.invoke");
    }
    let runs = cluster.nodes[0].runs(&id).await;
    assert!(runs.iter().all(|run| run["trigger"] == "http.invoke" || run["state"] == "QUEUED"), "{runs:#?}");
    let _broker = blocking(move || {
        broker.restart();
        broker
    })
    .await;
    for node in &cluster.nodes {
        node.says("ready").await;
    }
    // With the two calls.
    cluster.nodes[1]
        .eventually("all have run", async || {
            let runs = cluster.nodes[1].runs(&id).await;
            (runs.len() == 22 && runs.iter().all(|run| run["state"] == "SUCCEEDED")).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broker_has_lost_is_found_and_run() {
    let mut broker = blocking(Broker::start).await;
    let cluster = Cluster::on(&broker.url()).await;
    let code = "exports.handler = () => new Promise((done) => setTimeout(done, 300, {}));";
    let id =
        running(&cluster.nodes[0], "worker", &function("work.**", json!({ "max": 1, "concurrency": 1 }), code)).await;
    for n in 0..40 {
        cluster.nodes[n % 2].send("work.asked", &format!("event-{n}")).await;
    }
    let connection = Connection::connect(&broker.url(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    cluster.nodes[0]
        .eventually("the broker has what was relayed", async || {
            let runs = cluster.nodes[0].runs(&id).await;
            let queue = format!("eventflow.runs.{id}");
            let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let found = channel.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap();
            (runs.len() == 40 && found.message_count() >= 10).then_some(())
        })
        .await;
    let _broker = blocking(move || {
        broker.lose_and_restart();
        broker
    })
    .await;
    let runs = cluster.nodes[0].runs(&id).await;
    let waiting = runs.iter().filter(|run| run["state"] == "QUEUED").count();
    assert!(waiting > 0, "nothing was lost");
    println!("{waiting} runs were lost by the broker");
    let runs = cluster.nodes[0].all_succeeded(&id, 40).await;
    assert!(runs.iter().all(|run| run["attempt"] == 1), "{runs:#?}");
}
