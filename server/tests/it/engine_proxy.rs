//! The proxy of `deploy/compose.engine.yml` before the engine of the tests: it passes on all that the server calls, and
//! nothing else.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::app::{Options, TestApp, eventually, json_of};
use crate::executor::docker::{BUSYBOX, docker, host, registry};
use crate::images::registered;

/// HAProxy with our configuration. It ends with this.
struct Proxy {
    folder: TempDir,
    _child: Child,
}

impl Proxy {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/engine");
        let program = ["/usr/sbin/haproxy", "/usr/bin/haproxy"].map(Path::new).into_iter().find(|file| file.exists());
        let program = program.expect("haproxy is there (Debian: apt-get install haproxy)");
        let host = host();
        let engine = host.strip_prefix("unix://").expect("this test needs an engine that listens on a socket");
        let child = Command::new(program)
            .arg("-f")
            .arg(ours.join("haproxy.cfg"))
            .env("ENGINE", engine)
            .env("LISTEN", at("docker.sock"))
            .env("CALLS", ours.join("calls"))
            .env("HEALTH", format!("unix@{}", at("health.sock").display()))
            .stdin(Stdio::null())
            .stdout(File::create(at("log")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let proxy = Self { folder, _child: child };
        eventually("the proxy says that the engine answers", &mut async || {
            (proxy.asks("health.sock", "GET", "/healthz").await == "200").then_some(())
        })
        .await;
        proxy
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    /// The status of an answer on one of its sockets.
    async fn asks(&self, socket: &str, method: &str, path: &str) -> String {
        let output = Command::new("curl")
            .args(["-sS", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", "-X", method, "--unix-socket"])
            .arg(self.file(socket))
            .arg(format!("http://engine{path}"))
            .output()
            .await
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test]
async fn the_proxy_before_the_engine_passes_on_what_the_server_calls_and_nothing_else() {
    let proxy = Proxy::start().await;
    let address = format!("unix://{}", proxy.file("docker.sock").display());
    let mut app = TestApp::start_with(Options::default().env("DOCKER_HOST", address)).await;

    // A service from a registry, whose processor limit is set after its start.
    let image = format!("{}/eventflow-test/busybox:1", registry("TEST_REGISTRY"));
    let script =
        "mkdir /tmp/www && echo hello > /tmp/www/index.html && echo ready && exec httpd -f -p $PORT -h /tmp/www";
    let manifest = json!({
        "runtime": "docker", "command": ["/bin/sh", "-c", script], "resources": { "cpu": 0.5 },
        "scaling": { "min": 1 },
    });
    let web = registered(&app, "proxied", &image, manifest).await;
    app.build(&web).await;
    app.start_function(&web).await;
    let hello = async || app.call("proxied").await.text().await.unwrap();
    assert_eq!(hello().await, "hello\n");
    app.eventually("its line is there", async || {
        let log = app.get("/v1/functions/proxied/logs").send().await.unwrap().text().await.unwrap();
        log.contains("ready").then_some(())
    })
    .await;
    // Another takes its place; what becomes of containers comes through the stream of events.
    let found = || docker(&["ps", "-q", "--no-trunc", "--filter", "label=io.eventflow.function=proxied"]);
    let first = found();
    let first = first.lines().next().expect("its container runs").to_owned();
    docker(&["kill", &first]);
    app.eventually("another one runs", async || (!found().is_empty() && !found().contains(&first)).then_some(())).await;
    assert_eq!(hello().await, "hello\n");

    // A job: its event is attached, its result copied.
    let script = "read event; echo '{\"n\":2}' > $EVENTFLOW_RESULT";
    let manifest = json!({
        "runtime": "docker", "mode": "job", "command": ["/bin/sh", "-c", script],
        "triggers": [{ "type": "event", "pattern": "file.uploaded" }],
    });
    let job = registered(&app, "proxied-job", BUSYBOX, manifest).await;
    app.build(&job).await;
    app.start_function(&job).await;
    assert_eq!(app.publish("file.uploaded", "1", json!({ "n": 1 })).await.status(), StatusCode::ACCEPTED);
    let run = app.run_where(&job, |run| run["state"] == "SUCCEEDED").await;
    assert_eq!(run["output"], json!({ "n": 2 }), "{run}");

    // Building is not for a server behind the proxy, and it says so.
    let refused = proxy.read("log");
    assert!(!refused.contains("403 "), "the server calls what is not in deploy/engine/calls:\n{refused}");
    let dockerfile = format!("FROM {BUSYBOX}\nCMD [\"true\"]\n");
    let repository = app.repository("proxied-build", &[("Dockerfile", &dockerfile)]).await;
    let id = app.register_git("proxied-build", &repository, None).await;
    let build = app.try_build(&id).await;
    assert!(build["error"].as_str().unwrap().contains("EVENTFLOW_BUILDKIT"), "{build:#}");

    let ready = json_of(app.get("/readyz").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(ready["status"], "ready", "{ready}");
    let gone = app.request(Method::DELETE, "/v1/functions/proxied").bearer_auth("dev-token").send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert!(app.terminate().await.success());
    let refused = proxy.read("log");
    let unknown = refused
        .lines()
        .filter(|line| line.contains("403 ") && !line.contains("/build") && !line.contains("/images/prune"));
    assert_eq!(unknown.count(), 0, "the server calls what is not in deploy/engine/calls:\n{refused}");

    for (method, path) in [
        ("POST", format!("/v1.41/containers/{first}/exec")),
        ("POST", "/v1.41/build".to_owned()),
        ("POST", "/v1.41/volumes/create".to_owned()),
        ("GET", format!("/v1.41/containers/{first}/export")),
        ("GET", "/v1.41/containers/x/../../volumes".to_owned()),
        ("GET", "/v1.41/images/x/../../volumes/json".to_owned()),
        ("GET", "/v1.41/images//json".to_owned()),
        ("GET", "/v1.41/containers/x%2fjson".to_owned()),
        ("POST", "/v1.41/images/prune".to_owned()),
        ("DELETE", "/v1.41/info".to_owned()),
    ] {
        assert_eq!(proxy.asks("docker.sock", method, &path).await, "403", "{method} {path}");
    }
    assert!(proxy.read("log").contains("403 POST /v1.41/build"), "what is refused is logged");
    assert_eq!(proxy.asks("docker.sock", "GET", "/v1.41/info").await, "200");
}
