//! Each end is noticed, and told apart from the others.

use std::time::{Duration, Instant};

use server::executor::{Error, Executor, Limits};

use super::super::{GRACE, Log, READY_WITHIN, call, get, until};
use super::{Containers, containers_of, docker, node, shell};

const HELLO: &str = "exports.handler = async (event) => ({ hello: event.http.path });";

/// An end that nobody here asked for must be known after this.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_container_that_is_killed_or_removed_by_hand_is_noticed() {
    let containers = Containers::new().await;
    for by_hand in [&["kill"][..], &["stop", "-t", "0"], &["rm", "-f"]] {
        let (lines, _log) = Log::new();
        let instance = containers.docker.service(node(HELLO), lines, READY_WITHIN).await.unwrap();
        let [id] = &containers_of(&containers.server)[..] else { panic!("there is one") };
        docker(&[by_hand, &[id.as_str()]].concat());
        let began = Instant::now();
        let exit = tokio::time::timeout(READY_WITHIN, instance.wait()).await.unwrap();
        assert!(began.elapsed() < NOTICED_WITHIN, "{by_hand:?} was noticed after {:?}", began.elapsed());
        // What is asked to stop may do so in time.
        let stopped = by_hand[0] == "stop" && (exit.code, exit.signal) == (Some(0), None);
        assert!(stopped || (exit.code, exit.signal) == (None, Some(9)), "{by_hand:?}: {exit:?}");
        assert!(!exit.out_of_memory);
        assert_eq!(containers_of(&containers.server), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_container_that_uses_too_much_memory_is_told_apart() {
    let containers = Containers::new().await;
    let eats = "const all = []; setInterval(() => all.push(Buffer.alloc(8 << 20, 1)), 5)";
    let mut spec = super::image(super::NODE, &["node", "-e", eats]);
    spec.limits = Limits { memory_mb: 64, ..spec.limits };
    let (lines, _log) = Log::new();
    let outcome = containers.docker.job(spec, call(), lines).await.unwrap();
    assert!(outcome.exit.out_of_memory && !outcome.exit.timed_out, "{:?}", outcome.exit);
    // What ends itself the same way is not.
    let (lines, _log) = Log::new();
    let outcome = containers.docker.job(shell("kill -9 $$"), call(), lines).await.unwrap();
    assert_eq!((outcome.exit.signal, outcome.exit.out_of_memory), (Some(9), false));
}

#[tokio::test]
async fn nothing_is_left_of_what_has_ended_or_was_given_up() {
    let containers = Containers::new().await;
    let (lines, _log) = Log::new();
    containers.docker.job(shell("true"), call(), lines).await.unwrap();
    assert_eq!(containers_of(&containers.server), Vec::<String>::new());
    let (lines, _log) = Log::new();
    let instance = containers.docker.service(node(HELLO), lines, READY_WITHIN).await.unwrap();
    instance.stop(GRACE).await;
    assert_eq!(containers_of(&containers.server), Vec::<String>::new());
    // A run that is aborted while it runs, and one while its container is made.
    for begins in [true, false] {
        let (lines, mut received) = tokio::sync::mpsc::channel(16);
        let run = containers.docker.job(shell("echo begun; sleep 1000"), call(), lines);
        tokio::select! {
            ended = run => panic!("{:?}", ended.is_ok()),
            _ = received.recv(), if begins => {}
            () = tokio::task::yield_now(), if !begins => {}
        }
        // A start that was given up goes on to its end first. The lines end with the container.
        let gone = async { while received.recv().await.is_some() {} };
        tokio::time::timeout(READY_WITHIN, gone).await.expect("the container is removed");
        until("it is removed", || containers_of(&containers.server).is_empty()).await;
    }
}

#[tokio::test]
async fn a_command_that_is_not_there_is_said() {
    let containers = Containers::new().await;
    let (lines, _log) = Log::new();
    let spec = super::image(super::BUSYBOX, &["/no/such/program"]);
    let error = containers.docker.service(spec, lines, READY_WITHIN).await.unwrap_err();
    let Error::Unhealthy { message, stderr_tail } = error else { panic!("{error}") };
    assert!(format!("{message} {stderr_tail:?}").contains("/no/such/program"), "{message} {stderr_tail:?}");
}

#[tokio::test]
async fn five_starts_at_once_each_get_their_own_container() {
    let containers = Containers::new().await;
    let started = (0..5).map(|number| {
        let docker = &containers.docker;
        async move {
            let (lines, _log) = Log::new();
            let code = format!("exports.handler = async () => {number};");
            let instance = docker.service(node(&code), lines, READY_WITHIN).await.unwrap();
            assert_eq!(get(&instance, "/").await.json(), number);
            instance
        }
    });
    let instances = futures::future::join_all(started).await;
    assert_eq!(containers_of(&containers.server).len(), 5);
    drop(instances);
    until("all are removed", || containers_of(&containers.server).is_empty()).await;
}
