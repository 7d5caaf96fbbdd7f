//! What containers are kept from, seen from inside.

use std::net::TcpListener;

use server::executor::{Executor, Network, Spec};

use super::super::{Log, READY_WITHIN, call, get, texts};
use super::{Containers, NODE, docker, image, node, shell};

async fn said(containers: &Containers, spec: Spec) -> Vec<String> {
    let (lines, log) = Log::new();
    containers.docker.job(spec, call(), lines).await.unwrap();
    texts(&log.all().await).iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn a_container_has_no_rights_and_writes_only_to_memory() {
    let containers = Containers::new().await;
    let script = "
        echo user $(id -u)
        grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr '\\t' ' '
        for folder in / /bin /etc /dev /eventflow; do (echo x > $folder/x) 2> /dev/null && echo wrote $folder; done
        echo x > /tmp/x && echo wrote /tmp
        ls /var/run/docker.sock /run/docker.sock 2> /dev/null
        mount -t tmpfs none /tmp 2> /dev/null && echo mounted
        head -c 400000000 /dev/zero > /tmp/large 2> /dev/null || echo full
        ulimit -n
    ";
    let said = said(&containers, shell(script)).await;
    let zero = "0000000000000000";
    let wanted = [
        "user 65534".to_owned(),
        format!("CapPrm: {zero}"),
        format!("CapEff: {zero}"),
        format!("CapBnd: {zero}"),
        "NoNewPrivs: 1".into(),
        "Seccomp: 2".into(),
        "wrote /tmp".into(),
        "full".into(),
        "16384".into(),
    ];
    assert_eq!(said, wanted);
}

#[tokio::test]
async fn an_image_that_names_root_is_nobody_all_the_same() {
    let containers = Containers::new().await;
    let name = format!("eventflow-test/{}:1", super::server_name());
    let from = docker(&["create", super::BUSYBOX]);
    docker(&["commit", "-c", "USER root", &from, &name]);
    docker(&["rm", &from]);
    let script = "id -u; (echo y > /eventflow/y) 2> /dev/null || echo closed; echo fine > $EVENTFLOW_RESULT";
    let mut spec = shell(script);
    spec.code = server::executor::Code::Image(name.clone());
    assert_eq!(said(&containers, spec).await, ["65534", "closed"]);
    docker(&["rmi", &name]);
}

#[tokio::test]
async fn forks_without_end_meet_a_limit() {
    let containers = Containers::new().await;
    let mut spec = shell("for i in $(seq 100); do sleep 5 & done 2>&1 | head -c 300; echo; echo end");
    spec.limits.pids = 20;
    let said = said(&containers, spec).await;
    assert!(said.iter().any(|line| line.contains("fork")), "{said:?}");
}

#[tokio::test]
async fn a_job_without_a_network_has_nothing_but_itself() {
    let containers = Containers::new().await;
    let said = said(&containers, shell("ls /sys/class/net; cat /proc/net/route | wc -l")).await;
    assert_eq!(said, ["lo", "1"]);
}

/// Connects to the address in its path, and tells what came of it.
const TRIES: &str = "exports.handler = (event) => new Promise((done) => {
    const [host, port] = event.http.path.slice(1).split(':');
    const socket = require('net').connect({ host, port: Number(port), timeout: 1500 });
    socket.on('connect', () => { done('connected'); socket.destroy(); });
    socket.on('timeout', () => { done('timeout'); socket.destroy(); });
    socket.on('error', (error) => done(error.code));
});";

#[tokio::test]
async fn the_host_is_closed_with_a_network_and_without() {
    // Only a server that is root on the engine's host can close it.
    let containers = Containers::new().await;
    assert_eq!(containers.docker.warnings(), Vec::<String>::new());
    let here = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = here.local_addr().unwrap().port();
    for network in [Network::None, Network::Open] {
        let mut spec = node(TRIES);
        spec.limits.network = network.clone();
        let (lines, _log) = Log::new();
        let instance = containers.docker.service(spec, lines, READY_WITHIN).await.unwrap();
        let way = if network == Network::None { "closed" } else { "open" };
        let name = format!("eventflow-{}-default-{way}", containers.server);
        let gateway = docker(&["network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", &name]);
        let answer = get(&instance, &format!("/{gateway}:{port}")).await.json();
        assert_ne!(answer, "connected", "{network:?}: the host at {gateway}");
    }
    // A container that is none of ours gets through: it is the wall that closes it.
    let gateway = docker(&["network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge"]);
    let plain = format!(
        "require('net').connect({port}, '{gateway}').on('connect', () => {{ console.log('connected'); process.exit(); }})"
    );
    assert_eq!(docker(&["run", "--rm", NODE, "node", "-e", &plain]), "connected");
}

#[tokio::test]
async fn without_a_network_nothing_outside_is_reached_and_with_one_no_metadata() {
    let containers = Containers::new().await;
    for (network, targets) in [
        (Network::None, &["192.0.2.1:80", "1.1.1.1:443", "169.254.169.254:80"][..]),
        (Network::Open, &["169.254.169.254:80", "169.254.170.2:80", "192.168.0.1:80"]),
    ] {
        let mut spec = node(TRIES);
        spec.limits.network = network.clone();
        let (lines, _log) = Log::new();
        let instance = containers.docker.service(spec, lines, READY_WITHIN).await.unwrap();
        for target in targets {
            let answer = get(&instance, &format!("/{target}")).await.json();
            assert_ne!(answer, "connected", "{network:?}: {target}");
        }
    }
}

#[tokio::test]
async fn namespaces_do_not_reach_each_other() {
    let containers = Containers::new().await;
    let (mut one, mut other, mut neighbour) = (node(TRIES), node(TRIES), node(TRIES));
    for spec in [&mut one, &mut other, &mut neighbour] {
        spec.limits.network = Network::Open;
    }
    other.namespace = "elsewhere".into();
    let mut started = Vec::new();
    for spec in [one, other, neighbour] {
        let (lines, _log) = Log::new();
        started.push(containers.docker.service(spec, lines, READY_WITHIN).await.unwrap());
    }
    let [one, other, neighbour] = &started[..] else { panic!("there are three") };
    assert_eq!(get(one, &format!("/{}", neighbour.address())).await.json(), "connected");
    assert_ne!(get(one, &format!("/{}", other.address())).await.json(), "connected");
}

#[tokio::test]
async fn a_list_of_hosts_is_refused() {
    let containers = Containers::new().await;
    let mut spec = image(NODE, &["node", "-e", ""]);
    spec.limits.network = Network::Only(vec!["example.com".into()]);
    let (lines, _log) = Log::new();
    let error = containers.docker.service(spec, lines, READY_WITHIN).await.unwrap_err();
    assert!(error.to_string().contains("for containers there is no such wall"), "{error}");
}
