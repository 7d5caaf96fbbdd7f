//! Keeping and leasing together on a real SQLite log. The instances are real listeners, and belong to an executor or to
//! a fake cluster.

mod cluster;
mod jobs;
mod processes;
mod service;
mod shared;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use domain::function::event::{Share, Source};
use domain::function::{self, BuildId, Command, Made};
use domain::manifest::{Manifest, Mode, Runtime, Scaling};
use domain::{Cause, run};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{Keeper, Keeping, LineLimits, Parts, Settings};
use crate::actors::{self, Commands};
use crate::artifacts::Artifacts;
use crate::artifacts::testing::Pretended;
use crate::clock;
use crate::executor::{Executor, Executors};
use crate::leasing::{Error, Lease, Leasing};
use crate::store::{self, Store};
use crate::telemetry::Metrics;
use crate::vault::Vault;
use service::Host;

/// The time limit for everything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What several servers share.
pub(crate) struct House {
    store: Store,
    commands: Commands,
    data: TempDir,
    artifacts: Pretended,
}

/// One server.
pub(crate) struct Server {
    pub(crate) leasing: Leasing,
    pub(crate) keeping: Keeping,
    host: Arc<Host>,
}

fn cause() -> Cause {
    Cause { actor: Some("user:ada".into()), ..Cause::default() }
}

pub(crate) fn scaling(min: u32, max: u32, concurrency: u32) -> Scaling {
    Scaling { min, max, concurrency, ..Manifest::of(Runtime::Node).scaling }
}

pub(crate) fn service(scaling: Scaling) -> Manifest {
    Manifest { scaling, ..Manifest::of(Runtime::Node) }
}

pub(crate) fn job(max: u32) -> Manifest {
    Manifest { mode: Mode::Job, ..service(scaling(0, max, 1)) }
}

impl House {
    pub(crate) async fn new() -> Self {
        let data = TempDir::new().unwrap();
        let store = store::open(None, data.path()).await.unwrap();
        let commands = Commands::start(store.clone(), actors::Settings::default());
        Self { store, commands, data, artifacts: Pretended::default() }
    }

    pub(crate) fn server(&self, node: &str, keeper: Option<Arc<dyn Keeper>>) -> Server {
        let (leasing, host) = (Leasing::new(10), Arc::new(Host::default()));
        let keeping = Keeping::start(Parts {
            leasing: leasing.clone(),
            store: self.store.clone(),
            commands: self.commands.clone(),
            vault: Vault::open(None, self.data.path(), self.store.clone()).unwrap(),
            executors: Executors::new([host.clone() as Arc<dyn Executor>]),
            keeper,
            artifacts: Artifacts::pretended(self.artifacts.clone()),
            metrics: Metrics::new(),
            settings: Settings { ready_within: PATIENCE, stop_grace: PATIENCE, lines: LineLimits::default() },
            node: node.into(),
        });
        Server { leasing, keeping, host }
    }

    async fn command(&self, id: function::Id, command: Command) {
        self.commands.function(id, command, cause()).await.unwrap();
    }

    /// A running function with versions of these manifests; the last one is current.
    pub(crate) async fn running(&self, name: &str, versions: Vec<Manifest>) -> function::Id {
        let id = function::id("default", name, 1);
        let source = Source::Git { url: "https://example.com/f".into(), git_ref: None, path: None };
        let (namespace, name, at) = ("default".to_owned(), name.to_owned(), clock::now());
        self.command(id, Command::Register { id, namespace, name, generation: 1, source, manifest: None, at }).await;
        for manifest in versions {
            self.built(id, manifest).await;
        }
        self.command(id, Command::Start { at: clock::now() }).await;
        id
    }

    /// Adds a version and returns its digest.
    pub(crate) async fn built(&self, id: function::Id, manifest: Manifest) -> String {
        let (build, at, manifest): (BuildId, _, _) = (clock::new_id(), clock::now(), Box::new(manifest));
        let digest = format!("sha256:{build}");
        self.command(id, Command::RequestBuild { build, git_ref: None, at }).await;
        self.command(id, Command::StartBuild { build, node: "node-1".into(), at }).await;
        let made = digest.clone();
        self.command(
            id,
            Command::SucceedBuild { build, made: Made::Artifact { digest, size: 1 }, manifest, commit: None, at },
        )
        .await;
        made
    }

    pub(crate) async fn shift(&self, id: function::Id, shares: &[(u32, u32)]) {
        let split = shares.iter().map(|&(version, percent)| Share { version, percent }).collect();
        self.command(id, Command::ShiftTraffic { split, at: clock::now() }).await;
    }
}

impl Server {
    /// A call on an instance that answers.
    async fn call(&self, id: function::Id) -> Result<Lease, Error> {
        self.call_of(id, clock::new_id()).await
    }

    async fn call_of(&self, id: function::Id, run: run::Id) -> Result<Lease, Error> {
        let route = self.leasing.route_to(id).await?.expect("the function is there");
        let endpoints = route.choose(run).endpoints().expect("it is a service").clone();
        let lease = endpoints.lease(Some(run), Instant::now() + PATIENCE).await?;
        lease.reach().await.expect("it can be reached");
        Ok(lease)
    }
}

/// Waits until a condition holds.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "it never happens that {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
