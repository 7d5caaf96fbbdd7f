//! Starts one process in a sandbox, whatever it is: a service, a job, or a command of a build.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use uuid::Uuid;

use super::super::{Error, Limits, Lines, wrappers};
use super::cgroup::Cgroup;
use super::error::io_error;
use super::files::hand_over;
use super::folder::{self, Folder};
use super::ground::Slot;
use super::guard::Member;
use super::process::{Launch, Process};
use super::program::preload;
use super::script::ShellLimits;
use super::weights::Owner;
use super::{Sandbox, host, network};

/// Processors that a service may use while it starts, whatever its limit later: with a tenth of one, a start takes ten
/// times as long. A service that never becomes ready gets no more than this.
const STARTING_CPU: f64 = 1.0;

/// Our own processes in each sandbox: up to two bubblewraps, the first process in each, the bridge, and some reserve.
pub(super) const OWN_PIDS: u64 = 6;

/// Factor by which installing tools may print more; their log has a limit of its own.
const TASK_LINES: u32 = 10;

/// File descriptors that each process of a sandbox may have.
const MAX_OPEN_FILES: u64 = 16_384;

/// The largest file that a task may write, in bytes.
const MAX_TASK_FILE_BYTES: u64 = 4 << 30;

/// A file system's limit should be met before that of a file: "no space left" is clearer than a signal.
const SPARE_FILE_BYTES: u64 = 32 << 20;

/// One process to start.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) owner: Owner,
    pub(super) command: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) app: PathBuf,
    pub(super) app_writable: bool,
    /// Chooses the user that it runs as, see [`host::Identity`].
    pub(super) user: host::Number,
    pub(super) bridge: Option<PathBuf>,
    pub(super) caches: BTreeMap<String, PathBuf>,
    pub(super) readable: BTreeMap<String, PathBuf>,
    /// For a task: addresses that it may reach whatever the settings say.
    pub(super) opened: Option<Vec<IpAddr>>,
    pub(super) limits: Limits,
    /// Whether the processor limit is set only once the service is ready; until then it is at least [`STARTING_CPU`].
    pub(super) cpu_later: bool,
    pub(super) folder: Arc<Folder>,
    pub(super) stdin: Bytes,
    pub(super) run: Option<Uuid>,
    pub(super) lines: Lines,
    pub(super) out_of_memory_words: Option<&'static str>,
}

impl Plan {
    /// Limits that the shell sets for the process and everything that it starts.
    pub(super) fn rough_limits(&self) -> ShellLimits {
        // A task may write to the disk, where it is watched; all others only to memory.
        let file_bytes = if self.app_writable { MAX_TASK_FILE_BYTES } else { folder::tmp_bytes(&self.limits) };
        ShellLimits { file_bytes: file_bytes + SPARE_FILE_BYTES, open_files: MAX_OPEN_FILES }
    }

    /// Gives the writable folders to the sandbox's user.
    fn hand_over(&self, user: u32) -> io::Result<()> {
        self.folder.hand_over(user)?;
        if self.app_writable {
            hand_over(&self.app, user)?;
        }
        for folder in self.caches.values() {
            // Everything in a cache was written by tasks for one function, which share a user: once is enough.
            if fs::metadata(folder)?.uid() != user {
                hand_over(folder, user)?;
            }
        }
        Ok(())
    }
}

impl Sandbox {
    /// Creates a folder and a control group, and wraps the program's arguments.
    pub(super) async fn start(&self, mut plan: Plan) -> Result<(Process, Arc<Folder>), Error> {
        let home = &self.home;
        if self.isolated() && cfg!(target_os = "linux") {
            preload(&mut plan.env, &self.wrapper(wrappers::INTERFACES));
        }
        let folder = plan.folder.clone();
        let wanted = &plan.limits.network;
        let way_out = self.networks.plan(&home.host, &plan.name, wanted, plan.opened.as_deref())?;
        let mut limits = plan.limits.clone();
        if way_out.is_some() {
            limits.pids += network::OWN_PIDS;
            limits.memory_mb += network::OWN_MEMORY_MB;
        }
        let slot = self.slot(&plan, &limits).await?;
        let user = home.host.identity.user(plan.user);
        if let Some(user) = user {
            plan.hand_over(user).map_err(io_error(format!("hand the folders of {} over", plan.name)))?;
        }
        let wrapped = self.wrap(&plan, &limits, way_out.as_ref(), user)?;
        let watch = folder.watch().map(|watch| (watch, plan.lines.clone()));
        let (run, weak_lines) = (plan.run, plan.lines.downgrade());
        let launch = Launch {
            script: wrapped.script,
            layers: wrapped.layers,
            around: usize::from(way_out.is_some()),
            folder: folder.clone(),
            stdin: plan.stdin,
            run: plan.run,
            lines: plan.lines,
            lines_per_second: self.lines_per_second.saturating_mul(if plan.app_writable { TASK_LINES } else { 1 }),
            out_of_memory_words: plan.out_of_memory_words,
        };
        let process = Process::start(home.clone(), slot, launch)
            .await
            .map_err(io_error(format!("start a process for {}", plan.name)))?;
        home.guard.takes(Member {
            owner: plan.owner,
            cgroup: Arc::downgrade(process.cgroup()),
            leash: process.leash(),
            memory: limits.memory_mb << 20,
            has_own_network: !self.networks.is_hosts(wanted),
            run,
            lines: weak_lines,
        });
        if let Some((watch, lines)) = watch {
            home.ground.later(watch.hold(process.leash(), lines));
        }
        let mut limits = plan.limits.clone();
        if plan.cpu_later {
            limits.cpu = limits.cpu.max(STARTING_CPU);
        }
        self.limit_cpu(process.cgroup(), &limits);
        Ok((process, folder))
    }

    /// A process that waits in a control group, which gets the limits of the plan.
    async fn slot(&self, plan: &Plan, limits: &Limits) -> Result<Slot, Error> {
        let home = &self.home;
        let slot = match home.take_slot() {
            Some(slot) => slot,
            None => home.open_slot().await.map_err(io_error(format!("make a control group for {}", plan.name)))?,
        };
        home.refill();
        slot.cgroup().limit(limits).map_err(io_error(format!("limit what {} may use", plan.name)))?;
        // A disk may have been taken away meanwhile: that must not keep anything from starting.
        if let Err(error) = slot.cgroup().limit_disks(&self.disk) {
            tracing::warn!(%error, "what a process asks of the disks could not be limited");
        }
        home.weights.starts(plan.owner.clone(), slot.cgroup(), plan.cpu_later);
        Ok(slot)
    }

    pub(super) fn limit_cpu(&self, cgroup: &Cgroup, limits: &Limits) {
        // The process may have ended already, and its group with it.
        if let Err(error) = cgroup.limit_cpu(limits.cpu)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a processor limit could not be set");
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.home.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn folder(&self, name: &str, limits: &Limits) -> Result<Arc<Folder>, Error> {
        let path = self.home.run.path.join(self.number().to_string());
        let folder = Folder::new(path, limits, self.home.mounts);
        Ok(Arc::new(folder.map_err(io_error(format!("make a folder for {name}")))?))
    }
}
