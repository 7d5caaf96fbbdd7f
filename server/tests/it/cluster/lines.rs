//! What a function writes on one server is read on all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use serde_json::json;

use super::{Cluster, function, running};
use crate::app::json_of;

/// A line is seen on every server within this.
const SEEN_WITHIN: Duration = Duration::from_secs(1);

const LINES: usize = 20;

#[tokio::test]
async fn a_line_that_is_written_on_one_server_is_seen_on_the_other_at_once() {
    let cluster = Cluster::without_broker().await;
    let (a, b) = (&cluster.nodes[0], &cluster.nodes[1]);
    let code = "exports.handler = () => {
        console.log(`written ${performance.timeOrigin + performance.now()}`);
        return {};
    };";
    let id = running(a, "talker", &function("talk.**", json!({ "max": 1 }), code)).await;
    json_of(a.call("talker").await, StatusCode::OK).await;
    let mut lines =
        b.subscribe("subscription($id: ID!) { logs(function: $id, after: 0) { text } }", json!({ "id": id })).await;
    // The first one was there before.
    lines.until(|line| line["text"].as_str().unwrap().starts_with("written ")).await;
    let mut took = Vec::new();
    for _ in 0..LINES {
        let (answer, seen) = tokio::join!(a.call("talker"), async {
            let line = lines.until(|line| line["text"].as_str().unwrap().starts_with("written ")).await.pop().unwrap();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0;
            now - line["text"].as_str().unwrap().strip_prefix("written ").unwrap().parse::<f64>().unwrap()
        });
        assert_eq!(answer.status(), StatusCode::OK);
        took.push(seen);
    }
    took.sort_unstable_by(f64::total_cmp);
    let most = took[LINES - 1];
    println!("from a line to its reader on another server: p50 {:.1} ms, most {most:.1} ms", took[LINES / 2]);
    assert!(most <= SEEN_WITHIN.as_secs_f64() * 1000.0, "{took:?}");
}
