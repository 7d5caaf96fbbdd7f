//! Runs the commands of builds, one after another, each isolated and limited.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::{Error, Exit, Limits, Lines};

/// A command of the builder: fetches a source or installs dependencies into a folder.
#[derive(Clone)]
pub struct Task {
    /// Names the task in logs and folders; unique on this host.
    pub name: String,
    /// For whom it works. Tasks for one function are one user to the kernel, which counts some things for a user alone; those for
    /// others are others, so that none can use up what another one needs. Caches belong to one function.
    pub function: Uuid,
    /// Program and arguments.
    pub command: Vec<String>,
    /// The only folder it may write, and its working directory.
    pub folder: PathBuf,
    /// Folders kept between tasks (package caches), writable, by the path they have inside.
    pub caches: BTreeMap<String, PathBuf>,
    /// Files and folders of the host that it may read, by the path they have inside.
    pub readable: BTreeMap<String, PathBuf>,
    /// Folders of the host with programs that come before its own in `PATH`, at the same path inside.
    pub programs: Vec<PathBuf>,
    /// Addresses that whoever asks has checked by a rule of its own: they are open to it, also where the server's settings
    /// for networks would close them.
    pub opened: Vec<IpAddr>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// What it may use.
    pub limits: Limits,
    /// It is ended after this.
    pub timeout: Duration,
}

/// Variables may be secrets: they are shown without their values.
impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name)
            .field("command", &self.command)
            .field("folder", &self.folder)
            .field("caches", &self.caches)
            .field("readable", &self.readable)
            .field("programs", &self.programs)
            .field("opened", &self.opened)
            .field("env", &self.env.keys())
            .field("limits", &self.limits)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// The boundary between the builder and the commands that a stranger's source makes it run: Git, package managers,
/// build scripts. Their results are in the task's folder afterwards; running functions needs none of this.
#[async_trait]
pub trait Workbench: Send + Sync + 'static {
    /// Runs a task to its end, at most for its time. What it prints goes to `lines`. Dropping the future ends the process.
    ///
    /// # Errors
    /// [`Error::Refused`] when the task itself is wrong, [`Error::Io`] when this host fails. A command that does not succeed is
    /// no error here: its [`Exit`] says how it ended.
    async fn task(&self, task: Task, lines: Lines) -> Result<Exit, Error>;
}
