//! Which servers are alive, and which one leads, by leases in the database that are renewed periodically.
//!
//! A lease expires when its holder is gone. A holder may be paused and continue later in the belief that it still holds
//! the lease, so whatever is done under a lease must be harmless when done twice.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::store::{self, KEYS_LEASE as KEYS, LEADER_LEASE as LEADER, NODE_LEASE as NODE, Store};
use crate::telemetry::Metrics;

/// How long a lease lasts without renewal. A successor takes over at most this and one [`BEAT`] after its holder's
/// death.
const TTL: Duration = Duration::from_secs(5);

/// How often leases are renewed or requested.
const BEAT: Duration = Duration::from_secs(1);

/// How long a server that must be alone holds its leases.
const FOR_GOOD: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The time limit for the database to answer a beat.
const PATIENCE: Duration = Duration::from_secs(2);

/// This server's membership in the cluster. Cheap to clone.
#[derive(Clone)]
pub(super) struct Membership {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    node: Arc<str>,
    /// What it has that the other servers must have, too.
    having: Arc<str>,
    metrics: Metrics,
    seen: Mutex<Seen>,
    leads: watch::Sender<bool>,
    /// Cancelled when it stops asking for leases.
    leaving: CancellationToken,
    /// Cancelled when it stops renewing its leases, too.
    left: CancellationToken,
    /// Notified when another server has disappeared.
    lost: Notify,
}

#[derive(Default)]
struct Seen {
    /// Servers with a valid lease.
    alive: HashSet<String>,
    /// Since when every beat has succeeded.
    steady_since: Option<Instant>,
    /// When the latest beat began.
    looked_at: Option<Instant>,
}

impl Membership {
    /// Joins the cluster. The first beat is over on return, so that a single server leads immediately. Must be called
    /// within a tokio runtime.
    pub(super) async fn join(store: Store, node: Arc<str>, having: Arc<str>, metrics: Metrics) -> Self {
        let inner = Inner {
            store,
            node,
            having,
            metrics,
            seen: Mutex::default(),
            leads: watch::Sender::new(false),
            leaving: CancellationToken::new(),
            left: CancellationToken::new(),
            lost: Notify::new(),
        };
        let membership = Self { inner: Arc::new(inner) };
        if !membership.inner.store.is_shared() {
            membership.settle().await;
            return membership;
        }
        let until = membership.beat_once(None).await;
        tokio::spawn(membership.clone().beat(until));
        membership
    }

    /// Takes all leases permanently if there can be no other server, so that an idle server writes nothing.
    async fn settle(&self) {
        let Inner { store, node, .. } = &*self.inner;
        let settled = async {
            for (lease, holder) in store.holders("").await? {
                store.release(&lease, &holder).await?;
            }
            store.lease(&format!("{NODE}{node}"), node, FOR_GOOD).await?;
            store.lease(LEADER, node, FOR_GOOD).await
        };
        if let Err(error) = settled.await {
            tracing::debug!(%error, "leases not taken; they are informational here");
        }
        self.lead(true);
    }

    /// Whether a server is known to be gone. While this server's own beats fail, it knows that of nobody.
    pub(super) fn is_gone(&self, node: &str) -> bool {
        if !self.inner.store.is_shared() {
            return *node != *self.inner.node;
        }
        let seen = self.inner.seen.lock();
        let steady = seen.steady_since.is_some_and(|since| since.elapsed() > TTL);
        // After a pause of this server, its knowledge is outdated.
        let fresh = seen.looked_at.is_some_and(|looked| looked.elapsed() < TTL);
        steady && fresh && *node != *self.inner.node && !seen.alive.contains(node)
    }

    /// Whether this server leads now.
    pub(super) fn leads(&self) -> bool {
        *self.inner.leads.borrow()
    }

    /// Waits until another server has disappeared.
    pub(super) async fn lost_one(&self) {
        self.inner.lost.notified().await;
    }

    /// Runs a task whenever this server leads. The task is dropped when another one leads.
    pub(super) async fn while_leading<F: Future<Output = ()>>(self, duty: impl Fn() -> F) {
        let mut leads = self.inner.leads.subscribe();
        loop {
            until(&mut leads, true).await;
            tokio::select! {
                () = duty() => tokio::time::sleep(BEAT).await,
                () = until(&mut leads, false) => {}
            }
        }
    }

    /// Sets whether this server leads; returns whether it did.
    fn lead(&self, leads: bool) -> bool {
        self.inner.metrics.leader.set(i64::from(leads));
        self.inner.leads.send_replace(leads)
    }

    /// Gives up leadership.
    pub(super) async fn resign(&self) {
        self.inner.leaving.cancel();
        self.lead(false);
        self.release(LEADER).await;
    }

    /// Lets the other servers know that this one is gone.
    pub(super) async fn leave(&self) {
        self.inner.left.cancel();
        self.release(&format!("{NODE}{}", self.inner.node)).await;
        let keys = format!("{KEYS}{}", self.inner.node);
        let released = tokio::time::timeout(PATIENCE, self.inner.store.release(&keys, &self.inner.having)).await;
        if !matches!(released, Ok(Ok(()))) {
            tracing::debug!(lease = keys, "lease not released; it will expire");
        }
    }

    async fn release(&self, lease: &str) {
        let released = tokio::time::timeout(PATIENCE, self.inner.store.release(lease, &self.inner.node)).await;
        if !matches!(released, Ok(Ok(()))) {
            tracing::debug!(lease, "lease not released; it will expire");
        }
    }

    async fn beat(self, mut until: Option<Instant>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(BEAT) => {}
                () = self.inner.leaving.cancelled() => return self.stay().await,
            }
            until = self.beat_once(until).await;
        }
    }

    /// Renews this server's own lease while it finishes what it has begun.
    async fn stay(self) {
        let own = format!("{NODE}{}", self.inner.node);
        loop {
            tokio::select! {
                () = tokio::time::sleep(BEAT) => {}
                () = self.inner.left.cancelled() => return,
            }
            let _ = tokio::time::timeout(PATIENCE, self.inner.store.lease(&own, &self.inner.node, TTL)).await;
        }
    }

    /// Renews its leases and looks for the other servers. Returns until when this one leads.
    async fn beat_once(&self, until: Option<Instant>) -> Option<Instant> {
        let began = Instant::now();
        let (until, alive) = match tokio::time::timeout(PATIENCE, self.renew()).await {
            Ok(Ok((true, alive))) => (Some(began + TTL), Some(alive)),
            Ok(Ok((false, alive))) => (None, Some(alive)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "leases not renewed");
                (until, None)
            }
            Err(_) => {
                tracing::warn!("leases not renewed: the database does not respond");
                (until, None)
            }
        };
        {
            let mut seen = self.inner.seen.lock();
            match alive {
                Some(alive) => {
                    if !seen.alive.is_subset(&alive) {
                        self.inner.lost.notify_one();
                    }
                    seen.alive = alive;
                    if seen.looked_at.is_none_or(|looked| began.duration_since(looked) > TTL) {
                        seen.steady_since = None;
                    }
                    seen.steady_since.get_or_insert(began);
                    seen.looked_at = Some(began);
                }
                None => seen.steady_since = None,
            }
        }
        let leads = until.is_some_and(|until| Instant::now() < until) && !self.inner.leaving.is_cancelled();
        if self.lead(leads) != leads {
            tracing::info!(node = %self.inner.node, leads, "leadership");
        }
        until
    }

    async fn renew(&self) -> Result<(bool, HashSet<String>), store::Error> {
        let Inner { store, node, having, .. } = &*self.inner;
        store.lease(&format!("{NODE}{node}"), node, TTL).await?;
        store.lease(&format!("{KEYS}{node}"), having, TTL).await?;
        let leads = store.lease(LEADER, node, TTL).await?.is_some();
        let alive = store.holders(NODE).await?.into_iter().map(|(_, holder)| holder).collect();
        Ok((leads, alive))
    }
}

/// Waits for a value; for ever if nobody can change it any more.
async fn until(value: &mut watch::Receiver<bool>, wanted: bool) {
    if value.wait_for(|value| *value == wanted).await.is_err() {
        std::future::pending::<()>().await;
    }
}
