//! Network access of a sandbox: `eventflow network PLAN -- PROGRAM ARGUMENTS…`.
//!
//! The program runs in its own network namespace, in which every TCP connection is redirected to one listener. The
//! process around it, which stays in the host's namespace, accepts each connection, looks up its original destination,
//! and connects there if the policy allows it; it also answers DNS queries. Destinations that are always closed are
//! rejected by the namespace's own packet filter, so that connections fail at once. The namespace belongs to a user
//! namespace in which the program has no rights, so it cannot change any of this.
//!
//! Only TCP over IPv4 and DNS pass. Knows addresses and bytes; knows nothing of functions.

mod confine;
mod forward;
mod names;
mod namespace;
mod plan;
mod policy;
mod rules;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use tokio::signal::unix::{SignalKind, signal};

pub use names::resolv_conf;
use namespace::Doors;
pub use plan::Plan;
use policy::Policy;
pub use rules::example as example_rules;
pub(super) use rules::set;

/// The first argument that turns the server's program into the network process of a sandbox.
pub const VERB: &str = "network";

/// Exit code when the network process itself failed.
const BROKEN: u8 = 125;

/// Threads that resolve names.
const LOOKUPS: usize = 4;

/// Runs the network process if the program was called as one; otherwise `None`, and `main` goes on.
pub fn entry() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (verb, rest) = arguments.split_first()?;
    if verb != VERB {
        return None;
    }
    let (plan, program) = match rest {
        [plan, dashes, program @ ..] if dashes == "--" && !program.is_empty() => (plan, program),
        _ => {
            eprintln!("usage: eventflow network PLAN -- PROGRAM ARGUMENTS…");
            return Some(ExitCode::from(2));
        }
    };
    Some(run(Path::new(plan), program).unwrap_or_else(|error| {
        eprintln!("eventflow: the sandbox's network cannot be made: {error}");
        ExitCode::from(BROKEN)
    }))
}

/// Starts the program in a namespace of its own, forwards while it runs, and returns its exit code.
fn run(plan: &Path, program: &[OsString]) -> io::Result<ExitCode> {
    // If the program around this one is killed, this one ends, too, with everything that it started.
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    let plan: Plan = serde_json::from_slice(&std::fs::read(plan)?)?;
    let policy = Policy::new(&plan)?;
    let (ours, theirs) = UnixStream::pair()?;
    // SAFETY: this process has one thread.
    #[allow(unsafe_code, reason = "a namespace of one's own can be made only by a process of one thread")]
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(ours);
            let error = namespace::enter(theirs, &plan, &policy, program);
            eprintln!("eventflow: the sandbox's network cannot be made: {error}");
            std::process::exit(i32::from(BROKEN))
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            let doors = match namespace::receive(&ours) {
                Ok(doors) => doors,
                // The child reports why it failed.
                Err(_) => return Ok(code_of(waitpid(child, None)?).unwrap_or(ExitCode::from(BROKEN))),
            };
            confine::confine()?;
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(LOOKUPS).build()?;
            let code = runtime.block_on(serve(child, ours, doors, policy))?;
            runtime.shutdown_background();
            Ok(code)
        }
    }
}

async fn serve(child: Pid, mut channel: UnixStream, doors: Doors, policy: Policy) -> io::Result<ExitCode> {
    let mut ended = signal(SignalKind::child())?;
    let policy = Arc::new(policy);
    forward::start(doors.connections, policy.clone())?;
    names::start(doors.questions, doors.long_questions, policy)?;
    channel.write_all(&[0])?;
    drop(channel);
    loop {
        if let Some(code) = code_of(waitpid(child, Some(WaitPidFlag::WNOHANG))?) {
            return Ok(code);
        }
        ended.recv().await;
    }
}

/// The exit code as in shells; `None` if it has not ended.
fn code_of(status: WaitStatus) -> Option<ExitCode> {
    match status {
        WaitStatus::Exited(_, code) => Some(ExitCode::from(u8::try_from(code).unwrap_or(BROKEN))),
        WaitStatus::Signaled(_, signal, _) => Some(ExitCode::from(128u8.saturating_add(signal as u8))),
        _ => None,
    }
}
