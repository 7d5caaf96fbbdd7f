//! Handles instances that do not answer: how they ended, whether they are stuck, and their replacement.
//!
//! A call that used up the function's whole `timeout_s` without an answer condemns its instance. A call that ended
//! early for another reason (the caller disconnected, or had a shorter deadline) makes the instance suspect: it is
//! probed, and condemned if it does not answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::run::event::Crash;
use tokio::time::timeout;

use super::connection::{CallError, ProbeResult, is_deaf};
use super::endpoint::Endpoint;
use super::endpoints::Endpoints;
use super::lease::Lease;

/// A connection breaks before the exit of the process is noticed, which is waited for this long.
const POST_MORTEM_WITHIN: Duration = Duration::from_secs(2);

/// The minimum time for a suspect instance to answer a probe. The maximum is the timeout of a call.
const PROBE_AT_LEAST: Duration = Duration::from_secs(5);
const PROBE_AT_MOST: Duration = Duration::from_secs(60);

/// What is known after a call was cut off.
#[derive(Debug)]
pub struct PostMortem {
    /// How the instance ended, as a message, if it has.
    pub how: Option<String>,
    /// The last lines of its standard error, oldest first.
    pub last_lines: Vec<String>,
    /// Whether this run may be the cause, if the instance crashed.
    pub crash: Option<Crash>,
}

impl Lease {
    /// Finds out what happened to the instance of a call that was cut off.
    pub async fn post_mortem(&self) -> PostMortem {
        let ended = timeout(POST_MORTEM_WITHIN, self.endpoint.ended()).await.ok();
        let last_lines = self.endpoint.last_lines();
        if let Some(why) = self.endpoint.condemned() {
            return PostMortem { how: Some(format!("the instance was replaced: {why}")), last_lines, crash: None };
        }
        let crashed = ended.is_some() && !self.endpoint.is_draining();
        let crash = crashed.then(|| match self.endpoint.calls_at_end() {
            0 | 1 => Crash::Alone,
            _ => Crash::Shared,
        });
        PostMortem { how: ended, last_lines, crash }
    }

    /// The call's time is up. If it had the whole timeout, the instance is stuck and gets replaced.
    pub fn time_is_up(&self) {
        let all = self.endpoints.terms.timeout;
        let no_answer = !self.progress.heard.load(Ordering::Relaxed);
        // Nearly the whole timeout is enough: finding an instance took some of it.
        if no_answer && self.progress.since.elapsed() >= all.mul_f64(0.9) {
            self.endpoints.condemn(&self.endpoint, &format!("a call was not answered within {} s", all.as_secs_f64()));
        }
    }

    /// Ensures that the instance will accept a request. One that does not listen any more is replaced.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub async fn reach(&self) -> Result<(), CallError> {
        let reached = self.endpoint.connections.reach().await;
        if let Err(error) = &reached {
            self.not_reached(error).await;
        }
        reached
    }

    /// An instance that has just ended need not be replaced: its end already leads to that.
    pub(super) async fn not_reached(&self, error: &CallError) {
        if let CallError::Connect(error) = error
            && is_deaf(error)
            && timeout(POST_MORTEM_WITHIN, self.endpoint.ended()).await.is_err()
        {
            self.endpoints.condemn(&self.endpoint, "it takes no connections");
        }
    }

    /// Examines the instance after a call, if necessary.
    pub(super) fn look_after(&self) {
        if self.alone.is_some() {
            return;
        }
        let broken_off = self.progress.sent.load(Ordering::Relaxed) && !self.progress.done.load(Ordering::Relaxed);
        if broken_off && !self.endpoint.is_draining() && !self.endpoint.is_over() {
            self.endpoints.suspect(&self.endpoint);
        }
    }
}

impl Endpoints {
    /// Probes an endpoint, and replaces it if it does not answer.
    fn suspect(self: &Arc<Self>, endpoint: &Arc<Endpoint>) {
        if !endpoint.begin_probe() {
            return;
        }
        let (endpoints, endpoint) = (self.clone(), endpoint.clone());
        let within = self.terms.timeout.clamp(PROBE_AT_LEAST, PROBE_AT_MOST);
        self.terms.runtime.spawn(async move {
            let probed = tokio::select! {
                _ = endpoint.ended() => return,
                probed = timeout(within, endpoint.connections.probe()) => probed,
            };
            endpoint.end_probe();
            match probed {
                Ok(ProbeResult::Answers) => {}
                Ok(ProbeResult::Unreachable) => endpoints.condemn(&endpoint, "it takes no connections"),
                Err(_) => {
                    let why = format!("it did not answer a probe within {} s", within.as_secs_f64());
                    endpoints.condemn(&endpoint, &why);
                }
            }
        });
    }

    /// Gives an endpoint no more calls, and asks for a replacement.
    fn condemn(&self, endpoint: &Arc<Endpoint>, why: &str) {
        let Ok(supply) = self.supply() else { return };
        if endpoint.is_over() || !endpoint.condemn(why) {
            return;
        }
        self.remove(endpoint);
        supply.replace(endpoint, why.to_owned());
    }
}
