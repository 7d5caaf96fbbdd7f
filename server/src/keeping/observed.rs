//! The instances of a version that the cluster keeps, as this server sees them. It starts none and ends none.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use domain::function;
use domain::manifest::Manifest;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::context::Context;
use super::info::InstanceInfo;
use super::keeper::Keeper;
use super::order::{Key, Need};
use super::pool::{Pool, Revision};
use crate::leasing::{Alone, Call, Endpoint, Endpoints, Error, Liveness, Supply, Terms};

/// How long instances of a version without ordinary calls are needed after a call.
const SIDE_IDLE: Duration = Duration::from_secs(5);

/// This server's view of the instances of one version.
pub(super) struct Observed {
    key: Key,
    manifest: Arc<Manifest>,
    ordinary: AtomicBool,
    endpoints: Arc<Endpoints>,
    found: Mutex<Vec<(Arc<Endpoint>, Arc<Absent>)>>,
    /// Serializes look-ups, so that their results are applied in order.
    looking: tokio::sync::Mutex<()>,
    keeper: Arc<dyn Keeper>,
    context: Arc<Context>,
}

/// The life of an instance, which lasts as long as it is found.
#[derive(Debug)]
struct Absent(watch::Sender<bool>);

#[async_trait]
impl Liveness for Absent {
    fn is_over(&self) -> bool {
        *self.0.borrow()
    }

    async fn over(&self) -> String {
        let mut absent = self.0.subscribe();
        // The sender is in `self`, so it cannot be dropped meanwhile.
        let _ = absent.wait_for(|absent| *absent).await;
        "the instance is not there any more".to_owned()
    }

    fn last_lines(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Observed {
    /// Without any known instance. `waiting`: the number of calls that may wait for one.
    pub(super) fn new(
        context: Arc<Context>,
        keeper: Arc<dyn Keeper>,
        (function, version): Key,
        manifest: Arc<Manifest>,
        waiting: usize,
    ) -> Arc<Self> {
        let terms = Terms {
            function,
            version,
            concurrency: manifest.scaling.concurrency,
            timeout: manifest.resources.timeout(),
            waiting,
            runtime: context.runtime.clone(),
        };
        Arc::new_cyclic(|this: &Weak<Self>| Self {
            key: (function, version),
            manifest,
            ordinary: AtomicBool::new(false),
            endpoints: Arc::new(Endpoints::new(terms, this.clone())),
            found: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            keeper,
            context,
        })
    }

    /// Looks up the current instances: new ones start taking calls, vanished ones stop.
    async fn look(&self) {
        let _turn = self.looking.lock().await;
        let there = match self.keeper.find(self.key).await {
            Ok(there) => there,
            // Known instances keep taking calls: the keeper may be unavailable for longer than they are.
            Err(error) => return tracing::debug!(function = %self.key.0, version = self.key.1, error, "lookup failed"),
        };
        let mut gone = Vec::new();
        let mut new = Vec::new();
        {
            let mut found = self.found.lock();
            found.retain(|(endpoint, absent)| {
                let stays = there.iter().any(|one| one.id == endpoint.id());
                if !stays {
                    gone.push((endpoint.clone(), absent.clone()));
                }
                stays
            });
            for one in there {
                if found.iter().all(|(endpoint, _)| endpoint.id() != one.id) {
                    let absent = Arc::new(Absent(watch::Sender::new(false)));
                    let endpoint = Arc::new(Endpoint::new(one.id, one.address, absent.clone()));
                    found.push((endpoint.clone(), absent));
                    new.push(endpoint);
                }
            }
        }
        for (endpoint, absent) in gone {
            self.endpoints.remove(&endpoint);
            absent.0.send_replace(true);
        }
        for endpoint in new {
            self.endpoints.add(endpoint);
        }
        self.endpoints.wake();
    }

    /// How long instances needed for a call are needed after it.
    fn idle(&self) -> Duration {
        match self.is_ordinary() {
            true => Duration::from_secs(self.manifest.scaling.idle_s),
            false => SIDE_IDLE,
        }
    }

    /// Passes on what the calls need, and looks up the instances.
    fn ask(self: Arc<Self>, calls: u64) {
        let scaling = &self.manifest.scaling;
        let many = calls.div_ceil(u64::from(scaling.concurrency.max(1))).min(u64::from(scaling.max.max(1)));
        let many = u32::try_from(many).unwrap_or(u32::MAX);
        let need = Need { key: self.key, many, lasts: self.idle() };
        self.context.runtime.clone().spawn(async move {
            if many > 0
                && let Err(error) = self.keeper.need(need).await
            {
                tracing::warn!(function = %need.key.0, version = need.key.1, error, "need of calls not passed on");
            }
            self.look().await;
        });
    }
}

#[async_trait]
impl Supply for Observed {
    fn call_for(self: Arc<Self>, call: Call) -> Result<(), Error> {
        // All instances are busy, so one more call than they have is in need.
        let busy = self.found.lock().iter().map(|(endpoint, _)| u64::from(endpoint.in_flight())).sum::<u64>();
        self.ask(busy + call.waiting as u64);
        Ok(())
    }

    /// The cluster keeps no instance for a single run: it takes a slot like any other call.
    async fn alone(self: Arc<Self>, _: Instant) -> Result<Option<Alone>, Error> {
        Ok(None)
    }

    fn replace(self: Arc<Self>, endpoint: &Arc<Endpoint>, why: String) {
        let id = endpoint.id().to_owned();
        let (function, version) = self.key;
        tracing::warn!(%function, version, instance = id, error = why, "replacing instance");
        self.context.runtime.clone().spawn(async move {
            if let Err(error) = self.keeper.replace(&id).await {
                tracing::warn!(instance = id, error, "not replaced");
            }
            let (instance, error, at) = (id, format!("it was replaced: {why}"), crate::clock::now());
            let command = function::Command::ReportInstanceFailure { version, instance, error, at };
            self.context.report_to_log(function, command).await;
            self.look().await;
        });
    }
}

#[async_trait]
impl Pool for Observed {
    fn endpoints(&self) -> &Arc<Endpoints> {
        &self.endpoints
    }

    fn ordinary(&self) -> &AtomicBool {
        &self.ordinary
    }

    /// The leading server does this for all.
    fn keep_min(self: Arc<Self>) {}

    fn ensure(self: Arc<Self>, wanted: u32) {
        let calls = u64::from(wanted) * u64::from(self.manifest.scaling.concurrency.max(1));
        self.ask(calls);
    }

    fn expect(self: Arc<Self>, waiting: u64) {
        let busy = self.endpoints.in_flight();
        self.ask(busy + waiting);
    }

    fn maintain(self: Arc<Self>) {
        let calls = self.endpoints.in_flight() + self.endpoints.waiting() as u64;
        self.ask(calls);
    }

    async fn close(self: Arc<Self>, _: Instant) {
        self.endpoints.close();
        self.found.lock().clear();
    }

    fn is_empty(&self) -> bool {
        self.endpoints.waiting() == 0 && self.endpoints.in_flight() == 0
    }

    fn instances(&self) -> Vec<InstanceInfo> {
        self.found.lock().iter().map(|(endpoint, _)| InstanceInfo::of(endpoint, self.key.1)).collect()
    }

    fn is_ailing(&self) {}

    fn needs(&self) -> Option<(&str, &[String])> {
        None
    }

    fn renew(self: Arc<Self>, _: Revision) {}
}
