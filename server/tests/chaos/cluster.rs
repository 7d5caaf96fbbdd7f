//! The servers, what they need, and the ways between them.

use std::sync::{Arc, Mutex as Sync};

use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::app::{Options, TestApp};
use crate::broker::Broker;
use crate::postgres::Postgres;
use crate::proxy::Proxy;

pub struct Cluster {
    pub nodes: Vec<Node>,
    pub postgres: Arc<Sync<Postgres>>,
    pub broker: Option<Arc<Sync<Broker>>>,
    /// Where PostgreSQL is, not by a proxy.
    pub database: String,
    _artifacts: TempDir,
}

pub struct Node {
    pub name: &'static str,
    pub app: Mutex<TestApp>,
    /// Where it answers, also while it is being started.
    pub url: Sync<String>,
    pub to_database: Proxy,
    pub to_broker: Option<Proxy>,
}

impl Cluster {
    /// Two servers that share a PostgreSQL and a RabbitMQ.
    pub async fn of_two() -> Self {
        let broker = tokio::task::spawn_blocking(Broker::start);
        Self::start(&["a", "b"], Some(broker.await.unwrap())).await
    }

    /// One server that delivers by itself.
    pub async fn of_one() -> Self {
        Self::start(&["a"], None).await
    }

    async fn start(names: &[&'static str], broker: Option<Broker>) -> Self {
        let postgres = tokio::task::block_in_place(Postgres::start);
        let artifacts = TempDir::new().unwrap();
        let mut nodes = Vec::new();
        for name in names {
            let to_database = Proxy::to(postgres.port).await;
            let mut options = Options::default()
                .env("DATABASE_URL", Postgres::url(to_database.port))
                .env("EVENTFLOW_ARTIFACTS", artifacts.path().to_str().unwrap())
                // What is kept when a test fails has to show what each server did with each run.
                .env("LOG_LEVEL", "info,server::dispatch=debug,server::queue=debug");
            let mut to_broker = None;
            if let Some(broker) = &broker {
                let url = broker.url();
                let port: u16 = url.rsplit(':').next().and_then(|rest| rest.split('/').next()?.parse().ok()).unwrap();
                let proxy = Proxy::to(port).await;
                options = options.env("AMQP_URL", url.replace(&port.to_string(), &proxy.port.to_string()));
                to_broker = Some(proxy);
            }
            let app = TestApp::start_with(options).await;
            let url = Sync::new(app.url.clone());
            nodes.push(Node { name, app: Mutex::new(app), url, to_database, to_broker });
        }
        Self {
            nodes,
            database: Postgres::url(postgres.port),
            postgres: Arc::new(Sync::new(postgres)),
            broker: broker.map(|broker| Arc::new(Sync::new(broker))),
            _artifacts: artifacts,
        }
    }

    pub fn describe(&self) -> &'static str {
        if self.broker.is_some() { "2 servers, PostgreSQL, RabbitMQ" } else { "1 server, PostgreSQL" }
    }

    /// Keeps the logs of the servers for whoever looks for the cause; returns where.
    pub fn keep_logs(&self, seed: u64) -> String {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{seed}"));
        std::fs::create_dir_all(&folder).unwrap();
        for node in &self.nodes {
            let Ok(app) = node.app.try_lock() else { continue };
            let log = app.folder().join("server.log");
            std::fs::copy(log, folder.join(format!("{}-{}.log", node.name, self.nodes.len()))).unwrap();
        }
        format!("the logs of the servers are in {}", folder.display())
    }

    /// Ends the servers in order; the log must be in order then.
    pub async fn verify(&self) {
        for node in &self.nodes {
            node.app.lock().await.terminate().await;
        }
        let (fine, report) = self.nodes[0].app.lock().await.verb("verify").await;
        assert!(fine, "{report}");
    }
}
