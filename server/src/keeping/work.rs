//! Specifications for the executor, and the running of jobs.

use std::path::PathBuf;

use domain::function::Made;
use domain::function::made::by_digest;
use domain::run;

use super::context::Context;
use super::{broken, lines, secrets};
use crate::artifacts::Files;
use crate::executor::{self, Code, JobCall, JobOutcome, Spec};
use crate::leasing::{Arm, JobPermit};
use crate::store::VersionRow;

/// The result of a job, and where it ran.
#[derive(Debug)]
pub struct JobRun {
    /// The id of the process.
    pub instance: String,
    /// The job's result.
    pub outcome: JobOutcome,
}

/// How a version is run. Its files are named, and held, only while it is: until then they may be kept elsewhere.
pub(super) struct Recipe {
    spec: Spec,
    made: Made,
}

impl Recipe {
    /// That of a version that the log has.
    ///
    /// # Errors
    /// When its artifact is not there, or this host has nothing that runs it.
    pub(super) async fn of(
        context: &Context,
        namespace: &str,
        name: &str,
        made: &VersionRow,
    ) -> Result<Self, executor::Error> {
        let code = match made.made() {
            Made::Artifact { digest, .. } if !context.artifacts.has(&digest).await => {
                return Err(executor::Error::Refused(broken::missing(&digest, made.number)));
            }
            Made::Artifact { .. } => Code::Folder(PathBuf::new()),
            Made::Image { reference, digest, .. } => Code::Image(by_digest(&reference, &digest)),
        };
        let manifest = made.manifest().map_err(|error| executor::Error::Refused(error.to_string()))?;
        let spec = Spec::of(namespace, name, made.number, code, manifest)?;
        Ok(Self { spec, made: made.made() })
    }

    /// All that is known of it but its files.
    pub(super) fn spec(&self) -> &Spec {
        &self.spec
    }

    /// With its files, which are there as long as they are held.
    ///
    /// # Errors
    /// When they are not there, or cannot be fetched.
    pub(super) async fn with_files(&self, context: &Context) -> Result<(Spec, Option<Files>), executor::Error> {
        let Made::Artifact { digest, .. } = &self.made else { return Ok((self.spec.clone(), None)) };
        let files = context.artifacts.get(digest).await.map_err(|error| executor::Error::Refused(error.to_string()))?;
        let missing = || executor::Error::Refused(broken::missing(digest, self.spec.version));
        let files = files.ok_or_else(missing)?;
        Ok((Spec { code: Code::Folder(files.path().to_owned()), ..self.spec.clone() }, Some(files)))
    }
}

/// How an arm's version is run.
async fn recipe(context: &Context, arm: &Arm) -> Result<Recipe, executor::Error> {
    let refused = |message: String| executor::Error::Refused(message);
    let made = context.store.version(arm.function, arm.version).await.map_err(|e| refused(e.to_string()))?;
    let made = made.ok_or_else(|| refused(format!("the function has no version {}", arm.version)))?;
    Recipe::of(context, &arm.namespace, &arm.name, &made).await
}

/// Checks whether a job could be started now.
///
/// # Errors
/// If something that it needs to start is missing.
pub(super) async fn can_run(context: &Context, arm: &Arm) -> Result<(), executor::Error> {
    let mut spec = recipe(context, arm).await?.spec;
    secrets::put_into(&mut spec, context, &arm.manifest).await.map(|_| ())
}

/// Runs a job, using its slot.
///
/// # Errors
/// If the executor cannot run it.
pub(super) async fn run(
    context: &Context,
    arm: &Arm,
    call: JobCall,
    permit: JobPermit,
) -> Result<JobRun, executor::Error> {
    let instance = format!("{}-v{}-{}", arm.name, arm.version, call.run.simple());
    let (spec, _files) = recipe(context, arm).await?.with_files(context).await?;
    let mut spec = Spec { instance: instance.clone(), ..spec };
    secrets::put_into(&mut spec, context, &arm.manifest).await?;
    let run = run::Id::new(call.run);
    let (sender, _) = lines::forward(context, arm.function, &arm.namespace, Some(instance.clone()), Some(run));
    let outcome = context.executors.for_spec(&spec)?.job(spec, call, sender).await?;
    drop(permit);
    Ok(JobRun { instance, outcome })
}
