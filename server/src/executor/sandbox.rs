//! The sandbox executor: functions as processes of this host, isolated by bubblewrap's namespaces and the kernel's
//! control groups.
//!
//! A process sees `/usr`, a minimal `/etc`, its artifact read-only at `/app`, its own folder at `/run/eventflow`, the
//! wrappers at `/eventflow`, and a private `/tmp`. It sees no other process, and no network unless `limits.network` is
//! set: then it has its own, connected by `executor::network`. It may only make the system calls listed in `seccomp`.
//!
//! Without bubblewrap, processes are ordinary ones with nothing but resource limits: [`Executor::warnings`] says so.
//!
//! Knows nothing of the lifecycle of functions, the log, or HTTP.

mod arguments;
mod cgroup;
mod check;
mod error;
mod family;
mod files;
mod folder;
mod ground;
mod guard;
mod home;
mod host;
mod job;
mod leash;
mod mounts;
mod network;
mod process;
mod program;
mod run_folder;
mod script;
mod seccomp;
mod service;
mod start;
mod starts;
mod task;
mod together;
mod upkeep;
mod warnings;
mod weights;
mod wrap;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Error, Executor, Form, Instance, JobCall, JobOutcome, Lines, Spec};
use crate::outbound::Reach;
pub use mounts::isolate as isolate_mounts;

use cgroup::{DiskLimits, disks_of};
use error::io_error;
use home::Home;
use network::Networks;
use weights::Owner;

/// Between SIGTERM and SIGKILL for a job past its time limit.
const GRACE: Duration = Duration::from_secs(10);

/// Lines a second accepted from one process.
const LINES_PER_SECOND: u32 = 1000;

/// The executor that needs nothing but this host.
#[derive(Debug)]
pub struct Sandbox {
    home: Arc<Home>,
    bridge: PathBuf,
    grace: Duration,
    networks: Networks,
    disk: DiskLimits,
    lines_per_second: u32,
}

impl Sandbox {
    /// Prepares to run processes: inspects the host, writes the wrappers below `data_dir`, and removes what a killed
    /// server left there.
    ///
    /// # Errors
    /// [`Error::Io`] when `data_dir` cannot be written or a thread cannot be started.
    pub fn new(data_dir: &Path) -> Result<Sandbox, Error> {
        fs::create_dir_all(data_dir).map_err(io_error(format!("make the folder {}", data_dir.display())))?;
        let data_dir = data_dir.canonicalize().map_err(io_error(format!("find the folder {}", data_dir.display())))?;
        let home = Arc::new(Home::new(&data_dir)?);
        let bridge = own_program().map_err(io_error("find this program's own file".into()))?;
        let networks = Networks::new(&home.run.path).map_err(io_error("write the sandboxes' resolv.conf".into()))?;
        let disk = DiskLimits { disks: disks_of(&[&data_dir, Path::new("/usr")]), ..DiskLimits::default() };
        home.refill();
        home.weigh();
        home.look_after();
        home.stand_guard();
        Ok(Sandbox { home, bridge, grace: GRACE, networks, disk, lines_per_second: LINES_PER_SECOND })
    }

    /// Uses another program as the bridge: for tests, which are not `eventflow` themselves.
    #[must_use]
    pub fn with_bridge(mut self, program: &Path) -> Sandbox {
        self.bridge = program.to_owned();
        self
    }

    /// Sets what sandboxes with a network reach besides the Internet, and whether they share the host's network if they
    /// cannot have one of their own.
    #[must_use]
    pub fn with_network(mut self, reach: Reach, shared: bool) -> Sandbox {
        self.networks.set(reach, shared, &self.home.host);
        self
    }

    /// Lets each instance, and each command of a build, read and write so many bytes of disks a second; without this, as many as
    /// it likes.
    #[must_use]
    pub fn with_disk(mut self, read: u64, write: u64) -> Sandbox {
        (self.disk.read, self.disk.write) = (Some(read), Some(write));
        self
    }

    /// Sets the time between SIGTERM and SIGKILL for a job past its time limit; 10 s by default.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Sandbox {
        self.grace = grace;
        self
    }

    /// Sets how many lines a second are accepted from each process of a function; 1,000 by default.
    #[must_use]
    pub fn with_line_rate(mut self, lines_per_second: u32) -> Sandbox {
        self.lines_per_second = lines_per_second;
        self
    }

    /// Who is charged for the processor time of a specification's process.
    fn owner(spec: &Spec) -> Owner {
        Owner::Function(spec.namespace.as_str().into(), spec.function.as_str().into())
    }

    /// Whether processes are isolated on this host.
    pub fn isolated(&self) -> bool {
        self.home.host.bubblewrap.is_some()
    }
}

#[async_trait]
impl Executor for Sandbox {
    fn describe(&self) -> String {
        let isolation = if self.isolated() { "bubblewrap" } else { "plain processes, NOT isolated" };
        let limits = self.home.cgroups.describe().unwrap_or_else(|| "rlimits".into());
        format!("sandbox ({isolation}, {limits})")
    }

    fn warnings(&self) -> Vec<String> {
        self.missing_isolation()
    }

    fn runs(&self, form: Form) -> bool {
        form == Form::Folder
    }

    fn prepare_host(&self) -> Result<(), String> {
        self.home.keep()
    }

    async fn service(&self, spec: Spec, lines: Lines, ready_within: Duration) -> Result<Arc<dyn Instance>, Error> {
        self.start_service(spec, lines, ready_within).await
    }

    async fn job(&self, spec: Spec, call: JobCall, lines: Lines) -> Result<JobOutcome, Error> {
        self.run_job(spec, call, lines).await
    }
}

/// This program's file. Unit tests are another program; Cargo puts this one next to their folder.
fn own_program() -> io::Result<PathBuf> {
    let running = std::env::current_exe()?;
    let built = || running.parent()?.parent().map(|folder| folder.join("eventflow"));
    match cfg!(test).then(built).flatten().filter(|program| program.is_file()) {
        Some(program) => Ok(program),
        None => Ok(running),
    }
}
