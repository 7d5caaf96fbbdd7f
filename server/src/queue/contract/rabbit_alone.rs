//! Tests of a broker that goes away.

use std::collections::HashSet;

use domain::run;
use futures::future::join_all;

use super::promises::{DEADLINE, depth_becomes, next, nothing_comes, publish};
use crate::clock;
use crate::queue::rabbit::Rabbit;
use crate::queue::testing::Broker;
use crate::queue::{Consumer, Queue, Request};

/// A broker that may be killed, started on a blocking thread.
async fn broker() -> Broker {
    tokio::task::spawn_blocking(Broker::start).await.unwrap()
}

async fn restarted(mut broker: Broker) -> Broker {
    tokio::task::spawn_blocking(move || {
        broker.restart();
        broker
    })
    .await
    .unwrap()
}

/// Waits until the broker has persisted its queues. It does so lazily: a queue that was created within a second before
/// a kill has no log afterwards, and confirmed messages are lost. EventFlow's sweep handles that.
async fn settled(mut broker: Broker, rabbit: &Rabbit) -> Broker {
    let broker = tokio::task::spawn_blocking(move || {
        broker.stop_and_restart();
        broker
    })
    .await
    .unwrap();
    // Both connections notice.
    fault_becomes(rabbit, false).await;
    broker
}

/// Publishes repeatedly until the broker accepts it.
async fn published_at_last(queue: &dyn Queue, request: &Request) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while let Err(error) = queue.publish(request.clone()).await {
        assert!(tokio::time::Instant::now() < deadline, "{error}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn fault_becomes(queue: &dyn Queue, there: bool) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while queue.fault().is_some() != there {
        assert!(tokio::time::Instant::now() < deadline, "the fault is {:?}", queue.fault());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// Receives all of these, some perhaps more than once, and nothing else.
async fn take_all(consumer: &mut Box<dyn Consumer>, mut left: HashSet<run::Id>) {
    let all = left.clone();
    while !left.is_empty() {
        let delivery = next(consumer).await;
        assert!(all.contains(&delivery.request.run), "{} was never published", delivery.request.run);
        left.remove(&delivery.request.run);
        delivery.acknowledge();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_loses_nothing_and_everything_goes_on_when_it_is_back() {
    let broker = broker().await;
    let rabbit = Rabbit::connect(&broker.url(), "killed").await.unwrap();
    assert_eq!(rabbit.fault(), None);
    let (idle, busy) = (clock::new_id(), clock::new_id());
    let waiting = publish(&rabbit, idle, 20).await;
    let runs = publish(&rabbit, busy, 5).await;
    let mut broker = settled(broker, &rabbit).await;
    let mut consumer = rabbit.consume(busy, 2).await.unwrap();
    let done = next(&mut consumer).await;
    let held = next(&mut consumer).await;
    assert_eq!([done.request.run, held.request.run], runs[..2]);
    done.acknowledge();
    // The third arrives only because the broker knows that the first is done.
    let third = next(&mut consumer).await;
    assert_eq!(third.request.run, runs[2]);

    broker.kill();
    fault_becomes(&rabbit, true).await;
    let late = Request::recorded(idle, clock::new_id());
    let error = rabbit.publish(late.clone()).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1") && !error.contains("guest"), "{error}");
    assert!(rabbit.depth(idle).await.is_err());
    held.acknowledge();

    let _broker = restarted(broker).await;
    published_at_last(&rabbit, &late).await;
    fault_becomes(&rabbit, false).await;
    // Unacknowledged messages come again; acknowledged ones do not.
    take_all(&mut consumer, runs[1..].iter().copied().collect()).await;
    drop(third);
    depth_becomes(&rabbit, busy, 0).await;
    let mut consumer = rabbit.consume(idle, 10).await.unwrap();
    take_all(&mut consumer, waiting.into_iter().chain([late.run]).collect()).await;
    nothing_comes(&mut consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_confirmed_while_the_broker_is_killed_is_there_afterwards() {
    let broker = broker().await;
    let rabbit = Rabbit::connect(&broker.url(), "stream").await.unwrap();
    let function = clock::new_id();
    publish(&rabbit, function, 1).await;
    let mut broker = settled(broker, &rabbit).await;
    let publishing = tokio::spawn({
        let rabbit = rabbit.clone();
        async move {
            let mut confirmed = HashSet::new();
            // Until the first failure: the broker is dead then.
            loop {
                let requests: Vec<Request> = (0..50).map(|_| Request::recorded(function, clock::new_id())).collect();
                let published = join_all(requests.iter().map(|request| rabbit.publish(request.clone()))).await;
                let failed = published.iter().any(Result::is_err);
                let good = requests.iter().zip(&published).filter(|(_, published)| published.is_ok());
                confirmed.extend(good.map(|(request, _)| request.run));
                if failed {
                    return confirmed;
                }
            }
        }
    });
    depth_at_least(&rabbit, function, 500).await;
    broker.kill();
    let mut confirmed = tokio::time::timeout(DEADLINE, publishing).await.unwrap().unwrap();
    assert!(confirmed.len() >= 400, "{} were confirmed", confirmed.len());
    let _broker = restarted(broker).await;
    let mut consumer = rabbit.consume(function, 100).await.unwrap();
    while !confirmed.is_empty() {
        let delivery = next(&mut consumer).await;
        confirmed.remove(&delivery.request.run);
        delivery.acknowledge();
    }
}

async fn depth_at_least(queue: &dyn Queue, function: domain::function::Id, wanted: u64) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while queue.depth(function).await.is_ok_and(|depth| depth < wanted) {
        assert!(tokio::time::Instant::now() < deadline, "the queue stays short");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_broker_and_finds_it_later() {
    let mut broker = broker().await;
    broker.kill();
    let rabbit = Rabbit::connect(&broker.url(), "early").await.unwrap();
    assert!(rabbit.fault().is_some());
    let request = Request::recorded(clock::new_id(), clock::new_id());
    assert!(rabbit.publish(request.clone()).await.is_err());
    let mut consumer = rabbit.consume(request.function, 1).await.unwrap();
    let _broker = restarted(broker).await;
    published_at_last(&rabbit, &request).await;
    assert_eq!(next(&mut consumer).await.request, request);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_says_nothing_holds_up_no_publisher_for_ever() {
    let broker = broker().await;
    let rabbit = Rabbit::connect(&broker.url(), "paused").await.unwrap();
    let function = clock::new_id();
    publish(&rabbit, function, 1).await;
    broker.pause(true);
    let stuck = tokio::time::timeout(DEADLINE, rabbit.publish(Request::recorded(function, clock::new_id()))).await;
    broker.pause(false);
    assert!(stuck.expect("an answer in time").is_err());
    published_at_last(&rabbit, &Request::recorded(function, clock::new_id())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_somebody_deleted_is_made_again() {
    let broker = broker().await;
    let (one, other) =
        (Rabbit::connect(&broker.url(), "one").await.unwrap(), Rabbit::connect(&broker.url(), "other").await.unwrap());
    let function = clock::new_id();
    publish(&one, function, 1).await;
    let mut consumer = one.consume(function, 1).await.unwrap();
    let _held = next(&mut consumer).await;
    other.forget(function).await.unwrap();
    // Its consumer gets an error, and the next publisher recreates it.
    assert!(tokio::time::timeout(DEADLINE, consumer.next()).await.unwrap().is_err());
    let runs = publish(&one, function, 2).await;
    let mut consumer = other.consume(function, 2).await.unwrap();
    take_all(&mut consumer, runs.into_iter().collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_nobody_can_read_goes_to_the_dead_queue() {
    let broker = broker().await;
    let rabbit = Rabbit::connect(&broker.url(), "poison").await.unwrap();
    let function: domain::function::Id = clock::new_id();
    let first = publish(&rabbit, function, 1).await;
    let mut consumer = rabbit.consume(function, 1).await.unwrap();
    let held = next(&mut consumer).await;
    let raw = Raw::connect(&broker.url()).await;
    raw.publish("eventflow.runs", &function.to_string(), b"no request").await;
    let second = publish(&rabbit, function, 1).await;
    assert_eq!(held.request.run, first[0]);
    held.acknowledge();
    assert_eq!(next(&mut consumer).await.request.run, second[0]);
    assert_eq!(raw.take("eventflow.dead").await, b"no request");
}

/// Another program using the broker.
struct Raw {
    _connection: lapin::Connection,
    channel: lapin::Channel,
}

impl Raw {
    async fn connect(url: &str) -> Self {
        let connection = lapin::Connection::connect(url, lapin::ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(lapin::options::ConfirmSelectOptions::default()).await.unwrap();
        Self { _connection: connection, channel }
    }

    async fn publish(&self, exchange: &str, key: &str, body: &[u8]) {
        let options = lapin::options::BasicPublishOptions::default();
        let properties = lapin::BasicProperties::default();
        let sent = self.channel.basic_publish(exchange.into(), key.into(), options, body, properties).await;
        assert!(sent.unwrap().await.unwrap().is_ack());
    }

    async fn take(&self, queue: &str) -> Vec<u8> {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let options = lapin::options::BasicGetOptions { no_ack: true };
            if let Some(message) = self.channel.basic_get(queue.into(), options).await.unwrap() {
                return message.delivery.data;
            }
            assert!(tokio::time::Instant::now() < deadline, "nothing is in {queue}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}
