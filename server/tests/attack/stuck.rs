//! Threads that do not come back: the server says so, and ends when it is asked to.
//!
//! No request is known that would hold a thread up, so that a debugger does: a thread that is traced and stopped runs no
//! more than one that computes for ever.

use std::time::{Duration, Instant};

use nix::sys::ptrace::{self, Options as Trace};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::app::{Options, PATIENCE, TestApp};
use crate::victim::victim;

/// The server's threads that serve HTTP, and those on which its actors live.
fn workers(app: &TestApp) -> Vec<Pid> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", app.pid())).unwrap();
    let worker = |task: std::io::Result<std::fs::DirEntry>| {
        let task = task.unwrap();
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let id = task.file_name().to_str()?.parse().ok()?;
        name.starts_with("actix-rt").then_some(Pid::from_raw(id))
    };
    tasks.filter_map(worker).collect()
}

/// Whether the log names each thread that is held up.
fn is_reported(log: &str, workers: usize) -> bool {
    let held = |line: &&str| line.contains("thread held up") && (line.contains("worker ") || line.contains("actors "));
    log.lines().filter(held).count() >= workers
}

/// Whether a process has ended. A child that nobody waited for yet is a zombie.
fn has_ended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

#[tokio::test]
async fn a_server_whose_workers_are_stuck_says_so_and_ends() {
    let app = victim(Options::default().env("EVENTFLOW_STOP_GRACE", "2")).await;
    // Once it answers, all of its threads are there.
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
    let workers = workers(&app);
    assert!(workers.len() > 1);
    for worker in &workers {
        if let Err(error) = ptrace::seize(*worker, Trace::empty()) {
            println!("skipped: this machine lets nobody trace a thread ({error})");
            return;
        }
        ptrace::interrupt(*worker).unwrap();
    }
    let log = app.folder().join("server.log");
    let deadline = Instant::now() + PATIENCE;
    while !is_reported(&std::fs::read_to_string(&log).unwrap(), workers.len()) {
        assert!(Instant::now() < deadline, "{}", std::fs::read_to_string(&log).unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (asked, pid) = (Instant::now(), app.pid());
    nix::sys::signal::kill(Pid::from_raw(pid.cast_signed()), nix::sys::signal::Signal::SIGTERM).unwrap();
    // A thread that is traced is gone for its tracer first.
    app.eventually("the server ends", async || {
        for worker in &workers {
            _ = waitpid(*worker, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL));
        }
        has_ended(pid).then_some(())
    })
    .await;
    assert!(asked.elapsed() < Duration::from_secs(50), "{:?}", asked.elapsed());
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("stopping without them"), "{log}");
}
