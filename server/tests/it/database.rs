//! PostgreSQL is away: the start waits for it, calls go on, and what needs it is refused at once.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use tempfile::TempDir;

use crate::amqp::blocking;
use crate::app::{Options, TestApp, json_of};
use crate::postgres::Postgres;

/// What waited for the database to answer, or not to, took two to five seconds each.
const AT_ONCE: Duration = Duration::from_millis(1000);

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_its_database_and_says_so() {
    let mut postgres = blocking(Postgres::start).await;
    let url = Postgres::url(postgres.port);
    postgres.kill();
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("server.log");
    let starting = tokio::spawn(TestApp::start_in(folder, Options::default().env("DATABASE_URL", url)));
    crate::app::eventually("it says what it waits for", &mut async || {
        let log_text = std::fs::read_to_string(&log).ok()?;
        log_text.contains("the start waits for PostgreSQL").then_some(())
    })
    .await;
    let _postgres = blocking(move || {
        postgres.restart();
        postgres
    })
    .await;
    let app = starting.await.unwrap();
    json_of(app.call("hello").await, StatusCode::OK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_calls_go_on_and_reads_are_refused_at_once() {
    let mut postgres = blocking(Postgres::start).await;
    let app = TestApp::start_with(Options::default().env("DATABASE_URL", Postgres::url(postgres.port))).await;
    json_of(app.call("hello").await, StatusCode::OK).await;
    postgres.kill();
    app.eventually("reads are refused", async || {
        (app.get("/v1/functions").send().await.unwrap().status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    for path in ["/v1/functions", "/v1/dead-letters", "/readyz"] {
        let mut took = Vec::new();
        for _ in 0..5 {
            let asked = Instant::now();
            let answer = app.get(path).send().await.unwrap();
            took.push(asked.elapsed());
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert!(answer.headers().contains_key("retry-after"));
        }
        took.sort_unstable();
        assert!(took[2] < AT_ONCE, "{path}: {took:?}");
    }
    let answer = app.try_graphql("{ functions { totalCount } }", json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "unavailable", "{answer}");
    // Nothing of a call is in the database but its record.
    json_of(app.call("hello").await, StatusCode::OK).await;
    let _postgres = blocking(move || {
        postgres.restart();
        postgres
    })
    .await;
    app.eventually("it is ready again", async || {
        (app.get("/readyz").send().await.unwrap().status() == StatusCode::OK).then_some(())
    })
    .await;
    json_of(app.get("/v1/functions").send().await.unwrap(), StatusCode::OK).await;
}
