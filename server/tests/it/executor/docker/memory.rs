//! The memory that all containers of a server may have together.

use std::time::Duration;

use server::executor::docker::Options;
use server::executor::{Error, Executor, Spec};

use super::super::{GRACE, Log, READY_WITHIN, call, get};
use super::{Containers, containers_of, host, node, options, shell};

const HELLO: &str = "exports.handler = async (event) => ({ hello: event.http.path });";

async fn with(mebibytes: u64) -> Containers {
    Containers::with(&host(), Options { memory: Some(mebibytes << 20), ..options() }).await
}

fn needs(memory_mb: u64, mut spec: Spec) -> Spec {
    spec.limits.memory_mb = memory_mb;
    spec
}

#[tokio::test]
async fn a_service_that_finds_no_room_is_not_started_and_says_what_to_do() {
    let containers = with(400).await;
    let start = async |memory_mb| {
        let (lines, _log) = Log::new();
        containers.docker.service(needs(memory_mb, node(HELLO)), lines, READY_WITHIN).await
    };
    let first = start(200).await.unwrap();
    let error = start(128).await.unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, Error::Io { .. }) && said.contains("EVENTFLOW_CONTAINERS_MEMORY"), "{said}");
    assert!(said.contains("128") && said.contains("of 300") && said.contains("of 400"), "{said}");
    assert_eq!(get(&first, "/still").await.status, 200);
    assert_eq!(containers_of(&containers.server).len(), 1);
    let error = start(301).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    // What is left is used, and what is given back, too.
    drop(start(100).await.unwrap());
    first.stop(GRACE).await;
    let second = start(256).await.unwrap();
    assert_eq!(get(&second, "/now").await.status, 200);
}

#[tokio::test]
async fn jobs_wait_for_each_others_memory() {
    let containers = with(100).await;
    let job = async |script: &str| {
        let (lines, _log) = Log::new();
        containers.docker.job(needs(64, shell(script)), call(), lines).await.unwrap()
    };
    let both = tokio::time::timeout(Duration::from_secs(60), async {
        tokio::join!(job("sleep 1; echo 1 > $EVENTFLOW_RESULT"), job("echo 2 > $EVENTFLOW_RESULT"))
    });
    let (first, second) = both.await.expect("they run one after the other");
    assert!(first.exit.code == Some(0) && second.exit.code == Some(0));
}
