//! When a service is ready.

use std::time::{Duration, Instant};

use server::executor::docker::Options;
use server::executor::{Address, Error, Executor, Network, Spec};

use super::super::{GRACE, Log, READY_WITHIN, get};
use super::wire::Wire;
use super::{Containers, NODE, host, image, node, server_name};

/// Answers with trouble until it has been asked a few times.
const WARMS_UP: &str = "let asked = 0; require('http').createServer((q, s) => {
    if (q.url == '/healthz') { asked += 1; s.statusCode = asked < 4 ? 503 : 404; }
    s.end(String(asked));
}).listen(process.env.PORT); process.on('SIGTERM', () => process.exit(0));";

#[tokio::test]
async fn the_health_path_must_answer() {
    let containers = Containers::new().await;
    let spec = Spec { health: Some("/healthz".into()), ..image(NODE, &["node", "-e", WARMS_UP]) };
    let (lines, _log) = Log::new();
    let instance = containers.docker.service(spec.clone(), lines, READY_WITHIN).await.unwrap();
    assert_eq!(get(&instance, "/").await.text(), "4");
    let never =
        Spec { health: Some("/healthz".into()), ..image(NODE, &["node", "-e", &WARMS_UP.replace("< 4", "< 1e9")]) };
    let (lines, _log) = Log::new();
    let error = containers.docker.service(never, lines, Duration::from_secs(2)).await.unwrap_err();
    let Error::Unhealthy { message, .. } = error else { panic!("{error}") };
    assert!(message.contains("did not answer /healthz with a status below 500 within 2 s"), "{message}");
}

#[tokio::test]
async fn the_check_of_the_image_must_succeed() {
    let containers = Containers::new().await;
    let name = format!("eventflow-test/{}:1", server_name());
    let from = super::docker(&["create", NODE]);
    let check = "HEALTHCHECK --interval=1s CMD [\"/bin/test\", \"-e\", \"/tmp/warm\"]";
    super::docker(&["commit", "-c", check, &from, &name]);
    super::docker(&["rm", &from]);
    let code = "setTimeout(() => require('fs').writeFileSync('/tmp/warm', ''), 1500);
        exports.handler = async () => require('fs').existsSync('/tmp/warm');";
    let mut spec = node(code);
    spec.code = server::executor::Code::Image(name.clone());
    let (lines, _log) = Log::new();
    let began = Instant::now();
    let instance = containers.docker.service(spec, lines, READY_WITHIN).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(1500), "{:?}", began.elapsed());
    assert_eq!(get(&instance, "/").await.json(), true);
    drop(instance);
    super::super::until("it is removed", || super::containers_of(&containers.server).is_empty()).await;
    super::docker(&["rmi", &name]);
}

#[tokio::test]
async fn the_port_that_the_function_names_is_used() {
    let containers = Containers::new().await;
    let code = "require('http').createServer((q, s) => s.end(process.env.PORT)).listen(9000);";
    let spec = Spec { port: Some(9000), ..image(NODE, &["node", "-e", code]) };
    let (lines, _log) = Log::new();
    let instance = containers.docker.service(spec, lines, READY_WITHIN).await.unwrap();
    assert_eq!(get(&instance, "/").await.text(), "9000");
}

#[tokio::test]
async fn where_the_engine_is_another_hosts_the_port_is_published() {
    let wire = Wire::to(&host()).await;
    let containers = Containers::with(&wire.address(), Options::new(server_name())).await;
    assert!(containers.docker.warnings().iter().any(|warning| warning.contains("published ports")));
    let late = "setTimeout(() => require('http').createServer((q, s) => s.end('late')).listen(process.env.PORT), 700)";
    let mut spec = image(NODE, &["node", "-e", late]);
    let (lines, _log) = Log::new();
    let error = containers.docker.service(spec.clone(), lines, READY_WITHIN).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if why.contains("set `network` to true")), "{error}");
    spec.limits.network = Network::Open;
    let (lines, _log) = Log::new();
    let instance = containers.docker.service(spec, lines, READY_WITHIN).await.unwrap();
    assert!(matches!(instance.address(), Address::Tcp { host, .. } if host == "127.0.0.1"), "{}", instance.address());
    // The engine's proxy listens from the beginning, the program only after a while.
    assert_eq!(get(&instance, "/").await.text(), "late");
    instance.stop(GRACE).await;
}
