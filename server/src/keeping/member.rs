//! A process of this server that takes calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::context::Context;
use super::info::InstanceInfo;
use super::pool::Revision;
use super::usage::Gauge;
use crate::artifacts::Files;
use crate::executor::Instance;
use crate::leasing::{Endpoint, Liveness};

/// A process, and the endpoint by which calls reach it.
#[derive(Debug)]
pub(super) struct Member {
    pub endpoint: Arc<Endpoint>,
    pub process: Arc<dyn Instance>,
    /// The secrets it was given.
    pub secrets: Revision,
    /// How many processes before it, in its place, ended unasked or did not start.
    restarts: AtomicU32,
    /// Reads what it uses.
    gauge: Arc<Gauge>,
    /// What it runs, which stays as long as it may.
    _files: Option<Files>,
}

impl Member {
    pub(super) fn new(id: String, process: Arc<dyn Instance>, secrets: Revision, files: Option<Files>) -> Arc<Self> {
        let life = Arc::new(Process(process.clone()));
        let endpoint = Arc::new(Endpoint::new(id, process.address().clone(), life));
        let gauge = Arc::new(Gauge::new(process.clone()));
        Arc::new(Self { endpoint, process, secrets, restarts: AtomicU32::new(0), gauge, _files: files })
    }

    /// It takes the place of processes that ended unasked or did not start: so many.
    pub(super) fn took_place_of(&self, restarts: u32) {
        self.restarts.store(restarts, Ordering::Relaxed);
    }

    /// How many processes before it, in its place, ended unasked or did not start.
    pub(super) fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// What is shown of it.
    pub(super) fn info(&self, version: u32) -> InstanceInfo {
        InstanceInfo::of(&self.endpoint, version).started_as(self.process.as_ref(), self.restarts(), self.gauge.clone())
    }

    /// Waits for its calls to end, until `deadline` at most. Returns false if the process ended meanwhile.
    pub(super) async fn finish_calls(&self, deadline: Instant) -> bool {
        while self.endpoint.in_flight() > 0 && Instant::now() < deadline {
            tokio::select! {
                _ = self.process.wait() => return false,
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
        true
    }

    /// Ends it after its last call, or at `deadline`.
    pub(super) async fn end(&self, context: &Context, deadline: Instant) {
        self.endpoint.drain();
        if self.finish_calls(deadline).await {
            self.process.stop(context.stop_grace()).await;
            tracing::info!(instance = self.endpoint.id(), "instance stopped");
        }
    }
}

/// The life of a process, which lasts until it exits.
#[derive(Debug)]
struct Process(Arc<dyn Instance>);

#[async_trait]
impl Liveness for Process {
    fn is_over(&self) -> bool {
        self.0.exited().is_some()
    }

    async fn over(&self) -> String {
        format!("the process {}", self.0.wait().await)
    }

    fn last_lines(&self) -> Vec<String> {
        self.0.stderr_tail()
    }
}
