//! One sandboxed process from its start to its end: signals, output, exit.
//!
//! Knows processes and control groups, not what runs in them.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt;
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use uuid::Uuid;

use super::super::handle::{Handle, Order, lost};
use super::super::lines::{Gate, Tail, pump};
use super::super::{Exit, Lines, Stream};
use super::cgroup::Cgroup;
use super::family::descendant;
use super::folder::Folder;
use super::ground::{Slot, ended};
use super::guard;
use super::home::Home;
use super::leash::{Inside, Leash};

/// How long the last output of an ended process may take to be read; then it is given up.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// How long the function's own process is looked for before the whole sandbox is killed instead.
const FOUND_WITHIN: Duration = Duration::from_millis(200);

/// How long bubblewrap may take to notice that the sandbox is dead.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);

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

/// A running process, killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) handle: Handle,
    cgroup: Arc<Cgroup>,
    why: Arc<OnceLock<String>>,
    inside: Option<Inside>,
    _home: Arc<Home>,
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

    /// A handle that does not keep the process alive.
    pub(super) fn leash(&self) -> Leash {
        let (why, inside) = (self.why.clone(), self.inside);
        Leash {
            orders: self.handle.orders.downgrade(),
            exit: self.handle.exit.clone(),
            why,
            inside,
            first: OnceLock::new(),
        }
    }

    /// The control group around it.
    pub(super) fn cgroup(&self) -> &Arc<Cgroup> {
        &self.cgroup
    }
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
    let reason = why.clone();
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
        exit.why = reason.get().cloned().filter(|_| exit.code != Some(0));
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
    Process { handle: Handle { orders, exit, tail }, cgroup, why, inside, _home: home }
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

    /// Kills everything: the sandbox's first process takes all others with it. Returns when to kill bubblewrap
    /// itself, should it not have noticed.
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
/// and would not pass it on.
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
}
