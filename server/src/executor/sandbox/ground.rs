//! The thread that is the parent of all processes, and the shells that wait there, each in a control group, to become one.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::thread::JoinHandle;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::cgroup::Cgroup;

/// The thread that is the parent of all processes.
///
/// The kernel kills a `--die-with-parent` process when the *thread* that started it ends, and threads of a tokio pool
/// come and go. So a single thread, which lives as long as anything needs it, starts them all and reads their output.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) handle: Handle,
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
    pub(super) child: Child,
    pub(super) cgroup: Arc<Cgroup>,
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

/// The thread is gone, as when the server ends.
pub(super) fn ended() -> io::Error {
    io::Error::other("the thread that starts processes has ended")
}
