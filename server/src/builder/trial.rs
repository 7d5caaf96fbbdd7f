//! The start test: starts what was built the same way as later.
//!
//! A function that cannot load its handler or does not listen fails its build with an explanation. A job with a handler
//! is loaded but not run; a job that is a program is not started, since that would run it.

use std::path::Path;
use std::time::Duration;

use domain::manifest::{Manifest, Mode, Runtime};
use tokio::time::Instant;

use super::journal::Journal;
use super::{Error, Order};
use crate::artifacts::Failure;
use crate::executor::{self, Code, Executors, Spec, cause};
use crate::vault::{self, Vault};

/// The instance gets this long between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// Lines of the process that the error shows when none of them says why.
const LAST_LINES: usize = 3;

/// The dependencies of the start test.
#[derive(Clone)]
pub(super) struct Trial {
    pub(super) vault: Vault,
    /// It must answer within this.
    pub(super) ready_within: Duration,
}

impl Trial {
    /// Starts one instance of what was made, and ends it when it answers.
    ///
    /// # Errors
    /// [`Error::Refused`] with the cause when it does not answer.
    pub(super) async fn run(
        &self,
        executors: &Executors,
        order: &Order,
        manifest: &Manifest,
        code: Code,
        journal: &Journal,
    ) -> Result<(), Error> {
        if !manifest.start_test {
            journal.log("Not started: `start_test` is false, so nothing says yet whether it can be").await;
            return Ok(());
        }
        if manifest.mode == Mode::Job && matches!(manifest.runtime, Runtime::Command | Runtime::Docker) {
            return Ok(());
        }
        let folder = match &code {
            Code::Folder(folder) => Some(folder.clone()),
            Code::Image(_) => None,
        };
        let mut spec = Spec::of(&order.namespace, &order.name, 0, code, manifest.clone())?;
        spec.instance = format!("trial-{}", order.build);
        match self.vault.secrets(&order.namespace, &manifest.secrets).await {
            Ok(secrets) => spec.env.extend(secrets.into_iter().map(|secret| (secret.name, secret.value.to_string()))),
            Err(vault::Error::NotSet { name, .. }) => {
                journal
                    .log(format!("Not started: the secret `{name}` is not set. Set it before the function is started"))
                    .await;
                return Ok(());
            }
            Err(error) => {
                return Err(Failure::other("read the function's secrets", error.to_string()).into());
            }
        }
        let executor = executors.for_spec(&spec)?;
        let began = Instant::now();
        journal.log("Starting it once, as it will be started").await;
        let ready_within = self.ready_within;
        let (started, _) = journal
            .follow(|lines| async move {
                let instance = executor.service(spec, lines, ready_within).await?;
                instance.stop(GRACE).await;
                Ok::<_, executor::Error>(())
            })
            .await;
        match started {
            Ok(()) => {
                let loaded = if manifest.mode == Mode::Job { "It can be loaded" } else { "It answers" };
                journal.log(format!("{loaded}, {} ms after its start", began.elapsed().as_millis())).await;
                Ok(())
            }
            Err(executor::Error::Unhealthy { message, stderr_tail }) => {
                Err(Error::Refused(refusal(manifest, &message, &stderr_tail, folder.as_deref())))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Why a version does not start, in one sentence.
fn refusal(manifest: &Manifest, message: &str, lines: &[String], folder: Option<&Path>) -> String {
    // Without a sandbox the process sees where its files are; whoever reads this need not.
    let own = folder.map(|folder| format!("{}/", folder.display()));
    let shown = |line: &String| own.as_ref().map_or_else(|| line.clone(), |own| line.replace(own, "/app/"));
    let lines: Vec<String> = lines.iter().map(shown).collect();
    let why = cause(manifest, &lines).unwrap_or_else(|| {
        let messages: Vec<_> = lines.iter().filter(|line| !line.trim_start().starts_with("at ")).cloned().collect();
        let last = &messages[messages.len().saturating_sub(LAST_LINES)..];
        let silent = message.contains("did not listen") && manifest.runtime == Runtime::Command;
        let hint = if silent {
            ": a service must listen on $PORT; a program that ends when it is done is a job (`mode`)"
        } else {
            ""
        };
        match last {
            [] => format!("{message}{hint}"),
            last => format!("{message}{hint}; its last lines: {}", last.join(" / ")),
        }
    });
    format!("what was built does not start: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_cause_and_no_path_of_the_server() {
        let folder = Some(Path::new("/srv/data/builds/1/tree"));
        let lines = ["Error: Cannot find module '/srv/data/builds/1/tree/dist/x.js'".to_owned()];
        let text = refusal(&Manifest::of(Runtime::Command), "the process ended", &lines, folder);
        assert!(text.contains("'dist/x.js'") || text.contains("dist/x.js"), "{text}");
        assert!(!text.contains("/srv/"), "{text}");
        let text = refusal(&Manifest::of(Runtime::Command), "the process did not listen within 30 s", &[], folder);
        assert!(text.contains("must listen on $PORT"), "{text}");
        let text = refusal(&Manifest::of(Runtime::Command), "it exited with code 3", &["no luck".to_owned()], folder);
        assert_eq!(text, "what was built does not start: it exited with code 3; its last lines: no luck");
    }
}
