//! Hostile functions beside good ones on one server: the good ones must hardly notice, and nothing may be left behind.
//!
//! `make soak` runs 200 hostile functions beside 20 good ones for ten minutes; `make test` runs a short form. The full
//! form prints what docs/benchmarks.md reports.
#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code)] // not every verb is needed here
#[path = "../it/app.rs"]
mod app;
mod functions;
mod load;
mod traces;

use std::time::Duration;

use app::{Options, TestApp};

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub good: usize,
    pub hostile: usize,
    /// How long the good functions are measured by themselves, and then beside the hostile ones.
    pub alone: Duration,
    pub beside: Duration,
    /// The good functions' p99 beside the hostile ones, as a multiple of their p99 alone.
    pub slower: f64,
}

const FULL: Size =
    Size { good: 20, hostile: 200, alone: Duration::from_secs(60), beside: Duration::from_secs(600), slower: 3.0 };

/// A machine that runs other tests at the same time has no steady latency: the short form looks for leaks, and only for a
/// gross slowdown.
const SHORT: Size =
    Size { good: 4, hostile: 16, alone: Duration::from_secs(4), beside: Duration::from_secs(12), slower: 200.0 };

/// A p99 below this is called this: a ratio of two tiny numbers says nothing.
const LEAST_P99: Duration = Duration::from_millis(5);

fn size() -> Size {
    let full = if std::env::var("SOAK").is_ok_and(|size| size == "full") { FULL } else { SHORT };
    let seconds = std::env::var("SOAK_SECONDS").ok().map(|text| text.parse().expect("SOAK_SECONDS is a number"));
    let beside = seconds.map_or(full.beside, Duration::from_secs);
    Size { alone: full.alone.min(beside), beside, ..full }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_functions_neither_slow_the_good_ones_down_nor_leave_anything_behind() {
    let size = size();
    let app = TestApp::start_with(Options::default()).await;
    let good = functions::deploy_good(&app, size.good).await;
    load::warm_up(&app, &good).await;
    let before = traces::steady(&app).await;
    let alone = load::measure(&app, &good, size.alone).await;
    println!("soak: alone {alone}");

    let hostile = functions::deploy_hostile(&app, size.hostile).await;
    println!("soak: the hostile functions are called from now on");
    let (beside, attacks) = load::beside(&app, &good, &hostile, size.beside).await;

    functions::remove(&app, &hostile).await;
    let after = traces::settle(&app, &before).await;
    println!("soak: {} good functions, {} hostile ones, {:?}", size.good, size.hostile, size.beside);
    println!("  alone     {alone}");
    println!("  beside    {beside}");
    println!("  attacks   {attacks}");
    println!("  before    {before}");
    println!("  after     {after}");
    assert_eq!(beside.failed, 0, "calls of good functions failed: {beside}");
    let ratio = beside.p99().max(LEAST_P99).as_secs_f64() / alone.p99().max(LEAST_P99).as_secs_f64();
    println!("  p99       {ratio:.2} times that of the good functions alone (limit {})", size.slower);
    assert!(ratio <= size.slower, "the good functions' p99 is {ratio:.2} times what it is without the hostile ones");
    assert!(attacks.sent > 0, "the hostile functions were called");
    assert_eq!(before.grown(&after), Vec::<String>::new(), "something was left behind");
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
}
