//! The events: sent at a steady pace to either server, again and again until one has accepted them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::{event, run};
use futures::future::join_all;
use rand::RngExt;
use rand::rngs::StdRng;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::Size;
use crate::cluster::Cluster;
use crate::functions::{FAILS_EVERY, FUNCTIONS, Function, Kind, SHARED};

const SOURCE: &str = "/chaos";

/// An answer that takes longer than this is none: the event is sent again.
const ANSWERED_WITHIN: Duration = Duration::from_secs(4);

/// An event that nobody has accepted by then fails the test.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(120);

/// One in so many is sent again although it was accepted.
const TWICE: usize = 25;

/// What has to come of the events.
pub struct Expected {
    /// Each run, and whether it has to be dead in the end.
    pub runs: BTreeMap<run::Id, Run>,
}

#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub event: event::Id,
    pub function: domain::function::Id,
    pub dead: bool,
}

pub struct Sent {
    took: Duration,
    repeated: usize,
    twice: usize,
}

impl Sent {
    pub fn describe(&self, events: usize) -> String {
        let Self { took, repeated, twice } = self;
        let took = took.as_secs_f64();
        format!(
            "{events} accepted in {took:.1} s; {repeated} attempts were not answered with 202, {twice} were sent twice"
        )
    }
}

/// One in ten is of the type that two functions take.
fn kind(n: usize) -> String {
    if n % 10 == 5 { SHARED.to_owned() } else { format!("chaos.f{}", n % FUNCTIONS) }
}

fn body(n: usize) -> String {
    // Counted for each function, so that its share of failures does not depend on how many functions there are.
    let data = json!({ "n": n / FUNCTIONS });
    json!({ "specversion": "1.0", "id": format!("e-{n}"), "source": SOURCE, "type": kind(n), "data": data }).to_string()
}

pub fn expected(functions: &[Function], events: usize) -> Expected {
    let mut runs = BTreeMap::new();
    for n in 0..events {
        let event = event::id("default", SOURCE, &format!("e-{n}"));
        let targets = if kind(n) == SHARED { 0..2 } else { n % FUNCTIONS..n % FUNCTIONS + 1 };
        for function in &functions[targets] {
            let dead = function.kind == Kind::FailsAlways && (n / FUNCTIONS).is_multiple_of(FAILS_EVERY);
            runs.insert(run::id(event, function.id), Run { event, function: function.id, dead });
        }
    }
    Expected { runs }
}

pub async fn send(cluster: &Cluster, _: &[Function], size: &Size, mut random: StdRng) -> Sent {
    let client = Client::new();
    let (repeated, twice) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let began = Instant::now();
    let sends = (0..size.events).map(|n| {
        let due = began + Duration::from_secs_f64(n as f64 / size.rate);
        let mut node = random.random_range(0..cluster.nodes.len());
        let (client, repeated, twice) = (&client, &repeated, &twice);
        async move {
            tokio::time::sleep_until(due.into()).await;
            while !is_accepted(cluster, client, node, n).await {
                assert!(due.elapsed() < ACCEPTED_WITHIN, "event {n} is not accepted by anybody");
                repeated.fetch_add(1, Ordering::Relaxed);
                node = (node + 1) % cluster.nodes.len();
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            if n % TWICE == 0 {
                is_accepted(cluster, client, (node + 1) % cluster.nodes.len(), n).await;
                twice.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    join_all(sends).await;
    Sent { took: began.elapsed(), repeated: repeated.into_inner(), twice: twice.into_inner() }
}

async fn is_accepted(cluster: &Cluster, client: &Client, node: usize, n: usize) -> bool {
    post(cluster, client, node, n).await.is_some_and(|(status, _)| status == StatusCode::ACCEPTED)
}

async fn post(cluster: &Cluster, client: &Client, node: usize, n: usize) -> Option<(StatusCode, String)> {
    let url = cluster.nodes[node].url.lock().unwrap().clone();
    let request = client.post(format!("{url}/v1/events")).bearer_auth("dev-token").timeout(ANSWERED_WITHIN);
    let answer = request.header("content-type", "application/cloudevents+json").body(body(n)).send().await.ok()?;
    Some((answer.status(), answer.text().await.ok()?))
}

/// Sends a part of the events once more, now that everything is over: each is known.
pub async fn send_again(cluster: &Cluster, _: &[Function], events: usize) {
    let client = Client::new();
    for n in (0..events).step_by(7) {
        let (status, text) = post(cluster, &client, n % cluster.nodes.len(), n).await.expect("the server answers");
        assert_eq!(status, StatusCode::ACCEPTED, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["events"][0]["duplicate"], true, "event {n} was accepted before: {answer}");
    }
}
