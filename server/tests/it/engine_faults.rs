//! A Docker engine that is restarted, whose disk is full, or that has several servers: engines of the tests' own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::amqp::blocking;
use crate::app::{Options, TestApp, database, json_of};
use crate::executor::docker::own_engine::OwnEngine;
use crate::executor::docker::{BUSYBOX, docker, host, registry};
use crate::images::registered;

/// A program that answers on its port.
const ANSWERS: &str =
    "mkdir /tmp/www && echo hello > /tmp/www/index.html && echo it is up && exec httpd -f -p $PORT -h /tmp/www";

/// Callers at a time.
const CALLERS: usize = 4;

fn manifest(replicas: u64) -> Value {
    json!({
        "runtime": "docker", "command": ["/bin/sh", "-c", ANSWERS],
        "scaling": { "min": replicas, "max": replicas }, "resources": { "memory_mb": 64 },
    })
}

/// Registers a function of BusyBox and starts it; its id.
async fn running(app: &TestApp, name: &str, replicas: u64) -> String {
    let id = registered(app, name, BUSYBOX, manifest(replicas)).await;
    app.build(&id).await;
    app.start_function(&id).await;
    answers(app, name).await;
    id
}

/// Waits until a function answers.
async fn answers(app: &TestApp, name: &str) {
    app.eventually(&format!("{name} answers"), async || {
        let answer = app.call(&format!("{name}/")).await;
        (answer.status() == StatusCode::OK).then_some(())
    })
    .await;
}

/// Waits until the server says this of itself: why, if it is not well.
async fn says(app: &TestApp, status: &str) -> String {
    app.eventually(&format!("it is {status}"), async || {
        let ready: Value = app.get("/readyz").send().await.unwrap().json().await.unwrap();
        (ready["status"] == status).then(|| ready["reasons"].to_string())
    })
    .await
}

/// Calls a function until it is told to end: the statuses and texts of all answers. Says when it has the first one.
async fn calls(url: String, begun: Arc<AtomicUsize>, done: Arc<AtomicBool>) -> Vec<(StatusCode, String)> {
    let client = reqwest::Client::new();
    let mut answers = Vec::new();
    while !done.load(Ordering::SeqCst) {
        // One that waits for the engine is given up when the test has seen enough.
        let request = client.get(&url).bearer_auth("dev-token").timeout(Duration::from_secs(120));
        let answer = request.send().await.expect("the server itself always answers");
        answers.push((answer.status(), answer.text().await.unwrap_or_default()));
        if answers.len() == 1 {
            begun.fetch_add(1, Ordering::SeqCst);
        }
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_restarted_under_load_costs_its_time_and_nothing_else() {
    let mut engine = blocking(|| OwnEngine::start(None)).await;
    let app = TestApp::start_with(Options::default().env("DOCKER_HOST", engine.host())).await;
    running(&app, "web", 2).await;
    assert_eq!(engine_containers(&engine).len(), 2);
    // It ends as it should, and as in a crash; what runs ends with it, since it has no `live-restore`.
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let before = engine_containers(&engine);
        let done = Arc::new(AtomicBool::new(false));
        let url = format!("{}/function/web/", app.url);
        let begun = Arc::new(AtomicUsize::new(0));
        let load: Vec<_> =
            (0..CALLERS).map(|_| tokio::spawn(calls(url.clone(), begun.clone(), done.clone()))).collect();
        app.eventually("all callers call", async || (begun.load(Ordering::SeqCst) == CALLERS).then_some(())).await;
        engine = blocking(move || {
            engine.stop(signal);
            engine
        })
        .await;
        let why = says(&app, "degraded").await;
        assert!(why.contains("the Docker engine at unix://") && why.contains("does not answer"), "{why}");
        let found = app.graphql("{ viewer { server { degraded } } }", json!({})).await;
        assert!(found["viewer"]["server"]["degraded"].to_string().contains("the Docker engine at"), "{found}");
        engine = blocking(move || {
            engine.start_again(&[]);
            engine
        })
        .await;
        says(&app, "ready").await;
        app.eventually("two new containers run", async || {
            let now = engine_containers(&engine);
            (now.len() == 2
                && now.iter().all(|(id, state)| state == "running" && !before.iter().any(|(old, _)| old == id)))
            .then_some(())
        })
        .await;
        answers(&app, "web").await;
        done.store(true, Ordering::SeqCst);
        for answers in load {
            let answers = answers.await.unwrap();
            assert_eq!(answers.first().map(|(status, _)| *status), Some(StatusCode::OK));
            for (status, text) in &answers {
                let message = || serde_json::from_str::<Value>(text).map(|answer| answer["error"]["message"].clone());
                let is_said = status.is_server_error() && message().is_ok_and(|message| message.is_string());
                // A file that is sent when its program is killed ends early: nothing can be said after that.
                assert!(*status == StatusCode::OK || is_said, "{status}: {text}");
            }
        }
    }
}

/// Ids and states of all containers of an engine.
fn engine_containers(engine: &OwnEngine) -> Vec<(String, String)> {
    let all = engine.docker(&["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}"]);
    all.lines().filter_map(|line| line.split_once(' ')).map(|(id, state)| (id.to_owned(), state.to_owned())).collect()
}

/// An image in the registry for everybody, with a file of so many mebibytes that no engine has.
fn publish_large(mebibytes: u64) -> String {
    let name = format!("{}/eventflow-test/large-{}:1", registry("TEST_REGISTRY"), Uuid::new_v4().simple());
    let command = format!("dd if=/dev/zero of=/large bs=1M count={mebibytes}");
    let container = format!("large-{}", Uuid::new_v4().simple());
    docker(&["run", "--name", &container, "--network", "none", BUSYBOX, "/bin/sh", "-c", &command]);
    docker(&["commit", &container, &name]);
    docker(&["rm", &container]);
    docker(&["push", "-q", &name]);
    docker(&["rmi", &name]);
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_fails_the_build_that_fills_it_and_nothing_else() {
    let large = blocking(|| publish_large(300)).await;
    let engine = blocking(|| OwnEngine::start(Some("250m"))).await;
    let app = TestApp::start_with(Options::default().env("DOCKER_HOST", engine.host())).await;
    running(&app, "web", 1).await;
    let images = || engine.docker(&["images", "-aq"]);
    let (containers, before) = (engine_containers(&engine), images());

    let id = registered(&app, "large", &large, manifest(1)).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "FAILED", "{build:#}");
    let error = build["error"].as_str().unwrap();
    assert!(error.contains("the disk of the Docker engine is full: remove images"), "{error}");
    assert_eq!(images(), before, "nothing is left of what did not fit");

    let dockerfile = "FROM eventflow-test/busybox:1\nRUN dd if=/dev/zero of=/large bs=1M count=300\nCMD [\"true\"]\n";
    let repository = app.repository("built", &[("Dockerfile", dockerfile)]).await;
    let id = app.register_git("built", &repository, None).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "FAILED", "{build:#}");
    let error = build["error"].as_str().unwrap();
    // The command says so, the engine that keeps what it wrote, or the server that looks.
    let says = ["no space left on device", "engine is full", "is nearly full"];
    assert!(says.iter().any(|text| error.to_lowercase().contains(text)), "{error}");

    // A file without a name is in no count, and the disk is full all the same.
    let nameless = "FROM eventflow-test/busybox:1\n\
        RUN exec 3> /nameless; rm /nameless; dd if=/dev/zero bs=1M count=300 >&3; sleep 600\nCMD [\"true\"]\n";
    let repository = app.repository("nameless", &[("Dockerfile", nameless)]).await;
    let id = app.register_git("nameless", &repository, None).await;
    let build = app.try_build(&id).await;
    let error = build["error"].as_str().unwrap_or_else(|| panic!("{build:#}"));
    assert!(error.contains("the disk of the Docker engine, at ") && error.contains("is nearly full"), "{error}");

    // What ran goes on, and there is room for more.
    app.eventually("builds have left nothing that runs", async || {
        (engine_containers(&engine) == containers).then_some(())
    })
    .await;
    answers(&app, "web").await;
    assert_eq!(json_of(app.get("/readyz").send().await.unwrap(), StatusCode::OK).await["status"], "ready");
    running(&app, "another", 1).await;
}

/// The containers that a server's process has made.
fn containers_of(app: &TestApp) -> Vec<String> {
    let process = format!("/{}/", app.pid());
    let all = docker(&["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Label \"io.eventflow.process\"}}"]);
    let mut own: Vec<_> =
        all.lines().filter(|line| line.contains(&process)).map(|line| line[..64].to_owned()).collect();
    own.sort();
    own
}

#[tokio::test]
async fn servers_on_one_engine_leave_each_others_containers_alone() {
    // Two of one installation, and one of another.
    let node = Options::default().env("DOCKER_HOST", host()).env("DATABASE_URL", database().await);
    let mut first = TestApp::start_with(node.clone()).await;
    let mut second = TestApp::start_with(node).await;
    let mut stranger = TestApp::start_with(Options::default().env("DOCKER_HOST", host())).await;
    running(&first, "one", 1).await;
    running(&stranger, "one", 1).await;
    answers(&second, "one").await;
    let all = [&first, &second, &stranger].map(containers_of);
    assert!(all.iter().all(|own| own.len() == 1), "{all:?}");

    // Who starts again removes what it had itself.
    second.kill_and_restart().await;
    stranger.kill_and_restart().await;
    answers(&second, "one").await;
    answers(&stranger, "one").await;
    assert_eq!(containers_of(&first), all[0]);
    let others = [&second, &stranger].map(containers_of);
    first.kill_and_restart().await;
    answers(&first, "one").await;
    assert_eq!([&second, &stranger].map(containers_of), others);
    let there = docker(&["ps", "-aq", "--no-trunc"]);
    for gone in all.iter().flatten() {
        assert!(!there.contains(gone), "{gone} was left by a server that was killed");
    }
    // And who ends takes only its own along.
    second.terminate().await;
    stranger.terminate().await;
    assert_eq!(containers_of(&first).len(), 1);
    answers(&first, "one").await;
}
