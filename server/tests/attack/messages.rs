//! Messages of RabbitMQ that are larger than an event may be.

use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use serde_json::json;

use crate::app::Options;
use crate::broker::Broker;
use crate::graphql::status;
use crate::victim::victim;

/// More than a body may have.
const LARGE: usize = 12 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_goes_to_the_dead_queue() {
    let broker = tokio::task::spawn_blocking(Broker::start).await.unwrap();
    let app = victim(Options::default().env("AMQP_URL", broker.url())).await;
    let connection = Connection::connect(&broker.url(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let send = async |kind: &str, body: &[u8]| {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default().with_content_type(kind.into());
        let sent = channel.basic_publish("eventflow.ingress".into(), "large".into(), options, body, properties).await;
        assert!(sent.unwrap().await.unwrap().is_ack());
    };
    let dead = async || {
        app.eventually("a message in the dead queue", async || {
            let got = channel.basic_get("eventflow.dead".into(), BasicGetOptions { no_ack: true }).await.unwrap();
            got.map(|message| message.delivery.data.len())
        })
        .await
    };
    // Small objects: as values they would take a hundred times their size.
    let objects = "[{}],".repeat(LARGE / 5);
    let before = status(&app, "VmRSS:");
    for kind in ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"] {
        send(kind, objects.as_bytes()).await;
        assert_eq!(dead().await, objects.len(), "{kind}");
    }
    // One event may have less than a batch of them.
    let event = vec![b'x'; 300 << 10];
    for kind in ["text/plain", "application/cloudevents+json"] {
        send(kind, &event).await;
        assert_eq!(dead().await, event.len(), "{kind}");
    }
    let grew = status(&app, "VmHWM:").saturating_sub(before);
    assert!(grew < 200 << 10, "the memory grew by {grew} KiB");
    // The next one is taken.
    send("application/json", b"{}").await;
    app.eventually("an event of the door's own type", async || {
        let found = app.graphql("{ events(type: \"message.queued\") { totalCount } }", json!({})).await;
        (found["events"]["totalCount"] == 1).then_some(())
    })
    .await;
}
