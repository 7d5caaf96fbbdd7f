//! Finds what can execute a run now: an instance, or a slot for its job.
//!
//! An attempt counts only if the function was given the input. A run that cannot be offered waits; [`Patience`] says
//! how long.

use std::sync::Arc;
use std::time::Duration;

use domain::function::Status;
use domain::run::Run;
use tokio::time::Instant;

use crate::keeping::Keeping;
use crate::leasing::{self, Arm, Backend, JobPermit, Lease, Leasing};
use crate::queue::Request;
use crate::store;

/// The first and the longest wait before a run is offered again. A waiting run is also woken when its function starts.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// If an attempt had begun, each wait is recorded, so waits may get longer than that.
const LONGEST_RECORDED_WAIT: Duration = Duration::from_secs(300);

/// What will execute the run.
pub(super) enum Offer {
    /// An instance.
    Instance(Lease),
    /// A process to be started.
    Job(JobPermit),
}

/// Why nothing can execute the run.
pub(super) enum NotOffered {
    /// And never will.
    Never(String),
    /// Not at present, and when to try again, if known.
    Yet(String, Option<Duration>),
    /// The log is not available.
    Store(store::Error),
}

impl From<leasing::Error> for NotOffered {
    fn from(error: leasing::Error) -> Self {
        let why = error.to_string();
        match error {
            leasing::Error::Store(error) => Self::Store(error),
            leasing::Error::NoSuchVersion(_) => Self::Never(why),
            leasing::Error::NotRunning { state: Status::Deregistered, .. } => Self::Never(why),
            leasing::Error::Unhealthy { stderr_tail, retry_in, .. } => {
                Self::Yet(leasing::with_last_lines(&why, &stderr_tail), Some(retry_in))
            }
            leasing::Error::NotRunning { .. } | leasing::Error::Overloaded { .. } | leasing::Error::TimedOut => {
                Self::Yet(why, None)
            }
        }
    }
}

/// Finds what will execute the run.
pub(super) async fn find(
    leasing: &Leasing,
    keeping: &Keeping,
    asked: &Request,
    run: &Run,
) -> Result<(Arc<Arm>, Offer), NotOffered> {
    let arm = match run.request.version {
        Some(version) => leasing.version(asked.function, version).await?,
        None => leasing.route_to(asked.function).await?.map(|route| route.choose(asked.run).clone()),
    };
    let arm = arm.ok_or_else(|| NotOffered::Never("the function does not exist".to_owned()))?;
    // As long as a caller would wait.
    let deadline = Instant::now() + arm.manifest.resources.timeout();
    let endpoints = match &arm.backend {
        Backend::Service(endpoints) => endpoints,
        Backend::Job => {
            let permit = leasing.job_permit(&arm, deadline).await?;
            let ready = keeping.can_run(&arm).await;
            ready.map_err(|error| NotOffered::Yet(error.to_string(), None))?;
            return Ok((arm, Offer::Job(permit)));
        }
    };
    let lease = match run.is_isolated() {
        true => endpoints.lease_alone(asked.run, deadline).await?,
        false => endpoints.lease(Some(asked.run), deadline).await?,
    };
    lease.reach().await.map_err(|error| NotOffered::Yet(error.to_string(), None))?;
    Ok((arm, Offer::Instance(lease)))
}

/// The delays between offers of a run.
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
    /// The next delay. It grows each time unless the time of the next try is known.
    pub(super) fn next(&mut self, hint: Option<Duration>) -> Duration {
        let wait = hint.map_or(self.unrecorded, |hint| hint.max(FIRST_WAIT));
        self.unrecorded = (self.unrecorded * 2).min(LONGEST_WAIT);
        wait.min(LONGEST_WAIT)
    }

    /// The next delay after an attempt had begun.
    pub(super) fn next_recorded(&mut self) -> Duration {
        let wait = self.recorded;
        self.recorded = (self.recorded * 2).min(LONGEST_RECORDED_WAIT);
        wait
    }
}

#[cfg(test)]
mod tests {
    use domain::run::event::{Delivery, Request as Asked, Requested};
    use domain::{Json, function, run};

    use super::*;
    use crate::actors::Loaded;
    use crate::actors::testing::with_actors;
    use crate::clock;
    use crate::keeping::tests::{House, Server, job, scaling, service};

    /// A run of a function, for a given version or any.
    fn run_of(function: function::Id, version: Option<u32>) -> Run {
        let request = Asked {
            run: clock::new_id(),
            function,
            namespace: "default".into(),
            trigger: "a.b".into(),
            event: None,
            input: Json::null(),
            input_cut: false,
            version,
            replayed_from: None,
            callback: None,
        };
        let requested = Requested { request, delivery: Delivery::Once, at: clock::now() };
        let loaded = Loaded::<run::Aggregate>::assumed(&[run::Event::Requested(requested)]);
        loaded.state.expect("it was requested")
    }

    async fn found(server: &Server, run: &Run) -> Result<(Arc<Arm>, Offer), NotOffered> {
        let request = Request::recorded(run.request.function, run.request.run);
        find(&server.leasing, &server.keeping, &request, run).await
    }

    #[test]
    fn a_run_goes_to_the_version_that_it_asks_for_or_to_the_one_that_its_id_says() {
        with_actors(async {
            let house = House::new().await;
            let id = house.running("hello", vec![service(scaling(0, 1, 100)); 3]).await;
            house.shift(id, &[(1, 50), (3, 50)]).await;
            let server = house.server("node-1", None);
            let mut seen = std::collections::BTreeSet::new();
            for _ in 0..40 {
                let run = run_of(id, None);
                let (arm, Offer::Instance(lease)) = found(&server, &run).await.ok().unwrap() else {
                    panic!("no lease")
                };
                let route = server.leasing.route_to(id).await.unwrap().unwrap();
                assert_eq!([arm.version, lease.version()], [route.choose(run.request.run).version; 2]);
                seen.insert(arm.version);
            }
            assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 3]);
            let (arm, _) = found(&server, &run_of(id, Some(2))).await.ok().unwrap();
            assert_eq!(arm.version, 2);
            assert!(matches!(found(&server, &run_of(id, Some(9))).await, Err(NotOffered::Never(_))));
        });
    }

    #[test]
    fn a_run_waits_for_the_place_of_a_job_as_long_as_it_may_take_and_is_counted() {
        with_actors(async {
            let house = House::new().await;
            let mut manifest = job(1);
            manifest.resources.timeout_s = 1.0;
            let id = house.running("tidy", vec![manifest]).await;
            let server = house.server("node-1", None);
            let (_, permit) = found(&server, &run_of(id, None)).await.ok().unwrap();
            let began = Instant::now();
            let run = run_of(id, None);
            let (waited, ()) = tokio::join!(found(&server, &run), async {
                while server.leasing.jobs_waiting(id) == 0 {
                    tokio::task::yield_now().await;
                }
            });
            let Err(NotOffered::Yet(why, None)) = waited else { panic!("there is one place, and it is taken") };
            assert!(why.contains("in time") && began.elapsed() >= Duration::from_secs(1), "{why}");
            drop(permit);
            assert!(matches!(found(&server, &run).await, Ok((_, Offer::Job(_)))));
        });
    }
}
