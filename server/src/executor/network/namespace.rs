//! Creates the namespace, sets it up and starts the program in it, in this order.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};
use nix::unistd::{getegid, geteuid};

use super::plan::Plan;
use super::policy::Policy;
use super::rules;

/// The sockets that the child opened in its namespace.
pub(super) struct Doors {
    /// Accepts redirected connections.
    pub(super) connections: OwnedFd,
    /// Receives DNS queries over UDP.
    pub(super) questions: OwnedFd,
    /// Receives DNS queries over TCP.
    pub(super) long_questions: OwnedFd,
}

/// Becomes the program in a namespace of its own. Returns only on an error.
pub(super) fn enter(channel: UnixStream, plan: &Plan, policy: &Policy, program: &[OsString]) -> io::Error {
    match prepare(&channel, plan, policy).and_then(|()| wait_for_go(channel)) {
        Ok(()) => Command::new(&program[0]).args(&program[1..]).exec(),
        Err(error) => error,
    }
}

fn prepare(channel: &UnixStream, plan: &Plan, policy: &Policy) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The addresses of the host's namespace; inside there are none.
    let own = policy.own_addresses();
    leave_the_hosts()?;
    feed(Command::new(&plan.ip).args(["-batch", "-"]), "ip", &rules::links())?;
    let connections = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let questions = UdpSocket::bind((rules::RESOLVER, 53))?;
    let long_questions = TcpListener::bind((rules::RESOLVER, 53))?;
    let port = connections.local_addr()?.port();
    feed(Command::new(&plan.nft).args(["-f", "-"]), "nft", &rules::rules(policy, &own, port))?;
    let doors = [connections.as_raw_fd(), questions.as_raw_fd(), long_questions.as_raw_fd()];
    let message = [ControlMessage::ScmRights(&doors)];
    sendmsg::<UnixAddr>(channel.as_raw_fd(), &[IoSlice::new(&[0])], &message, MsgFlags::empty(), None)?;
    Ok(())
}

/// Receives the descriptors that the other process opened.
pub(super) fn receive(channel: &UnixStream) -> io::Result<Doors> {
    let mut space = nix::cmsg_space!([std::os::fd::RawFd; 3]);
    let mut byte = [0];
    let mut parts = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<UnixAddr>(channel.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut received = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = part {
            // SAFETY: the kernel has just made these for this message, so nobody else owns them.
            #[allow(unsafe_code, reason = "received descriptors come as numbers")]
            received.extend(descriptors.into_iter().map(|descriptor| unsafe { OwnedFd::from_raw_fd(descriptor) }));
        }
    }
    let mut received = received.into_iter();
    match (received.next(), received.next(), received.next()) {
        (Some(connections), Some(questions), Some(long_questions)) => {
            Ok(Doors { connections, questions, long_questions })
        }
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Root creates a network namespace directly. Other users need a user namespace that owns it; the program's own user
/// namespace is created inside that one and has no rights over it.
fn leave_the_hosts() -> io::Result<()> {
    if geteuid().is_root() && unshare(CloneFlags::CLONE_NEWNET).is_ok() {
        return Ok(());
    }
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    for (file, content) in
        [("setgroups", "deny".to_owned()), ("uid_map", format!("0 {user} 1")), ("gid_map", format!("0 {group} 1"))]
    {
        std::fs::write(Path::new("/proc/self").join(file), content)?;
    }
    Ok(())
}

/// Waits until the forwarding process is ready.
fn wait_for_go(mut channel: UnixStream) -> io::Result<()> {
    channel.read_exact(&mut [0])
}

/// Runs a program with this input; its error output becomes the error.
fn feed(command: &mut Command, name: &str, input: &str) -> io::Result<()> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends early reports why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("`{name}` failed: {}", complaint.trim())))
        }
    }
}
