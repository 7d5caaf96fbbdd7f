//! What instances stand on: the folder of their sockets and their control groups. Another server on the same host leaves it
//! alone, and when it is gone it is made again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{Options, TestApp, json_of};

impl TestApp {
    /// The record of its instances.
    fn record(&self) -> PathBuf {
        let mut records = fs::read_dir(self.folder().join("data/run")).unwrap();
        let record = records.next().unwrap().unwrap().path();
        assert!(records.next().is_none(), "one server, one record");
        record
    }

    async fn instances(&self) -> Value {
        let query = "{ function(namespace: \"default\", name: \"hello\") { instances { id } } }";
        self.graphql(query, json!({})).await["function"]["instances"].take()
    }
}

#[tokio::test]
async fn a_copy_of_a_data_folder_that_is_started_takes_nothing_from_the_original() {
    let original = TestApp::start().await;
    json_of(original.call("hello").await, StatusCode::OK).await;
    let before = original.instances().await;
    let place = TempDir::new().unwrap();
    let data = original.folder().join("data");
    let copied = Command::new("cp").arg("-a").arg(&data).arg(place.path()).status().unwrap();
    assert!(copied.success());
    let copy = TestApp::start_in(place, Options::default()).await;
    json_of(copy.call("hello").await, StatusCode::OK).await;
    // The original has the instance that it had, with everything that belongs to it.
    json_of(original.call("hello").await, StatusCode::OK).await;
    assert_eq!(original.instances().await, before);
    let ready = json_of(original.get("/readyz").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(ready["status"], "ready");
    let name = |app: &TestApp| fs::read_to_string(app.folder().join("data/node")).unwrap();
    assert_ne!(name(&copy), name(&original), "two servers of one name would take each other's runs");
    // And so has the copy, when the original starts again.
    let mut original = original;
    original.kill_and_restart().await;
    json_of(copy.call("hello").await, StatusCode::OK).await;
    json_of(original.call("hello").await, StatusCode::OK).await;
}

/// Kills everything in a group and removes it, as who believes that it is left over.
fn remove_group(base: &Path) {
    for _ in 0..1000 {
        for group in
            fs::read_dir(base).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_dir())
        {
            let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
            for pid in members.lines().filter_map(|pid| pid.parse().ok()) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            let _ = fs::remove_dir(group);
        }
        if fs::remove_dir(base).is_ok() || !base.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{} cannot be removed", base.display());
}

#[tokio::test]
async fn a_server_whose_ground_is_removed_makes_it_again() {
    let app = TestApp::start().await;
    json_of(app.call("hello").await, StatusCode::OK).await;
    let record = app.record();
    let groups = fs::read_to_string(record.join("cgroups")).unwrap();
    tokio::task::spawn_blocking(move || groups.lines().for_each(|base| remove_group(Path::new(base)))).await.unwrap();
    // The server may be making it again already.
    app.eventually("the record is removed", async || fs::remove_dir_all(&record).ok()).await;
    // Readiness makes it again before it says that the server is ready.
    let ready = json_of(app.get("/readyz").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(ready["status"], "ready");
    assert_eq!(app.record(), record);
    app.eventually("the function answers again", async || {
        (app.call("hello").await.status() == StatusCode::OK).then_some(())
    })
    .await;
    let log = fs::read_to_string(app.folder().join("server.log")).unwrap();
    assert!(log.contains("was removed by somebody else"), "{log}");
}

#[tokio::test]
async fn a_server_that_cannot_make_its_ground_again_is_not_ready_until_it_can() {
    let app = TestApp::start().await;
    json_of(app.call("hello").await, StatusCode::OK).await;
    let records = app.folder().join("data/run");
    // Something that is no folder is in its place: not even root makes one there.
    let replace = || fs::remove_dir_all(&records).and_then(|()| fs::write(&records, ""));
    app.eventually("there is no folder any more", async || replace().ok()).await;
    let unready = json_of(app.get("/readyz").send().await.unwrap(), StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(unready["reasons"][0].as_str().unwrap().contains("instances need"), "{unready}");
    fs::remove_file(&records).unwrap();
    json_of(app.get("/readyz").send().await.unwrap(), StatusCode::OK).await;
    app.eventually("the function answers again", async || {
        (app.call("hello").await.status() == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test]
async fn functions_start_where_process_ids_are_few_as_in_a_container() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let app = TestApp::start_with(Options { contained: true, ..Options::default() }).await;
    json_of(app.call("hello").await, StatusCode::OK).await;
}
