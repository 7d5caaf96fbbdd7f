//! Jobs: one process for each run.

use std::sync::Arc;

use domain::run;
use tokio::sync::Semaphore;

use super::{Inner, Route, lines, secrets};
use crate::executor::{self, JobCall, JobOutcome, Spec};

/// What a job left behind, and where it ran.
#[derive(Debug)]
pub struct JobRun {
    /// Names the process.
    pub instance: String,
    /// What it left behind.
    pub outcome: JobOutcome,
}

pub(super) async fn run(fleet: &Inner, route: &Route, call: JobCall) -> Result<JobRun, executor::Error> {
    let places = {
        let mut jobs = fleet.jobs.lock();
        let limit = route.manifest.scaling.max.max(1) as usize;
        jobs.entry(route.function).or_insert_with(|| Arc::new(Semaphore::new(limit))).clone()
    };
    let _place = places.acquire().await.expect("nobody closes the semaphore");
    let instance = format!("{}-v{}-{}", route.name, route.version, call.run.simple());
    let mut spec = Spec { instance: instance.clone(), ..fleet.spec(route).await? };
    secrets::put_into(&mut spec, fleet, &route.manifest).await?;
    let run = run::Id::new(call.run);
    let (sender, _) = lines::forward(&fleet.store, route.function, &route.namespace, Some(instance.clone()), Some(run));
    let outcome = fleet.executor.job(spec, call, sender).await?;
    Ok(JobRun { instance, outcome })
}
