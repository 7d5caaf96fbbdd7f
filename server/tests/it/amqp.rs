//! A server with RabbitMQ: runs go through it, and other programs send events by it.

use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use reqwest::StatusCode;
use serde_json::json;

use crate::app::{Options, TestApp, database};
use crate::broker::Broker;
use crate::listeners::{EVENT, bundle, registered};

/// Starts or kills a broker off the threads of the runtime.
pub async fn blocking<T: Send + 'static>(doing: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(doing).await.unwrap()
}

async fn app_on(broker: &Broker) -> TestApp {
    let options = Options::default().env("DATABASE_URL", database().await).env("AMQP_URL", broker.url());
    TestApp::start_with(options).await
}

async fn hello(app: &TestApp) -> String {
    let found = app.graphql(r#"{ function(namespace: "default", name: "hello") { id } }"#, json!({})).await;
    found["function"]["id"].as_str().unwrap().to_owned()
}

/// Waits until the run of a CloudEvent has succeeded.
async fn succeeded(app: &TestApp, function: &str, event: &str) {
    app.run_where(function, |run| run["input"]["id"] == event && run["state"] == "SUCCEEDED").await;
}

/// Another program.
struct Program {
    _connection: Connection,
    channel: Channel,
}

impl Program {
    async fn connect(broker: &Broker) -> Self {
        let connection = Connection::connect(&broker.url(), ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Self { _connection: connection, channel }
    }

    async fn send(&self, key: &str, properties: BasicProperties, body: &str) {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let exchange = "eventflow.ingress".into();
        let sent = self.channel.basic_publish(exchange, key.into(), options, body.as_bytes(), properties).await;
        let confirmation = sent.unwrap().await.unwrap();
        assert!(confirmation.is_ack() && confirmation.take_message().is_none(), "the exchange has a queue");
    }

    /// The next message of the dead queue.
    async fn dead(&self, app: &TestApp) -> Vec<u8> {
        let get = async || {
            let got = self.channel.basic_get("eventflow.dead".into(), BasicGetOptions { no_ack: true }).await.unwrap();
            got.map(|message| message.delivery.data)
        };
        app.eventually("a message in the dead queue", get).await
    }
}

/// What `/metrics` says of the dead queue.
async fn dead_messages(app: &TestApp) -> Option<u64> {
    let text = app.get("/metrics").send().await.unwrap().text().await.unwrap();
    text.lines().find_map(|line| line.strip_prefix("eventflow_broker_dead_messages ")?.parse().ok())
}

fn binary(kind: &str, id: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in [("specversion", "1.0"), ("type", kind), ("source", "/elsewhere"), ("id", id)] {
        headers.insert(format!("cloudEvents:{name}").into(), AMQPValue::LongString(value.into()));
    }
    BasicProperties::default().with_headers(headers).with_content_type("application/json".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_its_function_through_the_broker_whichever_door_it_comes_by() {
    let broker = blocking(Broker::start).await;
    let mut app = app_on(&broker).await;
    assert!(app.output.contains("RabbitMQ") && !app.output.contains("guest"), "{}", app.output);
    let function = hello(&app).await;
    let program = Program::connect(&broker).await;

    assert_eq!(app.publish("demo.thing", "by-http", json!({"n": 1})).await.status(), StatusCode::ACCEPTED);
    succeeded(&app, &function, "by-http").await;

    program.send("things", binary("demo.thing", "by-amqp"), r#"{"n":2}"#).await;
    // Sent twice, it is run once.
    program.send("things", binary("demo.thing", "by-amqp"), r#"{"n":2}"#).await;
    let structured =
        json!({"specversion": "1.0", "id": "whole", "source": "/elsewhere", "type": "demo.thing", "data": {"n": 3}});
    let kind = BasicProperties::default().with_content_type("application/cloudevents+json".into());
    program.send("things", kind, &structured.to_string()).await;
    program.send("orders.eu", BasicProperties::default().with_message_id("m-1".into()), r#"{"n":4}"#).await;
    succeeded(&app, &function, "by-amqp").await;
    succeeded(&app, &function, "whole").await;
    let events = "{ events(first: 100) { nodes { type source eventId: id } totalCount } }";
    let queued = app
        .eventually("the message became an event", async || {
            let found = app.graphql(events, json!({})).await;
            found["events"]["nodes"].as_array()?.iter().find(|event| event["type"] == "message.queued").cloned()
        })
        .await;
    assert_eq!(queued["source"], "/amqp/eventflow.ingress/orders.eu");
    let count = app.graphql(events, json!({})).await["events"]["totalCount"].clone();
    assert_eq!(count, 4, "one by HTTP, three by AMQP");
    let runs = app.runs(&function).await;
    assert_eq!(runs.iter().filter(|run| run["input"]["id"] == "by-amqp").count(), 1);

    // What can never be taken is not lost either, and the metric says that it is there.
    app.eventually("the dead queue is empty", async || (dead_messages(&app).await == Some(0)).then_some(())).await;
    for body in ["no id", "no id either"] {
        program.send("things", binary("demo.thing", ""), body).await;
    }
    app.eventually("both are counted", async || (dead_messages(&app).await == Some(2)).then_some(())).await;
    let mut dead = [program.dead(&app).await, program.dead(&app).await];
    dead.sort();
    assert_eq!(dead, [b"no id".to_vec(), b"no id either".to_vec()]);
    app.eventually("no metric counts them any more", async || (dead_messages(&app).await == Some(0)).then_some(()))
        .await;
    assert!(app.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_for_a_namespace_in_which_too_many_runs_wait_hold_up_no_others() {
    let broker = blocking(Broker::start).await;
    let options = Options::default().env("DATABASE_URL", database().await).env("AMQP_URL", broker.url());
    let app = TestApp::start_with(options.env("EVENTFLOW_MAX_WAITING_RUNS", "5")).await;
    let function = hello(&app).await;
    let digest = bundle(&app).await;
    registered(&app, "full", "job", &digest, &["/bin/sleep", "600"]).await;
    let event = |id: usize| json!({ "specversion": "1.0", "id": id.to_string(), "source": "/test", "type": EVENT });
    let mut id = 0;
    app.eventually("the namespace is full", async || {
        id += 1;
        let request = app.post("/v1/events?namespace=full").header("content-type", "application/cloudevents+json");
        let answer = request.body(event(id).to_string()).send().await.unwrap();
        (answer.status() == StatusCode::TOO_MANY_REQUESTS).then_some(())
    })
    .await;
    let program = Program::connect(&broker).await;
    for id in 1000..1100 {
        let mut headers = binary(EVENT, &id.to_string()).headers().clone().unwrap();
        headers.insert("namespace".into(), AMQPValue::LongString("full".into()));
        program.send("things", BasicProperties::default().with_headers(headers), "1").await;
    }
    program.send("things", binary("demo.thing", "behind"), "1").await;
    succeeded(&app, &function, "behind").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_taken_while_the_broker_is_away_and_run_when_it_is_back() {
    let mut broker = blocking(Broker::start).await;
    let app = app_on(&broker).await;
    let function = hello(&app).await;
    assert_eq!(app.publish("demo.thing", "before", json!({})).await.status(), StatusCode::ACCEPTED);
    succeeded(&app, &function, "before").await;
    // What it wrote is on its disk.
    let mut broker = blocking(move || {
        broker.stop_and_restart();
        broker
    })
    .await;
    assert_eq!(app.publish("demo.thing", "between", json!({})).await.status(), StatusCode::ACCEPTED);
    succeeded(&app, &function, "between").await;
    broker.kill();
    for n in 0..5 {
        assert_eq!(app.publish("demo.thing", &format!("away-{n}"), json!({})).await.status(), StatusCode::ACCEPTED);
    }
    let _broker = blocking(move || {
        broker.restart();
        broker
    })
    .await;
    for n in 0..5 {
        succeeded(&app, &function, &format!("away-{n}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_names_no_namespace_is_in_the_servers_own() {
    let broker = blocking(Broker::start).await;
    let options = Options::default().env("DATABASE_URL", database().await).env("AMQP_URL", broker.url());
    let app = TestApp::start_with(options.env("NAMESPACE", "team")).await;
    let program = Program::connect(&broker).await;
    let structured =
        |id: &str| json!({ "specversion": "1.0", "id": id, "source": "/elsewhere", "type": "demo.thing" }).to_string();
    let whole = BasicProperties::default().with_content_type("application/cloudevents+json".into());
    let batch = BasicProperties::default().with_content_type("application/cloudevents-batch+json".into());
    program.send("things", binary("demo.thing", "binary"), "{}").await;
    program.send("things", whole, &structured("structured")).await;
    program.send("things", batch, &format!("[{}]", structured("batch"))).await;
    program.send("things", BasicProperties::default().with_message_id("plain".into()), "{}").await;
    let mut named = FieldTable::default();
    named.insert("X-Namespace".into(), AMQPValue::LongString("other".into()));
    let named = BasicProperties::default().with_message_id("named".into()).with_headers(named);
    program.send("things", named, "{}").await;
    let events = "{ events(first: 100) { nodes { eventId namespace } } }";
    let found = app
        .eventually("all five are taken", async || {
            let found = app.graphql(events, json!({})).await["events"]["nodes"].take();
            found.as_array().filter(|found| found.len() == 5).cloned()
        })
        .await;
    for event in found {
        let namespace = if event["eventId"] == "named" { "other" } else { "team" };
        assert_eq!(event["namespace"], namespace, "{event}");
    }
}
