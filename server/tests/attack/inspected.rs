//! Files that are expensive to read for whoever finds out what a source is: that is a process of its own, with limits.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::app::{Options, TestApp};
use crate::graphql::status;
use crate::victim::victim;

/// Registers a repository and asks for its build.
async fn begin(app: &TestApp, name: &str, files: &[(&str, &str)]) -> String {
    let repository = app.repository(name, files).await;
    let id = app.register_git(name, &repository, None).await;
    app.mutate("buildFunction", "id: $id", "build { id }", json!({ "id": id }), "$id: ID!").await;
    id
}

/// The error of the newest build, once it has failed.
async fn failure(app: &TestApp, id: &str) -> String {
    app.eventually("the build has failed", async || {
        let query = "query($id: ID!) { function(id: $id) { builds(first: 1) { nodes { state error } } } }";
        let build = app.graphql(query, json!({ "id": id })).await["function"]["builds"]["nodes"][0].take();
        (build["state"] == "FAILED").then(|| build["error"].as_str().unwrap().to_owned())
    })
    .await
}

#[tokio::test]
async fn files_that_take_for_ever_to_search_fail_their_build_and_hold_up_nobody() {
    let app = victim(Options::default()).await;
    let code = "exports.handler = async () => 'here';";
    app.running("other", &[("index.js", code), ("function.json", r#"{"runtime": "node"}"#)]).await;
    // Each class of the second kind is looked for to the end of the file.
    let text = "class A(\nclass B:\n".repeat((250 << 10) / 18);
    let names: Vec<_> = (0..60).map(|index| format!("m{index}.py")).collect();
    let mut files: Vec<_> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    files.push(("function.json", r#"{"runtime": "python-flask"}"#));
    let (one, two) = (begin(&app, "one", &files).await, begin(&app, "two", &files).await);
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(5) {
        let before = Instant::now();
        assert_eq!(app.publish("a.b", &format!("{before:?}"), json!(1)).await.status(), 202);
        assert_eq!(app.call("other").await.status(), 200);
        assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    }
    for id in [one, two] {
        let error = failure(&app, &id).await;
        assert!(error.contains("takes more than") || error.contains("handler"), "{error}");
    }
    assert_eq!(app.get("/readyz").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_lock_file_that_fills_the_memory_fails_its_build_alone() {
    let app = victim(Options::default()).await;
    let before = status(&app, "VmRSS:");
    let lock = format!("a=[{}]\n", "1,".repeat((15 << 20) / 2));
    let project = "[project]\nname = 'x'\ndependencies = ['six']\n";
    let files = [("main.py", "def handler(event): return 1\n"), ("pyproject.toml", project), ("uv.lock", &lock)];
    let id = begin(&app, "full", &[files.as_slice(), &[("function.json", r#"{"runtime": "python"}"#)]].concat()).await;
    let error = failure(&app, &id).await;
    assert!(error.contains("takes more than"), "{error}");
    let grew = status(&app, "VmHWM:").saturating_sub(before);
    assert!(grew < 300 << 10, "the memory grew by {grew} KiB");
}

#[tokio::test]
async fn a_version_that_takes_for_ever_to_read_costs_nothing() {
    let app = victim(Options::default()).await;
    let before = status(&app, "VmRSS:");
    let alternatives = "22||".repeat((12 << 20) / 4) + "22";
    let long = format!(">=1.0.0-a{}{}", ".a".repeat(2 << 20), " >=0".repeat(2 << 20));
    let code = "exports.handler = async () => 'here';";
    for (name, text) in [("one", &alternatives), ("two", &long)] {
        let files =
            [("index.js", code), ("function.json", r#"{"runtime": "node"}"#), (".nvmrc", text), ("package.json", "{}")];
        app.running(name, &files).await;
        assert_eq!(app.call(name).await.status(), 200);
    }
    let grew = status(&app, "VmHWM:").saturating_sub(before);
    assert!(grew < 200 << 10, "the memory grew by {grew} KiB");
}

#[tokio::test]
async fn what_a_build_says_of_its_failure_is_short_whatever_the_source_says() {
    let app = victim(Options::default()).await;
    let version = format!("4{}\n", ".1".repeat(7 << 20));
    let files = [
        ("main.py", "def handler(event): return 1\n"),
        ("requirements.txt", "six==1.17.0\n"),
        (".python-version", &version),
    ];
    let id = begin(
        &app,
        "long",
        &[files.as_slice(), &[("function.json", r#"{"runtime": "python", "handler": "gone.handler"}"#)]].concat(),
    )
    .await;
    let error = failure(&app, &id).await;
    assert!(error.len() < 16 << 10, "{} bytes", error.len());
}
