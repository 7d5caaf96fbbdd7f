//! The promises of every queue.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::run::event::{Delivery as Tries, Requested};
use domain::{Cause, Json, function, run};
use futures::future::join_all;
use serde_json::json;

use crate::clock;
use crate::queue::{Consumer, Delivery, Queue, Request};

/// The time limit for everything that a test waits for.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Long enough for an unwanted delivery to have arrived.
const QUIET: Duration = Duration::from_millis(300);

pub async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    tokio::time::timeout(DEADLINE, consumer.next()).await.expect("a delivery in time").unwrap()
}

pub async fn nothing_comes(consumer: &mut Box<dyn Consumer>) {
    let came = tokio::time::timeout(QUIET, consumer.next()).await;
    assert!(came.is_err(), "{:?} came", came.map(|came| came.map(|delivery| delivery.request)));
}

pub async fn publish(queue: &dyn Queue, function: function::Id, count: usize) -> Vec<run::Id> {
    let runs: Vec<run::Id> = (0..count).map(|_| clock::new_id()).collect();
    for run in &runs {
        put(queue, Request::recorded(function, *run)).await;
    }
    runs
}

/// Publishes like a worker: a broker that has just created a queue may refuse for a moment, so this retries.
async fn put(queue: &dyn Queue, request: Request) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while let Err(error) = queue.publish(request.clone()).await {
        assert!(tokio::time::Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until a function's queue has this length.
pub async fn depth_becomes(queue: &dyn Queue, function: function::Id, wanted: u64) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        let depth = queue.depth(function).await;
        if depth.as_ref().is_ok_and(|depth| *depth == wanted) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "the depth is {depth:?} and should be {wanted}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub async fn requests_of_a_function_come_in_order(queue: &dyn Queue) {
    let function = clock::new_id();
    let runs = publish(queue, function, 50).await;
    let mut consumer = queue.consume(function, 10).await.unwrap();
    for run in runs {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.request, Request::recorded(function, run));
        delivery.acknowledge();
    }
    depth_becomes(queue, function, 0).await;
    nothing_comes(&mut consumer).await;
}

pub async fn what_is_asked_survives_the_way(queue: &dyn Queue) {
    let request = asked(clock::new_id());
    let mut consumer = queue.consume(request.function, 1).await.unwrap();
    put(queue, request.clone()).await;
    assert_eq!(next(&mut consumer).await.request, request);
}

/// A request with every member set.
pub fn asked(function: function::Id) -> Request {
    let at: DateTime<Utc> = "2026-01-31T12:00:00.123456Z".parse().unwrap();
    let run = clock::new_id();
    let requested = Requested {
        request: run::event::Request {
            run,
            function,
            namespace: "shop".to_owned(),
            trigger: "file.uploaded".to_owned(),
            event: Some(clock::new_id()),
            input: Json::from(&json!({"data": {"name": "Käse \u{1F9C0}", "size": 12_345_678_901_u64}})),
            input_cut: false,
            version: Some(3),
            replayed_from: Some(clock::new_id()),
            callback: Some("https://example.com/done".to_owned()),
        },
        delivery: Tries::Retried(domain::retry::Policy::default()),
        at,
    };
    let cause = Cause {
        actor: Some("user:admin".into()),
        causation: Some(uuid::Uuid::now_v7()),
        correlation: Some(uuid::Uuid::now_v7()),
    };
    Request { function, run, asked: Some(Arc::new(run::RunRequest { requested, cause })) }
}

pub async fn what_is_not_acknowledged_comes_again(queue: &dyn Queue) {
    let function = clock::new_id();
    let runs = publish(queue, function, 3).await;
    let mut consumer = queue.consume(function, 10).await.unwrap();
    let first = next(&mut consumer).await;
    let second = next(&mut consumer).await;
    let third = next(&mut consumer).await;
    assert_eq!([&first, &second, &third].map(|delivery| delivery.request.run).as_slice(), runs);
    drop(second);
    first.acknowledge();
    third.acknowledge();
    let again = next(&mut consumer).await;
    assert_eq!(again.request.run, runs[1]);
    again.acknowledge();
    nothing_comes(&mut consumer).await;
}

pub async fn what_a_consumer_leaves_behind_comes_to_the_next(queue: &dyn Queue) {
    let function = clock::new_id();
    let runs: HashSet<run::Id> = publish(queue, function, 10).await.into_iter().collect();
    let mut consumer = queue.consume(function, 10).await.unwrap();
    let held = next(&mut consumer).await;
    drop(consumer);
    // Its reply is still valid.
    let mut left = runs.clone();
    left.remove(&held.request.run);
    held.acknowledge();
    let mut successor = queue.consume(function, 10).await.unwrap();
    while !left.is_empty() {
        let delivery = next(&mut successor).await;
        assert!(left.remove(&delivery.request.run), "{} came twice", delivery.request.run);
        delivery.acknowledge();
    }
    nothing_comes(&mut successor).await;
}

pub async fn a_consumer_has_no_more_in_its_hands_than_it_asked_for(queue: &dyn Queue) {
    let function = clock::new_id();
    publish(queue, function, 10).await;
    let mut consumer = queue.consume(function, 3).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(next(&mut consumer).await);
    }
    nothing_comes(&mut consumer).await;
    depth_becomes(queue, function, 7).await;
    held.remove(1).acknowledge();
    held.push(next(&mut consumer).await);
    nothing_comes(&mut consumer).await;
    depth_becomes(queue, function, 6).await;
}

pub async fn a_slow_run_holds_up_no_acknowledgement(queue: &dyn Queue) {
    let function = clock::new_id();
    let runs = publish(queue, function, 200).await;
    let mut consumer = queue.consume(function, 4).await.unwrap();
    let slow = next(&mut consumer).await;
    for run in &runs[1..] {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.request.run, *run);
        delivery.acknowledge();
    }
    depth_becomes(queue, function, 0).await;
    slow.acknowledge();
    nothing_comes(&mut consumer).await;
}

pub async fn functions_do_not_wait_for_each_other(queue: &dyn Queue) {
    let (slow, quick) = (clock::new_id(), clock::new_id());
    publish(queue, slow, 100).await;
    let mut stuck = queue.consume(slow, 1).await.unwrap();
    let _held = next(&mut stuck).await;
    let mut consumer = queue.consume(quick, 10).await.unwrap();
    for run in publish(queue, quick, 10).await {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.request.run, run);
        delivery.acknowledge();
    }
}

pub async fn consumers_share_the_work(queue: &dyn Queue) {
    let function = clock::new_id();
    let mut one = queue.consume(function, 5).await.unwrap();
    let mut other = queue.consume(function, 5).await.unwrap();
    let mut left: HashSet<run::Id> = publish(queue, function, 10).await.into_iter().collect();
    // Neither acknowledges: each can have at most five, so both must have five.
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(next(&mut one).await);
        held.push(next(&mut other).await);
    }
    for delivery in held {
        assert!(left.remove(&delivery.request.run));
        delivery.acknowledge();
    }
    assert!(left.is_empty());
}

pub async fn many_are_published_at_once(queue: &dyn Queue) {
    const MANY: usize = 3000;
    let functions: Vec<function::Id> = (0..5).map(|_| clock::new_id()).collect();
    let requests: Vec<Request> =
        (0..MANY).map(|n| Request::recorded(functions[n % functions.len()], clock::new_id())).collect();
    join_all(requests.iter().map(|request| put(queue, request.clone()))).await;
    let taken = join_all(functions.iter().map(async |function| {
        let mut consumer = queue.consume(*function, 100).await.unwrap();
        let mut taken = Vec::new();
        for _ in 0..MANY / functions.len() {
            let delivery = next(&mut consumer).await;
            taken.push(delivery.request.run);
            delivery.acknowledge();
        }
        nothing_comes(&mut consumer).await;
        taken
    }));
    let taken: HashSet<run::Id> = taken.await.into_iter().flatten().collect();
    assert_eq!(taken, requests.iter().map(|request| request.run).collect());
}

pub async fn the_depth_is_what_nobody_has_in_hand(queue: &dyn Queue) {
    let function = clock::new_id();
    assert_eq!(queue.depth(function).await.unwrap(), 0);
    publish(queue, function, 5).await;
    depth_becomes(queue, function, 5).await;
    let mut consumer = queue.consume(function, 2).await.unwrap();
    let held = [next(&mut consumer).await, next(&mut consumer).await];
    depth_becomes(queue, function, 3).await;
    // A query about a missing queue does not disturb others.
    assert_eq!(queue.depth(clock::new_id()).await.unwrap(), 0);
    assert_eq!(queue.depth(function).await.unwrap(), 3);
    for delivery in held {
        delivery.acknowledge();
    }
    for _ in 0..3 {
        next(&mut consumer).await.acknowledge();
    }
    depth_becomes(queue, function, 0).await;
}

pub async fn a_function_is_forgotten_with_what_waits(queue: &dyn Queue) {
    let function = clock::new_id();
    publish(queue, function, 5).await;
    queue.forget(function).await.unwrap();
    assert_eq!(queue.depth(function).await.unwrap(), 0);
    queue.forget(function).await.unwrap();
    // It can be recreated.
    let runs = publish(queue, function, 1).await;
    let mut consumer = queue.consume(function, 1).await.unwrap();
    assert_eq!(next(&mut consumer).await.request.run, runs[0]);
}
