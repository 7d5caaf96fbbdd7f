//! The bridge: a program that listens on `$PORT` is reached through a Unix socket.
//!
//! It runs inside a sandbox that has a network of its own, where nothing outside could connect to a port, and
//! is the same program file as the server: `eventflow bridge SOCKET PORT -- PROGRAM ARGUMENTS…`.
//! It knows bytes, and no HTTP.

use std::io;
use std::net::Ipv4Addr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::polling::pause_after;

/// The first argument that makes the server's program the bridge.
pub const VERB: &str = "bridge";

/// When the program could not be started, as shells say it.
const CANNOT_START: u8 = 127;
/// When the bridge itself failed.
const BROKEN: u8 = 125;

/// Is the bridge when the program was called as one; `None` when it was not, and `main` goes on.
pub fn entry() -> Option<ExitCode> {
    if std::env::args_os().nth(1)? != VERB {
        return None;
    }
    let rest: Vec<String> = std::env::args().skip(2).collect();
    let [socket, port, dashes, program @ ..] = rest.as_slice() else {
        return Some(usage());
    };
    let (Ok(port), "--", false) = (port.parse(), dashes.as_str(), program.is_empty()) else {
        return Some(usage());
    };
    Some(run(&PathBuf::from(socket), port, program))
}

fn usage() -> ExitCode {
    eprintln!("usage: eventflow bridge SOCKET PORT -- PROGRAM ARGUMENTS…");
    ExitCode::from(2)
}

/// Starts `program` with `PORT` set, listens on `socket` as soon as the program does on its port, and copies
/// bytes both ways. Passes SIGTERM on; returns the program's exit code, 128 and the signal's number when one ended it.
pub fn run(socket: &Path, port: u16, program: &[String]) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return broken("start", &error),
    };
    let code = runtime.block_on(serve(socket, port, program));
    // Connections that are still open end with the program.
    runtime.shutdown_background();
    code
}

async fn serve(socket: &Path, port: u16, program: &[String]) -> ExitCode {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => return broken("listen for signals", &error),
    };
    let mut child = match Command::new(&program[0]).args(&program[1..]).env("PORT", port.to_string()).spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("cannot start {}: {error}", program[0]);
            return ExitCode::from(CANNOT_START);
        }
    };
    let socket = socket.to_owned();
    let mut copying = tokio::spawn(async move { copy(&socket, port).await });
    let mut copies = true;
    loop {
        tokio::select! {
            status = child.wait() => return code_of(status),
            _ = terminate.recv() => pass_on(&child),
            ended = &mut copying, if copies => {
                copies = false;
                if let Ok(Err(error)) = ended {
                    let _ = child.start_kill();
                    return broken("listen on the socket", &error);
                }
            }
        }
    }
}

/// Ends only with an error.
async fn copy(socket: &Path, port: u16) -> io::Result<()> {
    let began = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
        tokio::time::sleep(pause_after(began.elapsed())).await;
    }
    let listener = UnixListener::bind(socket)?;
    loop {
        let (outside, _) = listener.accept().await?;
        tokio::spawn(connect(outside, port));
    }
}

/// An error on either side closes the connection, and that is what the other side should see.
async fn connect(mut outside: UnixStream, port: u16) {
    let Ok(mut inside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        return;
    };
    let _ = inside.set_nodelay(true);
    let _ = copy_bidirectional(&mut outside, &mut inside).await;
}

fn pass_on(child: &Child) {
    if let Some(pid) = child.id() {
        let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM);
    }
}

fn code_of(status: io::Result<ExitStatus>) -> ExitCode {
    let code = match status {
        Ok(status) => status.code().or(status.signal().map(|signal| 128 + signal)),
        Err(error) => return broken("wait for the program", &error),
    };
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(BROKEN))
}

fn broken(what: &str, error: &io::Error) -> ExitCode {
    eprintln!("the bridge cannot {what}: {error}");
    ExitCode::from(BROKEN)
}
