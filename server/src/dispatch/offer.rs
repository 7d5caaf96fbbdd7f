//! Whether a run can be given to its function now: an instance that takes it, or a place for its job.
//!
//! Only what was given the input counts as an attempt. A run that cannot be offered waits; [`Patience`] says how long.

use std::sync::Arc;
use std::time::Duration;

use domain::function::Status;
use domain::run::Run;
use tokio::time::Instant;

use super::Tools;
use crate::keeping::{self, JobPlace, Lease, Route, Taker};
use crate::queue::Request;
use crate::store;

/// The first wait before a run is offered again, and the longest: what waits is woken when its function starts.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Where an attempt had begun each wait is recorded: it may become longer.
const LONGEST_RECORDED_WAIT: Duration = Duration::from_secs(300);

/// What takes the run.
pub(super) enum Offer {
    /// An instance.
    Instance(Lease),
    /// A process that is to be started.
    Job(JobPlace),
}

/// Why nothing does.
pub(super) enum NotOffered {
    /// And nothing ever will.
    Never(String),
    /// Not now. When it makes sense to ask again, if that is known.
    Yet(String, Option<Duration>),
    /// The log is away.
    Store(store::Error),
}

impl From<keeping::Error> for NotOffered {
    fn from(error: keeping::Error) -> Self {
        let why = error.to_string();
        match error {
            keeping::Error::Store(error) => Self::Store(error),
            keeping::Error::NoSuchVersion(_) => Self::Never(why),
            keeping::Error::NotRunning { state: Status::Deregistered, .. } => Self::Never(why),
            keeping::Error::Unhealthy { stderr_tail, retry_in, .. } => {
                Self::Yet(keeping::with_last_lines(&why, &stderr_tail), Some(retry_in))
            }
            keeping::Error::NotRunning { .. } | keeping::Error::Overloaded { .. } | keeping::Error::TimedOut => {
                Self::Yet(why, None)
            }
        }
    }
}

/// Looks for what takes the run.
pub(super) async fn find(tools: &Tools, asked: &Request, run: &Run) -> Result<(Arc<Route>, Offer), NotOffered> {
    let route = tools.fleet.route_to(asked.function, run.request.version).await?;
    let route = route.ok_or_else(|| NotOffered::Never("the function does not exist".to_owned()))?;
    let pool = match &route.taker {
        Taker::Service(pool) => pool,
        Taker::Job => {
            let place = tools.fleet.next_job_place(&route).await;
            let place = place.map_err(|error| NotOffered::Yet(error.to_string(), None))?;
            return Ok((route, Offer::Job(place)));
        }
    };
    let deadline = Instant::now() + route.manifest.resources.timeout();
    let lease = match run.is_isolated() {
        true => pool.lease_alone(asked.run, deadline).await?,
        false => pool.lease(Some(asked.run), deadline).await?,
    };
    lease.reach().await.map_err(|error| NotOffered::Yet(error.to_string(), None))?;
    Ok((route, Offer::Instance(lease)))
}

/// How long a run that cannot be offered waits until it is offered again.
pub(super) struct Patience {
    unrecorded: Duration,
    recorded: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { unrecorded: FIRST_WAIT, recorded: FIRST_WAIT }
    }
}

impl Patience {
    /// The next wait; it is longer each time, unless it is known when to ask again.
    pub(super) fn next(&mut self, hint: Option<Duration>) -> Duration {
        let wait = hint.map_or(self.unrecorded, |hint| hint.max(FIRST_WAIT));
        self.unrecorded = (self.unrecorded * 2).min(LONGEST_WAIT);
        wait.min(LONGEST_WAIT)
    }

    /// The next wait after an attempt had begun.
    pub(super) fn next_recorded(&mut self) -> Duration {
        let wait = self.recorded;
        self.recorded = (self.recorded * 2).min(LONGEST_RECORDED_WAIT);
        wait
    }
}
