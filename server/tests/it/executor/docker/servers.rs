//! Servers that start again, servers beside each other, and engines that are away.

use server::executor::docker::{Docker, Options};
use server::executor::{Error, Executor, Network};

use super::super::{GRACE, Log, READY_WITHIN, get, until};
use super::wire::Wire;
use super::{Containers, containers_of, docker, host, node, server_name};

const HELLO: &str = "exports.handler = async (event) => ({ hello: event.http.path });";

#[tokio::test]
async fn a_server_that_starts_again_removes_what_it_left_and_nobody_elses() {
    let (containers, other) = (Containers::new().await, Containers::new().await);
    let (lines, _log) = Log::new();
    let left = containers.docker.service(node(HELLO), lines, READY_WITHIN).await.unwrap();
    let (lines, _log) = Log::new();
    let others = other.docker.service(node(HELLO), lines, READY_WITHIN).await.unwrap();
    // As if the process had been killed: nobody ends the container.
    std::mem::forget(left);
    let before = containers_of(&containers.server);
    assert_eq!(before.len(), 1);
    let again = Docker::connect(&host(), Options::new(containers.server.clone())).await.unwrap();
    assert_eq!(containers_of(&containers.server), Vec::<String>::new());
    assert_eq!(get(&others, "/still").await.status, 200);
    // The network was left as well, and is made anew.
    let (lines, _log) = Log::new();
    let instance = again.service(node(HELLO), lines, READY_WITHIN).await.unwrap();
    assert_eq!(get(&instance, "/again").await.status, 200);
    instance.stop(GRACE).await;
    drop(instance);
    again.clear().await;
    let label = format!("label=io.eventflow.server={}", containers.server);
    assert_eq!(docker(&["network", "ls", "-q", "--filter", &label]), "");
}

#[tokio::test]
async fn labels_say_what_a_container_is() {
    let containers = Containers::new().await;
    let spec = node(HELLO);
    let (function, instance) = (spec.function.clone(), spec.instance.clone());
    let (lines, _log) = Log::new();
    let _service = containers.docker.service(spec, lines, READY_WITHIN).await.unwrap();
    let [id] = &containers_of(&containers.server)[..] else { panic!("there is one") };
    let label =
        |name: &str| docker(&["inspect", "-f", &format!("{{{{index .Config.Labels \"io.eventflow.{name}\"}}}}"), id]);
    assert_eq!((label("function"), label("instance")), (function, instance));
    assert_eq!((label("namespace").as_str(), label("version").as_str()), ("default", "1"));
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_said_with_what_to_do() {
    for host in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"] {
        let error = Docker::connect(host, Options::new("none")).await.unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error:?}");
        assert!(error.to_string().contains(&format!("the Docker engine at {host} does not answer")), "{error}");
        assert!(error.to_string().contains("set DOCKER_HOST"), "{error}");
    }
    let error = Docker::connect("ftp://somewhere", Options::new("none")).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    let options = Options { runtime: Some("no-such".into()), ..Options::new("none") };
    let error = Docker::connect(&super::host(), options).await.unwrap_err();
    assert!(error.to_string().contains("EVENTFLOW_DOCKER_RUNTIME is no-such"), "{error}");
}

#[tokio::test]
async fn an_engine_that_goes_away_is_said_and_what_happened_meanwhile_is_seen() {
    let wire = Wire::to(&host()).await;
    let containers = Containers::with(&wire.address(), Options::new(server_name())).await;
    let mut spec = node(HELLO);
    spec.limits.network = Network::Open;
    let (lines, log) = Log::new();
    let instance = containers.docker.service(spec.clone(), lines, READY_WITHIN).await.unwrap();
    assert_eq!(containers.docker.fault(), None);
    wire.take_down().await;
    until("it is noticed", || containers.docker.fault().is_some()).await;
    let why = containers.docker.fault().unwrap();
    assert!(why.contains("the Docker engine at"), "{why}");
    // What runs goes on; what is started fails with a sentence.
    assert_eq!(get(&instance, "/meanwhile").await.status, 200);
    let (lines, _log) = Log::new();
    let error = containers.docker.service(spec, lines, READY_WITHIN).await.unwrap_err();
    assert!(error.to_string().contains("does not answer"), "{error}");
    let [id] = &containers_of(&containers.server)[..] else { panic!("there is one") };
    docker(&["kill", id]);
    assert_eq!(instance.exited(), None);
    wire.mend();
    let exit = tokio::time::timeout(READY_WITHIN, instance.wait()).await.unwrap();
    assert_eq!(exit.signal, Some(9));
    until("it is there again", || containers.docker.fault().is_none()).await;
    log.all().await;
}
