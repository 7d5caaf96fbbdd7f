//! A disk that is full or read-only: the server says so, loses nothing, and goes on when it can. Needs root, to mount.

use std::io::Write;

use reqwest::StatusCode;
use serde_json::json;

use crate::app::{Options, TestApp, command, json_of};

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_that_was_accepted_is_lost() {
    let app = TestApp::start_with(Options { disk: Some("size=64m".into()), ..Options::default() }).await;
    let mut accepted = 0;
    assert_eq!(app.publish("before.the.flood", "0", json!({})).await.status(), StatusCode::ACCEPTED);
    accepted += 1;

    let filler = app.data_dir().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    let full =
        (0..1 << 20).map(|_| file.write_all(&[0; 4096])).find_map(Result::err).expect("the disk is full in the end");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    drop(file);

    // What is left in the files that are there is used up first, by large events and then by small ones.
    let mut n = 0;
    let mut refused = None;
    for (size, most) in [(100_000, 200), (10, 5000)] {
        let payload = "x".repeat(size);
        for _ in 0..most {
            n += 1;
            let answer = app.publish("in.the.flood", &n.to_string(), json!(payload)).await;
            refused = (answer.status() != StatusCode::ACCEPTED).then_some(answer);
            if refused.is_some() {
                break;
            }
            accepted += 1;
        }
    }
    let refused = refused.expect("a full disk takes no more events");
    assert!(refused.headers().contains_key("retry-after"));
    let body = json_of(refused, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(body["error"]["code"], "unavailable");
    assert!(body["error"]["message"].as_str().unwrap().contains("full"), "{body}");
    // Reading goes on.
    assert_eq!(app.get("/v1/functions").send().await.unwrap().status(), StatusCode::OK);

    std::fs::remove_file(&filler).unwrap();
    app.eventually("it takes events again", async || {
        let answer = app.publish("after.the.flood", "last", json!({})).await;
        (answer.status() == StatusCode::ACCEPTED).then_some(())
    })
    .await;
    accepted += 1;
    let found = app.graphql("{ events(first: 1) { totalCount } }", json!({})).await;
    assert_eq!(found["events"]["totalCount"], accepted);
    assert_eq!(app.get("/readyz").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_read_only_data_folder_stops_the_start_with_one_line_that_names_it() {
    let folder = tempfile::TempDir::new().unwrap();
    let options = Options { disk: Some("ro,size=1m".into()), ..Options::default() };
    let output = command(folder.path(), &options).args(["serve", "--dev"]).output().await.unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    assert!(text.contains("data") && text.to_lowercase().contains("read-only"), "{text}");
}
