//! Several servers on one PostgreSQL, and what becomes of the work when one of them, or the broker, is gone.

mod away;
mod death;
mod lines;
mod one;
mod share;

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{Options, TestApp, database};

/// Servers that share a database, and a broker if there is one.
struct Cluster {
    nodes: Vec<TestApp>,
    _artifacts: TempDir,
}

impl Cluster {
    /// Two servers, each of which delivers to itself.
    async fn without_broker() -> Self {
        Self::of_two(Options::default()).await
    }

    /// Two servers on the broker that all tests share; see [`unique`].
    async fn on_shared_broker() -> Self {
        Self::on(&shared_broker()).await
    }

    /// Two servers on the broker at `url`.
    async fn on(url: &str) -> Self {
        Self::of_two(Options::default().env("AMQP_URL", url)).await
    }

    async fn of_two(options: Options) -> Self {
        let (database, artifacts) = (database().await, TempDir::new().unwrap());
        let options = options
            .env("DATABASE_URL", database)
            .env("EVENTFLOW_ARTIFACTS", artifacts.path().to_str().unwrap())
            .env("JWT_SECRET", "of-all-servers-on-this-database-together")
            .env("EVENTFLOW_SECRET_KEY", "ab".repeat(32));
        let mut nodes = Vec::new();
        for _ in 0..2 {
            nodes.push(TestApp::start_with(options.clone()).await);
        }
        Self { nodes, _artifacts: artifacts }
    }

    /// The server that leads, as soon as one does.
    async fn leader(&self) -> usize {
        let names = [self.nodes[0].node(), self.nodes[1].node()];
        let app = &self.nodes[0];
        app.eventually("one of them leads", async || {
            let leader = app.cluster().await["leader"].take();
            names.iter().position(|name| leader == name.as_str())
        })
        .await
    }

    /// Waits until one of the servers runs the only run of a function that is open; the server, and the run's id.
    async fn running(&self, function: &str) -> (usize, String) {
        let app = &self.nodes[0];
        let run = app.run_where(function, |run| run["state"] == "RUNNING").await["id"].as_str().unwrap().to_owned();
        let (_, begun) = app.history(&run).await.into_iter().rfind(|(kind, _)| kind == "Started").unwrap();
        let node = self.nodes.iter().position(|node| begun["node"] == node.node()).unwrap();
        (node, run)
    }
}

/// A function's name that no other test uses. Its id is derived from it, and its queue's name from that: functions of
/// the same name would share a queue on a shared broker.
fn unique(name: &str) -> String {
    format!("{name}-{}", &uuid::Uuid::new_v4().simple().to_string()[..12])
}

/// The broker that tests share which do it no harm.
fn shared_broker() -> String {
    std::env::var("TEST_AMQP_URL")
        .expect("TEST_AMQP_URL is not set: run `make test`, or `scripts/with-rabbitmq cargo test`")
}

impl TestApp {
    /// Its name in the log.
    fn node(&self) -> String {
        std::fs::read_to_string(self.folder().join("data/node")).unwrap().trim().to_owned()
    }

    /// What it says of itself and the other servers.
    async fn cluster(&self) -> Value {
        let query = "{ viewer { server { nodes leader degraded } } }";
        self.graphql(query, json!({})).await["viewer"]["server"].take()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.pid()).unwrap()), signal).unwrap();
    }

    /// Sends an event, which is accepted.
    async fn send(&self, kind: &str, id: &str) {
        let answer = self.publish(kind, id, json!({})).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }

    /// What happened to a run: types and payloads.
    async fn history(&self, run: &str) -> Vec<(String, Value)> {
        let query = "query($id: ID!) { history(stream: $id, first: 100) { nodes { type data } } }";
        let mut found = self.graphql(query, json!({ "id": run })).await;
        let Value::Array(nodes) = found["history"]["nodes"].take() else { panic!("{found:#}") };
        nodes.into_iter().map(|mut node| (node["type"].as_str().unwrap().to_owned(), node["data"].take())).collect()
    }

    /// The names of what happened to a run.
    async fn life(&self, run: &str) -> Vec<String> {
        self.history(run).await.into_iter().map(|(kind, _)| kind).collect()
    }

    /// Waits until as many runs of a function have succeeded; they are all that there are, and each ended once.
    async fn all_succeeded(&self, function: &str, count: usize) -> Vec<Value> {
        let runs = self
            .eventually(&format!("{count} runs have succeeded"), async || {
                let runs = self.runs(function).await;
                let done = runs.iter().filter(|run| run["state"] == "SUCCEEDED").count();
                (done >= count).then_some(runs)
            })
            .await;
        assert_eq!(runs.len(), count);
        for run in &runs {
            let life = self.life(run["id"].as_str().unwrap()).await;
            assert_eq!(life.iter().filter(|kind| *kind == "Succeeded").count(), 1, "{life:?}");
        }
        runs
    }
}

/// The files of a function with these settings beside its runtime.
fn function(trigger: &str, scaling: Value, code: &str) -> [(&'static str, String); 2] {
    let triggers = json!([{ "type": "http" }, { "type": "event", "pattern": trigger }]);
    let manifest = json!({ "runtime": "node", "triggers": triggers, "scaling": scaling });
    [("function.json", manifest.to_string()), ("index.js", code.to_owned())]
}

/// From files to a running function; its id.
async fn running(app: &TestApp, name: &str, files: &[(&'static str, String)]) -> String {
    let files: Vec<_> = files.iter().map(|(file, text)| (*file, text.as_str())).collect();
    app.running(name, &files).await
}

/// It did not take longer.
#[track_caller]
fn within(limit: Duration, what: &str, began: Instant) {
    let took = began.elapsed();
    println!("{what}: {took:.2?}");
    assert!(took <= limit, "{what} took {took:.2?}, more than {limit:?}");
}
