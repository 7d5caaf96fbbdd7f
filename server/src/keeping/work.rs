//! What is run of a version, and its jobs.

use domain::function::Made;
use domain::function::made::by_digest;
use domain::run;

use super::means::Means;
use super::{broken, lines, secrets};
use crate::executor::{self, Code, JobCall, JobOutcome, Spec};
use crate::leasing::{Arm, JobPlace};
use crate::store::VersionRow;

/// What a job left behind, and where it ran.
#[derive(Debug)]
pub struct JobRun {
    /// Names the process.
    pub instance: String,
    /// What it left behind.
    pub outcome: JobOutcome,
}

/// What the executor needs to run a version that the log has.
///
/// # Errors
/// When its artifact is not here, or this host has nothing that runs it.
pub(super) fn spec_of(means: &Means, namespace: &str, name: &str, made: &VersionRow) -> Result<Spec, executor::Error> {
    let code = match made.made() {
        Made::Artifact { digest, .. } => Code::Folder(
            (means.artifacts)(&digest)
                .ok_or_else(|| executor::Error::Refused(broken::missing(&digest, made.number)))?,
        ),
        Made::Image { reference, digest } => Code::Image(by_digest(&reference, &digest)),
    };
    let manifest = made.manifest().map_err(|error| executor::Error::Refused(error.to_string()))?;
    Spec::of(namespace, name, made.number, code, manifest)
}

/// What the executor needs to run an arm's version, its secrets included.
async fn spec(means: &Means, arm: &Arm) -> Result<Spec, executor::Error> {
    let refused = |message: String| executor::Error::Refused(message);
    let made = means.store.version(arm.function, arm.version).await.map_err(|e| refused(e.to_string()))?;
    let made = made.ok_or_else(|| refused(format!("the function has no version {}", arm.version)))?;
    let mut spec = spec_of(means, &arm.namespace, &arm.name, &made)?;
    secrets::put_into(&mut spec, means, &arm.manifest).await?;
    Ok(spec)
}

/// Whether a job could be started now.
///
/// # Errors
/// When something that it needs for its start is missing.
pub(super) async fn can_run(means: &Means, arm: &Arm) -> Result<(), executor::Error> {
    spec(means, arm).await.map(|_| ())
}

/// Runs a job in its place.
///
/// # Errors
/// When the executor cannot run it.
pub(super) async fn run(means: &Means, arm: &Arm, call: JobCall, place: JobPlace) -> Result<JobRun, executor::Error> {
    let instance = format!("{}-v{}-{}", arm.name, arm.version, call.run.simple());
    let spec = Spec { instance: instance.clone(), ..spec(means, arm).await? };
    let run = run::Id::new(call.run);
    let (sender, _) = lines::forward(means, arm.function, &arm.namespace, Some(instance.clone()), Some(run));
    let outcome = means.executors.for_spec(&spec)?.job(spec, call, sender).await?;
    drop(place);
    Ok(JobRun { instance, outcome })
}
