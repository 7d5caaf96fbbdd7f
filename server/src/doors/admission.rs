//! Decides whether a version may have the anonymous callers and paths that its http triggers ask for: when it is built,
//! when it becomes the current one, and when it is started.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::doors::{Conflict, MAX_PATHS_PER_NAMESPACE, Refusal};
use domain::function::{self, Command, Id};
use domain::manifest::{HttpAuth, HttpTrigger, Manifest};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;
use uuid::Uuid;

use super::Doors;
use crate::actors::{self, Guard};
use crate::config::Namespaces;
use crate::store::{self, Store};

/// The lease of the server that decides about a version with paths.
const LEASE: &str = "paths";

/// How long the decision of a server that dies holds up the others.
const LEASE_FOR: Duration = Duration::from_secs(5);

/// The delay before they try again.
const AGAIN: Duration = Duration::from_millis(20);

/// How long a judgement waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(10);

/// Admits or refuses versions. Cheap to clone.
#[derive(Clone)]
pub struct Admission {
    store: Store,
    doors: Doors,
    public: Namespaces,
    /// Versions with paths are decided about one at a time, across servers, each after the previous one is recorded:
    /// two that claim the same path at the same moment are not both admitted.
    turn: Arc<Mutex<()>>,
}

/// The decision about a version.
pub enum Decision {
    /// It may have its paths. What it claims must be recorded before this is dropped.
    Allowed(Option<Turn>),
    /// It may not, with the reason as a message.
    Refused(String),
}

/// The right to decide about a version with paths, until dropped.
pub struct Turn {
    _here: OwnedMutexGuard<()>,
    store: Store,
    holder: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (store, holder) = (self.store.clone(), std::mem::take(&mut self.holder));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = store.release(LEASE, &holder).await {
                    tracing::debug!(%error, "the paths of functions are judged again when a lease has expired");
                }
            });
        }
    }
}

impl Admission {
    /// Admission by this table, for these namespaces only.
    pub fn new(store: Store, doors: Doors, public: Namespaces) -> Self {
        Self { store, doors, public, turn: Arc::default() }
    }

    /// Waits for this server's turn, and for the table to include previous decisions.
    async fn turn(&self) -> Result<Turn, store::Error> {
        let here = self.turn.clone().lock_owned().await;
        // Each turn has a unique name, so giving back an earlier one late does not affect this one.
        let holder = Uuid::now_v7().to_string();
        let deadline = Instant::now() + TURN_WITHIN;
        while self.store.lease(LEASE, &holder, LEASE_FOR).await?.is_none() {
            if Instant::now() >= deadline {
                return Err(store::Error::Unavailable("other servers judge the paths of functions".to_owned()));
            }
            tokio::time::sleep(AGAIN).await;
        }
        let turn = Turn { _here: here, store: self.store.clone(), holder };
        self.doors.0.caught_up(&self.store).await?;
        Ok(turn)
    }

    /// Decides about a version that was built.
    ///
    /// # Errors
    /// If the log is not available.
    pub async fn of_build(&self, id: Id, namespace: &str, manifest: &Manifest) -> Result<Decision, store::Error> {
        let wish = manifest.http_triggers().find_map(|http| match &http.path {
            Some(path) => Some(format!("the path `{path}`")),
            None => (http.auth == HttpAuth::None).then(|| "`\"auth\": \"none\"`".to_owned()),
        });
        let Some(wish) = wish else { return Ok(Decision::Allowed(None)) };
        if !self.public.contain(namespace) {
            return Ok(Decision::Refused(format!(
                "its http trigger asks for {wish}, which the namespace `{namespace}` does not allow: the server's owner \
                 names the namespaces that do in EVENTFLOW_PUBLIC_FUNCTIONS"
            )));
        }
        let triggers: Vec<HttpTrigger> = manifest.http_triggers().cloned().collect();
        if !have_paths(&triggers) {
            return Ok(Decision::Allowed(None));
        }
        let turn = self.turn().await?;
        let refusal = self.doors.0.read().refusal(id, namespace, &triggers);
        Ok(match refusal {
            None => Decision::Allowed(Some(turn)),
            Some(refusal) => Decision::Refused(error_of(namespace, refusal).to_string()),
        })
    }

    /// Checks a version that is to become the current one (`Some`), or the current one that is to start (`None`).
    async fn of_version(&self, id: Id, version: Option<u32>) -> Result<Option<Turn>, Denied> {
        // If nobody may have paths, none is served.
        if self.public.are_none() {
            return Ok(None);
        }
        self.doors.0.caught_up(&self.store).await?;
        let Some((_, triggers)) = self.doors.0.read().triggers(id, version) else { return Ok(None) };
        if !have_paths(&triggers) {
            return Ok(None);
        }
        let turn = self.turn().await?;
        let (namespace, refusal) = {
            let table = self.doors.0.read();
            let Some((namespace, triggers)) = table.triggers(id, version) else { return Ok(None) };
            let refusal = match version {
                Some(_) => table.refusal(id, &namespace, &triggers),
                // It has its paths already, however many there are.
                None => table.conflict(id, &triggers).map(Refusal::Taken),
            };
            (namespace, refusal)
        };
        match refusal {
            None => Ok(Some(turn)),
            Some(refusal) => Err(actors::Error::Refused(error_of(&namespace, refusal))),
        }
    }
}

type Denied = actors::Error<function::Error>;

#[async_trait]
impl Guard for Admission {
    async fn check(&self, id: Id, command: &Command) -> Result<Option<Box<dyn Send>>, Denied> {
        let turn = match command {
            Command::Promote { version, .. } => self.of_version(id, Some(*version)).await?,
            Command::Start { .. } => self.of_version(id, None).await?,
            _ => None,
        };
        Ok(turn.map(|turn| Box::new(turn) as Box<dyn Send>))
    }
}

fn have_paths(triggers: &[HttpTrigger]) -> bool {
    triggers.iter().any(|http| http.path.is_some())
}

fn error_of(namespace: &str, refusal: Refusal) -> function::Error {
    match refusal {
        Refusal::TooMany => function::Error::TooManyPaths { most: MAX_PATHS_PER_NAMESPACE },
        Refusal::Taken(Conflict { path, other, namespace: theirs, name }) => {
            // Details of another namespace are not shown in this one.
            let whose = match theirs == namespace {
                true => format!("`{other}` leads to the function `{name}`"),
                false => "it leads to a function of another namespace".to_owned(),
            };
            function::Error::PathTaken { path, whose }
        }
    }
}
