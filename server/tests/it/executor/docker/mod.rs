//! Containers on a real engine: what `scripts/with-docker` starts, or `TEST_DOCKER_HOST` names.

mod ends;
mod hostile;
mod lines;
mod memory;
pub mod own_engine;
mod pulls;
mod ready;
mod servers;
mod tls;
mod walls;
mod wire;

use std::process::{Command, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use server::executor::docker::{Docker, Options};
use server::executor::{Code, Executor, Limits, Network, Runtime, Spec};
use server::outbound::Registries;
use uuid::Uuid;

use super::contract::Subject;

/// The images of `scripts/with-docker`.
pub const NODE: &str = "eventflow-test/node:1";
pub const BUSYBOX: &str = "eventflow-test/busybox:1";

/// What runs a handler as the wrapper of Node does, as far as the contract needs it.
const WRAPPER: &str = "
const server = require('http').createServer(async (request, answer) => {
  const result = await exports.handler({ http: { path: request.url } });
  answer.setHeader('content-type', 'application/json');
  answer.end(JSON.stringify(result));
});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(process.env.PORT);
";

/// The engine of the tests.
pub fn host() -> String {
    std::env::var("TEST_DOCKER_HOST").expect("these tests need a Docker engine: scripts/with-docker starts one")
}

/// A registry of the tests, by its variable.
pub fn registry(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("these tests need {name}: scripts/with-docker sets it"))
}

/// Calls the engine's own client.
pub fn docker(arguments: &[&str]) -> String {
    let mut command = Command::new("docker");
    command.env("DOCKER_HOST", host()).args(arguments).stdin(Stdio::null());
    let output = command.output().expect("the tests need the program `docker`");
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Makes an image that no engine has had before, and no registry has.
pub fn make(name: &str) {
    let container = docker(&["create", BUSYBOX]);
    docker(&["commit", "-c", &format!("ENV UNIQUE={}", Uuid::new_v4()), &container, name]);
    docker(&["rm", &container]);
}

/// Makes an image that no engine has had before, and that only the registry in its name has.
pub fn publish(name: &str) {
    make(name);
    docker(&["push", "-q", name]);
    docker(&["rmi", name]);
}

/// The ids of a server's containers.
pub fn containers_of(server: &str) -> Vec<String> {
    let ids = docker(&["ps", "-aq", "--no-trunc", "--filter", &format!("label=io.eventflow.server={server}")]);
    ids.lines().map(str::to_owned).collect()
}

/// An executor of containers for a server of its own, whose containers and networks are removed at the end.
pub struct Containers {
    pub docker: Docker,
    pub server: String,
    _remains: Remains,
}

/// Removes what is left of a server: the test's runtime ends before its last containers.
struct Remains(String);

impl Drop for Remains {
    fn drop(&mut self) {
        let all = containers_of(&self.0);
        if !all.is_empty() {
            let ids: Vec<&str> = all.iter().map(String::as_str).collect();
            // One that is just removed is no matter.
            let _ = Command::new("docker")
                .env("DOCKER_HOST", host())
                .args([&["rm", "-fv"], ids.as_slice()].concat())
                .output();
        }
        let networks = docker(&["network", "ls", "-q", "--filter", &format!("label=io.eventflow.server={}", self.0)]);
        for network in networks.lines() {
            let _ = Command::new("docker").env("DOCKER_HOST", host()).args(["network", "rm", network]).output();
        }
    }
}

/// A name that no other server has.
pub fn server_name() -> String {
    Uuid::new_v4().simple().to_string()[..12].to_owned()
}

/// The defaults, for a server of its own that may use the registries of the tests.
pub fn options() -> Options {
    Options { registries: Registries::parse("127.0.0.0/8").unwrap(), ..Options::new(server_name()) }
}

impl Containers {
    pub async fn new() -> Self {
        Self::with(&host(), options()).await
    }

    pub async fn with(host: &str, options: Options) -> Self {
        let server = options.server.clone();
        let docker = Docker::connect(host, options).await.unwrap();
        Self { docker, server: server.clone(), _remains: Remains(server) }
    }
}

/// A function of an image, with this command.
pub fn image(image: &str, command: &[&str]) -> Spec {
    let name = format!("f{}", Uuid::new_v4().simple());
    Spec {
        instance: name.clone(),
        function: name,
        namespace: "default".into(),
        version: 1,
        code: Code::Image(image.into()),
        runtime: Runtime::Command(command.iter().map(|word| (*word).to_owned()).collect()),
        port: None,
        health: None,
        login: None,
        env: Default::default(),
        limits: Limits { memory_mb: 128, cpu: 2.0, pids: 64, network: Network::None },
    }
}

pub fn node(code: &str) -> Spec {
    image(NODE, &["node", "-e", &format!("{code}\n{WRAPPER}")])
}

pub fn shell(script: &str) -> Spec {
    image(BUSYBOX, &["/bin/sh", "-c", script])
}

#[async_trait]
impl Subject for Containers {
    fn executor(&self) -> &dyn Executor {
        &self.docker
    }

    async fn with_grace(&self, grace: Duration) -> Box<dyn Executor> {
        let options = Options { grace, ..Options::new(self.server.clone()) };
        Box::new(Docker::connect(&host(), options).await.unwrap())
    }

    fn node(&self, code: &str) -> Spec {
        node(code)
    }

    fn server(&self, code: &str) -> Spec {
        image(NODE, &["node", "-e", code])
    }

    fn shell(&self, script: &str) -> Spec {
        shell(script)
    }

    fn flask(&self) -> Spec {
        Spec { runtime: Runtime::PythonFlask, ..image(NODE, &[]) }
    }

    fn variables(&self) -> &[&str] {
        // The last ones are of the image itself.
        &["HOSTNAME", "PORT", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "PIP_CERT"]
    }
}
