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
    /// The task's name in logs and folders; unique on this host.
    pub name: String,
    /// The function that it works for. Tasks of one function share a user, for which the kernel counts some things;
    /// other
    /// functions' tasks have other users, so that none can use up what another needs. Caches belong to one function.
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
    /// Addresses that the caller has checked by a rule of its own: they are open to the task even if the server's
    /// network
    /// settings would close them.
    pub opened: Vec<IpAddr>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// Its limits.
    pub limits: Limits,
    /// Its time limit.
    pub timeout: Duration,
}

/// Hides the values of variables, which may be secrets.
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
    /// Runs a task to its end, within its time limit. Its output goes to `lines`. Dropping the future ends the process.
    ///
    /// # Errors
    /// [`Error::Refused`] when the task itself is wrong, [`Error::Io`] when this host fails. An unsuccessful command is
    /// no error
    /// here: its [`Exit`] says how it ended.
    async fn task(&self, task: Task, lines: Lines) -> Result<Exit, Error>;
}
