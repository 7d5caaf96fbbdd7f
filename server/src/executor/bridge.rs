//! The bridge: makes a program that listens on `$PORT` reachable through a Unix socket.
//!
//! It runs inside a sandbox with its own network, where nothing outside could connect to a port, and is the same
//! executable as the server: `eventflow bridge SOCKET PORT -- PROGRAM ARGUMENTS…`. A program that ignores `$PORT` is
//! found by the ports open in its namespace. Forwards bytes; knows no HTTP.

mod ports;

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::polling::pause_after;

/// The first argument that turns the server's program into the bridge.
pub const VERB: &str = "bridge";

/// Exit code when the program could not be started, as in shells.
const CANNOT_START: u8 = 127;
/// Exit code when the bridge itself failed.
const BROKEN: u8 = 125;

/// How long a program that listens on another port than `$PORT` gets to listen on that one, too.
const PATIENCE: Duration = Duration::from_secs(2);

/// Time between two checks of what it listens on.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Default ports of common web servers.
const USUAL: [u16; 10] = [3000, 8000, 5000, 8080, 4000, 5173, 8888, 9000, 1337, 4200];

/// Runs the bridge if the program was called as one; otherwise `None`, and `main` goes on.
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

/// Starts `program` with `PORT` set, listens on `socket` as soon as the program listens on its port, and copies bytes
/// both
/// ways. Passes SIGTERM on; returns the program's exit code, or 128 plus the number of the signal that ended it.
pub fn run(socket: &Path, port: u16, program: &[String]) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return broken("start", &error),
    };
    let code = runtime.block_on(serve(socket, port, program));
    // Open connections end with the program.
    runtime.shutdown_background();
    code
}

async fn serve(socket: &Path, port: u16, program: &[String]) -> ExitCode {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => return broken("listen for signals", &error),
    };
    // The sandbox's network process may be listening already.
    let before = ports::listening(nix::unistd::geteuid().as_raw());
    let mut child = match Command::new(&program[0]).args(&program[1..]).env("PORT", port.to_string()).spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("cannot start {}: {error}", program[0]);
            return ExitCode::from(CANNOT_START);
        }
    };
    let socket = socket.to_owned();
    let mut copying = tokio::spawn(async move { copy(&socket, port, before).await });
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

/// Where the program is reached: on its port, or on another one that it listens on instead.
#[derive(Clone)]
struct Endpoint {
    port: u16,
    instead: Arc<OnceLock<SocketAddr>>,
}

impl Endpoint {
    async fn connect(&self) -> io::Result<TcpStream> {
        let mut refused = io::ErrorKind::ConnectionRefused.into();
        let own =
            [SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), SocketAddr::from((Ipv6Addr::LOCALHOST, self.port))];
        for address in own.iter().chain(self.instead.get()) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// Waits until the program listens on the port, or for [`PATIENCE`] on a single other one.
    async fn opens(&self, before: &BTreeSet<SocketAddr>) {
        let user = nix::unistd::geteuid().as_raw();
        let mut first_seen: Option<Instant> = None;
        let began = Instant::now();
        let mut looked = began;
        while self.connect().await.is_err() {
            if looked.elapsed() >= BETWEEN_LOOKS {
                looked = Instant::now();
                let others: Vec<_> = ports::listening(user).difference(before).copied().collect();
                first_seen = if others.is_empty() { None } else { first_seen.or(Some(looked)) };
                if first_seen.is_some_and(|since| since.elapsed() >= PATIENCE)
                    && let Some(address) = likeliest(&others)
                {
                    let _ = self.instead.set(address);
                    eprintln!(
                        "EventFlow: the program listens on {} although PORT is {}; it is reached there. Better, have it listen on $PORT",
                        address.port(),
                        self.port
                    );
                }
            }
            tokio::time::sleep(pause_after(began.elapsed())).await;
        }
    }
}

/// Of several ports a usual one, in the order of [`USUAL`].
fn likeliest(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    let rank = |address: &SocketAddr| {
        let usual = USUAL.iter().position(|port| *port == address.port()).unwrap_or(USUAL.len());
        (usual, address.port(), address.is_ipv6())
    };
    addresses.iter().copied().min_by_key(rank)
}

/// Returns only on an error.
async fn copy(socket: &Path, port: u16, before: BTreeSet<SocketAddr>) -> io::Result<()> {
    let endpoint = Endpoint { port, instead: Arc::default() };
    endpoint.opens(&before).await;
    let listener = UnixListener::bind(socket)?;
    loop {
        let (outside, _) = listener.accept().await?;
        tokio::spawn(connect(outside, endpoint.clone()));
    }
}

/// An error on either side closes the connection, which is what the other side should see.
async fn connect(mut outside: UnixStream, endpoint: Endpoint) {
    let Ok(mut inside) = endpoint.connect().await else {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_ports_a_usual_one_is_taken() {
        let all =
            |ports: &[u16]| ports.iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, *port))).collect::<Vec<_>>();
        assert_eq!(likeliest(&all(&[9229, 4242])).unwrap().port(), 4242);
        assert_eq!(likeliest(&all(&[1024, 8000, 3000])).unwrap().port(), 3000);
        assert_eq!(likeliest(&[]), None);
    }
}
