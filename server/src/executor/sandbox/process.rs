//! One sandboxed process from its start to its end: signals, output, exit.
//!
//! Knows processes and control groups, not what runs in them.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use uuid::Uuid;

use super::super::lines::{Gate, Tail, pump};
use super::super::{Exit, Line, Lines, Stream};
use super::Home;
use super::cgroup::Cgroup;
use super::folder::Folder;
use super::guard;
use crate::clock;

/// How long the last output of an ended process may take to be read; then it is given up.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// How long the function's own process is looked for before the whole sandbox is killed instead.
const FOUND_WITHIN: Duration = Duration::from_millis(200);

/// A line that nobody takes holds up the end of its process no longer.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// How long bubblewrap may take to notice that the sandbox is dead.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);

/// The thread that is the parent of all processes.
///
/// The kernel kills a `--die-with-parent` process when the *thread* that started it ends, and threads of a tokio pool
/// come and go. So a single thread, which lives as long as anything needs it, starts them all and reads their output.
#[derive(Debug)]
pub(super) struct Ground {
    handle: Handle,
    open: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ground {
    /// Starts the thread. It ends, and every process with it, when the `Ground` is dropped.
    pub(super) fn new() -> io::Result<Ground> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (open, closed) = oneshot::channel();
        let thread = std::thread::Builder::new().name("sandbox".into()).spawn(move || {
            let _ = runtime.block_on(closed);
        })?;
        Ok(Ground { handle, open: Some(open), thread: Some(thread) })
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        drop(self.open.take());
        // An unawaited handle may be dropped on the thread itself.
        let thread = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id());
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// Marks every descriptor that this server was started with, except the standard three, as close-on-exec. Those that it
/// opens itself are marked already; but its parent may have left some open, and a function must not get them.
pub(super) fn keep_descriptors_to_ourselves() {
    let descriptors = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = descriptors.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|number| *number > 2) {
        // SAFETY: only a flag of the descriptor is set, and it is not kept. Should another thread have closed it since it
        // was listed, the call fails, or marks a newer descriptor, as is right for that one too.
        #[allow(unsafe_code, reason = "the descriptors are not ours, so there is no owner to borrow from")]
        let descriptor = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
        let _ = fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
    }
}

/// Joins the control groups that are its arguments, then does what the script says whose path is the first line of its
/// input; without a line, nothing. First the number of files that may be open becomes what programs expect: the server
/// raises its own, and there are programs that walk through as many as there may be. And where the host itself is short of
/// memory, the kernel ends functions before it ends the server or its database.
const ENTER: &str = r#"ulimit -S -n 1024 2> /dev/null; { echo 1000 > /proc/self/oom_score_adj; } 2> /dev/null; for door; do echo 0 > "$door" || exit 125; done; IFS= read -r script || exit 0; . "$script""#;

/// A shell in its own control group, waiting for a command.
///
/// Joining a group can take the kernel tens of milliseconds, because it waits for every processor; so a few are kept
/// ready.
#[derive(Debug)]
pub(super) struct Slot {
    child: Child,
    cgroup: Arc<Cgroup>,
}

impl Slot {
    /// Starts the shell. Must be called on the thread of the [`Ground`].
    fn open(cgroup: Cgroup) -> io::Result<Slot> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", ENTER, "eventflow-sandbox"]).args(cgroup.doors());
        command.env_clear().current_dir("/").process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn()?;
        Ok(Slot { child, cgroup: Arc::new(cgroup) })
    }

    pub(super) fn cgroup(&self) -> &Arc<Cgroup> {
        &self.cgroup
    }

    /// Whether it is still waiting.
    pub(super) fn usable(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Ground {
    /// Opens a slot in this group.
    pub(super) async fn slot(&self, cgroup: Cgroup) -> io::Result<Slot> {
        let opened = self.handle.spawn(async move { Slot::open(cgroup) });
        opened.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Runs something on the thread, without waiting for it.
    pub(super) fn later(&self, what: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(what);
    }
}

fn ended() -> io::Error {
    io::Error::other("the thread that starts processes has ended")
}

/// A command for a slot, with the resources that belong to it.
pub(super) struct Launch {
    /// A script that replaces the shell with the program.
    pub(super) script: PathBuf,
    /// The number of bubblewraps around the process: none, one, or two if the server is root.
    pub(super) layers: usize,
    /// The number of processes around those: one if there is a network.
    pub(super) around: usize,
    /// Held until the process has ended.
    pub(super) folder: Arc<Folder>,
    /// Content of standard input, if the script leaves it unchanged.
    pub(super) stdin: Bytes,
    /// The run that all lines belong to, for a job.
    pub(super) run: Option<Uuid>,
    pub(super) lines: Lines,
    /// Lines beyond this rate are left out.
    pub(super) lines_per_second: u32,
    /// Words on standard error by which a runtime reports that its memory is full, before it gives up.
    pub(super) out_of_memory_words: Option<&'static str>,
}

#[derive(Debug)]
enum Order {
    Terminate,
    Kill,
}

/// A running process, killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    orders: mpsc::UnboundedSender<Order>,
    exit: watch::Receiver<Option<Exit>>,
    tail: Arc<Tail>,
    cgroup: Arc<Cgroup>,
    why: Arc<OnceLock<String>>,
    inside: Option<Inside>,
    _home: Arc<Home>,
}

/// Where the first process of the innermost sandbox is found: so many generations below the process that was started.
#[derive(Debug, Clone, Copy)]
struct Inside {
    outer: Pid,
    generations: usize,
}

impl Process {
    /// Starts it.
    pub(super) async fn start(home: Arc<Home>, slot: Slot, launch: Launch) -> io::Result<Process> {
        let (started, result) = oneshot::channel();
        let own = home.clone();
        home.ground.handle.spawn(async move {
            // If the caller was cancelled, nobody receives the answer: it is dropped, and the process is killed.
            let _ = started.send(run(own, slot, launch));
        });
        result.await.map_err(|_| ended())
    }

    pub(super) fn exited(&self) -> Option<Exit> {
        self.exit.borrow().clone()
    }

    pub(super) async fn wait(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.clone().unwrap_or_else(lost),
            Err(_) => lost(),
        }
    }

    pub(super) fn terminate(&self) {
        let _ = self.orders.send(Order::Terminate);
    }

    pub(super) fn kill(&self) {
        let _ = self.orders.send(Order::Kill);
    }

    /// SIGTERM, then SIGKILL after `grace`; returns when it is gone.
    pub(super) async fn stop(&self, grace: Duration) -> Exit {
        self.terminate();
        match timeout(grace, self.wait()).await {
            Ok(exit) => exit,
            Err(_) => {
                self.kill();
                self.wait().await
            }
        }
    }

    /// A handle that does not keep the process alive.
    pub(super) fn leash(&self) -> Leash {
        let (why, inside) = (self.why.clone(), self.inside);
        Leash { orders: self.orders.downgrade(), exit: self.exit.clone(), why, inside, first: OnceLock::new() }
    }

    /// The control group around it.
    pub(super) fn cgroup(&self) -> &Arc<Cgroup> {
        &self.cgroup
    }

    pub(super) fn stderr_tail(&self) -> Vec<String> {
        self.tail.lines()
    }
}

/// A weak handle that can end a process and see its end, but does not keep it alive.
#[derive(Debug)]
pub(super) struct Leash {
    orders: mpsc::WeakUnboundedSender<Order>,
    exit: watch::Receiver<Option<Exit>>,
    why: Arc<OnceLock<String>>,
    inside: Option<Inside>,
    /// The process that was found there: with its end all others end.
    first: OnceLock<Pid>,
}

impl Leash {
    /// Says why, as a line and in what is told of the process's end, and kills it.
    pub(super) async fn end(&self, why: String, run: Option<Uuid>, lines: Option<Lines>) {
        let text = format!("The process was ended: {why}.");
        let line = Line { at: clock::now(), stream: Stream::System, run, text };
        // It may take a while to end, and is told once.
        if self.why.set(why).is_ok()
            && let Some(lines) = lines
        {
            let _ = timeout(TOLD_WITHIN, lines.send(line)).await;
        }
        if let Some(orders) = self.orders.upgrade() {
            let _ = orders.send(Order::Kill);
        }
    }

    /// Returns when the process is gone.
    pub(super) async fn ended(&self) {
        let _ = self.exit.clone().wait_for(Option::is_some).await;
    }

    /// Whether the process is gone.
    pub(super) fn is_over(&self) -> bool {
        self.exit.borrow().is_some() || self.exit.has_changed().is_err()
    }

    /// The first process in the sandbox, which is in all of its namespaces; `None` as long as there is none.
    pub(super) fn inside(&self) -> Option<Pid> {
        let Inside { outer, generations } = self.inside?;
        match self.first.get() {
            Some(first) => Some(*first),
            // While the sandbox is set up, other processes may be at this place.
            None => {
                let first = descendant(outer, generations).filter(|pid| is_first(*pid))?;
                Some(*self.first.get_or_init(|| first))
            }
        }
    }
}

/// The executor ended before the process's end was seen: it was killed.
fn lost() -> Exit {
    Exit { signal: Some(Signal::SIGKILL as i32), ..Exit::default() }
}

fn run(home: Arc<Home>, slot: Slot, launch: Launch) -> Process {
    let Slot { mut child, cgroup } = slot;
    if let Some(mut stdin) = child.stdin.take() {
        let mut script = launch.script.as_os_str().as_encoded_bytes().to_vec();
        script.push(b'\n');
        let input = launch.stdin;
        tokio::spawn(async move {
            // A job need not read its event.
            if stdin.write_all(&script).await.is_ok() {
                let _ = stdin.write_all(&input).await;
            }
        });
    }
    let tail = Arc::new(Tail::default());
    let gate = Arc::new(Gate::new(launch.lines_per_second, home.flood.clone()));
    let mut pumps = tokio::task::JoinSet::new();
    if let Some(stdout) = child.stdout.take() {
        pumps.spawn(pump(stdout, Stream::Stdout, launch.run, None, launch.lines.clone(), gate.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        pumps.spawn(pump(stderr, Stream::Stderr, launch.run, Some(tail.clone()), launch.lines.clone(), gate));
    }
    let own_cgroup = cgroup.clone();
    let own_tail = tail.clone();
    let (orders, received) = mpsc::unbounded_channel();
    let (ended, exit) = watch::channel(None);
    let around_it = Arc::downgrade(&home);
    let why = Arc::new(OnceLock::new());
    let told = why.clone();
    let inside = child.id().filter(|_| launch.layers > 0).map(|pid| Inside {
        outer: Pid::from_raw(pid.cast_signed()),
        generations: launch.around + 2 * launch.layers - 1,
    });
    tokio::spawn(async move {
        let (layers, around) = (launch.layers, launch.around);
        let killed = {
            let (around_it, cgroup) = (around_it.clone(), own_cgroup.clone());
            move || {
                if let Some(home) = around_it.upgrade() {
                    home.weights.ends(&cgroup);
                }
            }
        };
        let mut exit = Watch { child, layers, around, orders: received, killed: &killed }.watch().await;
        // The rest of the group is killed before the pipes are drained: it may hold them open.
        exit.why = told.get().cloned().filter(|_| exit.code != Some(0));
        if exit.why.is_none() && exit.code != Some(0) && own_cgroup.out_of_memory() {
            match own_cgroup.met_its_limit() {
                true => exit.out_of_memory = true,
                false => exit.why = Some(guard::HOST_IS_FULL.into()),
            }
        }
        killed();
        own_cgroup.clear().await;
        let drained = timeout(DRAIN_WITHIN, async { while pumps.join_next().await.is_some() {} });
        let _ = drained.await;
        drop(pumps);
        if let (Some(words), Some(_)) = (launch.out_of_memory_words, exit.signal) {
            exit.out_of_memory |= own_tail.lines().iter().any(|line| line.contains(words));
        }
        drop(launch.folder);
        ended.send_replace(Some(exit));
    });
    Process { orders, exit, tail, cgroup, why, inside, _home: home }
}

struct Watch<K> {
    child: Child,
    layers: usize,
    around: usize,
    orders: mpsc::UnboundedReceiver<Order>,
    /// Called when the process is killed.
    killed: K,
}

impl<K: Fn()> Watch<K> {
    async fn watch(mut self) -> Exit {
        let outer = self.child.id().map(|pid| Pid::from_raw(pid.cast_signed()));
        let mut handle_held = true;
        let mut last_resort: Option<Instant> = None;
        loop {
            let overdue = async {
                match last_resort {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                status = self.child.wait() => {
                    if let (Some(outer), false) = (outer, self.layers > 0) {
                        let _ = killpg(outer, Signal::SIGKILL);
                    }
                    return exit_of(status, self.layers > 0);
                }
                order = self.orders.recv(), if handle_held => {
                    let Some(outer) = outer else { continue };
                    match order {
                        Some(Order::Terminate) => terminate(outer, self.layers, self.around).await,
                        Some(Order::Kill) => last_resort = self.kill(outer),
                        None => {
                            handle_held = false;
                            last_resort = self.kill(outer);
                        }
                    }
                }
                () = overdue => {
                    last_resort = None;
                    let _ = self.child.start_kill();
                }
            }
        }
    }

    /// Kills everything: the sandbox's first process takes all others with it. Returns when to kill bubblewrap itself,
    /// should
    /// it not have noticed.
    fn kill(&mut self, outer: Pid) -> Option<Instant> {
        (self.killed)();
        if self.layers == 0 {
            let _ = killpg(outer, Signal::SIGKILL);
            return None;
        }
        match descendant(outer, self.around + 1) {
            Some(init) => {
                let _ = kill(init, Signal::SIGKILL);
                Some(Instant::now() + NOTICED_WITHIN)
            }
            None => {
                let _ = self.child.start_kill();
                None
            }
        }
    }
}

/// Sends SIGTERM to the function's own process: the child of the first process in the sandbox, which is bubblewrap's
/// and
/// would not pass it on.
async fn terminate(outer: Pid, layers: usize, around: usize) {
    if layers == 0 {
        let _ = killpg(outer, Signal::SIGTERM);
        return;
    }
    let until = Instant::now() + FOUND_WITHIN;
    loop {
        if let Some(function) = descendant(outer, around + 2 * layers) {
            let _ = kill(function, Signal::SIGTERM);
            return;
        }
        if Instant::now() >= until {
            let _ = kill(outer, Signal::SIGKILL);
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// Follows the first children for some generations. Each bubblewrap is the parent of the first process in its
/// namespace,
/// and that one is the parent of the next bubblewrap, or of the function's own process.
fn descendant(outer: Pid, generations: usize) -> Option<Pid> {
    (0..generations).try_fold(outer, |parent, _| first_child(parent))
}

/// Whether a process is the first one of a namespace of processes.
fn is_first(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    numbers.split_whitespace().skip(1).last() == Some("1")
}

/// The oldest child of a process.
fn first_child(parent: Pid) -> Option<Pid> {
    let file = format!("/proc/{parent}/task/{parent}/children");
    match std::fs::read_to_string(&file) {
        Ok(children) => children.split_whitespace().next()?.parse().ok().map(Pid::from_raw),
        // The kernel has no CONFIG_PROC_CHILDREN; or the parent is gone, and the search finds nothing.
        Err(_) => search_child(parent),
    }
}

fn search_child(parent: Pid) -> Option<Pid> {
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| parent_of(Path::new("/proc").join(pid.to_string()).as_path()) == Some(parent.as_raw()))
        .min()
        .map(Pid::from_raw)
}

/// The fourth field of `stat`; the second one, the name in brackets, may itself hold brackets and spaces.
fn parent_of(process: &Path) -> Option<i32> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Bubblewrap and shells report a process ended by a signal as 128 plus the signal's number.
fn exit_of(status: io::Result<std::process::ExitStatus>, isolated: bool) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    let Ok(status) = status else { return lost() };
    let (code, signal) = match (status.code(), status.signal()) {
        (Some(code), _) if isolated && Signal::try_from(code - 128).is_ok() => (None, Some(code - 128)),
        (code, signal) => (code, signal),
    };
    Exit { code, signal, ..Exit::default() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    #[test]
    fn bubblewraps_code_for_a_signal_is_read_as_the_signal() {
        let exit = exit_of(Ok(ExitStatus::from_raw(137 << 8)), true);
        assert_eq!((exit.code, exit.signal), (None, Some(9)));
        let exit = exit_of(Ok(ExitStatus::from_raw(3 << 8)), true);
        assert_eq!((exit.code, exit.signal), (Some(3), None));
        let exit = exit_of(Ok(ExitStatus::from_raw(255 << 8)), true);
        assert_eq!((exit.code, exit.signal), (Some(255), None));
        let exit = exit_of(Ok(ExitStatus::from_raw(15)), false);
        assert_eq!((exit.code, exit.signal), (None, Some(15)));
    }

    #[test]
    fn a_child_is_found_with_and_without_the_kernels_list() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id().cast_signed();
        let found = search_child(Pid::from_raw(std::process::id().cast_signed()));
        assert!(found.is_some());
        assert_eq!(parent_of(Path::new(&format!("/proc/{pid}"))), Some(std::process::id().cast_signed()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
