//! Kill -9 of everything, while events come in: what was accepted is run, and each run ends once.
//!
//! Two servers on one PostgreSQL and one RabbitMQ, with a proxy before each so that connections can be cut. What breaks
//! when follows from a seed: `SEED=7 make chaos` breaks the same things at the same moments again (what comes of it
//! still depends on the machine). `make test` runs a short form of it.
#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code)] // not every verb is needed here
#[path = "../it/app.rs"]
mod app;
#[path = "../../src/queue/testing.rs"]
mod broker;
mod cluster;
mod faults;
mod functions;
mod load;
mod outcome;
mod postgres;
mod proxy;

use std::time::{Duration, Instant};

use cluster::Cluster;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// How much of everything.
pub struct Size {
    pub events: usize,
    /// Events per second.
    pub rate: f64,
    /// Faults, and the time in which they begin.
    pub faults: usize,
    pub within: Duration,
    /// How long a server stands still.
    pub pause: Duration,
    /// How long after the last fault and event everything is done, at most.
    pub patience: Duration,
}

const FULL: Size = Size {
    events: 2000,
    rate: 200.0,
    faults: 12,
    within: Duration::from_secs(40),
    pause: Duration::from_secs(15),
    patience: Duration::from_secs(180),
};

const SHORT: Size = Size {
    events: 300,
    rate: 100.0,
    faults: 7,
    within: Duration::from_secs(8),
    pause: Duration::from_secs(8),
    patience: Duration::from_secs(120),
};

fn size() -> Size {
    if std::env::var("CHAOS").is_ok_and(|size| size == "full") { FULL } else { SHORT }
}

fn seed() -> u64 {
    match std::env::var("SEED") {
        Ok(seed) => seed.parse().expect("SEED is a number"),
        Err(_) => rand::random_range(0..1_000_000),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_breaks_what_was_accepted_is_run_to_one_end() {
    chaos(Cluster::of_two().await, size()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_with_one_server_and_no_broker() {
    chaos(Cluster::of_one().await, SHORT).await;
}

async fn chaos(cluster: Cluster, size: Size) {
    let seed = seed();
    println!("chaos: SEED={seed} begins: {}", cluster.describe());
    let mut random = StdRng::seed_from_u64(seed);
    let functions = functions::deploy(&cluster).await;
    let plan = faults::plan(&cluster, &size, &mut random);
    let began = Instant::now();
    let (sent, broken) = tokio::join!(
        load::send(&cluster, &functions, &size, StdRng::seed_from_u64(seed)),
        faults::happen(&cluster, plan, began)
    );
    let expected = load::expected(&functions, size.events);
    let quiet = outcome::quiet(&cluster, &expected, size.patience).await;
    let with_faults = |what: &str| format!("{what}\n{}", broken.join("\n"));
    let runs = quiet
        .map_err(|why| with_faults(&why))
        .unwrap_or_else(|why| panic!("SEED={seed}: {why}\n{}", cluster.keep_logs(seed)));
    let quiet_after = began.elapsed();

    let report = outcome::check(&runs, &expected).unwrap_or_else(|why| panic!("SEED={seed}: {}", with_faults(&why)));
    load::send_again(&cluster, &functions, size.events).await;
    outcome::check_over_graphql(&cluster, &functions, &expected).await;
    let again = outcome::runs(&cluster).await.expect("the log can be read");
    assert_eq!(again.len(), runs.len(), "SEED={seed}: an event that was sent again made something new");
    cluster.verify().await;

    println!("chaos: SEED={seed} is clean: {}", cluster.describe());
    println!("  events    {}", sent.describe(size.events));
    for line in broken {
        println!("  broken    {line}");
    }
    for line in report {
        println!("  {line}");
    }
    println!("  quiet     after {:.1} s", quiet_after.as_secs_f64());
}
