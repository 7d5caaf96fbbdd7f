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
mod folder;
mod guard;
mod host;
mod mounts;
mod network;
mod process;
mod run_folder;
mod script;
mod seccomp;
mod starts;
mod together;
mod upkeep;
mod weights;
mod wrappers;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::lines::Flood;
use super::polling::pause_after;
use super::{
    Address, Code, Error, Executor, Exit, Form, Instance, JobCall, JobOutcome, Lines, MAX_RESULT_BYTES, OWN_NODE,
    Runtime, Spec, Task, Workbench,
};
use crate::config::Reach;
pub use mounts::isolate as isolate_mounts;

use arguments::{APP, BRIDGE, OWN, View, WRAPPERS};
use cgroup::{Cgroups, DiskLimits, disks_of};
use folder::Folder;
use guard::{Guard, Member};
use host::Host;
use network::Networks;
use parking_lot::Mutex;
use process::{Ground, Launch, Process, Slot};
use run_folder::RunFolder;
use script::{Script, ShellLimits};
use starts::{JOB_TURN, LONGEST_TURN, Starts};
use together::Together;
use weights::{LOOK_EVERY, Owner, Weights};

use crate::tree::{self, Bounds, Kind, Next, When};

/// Processors that a service may use while it starts, whatever its limit later: with a tenth of one, a start takes ten
/// times as long. A service that never becomes ready gets no more than this.
const STARTING_CPU: f64 = 1.0;

/// Between SIGTERM and SIGKILL for a job past its time limit.
const GRACE: Duration = Duration::from_secs(10);

/// The port of a command in a network of its own.
const COMMAND_PORT: u16 = 8080;

/// Our own processes in each sandbox: up to two bubblewraps, the first process in each, the bridge, and some reserve.
const OWN_PIDS: u64 = 6;

/// The descriptor of the first seccomp filter in a sandbox's script; those before it hold bubblewrap's arguments.
const FIRST_FILTER: u8 = 5;

/// The least memory that an interpreter starts with.
const MIN_MEMORY_MB: u64 = 16;

/// Percentage of the memory for Node's heap; the rest is for its buffers and Node itself.
const NODE_HEAP_PERCENT: u64 = 75;

/// The longest socket path: a Unix socket's address has 108 bytes with the zero.
const MAX_SOCKET_PATH: usize = 100;

/// Lines a second accepted from one process.
const LINES_PER_SECOND: u32 = 1000;

/// Factor by which installing tools may print more; their log has a limit of its own.
const TASK_LINES: u32 = 10;

/// File descriptors that each process of a sandbox may have.
const MAX_OPEN_FILES: u64 = 16_384;

/// The largest file that a task may write, in bytes.
const MAX_TASK_FILE_BYTES: u64 = 4 << 30;

/// A file system's limit should be met before that of a file: "no space left" is clearer than a signal.
const SPARE_FILE_BYTES: u64 = 32 << 20;

/// The number of shells that wait in control groups for something to start.
const SPARE_SLOTS: usize = 2;

/// Delay before a used slot is replaced, so that the replacement does not slow down what was started in it.
const REFILL_AFTER: Duration = Duration::from_millis(200);

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

/// The state shared by all processes of one executor. Fields are dropped in this order.
#[derive(Debug)]
struct Home {
    spare: Mutex<Spare>,
    ground: Ground,
    cgroups: Arc<Cgroups>,
    host: Host,
    wrappers: PathBuf,
    /// Files with the seccomp filters.
    filters: Vec<PathBuf>,
    /// Whether each instance's folder can be a file system of its own.
    mounts: bool,
    run: RunFolder,
    /// Held while missing parts are restored.
    upkeep: Mutex<()>,
    next: AtomicU64,
    starts: Starts,
    weights: Weights,
    guard: Guard,
    flood: Arc<Flood>,
}

/// Slots kept ready for the next starts.
#[derive(Debug, Default)]
struct Spare {
    slots: Vec<Slot>,
    /// Slots being opened: without counting them, many starts at once would each open some.
    opening: usize,
}

impl Spare {
    /// Whether to open another slot, which is counted from now on.
    fn begin(&mut self) -> bool {
        let wanted = self.slots.len() + self.opening < SPARE_SLOTS;
        self.opening += usize::from(wanted);
        wanted
    }
}

impl Home {
    fn take_slot(&self) -> Option<Slot> {
        let mut spare = self.spare.lock();
        while let Some(mut slot) = spare.slots.pop() {
            if slot.usable() {
                return Some(slot);
            }
        }
        None
    }

    async fn open_slot(&self) -> io::Result<Slot> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let cgroups = self.cgroups.clone();
        // It may have to wait for the removal of another group.
        let made = tokio::task::spawn_blocking(move || cgroups.create(&number.to_string())).await;
        let cgroup = made.unwrap_or_else(|_| Err(io::Error::other("the server ends")))?;
        self.ground.slot(cgroup).await
    }
}

impl Sandbox {
    /// Prepares to run processes: inspects the host, writes the wrappers below `data_dir`, and removes what a killed
    /// server
    /// left there.
    ///
    /// # Errors
    /// [`Error::Io`] when `data_dir` cannot be written or a thread cannot be started.
    pub fn new(data_dir: &Path) -> Result<Sandbox, Error> {
        fs::create_dir_all(data_dir).map_err(io_error(format!("make the folder {}", data_dir.display())))?;
        let data_dir = data_dir.canonicalize().map_err(io_error(format!("find the folder {}", data_dir.display())))?;
        let wrappers =
            wrappers::write(&data_dir).map_err(io_error(format!("write the runtimes to {}", data_dir.display())))?;
        let run = RunFolder::claim(&data_dir)
            .map_err(io_error(format!("make a folder for instances in {}", data_dir.display())))?;
        let mounts = mounts::are_possible(&run.path);
        let cgroups = Cgroups::detect(&run.name);
        if let Err(error) = cgroups.limit_together(Together::of_host()) {
            tracing::warn!(%error, "functions are limited each by itself, and not all of them together");
        }
        run.remember(&cgroups.folders()).map_err(io_error("write down the control groups".into()))?;
        process::keep_descriptors_to_ourselves();
        let ground = Ground::new().map_err(io_error("start a thread".into()))?;
        let bridge = own_program().map_err(io_error("find this program's own file".into()))?;
        let filters = seccomp::write(&run.path).map_err(io_error("write the seccomp filters".into()))?;
        let networks = Networks::new(&run.path).map_err(io_error("write the sandboxes' resolv.conf".into()))?;
        let home = Home {
            spare: Mutex::default(),
            ground,
            cgroups: Arc::new(cgroups),
            host: Host::look(),
            wrappers,
            filters,
            mounts,
            run,
            upkeep: Mutex::default(),
            next: AtomicU64::new(1),
            starts: Starts::of_host(),
            weights: Weights::new(std::thread::available_parallelism().map_or(1, usize::from)),
            guard: Guard::default(),
            flood: Arc::default(),
        };
        let disk = DiskLimits { disks: disks_of(&[&data_dir, Path::new("/usr")]), ..DiskLimits::default() };
        let home = Arc::new(home);
        let sandbox = Sandbox { home, bridge, grace: GRACE, networks, disk, lines_per_second: LINES_PER_SECOND };
        sandbox.refill();
        sandbox.weigh();
        sandbox.home.look_after();
        sandbox.home.stand_guard();
        Ok(sandbox)
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

    /// Creates a folder and a control group, and wraps the program's arguments.
    async fn start(&self, mut plan: Plan) -> Result<(Process, Arc<Folder>), Error> {
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
        let slot = match home.take_slot() {
            Some(slot) => slot,
            None => home.open_slot().await.map_err(io_error(format!("make a control group for {}", plan.name)))?,
        };
        self.refill();
        slot.cgroup().limit(&limits).map_err(io_error(format!("limit what {} may use", plan.name)))?;
        // A disk may have been taken away meanwhile: that must not keep anything from starting.
        if let Err(error) = slot.cgroup().limit_disks(&self.disk) {
            tracing::warn!(%error, "what a process asks of the disks could not be limited");
        }
        home.weights.starts(plan.owner.clone(), slot.cgroup(), plan.cpu_later);
        let user = home.host.identity.user(plan.user);
        if let Some(user) = user {
            plan.hand_over(user).map_err(io_error(format!("hand the folders of {} over", plan.name)))?;
        }
        let filters: Vec<u8> = (FIRST_FILTER..).take(home.filters.len()).collect();
        let own_resolver = home.wrappers.join("etc/resolv.conf");
        let arguments = home.host.bubblewrap.is_some().then(|| {
            let view = View {
                host: &home.host,
                wrappers: &home.wrappers,
                app: &plan.app,
                app_writable: plan.app_writable,
                own: &folder.join("own"),
                bridge: plan.bridge.as_deref(),
                caches: &plan.caches,
                readable: &plan.readable,
                env: &plan.env,
                network: self.networks.access(&own_resolver, way_out.as_ref(), wanted),
                filters: &filters,
                tmp: folder.tmp(),
                shm: folder.shm(),
                tmp_bytes: folder::tmp_bytes(&plan.limits),
                shared_bytes: folder::shared_bytes(&plan.limits),
            };
            view.arguments()
        });
        let inner = arguments.as_ref().map(|arguments| (folder.join("inner"), &arguments.inner));
        let outer = arguments.as_ref().and_then(|arguments| Some((folder.join("outer"), arguments.outer.as_ref()?)));
        let write = |path: &Path, content: &[u8]| {
            write_private(path, content).map_err(io_error(format!("write {}", path.display())))
        };
        let mut script = Script::default();
        for (descriptor, file) in [(3, &inner), (4, &outer)] {
            if let Some((path, content)) = file {
                write(path, content)?;
                script.open(descriptor, path);
            }
        }
        if arguments.is_some() {
            for (descriptor, path) in filters.iter().zip(&home.filters) {
                script.open(*descriptor, path);
            }
        }
        script.limit(plan.rough_limits());
        let mut command: Vec<OsString> = Vec::new();
        if let Some(way_out) = &way_out {
            let path = folder.join("network");
            write(
                &path,
                &serde_json::to_vec(way_out).map_err(io::Error::from).map_err(io_error("write JSON".into()))?,
            )?;
            command.extend([self.bridge.clone().into(), super::network::VERB.into(), path.into(), "--".into()]);
        }
        command.extend(self.rlimits(&limits));
        let mut layers = 0;
        if let (Some(bubblewrap), true, Some(user)) = (&home.host.bubblewrap, outer.is_some(), user) {
            command.extend([bubblewrap.into(), "--args".into(), "4".into(), "--".into()]);
            command.extend(host::become_user(user).map(OsString::from));
            layers += 1;
        }
        if let Some(bubblewrap) = &home.host.bubblewrap {
            command.extend([bubblewrap.into(), "--args".into(), "3".into(), "--".into()]);
            layers += 1;
        }
        if layers == 0 {
            script.change_to(&plan.app);
            // Variables may be secrets, so they are passed in the script, which only the server can read, and not as
            // arguments. The
            // shell's own variables are kept out.
            command.push("env".into());
            for own in ["PWD", "OLDPWD", "SHLVL", "_"].into_iter().filter(|own| !plan.env.contains_key(*own)) {
                command.extend(["-u".into(), own.into()]);
            }
            for (name, value) in &plan.env {
                if !script.export(name, value) {
                    command.push(format!("{name}={value}").into());
                }
            }
        }
        command.extend(plan.command.into_iter().map(OsString::from));
        let path = folder.join("script");
        write(&path, &script.become_program(&command, plan.stdin.is_empty()))?;
        let watch = folder.watch().map(|watch| (watch, plan.lines.clone()));
        let (run, weak_lines) = (plan.run, plan.lines.downgrade());
        let launch = Launch {
            script: path,
            layers,
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

    /// Refills the slots a little later.
    fn refill(&self) {
        let home = Arc::downgrade(&self.home);
        self.home.ground.later(async move {
            tokio::time::sleep(REFILL_AFTER).await;
            while let Some(home) = home.upgrade() {
                if !home.spare.lock().begin() {
                    return;
                }
                let opened = home.open_slot().await;
                let mut spare = home.spare.lock();
                spare.opening -= 1;
                match opened {
                    Ok(slot) => spare.slots.push(slot),
                    Err(error) => {
                        return tracing::warn!(%error, "a control group could not be prepared");
                    }
                }
            }
        });
    }

    /// Keeps measuring the processor time of functions, and sets their weights.
    fn weigh(&self) {
        let home = Arc::downgrade(&self.home);
        self.home.ground.later(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(home) = home.upgrade() else { return };
                home.weights.look(Instant::now());
            }
        });
    }

    fn limit_cpu(&self, cgroup: &cgroup::Cgroup, limits: &super::Limits) {
        // The process may have ended already, and its group with it.
        if let Err(error) = cgroup.limit_cpu(limits.cpu)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a processor limit could not be set");
        }
    }

    /// Coarser limits that replace missing control groups.
    fn rlimits(&self, limits: &super::Limits) -> Vec<OsString> {
        let missing = self.home.cgroups.missing();
        let mut command: Vec<OsString> = Vec::new();
        if missing.contains(&"memory") {
            command.push(format!("--data={}", limits.memory_mb * 1024 * 1024).into());
        }
        if missing.contains(&"pids") {
            command.push(format!("--nproc={}", limits.pids + OWN_PIDS).into());
        }
        if command.is_empty() {
            return command;
        }
        command.insert(0, "prlimit".into());
        command
    }

    /// Checks that a specification can be run here; returns the folder with the function's files.
    fn check<'s>(&self, spec: &'s Spec) -> Result<&'s Path, Error> {
        let artifact = match &spec.code {
            Code::Folder(folder) => folder,
            Code::Image(_) => {
                let why = "the sandbox runs processes of this host".to_owned();
                return Err(Error::Unsupported { form: Form::Image, why });
            }
        };
        check_env(&spec.env)?;
        check_folder(artifact)?;
        let closed = |folder: &Path| !fs::metadata(folder).is_ok_and(|meta| meta.mode() & 0o005 == 0o005);
        if self.home.host.identity.changes() && closed(artifact) {
            let folder = artifact.display();
            open_to_all(artifact).map_err(io_error(format!(
                "make the files of {folder} readable for the user that the function runs as"
            )))?;
        }
        if spec.limits.memory_mb < MIN_MEMORY_MB {
            return Err(Error::Refused(format!(
                "memory_mb is {}, and must be at least {MIN_MEMORY_MB}",
                spec.limits.memory_mb
            )));
        }
        if spec.limits.pids == 0 {
            return Err(Error::Refused("pids is 0, and must be at least 1".into()));
        }
        Ok(artifact)
    }

    /// Who is charged for the processor time of a specification's process.
    fn owner(spec: &Spec) -> Owner {
        Owner::Function(spec.namespace.as_str().into(), spec.function.as_str().into())
    }

    fn isolated(&self) -> bool {
        self.home.host.bubblewrap.is_some()
    }

    fn number(&self) -> u64 {
        self.home.next.fetch_add(1, Ordering::Relaxed)
    }

    fn folder(&self, name: &str, limits: &super::Limits) -> Result<Arc<Folder>, Error> {
        let path = self.home.run.path.join(self.number().to_string());
        let folder = Folder::new(path, limits, self.home.mounts);
        Ok(Arc::new(folder.map_err(io_error(format!("make a folder for {name}")))?))
    }

    /// A path inside as the process must name it: without bubblewrap there is no inside.
    fn own_path(&self, folder: &Folder, file: &str) -> String {
        match self.isolated() {
            true => format!("{OWN}/{file}"),
            false => folder.join("own").join(file).display().to_string(),
        }
    }

    fn wrapper(&self, file: &str) -> String {
        match self.isolated() {
            true => format!("{WRAPPERS}/{file}"),
            false => self.home.wrappers.join(file).display().to_string(),
        }
    }

    /// The environment of a function whose files are in `artifact`.
    fn env(&self, spec: &Spec, artifact: &Path) -> BTreeMap<String, String> {
        let mut env = self.basic_env();
        env.extend(spec.env.clone());
        let app = if self.isolated() { Path::new(APP) } else { artifact };
        if artifact.join(".python").is_dir() {
            env.entry("PYTHONPATH".into()).or_insert_with(|| app.join(".python").display().to_string());
        }
        // Programs of packages come before those of the host. A `PATH` that the function sets is left unchanged.
        let own_node = Path::new(OWN_NODE).parent().and_then(Path::to_str).unwrap_or_default();
        let folders = [own_node, "node_modules/.bin", ".python/bin"];
        let brought = folders.into_iter().filter(|folder| artifact.join(folder).is_dir());
        let brought: Vec<_> = brought.map(|folder| app.join(folder).display().to_string()).collect();
        if !brought.is_empty() && !spec.env.contains_key("PATH") {
            env.insert("PATH".into(), format!("{}:{}", brought.join(":"), self.home.host.path));
        }
        if !matches!(spec.runtime, Runtime::Node { .. }) {
            // Printed text becomes a log line at once, not when a buffer is full.
            env.entry("PYTHONUNBUFFERED".into()).or_insert_with(|| "1".into());
        }
        env.insert("PYTHONDONTWRITEBYTECODE".into(), "1".into());
        env.insert("EVENTFLOW_FUNCTION".into(), spec.function.clone());
        env.insert("EVENTFLOW_NAMESPACE".into(), spec.namespace.clone());
        env.insert("EVENTFLOW_VERSION".into(), spec.version.to_string());
        env.insert("EVENTFLOW_MEMORY_MB".into(), spec.limits.memory_mb.to_string());
        env
    }

    fn basic_env(&self) -> BTreeMap<String, String> {
        let all = [("PATH", self.home.host.path.as_str()), ("HOME", "/tmp"), ("LANG", "C.UTF-8")];
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Program and arguments of a function whose files are in `artifact`, without the sandbox and the bridge.
    fn command(&self, spec: &Spec, artifact: &Path) -> Result<Vec<String>, Error> {
        let missing =
            |what: &str| Error::Refused(format!("{} needs {what}, and this host has none in its PATH", spec.function));
        let app = if self.isolated() { Path::new(APP) } else { artifact };
        let own_node = artifact.join(OWN_NODE).is_file().then(|| app.join(OWN_NODE));
        let node = || {
            let program = own_node.as_ref().or(self.home.host.node.as_ref());
            program.map(|path| path.display().to_string()).ok_or_else(|| missing("node"))
        };
        let python =
            || self.home.host.python.as_ref().map(|path| path.display().to_string()).ok_or_else(|| missing("python3"));
        Ok(match &spec.runtime {
            Runtime::Node { handler } => {
                let heap = (spec.limits.memory_mb * NODE_HEAP_PERCENT / 100).max(1);
                vec![node()?, format!("--max-old-space-size={heap}"), self.wrapper("node/wrapper.cjs"), handler.clone()]
            }
            Runtime::Python { handler } => vec![python()?, self.wrapper("python/wrapper.py"), handler.clone()],
            Runtime::PythonFlask => vec![python()?, self.wrapper("python-flask/wrapper.py")],
            Runtime::Command(command) if command.is_empty() => {
                return Err(Error::Refused(format!("the command of {} is empty", spec.function)));
            }
            Runtime::Command(command) => command.clone(),
        })
    }

    /// Waits until the address accepts connections.
    async fn ready(
        &self,
        process: &Process,
        folder: &Folder,
        address: &Address,
        within: Duration,
    ) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            let reached = match address {
                Address::Unix(path) => {
                    publish(&folder.join("own/socket"), path) && UnixStream::connect(path).await.is_ok()
                }
                Address::Tcp { host, port } => TcpStream::connect((host.as_str(), *port)).await.is_ok(),
            };
            if let Some(exit) = process.exited() {
                let message = format!("the process ended before it answered: it {exit}");
                return Err(Error::Unhealthy { message, stderr_tail: process.stderr_tail() });
            }
            if reached {
                return Ok(());
            }
            if began.elapsed() >= within {
                process.kill();
                process.wait().await;
                let message = format!("the process did not listen within {} s", within.as_secs_f64());
                return Err(Error::Unhealthy { message, stderr_tail: process.stderr_tail() });
            }
            // An end is noticed at once, not at the next check, and no check takes place long after the time limit.
            let pause = pause_after(began.elapsed()).min(within.saturating_sub(began.elapsed()));
            let _ = timeout(pause, process.wait()).await;
        }
    }
}

/// Preloads a library into every program, before those that the function preloads itself.
fn preload(env: &mut BTreeMap<String, String>, library: &str) {
    let libraries = env.entry("LD_PRELOAD".into()).or_default();
    *libraries = [library, libraries.as_str()].join(" ").trim_end().to_owned();
}

/// One process to start.
struct Plan {
    name: String,
    owner: Owner,
    command: Vec<String>,
    env: BTreeMap<String, String>,
    app: PathBuf,
    app_writable: bool,
    /// Chooses the user that it runs as, see [`host::Identity`].
    user: host::Number,
    bridge: Option<PathBuf>,
    caches: BTreeMap<String, PathBuf>,
    readable: BTreeMap<String, PathBuf>,
    /// For a task: addresses that it may reach whatever the settings say.
    opened: Option<Vec<IpAddr>>,
    limits: super::Limits,
    /// Whether the processor limit is set only once the service is ready; until then it is at least [`STARTING_CPU`].
    cpu_later: bool,
    folder: Arc<Folder>,
    stdin: Bytes,
    run: Option<Uuid>,
    lines: Lines,
    out_of_memory_words: Option<&'static str>,
}

impl Plan {
    /// Limits that the shell sets for the process and everything that it starts.
    fn rough_limits(&self) -> ShellLimits {
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

/// Changes the owner of a folder and everything in it. Does not follow links, and skips files with several links: the
/// other name may belong to somebody else, as after a `git clone` on one disk.
fn hand_over(folder: &Path, user: u32) -> io::Result<()> {
    lchown(folder, Some(user), Some(user))?;
    tree::walk(folder, Bounds::default(), When::Before, |entry| {
        if entry.kind == Kind::Folder || entry.stat()?.st_nlink == 1 {
            entry.give_to(user)?;
        }
        Ok(Next::Go)
    })
}

/// Node keeps its heap below the control group's limit, and ends itself when that is not enough.
fn out_of_memory_words(runtime: &Runtime) -> Option<&'static str> {
    matches!(runtime, Runtime::Node { .. }).then_some("JavaScript heap out of memory")
}

#[async_trait]
impl Executor for Sandbox {
    fn describe(&self) -> String {
        let isolation = if self.isolated() { "bubblewrap" } else { "plain processes, NOT isolated" };
        let limits = self.home.cgroups.describe().unwrap_or_else(|| "rlimits".into());
        format!("sandbox ({isolation}, {limits})")
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(fault) = &self.home.host.bubblewrap_fault {
            warnings.push(format!(
                "FUNCTIONS ARE NOT ISOLATED: they run as ordinary processes and can read whatever this server can. {fault}"
            ));
        }
        if self.home.host.identity == host::Identity::Root {
            warnings.push(
                "Functions run as root in their sandbox, because no other user could be taken here. Run the server as an ordinary user.".into(),
            );
        }
        warnings.extend(self.networks.warning(&self.home.host));
        if self.isolated() && self.home.filters.is_empty() {
            warnings
                .push("Functions may make every system call: there is no seccomp filter for this architecture.".into());
        }
        let missing = self.home.cgroups.missing();
        if !missing.is_empty() {
            warnings.push(format!(
                "No control group for {}: functions are held only by rougher limits (memory and processes) or none (processor). \
                 Run as root, or as a systemd unit with Delegate=yes.",
                missing.join(", ")
            ));
        }
        let no_disk = match (self.home.cgroups.limits_disks(), self.disk.disks.is_empty()) {
            (false, _) => Some("there is no control group for them (`io`, or `blkio` in version 1)"),
            (true, true) => Some("the data folder is on none that the kernel can limit"),
            (true, false) => None,
        };
        if let Some(why) = no_disk {
            warnings.push(format!(
                "Nothing limits how much functions and builds read from the disks and write to them: {why}."
            ));
        }
        if !self.home.mounts {
            warnings.push(
                "What functions write to /run/eventflow is on the disk of the data folder, and looked at once a second: only a \
                 server that is root, and may mount, gives each a file system with a limit."
                    .into(),
            );
        }
        for (program, runtime) in [(&self.home.host.node, "node"), (&self.home.host.python, "python3")] {
            if program.is_none() {
                warnings.push(format!("There is no {runtime} in PATH: functions of that runtime cannot run."));
            }
        }
        warnings
    }

    fn runs(&self, form: Form) -> bool {
        form == Form::Folder
    }

    fn prepare_host(&self) -> Result<(), String> {
        self.home.keep()
    }

    async fn service(&self, spec: Spec, lines: Lines, ready_within: Duration) -> Result<Arc<dyn Instance>, Error> {
        let artifact = self.check(&spec)?;
        let owner = Self::owner(&spec);
        let turn = self.home.starts.take(&owner).await;
        let mut env = self.env(&spec, artifact);
        let mut command = self.command(&spec, artifact)?;
        let mut limits = spec.limits.clone();
        limits.pids += OWN_PIDS;
        let folder = self.folder(&spec.instance, &limits)?;
        let socket = Address::Unix(folder.join("socket"));
        let own_socket = self.own_path(&folder, "socket");
        let mut bridge = None;
        let address = match &spec.runtime {
            Runtime::Command(_) if self.isolated() && !self.networks.is_hosts(&limits.network) => {
                let around = [BRIDGE, super::bridge::VERB, &own_socket, &COMMAND_PORT.to_string(), "--"];
                command.splice(0..0, around.map(str::to_owned));
                env.insert("PORT".into(), COMMAND_PORT.to_string());
                bridge = Some(self.bridge.clone());
                socket
            }
            Runtime::Command(_) => {
                let free = free_port().map_err(io_error("find a free port".into()))?;
                env.insert("PORT".into(), free.port().to_string());
                free.into()
            }
            _ => {
                env.insert("EVENTFLOW_SOCKET".into(), own_socket);
                socket
            }
        };
        let plan = Plan {
            name: spec.instance.clone(),
            owner,
            command,
            env,
            app: artifact.to_owned(),
            app_writable: false,
            user: host::Number::Instance(self.number()),
            bridge,
            caches: BTreeMap::new(),
            readable: BTreeMap::new(),
            opened: None,
            limits: limits.clone(),
            cpu_later: true,
            folder,
            stdin: Bytes::new(),
            run: None,
            lines,
            out_of_memory_words: out_of_memory_words(&spec.runtime),
        };
        let started = async {
            let (process, folder) = self.start(plan).await?;
            self.ready(&process, &folder, &address, ready_within).await?;
            Ok::<_, Error>((process, folder))
        };
        let (process, folder) = turn.during(LONGEST_TURN, started).await?;
        self.home.weights.is_ready(process.cgroup());
        // They have been read, and hold variables that may be secrets.
        for name in ["inner", "outer", "script"] {
            let _ = fs::remove_file(folder.join(name));
        }
        self.limit_cpu(process.cgroup(), &limits);
        Ok(Arc::new(Service { name: spec.instance, process, address }))
    }

    async fn job(&self, spec: Spec, call: JobCall, lines: Lines) -> Result<JobOutcome, Error> {
        let artifact = self.check(&spec)?;
        let owner = Self::owner(&spec);
        let turn = self.home.starts.take(&owner).await;
        let mut command = self.command(&spec, artifact)?;
        match spec.runtime {
            Runtime::Node { .. } | Runtime::Python { .. } => command.push("--job".into()),
            Runtime::Command(_) => {}
            Runtime::PythonFlask => {
                return Err(Error::Refused(format!(
                    "{} is a python-flask app: that is a service and cannot be a job",
                    spec.function
                )));
            }
        }
        let mut limits = spec.limits.clone();
        limits.pids += OWN_PIDS;
        let folder = self.folder(&spec.instance, &limits)?;
        let mut env = self.env(&spec, artifact);
        let deadline = Utc::now() + call.timeout;
        env.insert("EVENTFLOW_RESULT".into(), self.own_path(&folder, "result"));
        env.insert("EVENTFLOW_RUN_ID".into(), call.run.to_string());
        env.insert("EVENTFLOW_ATTEMPT".into(), call.attempt.to_string());
        env.insert("EVENTFLOW_DEADLINE".into(), deadline.to_rfc3339_opts(SecondsFormat::Millis, true));
        if let Some(trace) = &call.trace {
            env.insert("TRACEPARENT".into(), trace.parent());
            env.extend(trace.state().map(|state| ("TRACESTATE".into(), state.to_owned())));
        }
        let plan = Plan {
            name: spec.instance.clone(),
            owner,
            command,
            env,
            app: artifact.to_owned(),
            app_writable: false,
            user: host::Number::Instance(self.number()),
            bridge: None,
            caches: BTreeMap::new(),
            readable: BTreeMap::new(),
            opened: None,
            limits,
            cpu_later: false,
            folder,
            stdin: call.event,
            run: Some(call.run),
            lines,
            out_of_memory_words: out_of_memory_words(&spec.runtime),
        };
        let (process, folder) = self.start(plan).await?;
        let ended = turn.during(JOB_TURN, process.wait());
        let (mut exit, timed_out) = match timeout(call.timeout, ended).await {
            Ok(exit) => (exit, false),
            Err(_) => (process.stop(self.grace).await, true),
        };
        exit.timed_out = timed_out;
        let stderr_tail = process.stderr_tail();
        let result = result_of(&folder.join("own/result"))?;
        Ok(JobOutcome { exit, result, stderr_tail })
    }
}

#[async_trait]
impl Workbench for Sandbox {
    async fn task(&self, task: Task, lines: Lines) -> Result<Exit, Error> {
        check_env(&task.env)?;
        check_folder(&task.folder)?;
        if task.command.is_empty() {
            return Err(Error::Refused(format!("the command of {} is empty", task.name)));
        }
        for folder in task.caches.values() {
            fs::create_dir_all(folder).map_err(io_error(format!("make the folder {}", folder.display())))?;
        }
        let mut env = self.basic_env();
        let mut readable = task.readable;
        let folders: Vec<String> = task.programs.iter().map(|folder| folder.display().to_string()).collect();
        readable.extend(folders.iter().cloned().zip(task.programs));
        if !folders.is_empty() {
            env.insert("PATH".into(), format!("{}:{}", folders.join(":"), self.home.host.path));
        }
        env.extend(task.env);
        let mut limits = task.limits;
        limits.pids += OWN_PIDS;
        let folder = self.folder(&task.name, &limits)?;
        let plan = Plan {
            name: task.name,
            owner: Owner::Build,
            command: task.command,
            env,
            app: task.folder,
            app_writable: true,
            user: host::Number::TasksOf(task.function),
            bridge: None,
            caches: task.caches,
            readable,
            opened: Some(task.opened),
            limits,
            cpu_later: false,
            folder,
            stdin: Bytes::new(),
            run: None,
            lines,
            out_of_memory_words: None,
        };
        let (process, _folder) = self.start(plan).await?;
        match timeout(task.timeout, process.wait()).await {
            Ok(exit) => Ok(exit),
            Err(_) => {
                process.kill();
                Ok(Exit { timed_out: true, ..process.wait().await })
            }
        }
    }
}

/// A service running in the sandbox.
#[derive(Debug)]
struct Service {
    #[allow(dead_code, reason = "for Debug: it names the instance in logs")]
    name: String,
    process: Process,
    address: Address,
}

#[async_trait]
impl Instance for Service {
    fn address(&self) -> &Address {
        &self.address
    }

    fn exited(&self) -> Option<Exit> {
        self.process.exited()
    }

    async fn wait(&self) -> Exit {
        self.process.wait().await
    }

    async fn stop(&self, grace: Duration) -> Exit {
        self.process.stop(grace).await
    }

    fn stderr_tail(&self) -> Vec<String> {
        self.process.stderr_tail()
    }
}

/// Makes the socket that a process opened in its own folder reachable at a path that it cannot change. Otherwise it
/// could put a link there to a socket of the host, and make the server talk to that.
fn publish(socket: &Path, public: &Path) -> bool {
    let is_socket = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if !is_socket(socket) {
        return false;
    }
    // A process may open its socket twice; the last one counts.
    let _ = fs::remove_file(public);
    fs::hard_link(socket, public).is_ok() && is_socket(public)
}

/// What a job wrote as its result. Only a regular file is read: no link's target, and no endless pipe.
fn result_of(path: &Path) -> Result<Option<Bytes>, Error> {
    let flags = (nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK).bits();
    let file = match fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(_) => return Ok(None),
    };
    let read = |error: io::Error| Error::Result(format!("cannot read the job's result: {error}"));
    match file.metadata() {
        Ok(meta) if !meta.is_file() || meta.len() == 0 => return Ok(None),
        Ok(meta) if meta.len() > MAX_RESULT_BYTES as u64 => {
            return Err(Error::Result(format!(
                "the result in $EVENTFLOW_RESULT has {} bytes, and at most {MAX_RESULT_BYTES} are taken",
                meta.len()
            )));
        }
        Ok(_) => {}
        Err(error) => return Err(read(error)),
    }
    let mut content = Vec::new();
    file.take(MAX_RESULT_BYTES as u64).read_to_end(&mut content).map_err(read)?;
    Ok(Some(content.into()))
}

/// Lets everybody read a folder and its contents, as far as its owner may. The folder itself comes last: once it is
/// readable, everything in it is.
fn open_to_all(folder: &Path) -> io::Result<()> {
    let opened = |mode: u32| mode | (mode >> 3 & 0o055) | (mode >> 6 & 0o055);
    tree::walk(folder, Bounds::default(), When::After, |entry| {
        if entry.kind != Kind::Link {
            entry.set_mode(opened(entry.stat()?.st_mode & 0o7777))?;
        }
        Ok(Next::Go)
    })?;
    let mut permissions = fs::metadata(folder)?.permissions();
    permissions.set_mode(opened(permissions.mode()));
    fs::set_permissions(folder, permissions)
}

fn check_env(env: &BTreeMap<String, String>) -> Result<(), Error> {
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(Error::Refused(format!(
                "{name:?} cannot be a variable: its name is empty or holds '=', or there is a zero byte in it"
            )));
        }
    }
    Ok(())
}

fn check_folder(folder: &Path) -> Result<(), Error> {
    match folder.is_absolute() && folder.is_dir() {
        true => Ok(()),
        false => Err(Error::Refused(format!("{} is not a folder, or not an absolute path", folder.display()))),
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

fn free_port() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, content)
}

/// A folder beyond the limits is the fault of whoever filled it.
fn io_error(what: String) -> impl FnOnce(io::Error) -> Error {
    move |source| match tree::refusal(&source) {
        Some(refusal) => Error::Refused(refusal),
        None => Error::Io { what, source },
    }
}
