//! What becomes of an instance that does not answer: how it ended, whether it is stuck, and its replacement.
//!
//! A call that had all the time that the function's `timeout_s` gives it, and got no answer, condemns its instance. A call
//! that was broken off for another reason (its caller left, or had less patience) makes it suspect: it is asked whether it
//! still answers, and condemned when it does not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::run::event::Crash;
use tokio::time::timeout;

use super::connection::{CallError, Probed, is_deaf};
use super::endpoint::Endpoint;
use super::endpoints::Endpoints;
use super::lease::Lease;

/// The connection breaks before the end of the process is known; that is waited for this long.
const POST_MORTEM_WITHIN: Duration = Duration::from_secs(2);

/// A suspect has as long as a call has to answer a probe, within these bounds.
const PROBE_AT_LEAST: Duration = Duration::from_secs(5);
const PROBE_AT_MOST: Duration = Duration::from_secs(60);

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

    /// There was no answer in time. When the call had all the time that a call has, the instance is stuck: it is replaced.
    pub fn time_is_up(&self) {
        let all = self.endpoints.terms.timeout;
        let no_answer = !self.progress.heard.load(Ordering::Relaxed);
        // All, or nearly: an instance was looked for first.
        if no_answer && self.progress.since.elapsed() >= all.mul_f64(0.9) {
            self.endpoints.condemn(&self.endpoint, &format!("a call was not answered within {} s", all.as_secs_f64()));
        }
    }

    /// Sees to it that the instance will take what is sent to it. One that does not listen any more is replaced.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn reach(&self) -> Result<(), CallError> {
        let reached = self.endpoint.connections.reach().await;
        if let Err(error) = &reached {
            self.not_reached(error).await;
        }
        reached
    }

    /// One that has just ended need not be replaced: that is what its end does.
    pub(super) async fn not_reached(&self, error: &CallError) {
        if let CallError::Connect(error) = error
            && is_deaf(error)
            && timeout(POST_MORTEM_WITHIN, self.endpoint.ended()).await.is_err()
        {
            self.endpoints.condemn(&self.endpoint, "it takes no connections");
        }
    }

    /// What is to be done about the instance when a call is over.
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
    /// Asks an endpoint whether it answers, and has it replaced when it does not.
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
                Ok(Probed::Answers) => {}
                Ok(Probed::Unreachable) => endpoints.condemn(&endpoint, "it takes no connections"),
                Err(_) => {
                    let why = format!("it did not answer a probe within {} s", within.as_secs_f64());
                    endpoints.condemn(&endpoint, &why);
                }
            }
        });
    }

    /// Gives an endpoint no more calls, and has another one take its place.
    fn condemn(&self, endpoint: &Arc<Endpoint>, why: &str) {
        let Ok(supply) = self.supply() else { return };
        if endpoint.is_over() || !endpoint.condemn(why) {
            return;
        }
        self.remove(endpoint);
        supply.replace(endpoint, why.to_owned());
    }
}
