//! What becomes of an instance that does not answer: how it ended, whether it is stuck, and its replacement.
//!
//! A call that had all the time that the function's `timeout_s` gives it, and got no answer, condemns its instance. A call
//! that was broken off for another reason (its caller left, or had less patience) makes it suspect: it is asked whether it
//! still answers, and condemned when it does not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::run::event::Crash;
use tokio::time::{Instant, sleep, timeout};

use super::Inner;
use super::instance::Running;
use super::pool::{Lease, Pool, describe_exit};
use crate::leasing::{CallError, Probed, is_deaf};

/// The connection breaks before the end of the process is known; that is waited for this long.
const POST_MORTEM_WITHIN: Duration = Duration::from_secs(2);

/// A suspect has as long as a call has to answer a probe, within these bounds.
const PROBE_AT_LEAST: Duration = Duration::from_secs(5);
const PROBE_AT_MOST: Duration = Duration::from_secs(60);

/// A condemned instance that has no calls any more gets this long between SIGTERM and SIGKILL.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is known after a call broke off.
#[derive(Debug)]
pub struct PostMortem {
    /// How the instance ended, for people, when it has.
    pub how: Option<String>,
    /// The last lines of its standard error, oldest first.
    pub last_lines: Vec<String>,
    /// Whose fault it may be, when the instance ended by itself.
    pub crash: Option<Crash>,
}

impl Lease {
    /// What became of the instance after it broke off.
    pub async fn post_mortem(&self) -> PostMortem {
        let ended = timeout(POST_MORTEM_WITHIN, self.instance.ended()).await.ok();
        let last_lines = self.instance.process.stderr_tail();
        if let Some(why) = self.instance.condemned() {
            return PostMortem { how: Some(format!("the instance was replaced: {why}")), last_lines, crash: None };
        }
        let crashed = ended.is_some() && !self.instance.is_draining();
        let crash = crashed.then(|| match self.instance.calls_at_end() {
            0 | 1 => Crash::Alone,
            _ => Crash::Shared,
        });
        PostMortem { how: ended.map(|exit| describe_exit(&exit)), last_lines, crash }
    }

    /// There was no answer in time. When the call had all the time that a call has, the instance is stuck: it is replaced.
    pub fn time_is_up(&self) {
        let all = self.pool.timeout();
        let no_answer = !self.progress.heard.load(Ordering::Relaxed);
        // All, or nearly: an instance was looked for first.
        if no_answer && self.progress.since.elapsed() >= all.mul_f64(0.9) {
            self.pool.condemn(&self.instance, &format!("a call was not answered within {} s", all.as_secs_f64()));
        }
    }

    /// Sees to it that the instance will take what is sent to it. One that does not listen any more is replaced.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn reach(&self) -> Result<(), CallError> {
        let reached = self.instance.connections.reach().await;
        if let Err(error) = &reached {
            self.not_reached(error).await;
        }
        reached
    }

    /// One that has just ended need not be replaced: that is what its end does.
    pub(super) async fn not_reached(&self, error: &CallError) {
        if let CallError::Connect(error) = error
            && is_deaf(error)
            && timeout(POST_MORTEM_WITHIN, self.instance.ended()).await.is_err()
        {
            self.pool.condemn(&self.instance, "it takes no connections");
        }
    }

    /// What is to be done about the instance when a call is over.
    pub(super) fn look_after(&self) {
        if self.turn.is_some() {
            return self.pool.let_go(self.instance.clone(), Instant::now());
        }
        let broken_off = self.progress.sent.load(Ordering::Relaxed) && !self.progress.done.load(Ordering::Relaxed);
        if broken_off && !self.instance.is_draining() && self.instance.process.exited().is_none() {
            self.pool.suspect(&self.instance);
        }
    }
}

impl Pool {
    /// Asks an instance whether it answers, and replaces it when it does not.
    fn suspect(self: &Arc<Self>, instance: &Arc<Running>) {
        let Some(fleet) = self.fleet.upgrade() else { return };
        if !instance.begin_probe() {
            return;
        }
        let (pool, instance) = (self.clone(), instance.clone());
        let within = self.timeout().clamp(PROBE_AT_LEAST, PROBE_AT_MOST);
        fleet.runtime().spawn(async move {
            let probed = tokio::select! {
                _ = instance.process.wait() => return,
                probed = timeout(within, instance.connections.probe()) => probed,
            };
            instance.end_probe();
            match probed {
                Ok(Probed::Answers) => {}
                Ok(Probed::Unreachable) => pool.condemn(&instance, "it takes no connections"),
                Err(_) => {
                    pool.condemn(&instance, &format!("it did not answer a probe within {} s", within.as_secs_f64()))
                }
            }
        });
    }

    /// Takes no more calls to an instance, gives it `EVENTFLOW_STOP_GRACE` for those that it has, and ends it with all its
    /// processes. Another one takes its place meanwhile.
    fn condemn(self: &Arc<Self>, instance: &Arc<Running>, why: &str) {
        let Some(fleet) = self.fleet.upgrade() else { return };
        if instance.process.exited().is_some() || !instance.condemn(why) {
            return;
        }
        let grace = {
            let mut state = self.state.lock();
            state.instances.retain(|other| !Arc::ptr_eq(other, instance));
            state.leaving += 1;
            // As many may leave at a time as may be there: a function that is always stuck does not pile up instances.
            let many = state.leaving > self.manifest.scaling.max.max(1);
            if many { Duration::ZERO } else { fleet.settings.stop_grace }
        };
        self.changed.notify_waiters();
        let runtime = fleet.runtime().clone();
        let (pool, leaving) = (self.clone(), instance.clone());
        runtime.spawn(async move {
            replace(&fleet, &leaving, grace).await;
            pool.state.lock().leaving -= 1;
        });
        let (pool, instance, why) = (self.clone(), instance.id.clone(), why.to_owned());
        runtime.spawn(async move {
            if pool.is_current() {
                pool.ensure(pool.manifest.scaling.min);
            }
            pool.report(&instance, format!("it was replaced: {why}")).await;
        });
    }
}

/// Waits for the calls that a condemned instance still has, then ends it.
async fn replace(fleet: &Inner, instance: &Running, grace: Duration) {
    let deadline = Instant::now() + grace;
    while instance.in_flight() > 0 && Instant::now() < deadline {
        tokio::select! {
            _ = instance.process.wait() => return,
            () = sleep(Duration::from_millis(20)) => {}
        }
    }
    instance.process.stop(LAST_WORDS.min(fleet.settings.stop_grace)).await;
    tracing::info!(instance = instance.id, "a stuck instance was ended");
}
