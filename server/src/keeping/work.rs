//! Specifications for the executor, and the running of jobs.

use domain::function::Made;
use domain::function::made::by_digest;
use domain::run;

use super::means::Means;
use super::{broken, lines, secrets};
use crate::executor::{self, Code, JobCall, JobOutcome, Spec};
use crate::leasing::{Arm, JobPlace};
use crate::store::VersionRow;

/// The result of a job, and where it ran.
#[derive(Debug)]
pub struct JobRun {
    /// The id of the process.
    pub instance: String,
    /// The job's result.
    pub outcome: JobOutcome,
}

/// The executor's specification of a version.
///
/// # Errors
/// If its artifact is not on this server, or no executor of this host runs it.
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

/// The executor's specification of an arm's version, including its secrets.
async fn spec(means: &Means, arm: &Arm) -> Result<Spec, executor::Error> {
    let refused = |message: String| executor::Error::Refused(message);
    let made = means.store.version(arm.function, arm.version).await.map_err(|e| refused(e.to_string()))?;
    let made = made.ok_or_else(|| refused(format!("the function has no version {}", arm.version)))?;
    let mut spec = spec_of(means, &arm.namespace, &arm.name, &made)?;
    secrets::put_into(&mut spec, means, &arm.manifest).await?;
    Ok(spec)
}

/// Checks whether a job could be started now.
///
/// # Errors
/// If something that it needs to start is missing.
pub(super) async fn can_run(means: &Means, arm: &Arm) -> Result<(), executor::Error> {
    spec(means, arm).await.map(|_| ())
}

/// Runs a job, using its slot.
///
/// # Errors
/// If the executor cannot run it.
pub(super) async fn run(means: &Means, arm: &Arm, call: JobCall, place: JobPlace) -> Result<JobRun, executor::Error> {
    let instance = format!("{}-v{}-{}", arm.name, arm.version, call.run.simple());
    let spec = Spec { instance: instance.clone(), ..spec(means, arm).await? };
    let run = run::Id::new(call.run);
    let (sender, _) = lines::forward(means, arm.function, &arm.namespace, Some(instance.clone()), Some(run));
    let outcome = means.executors.for_spec(&spec)?.job(spec, call, sender).await?;
    drop(place);
    Ok(JobRun { instance, outcome })
}
