//! Forwards connections: each redirected one is opened again from the host's namespace, and its bytes are copied.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::policy::Policy;

/// Concurrent connections of one sandbox; further ones wait.
pub(super) const MAX_CONNECTIONS: usize = 512;

/// Bytes buffered for each direction of a connection.
const BUFFER: usize = 16 * 1024;

/// Time limit for connecting to one address.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// Pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// Refusals that are reported to the function's log; further ones are not.
const MAX_REPORTS: u32 = 20;

/// Starts to forward the connections of the listener.
pub(super) fn start(listener: OwnedFd, policy: Arc<Policy>) -> io::Result<()> {
    let listener = std::net::TcpListener::from(listener);
    listener.set_nonblocking(true)?;
    tokio::spawn(accept(TcpListener::from_std(listener)?, policy));
    Ok(())
}

async fn accept(listener: TcpListener, policy: Arc<Policy>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((inside, _)) => {
                let policy = policy.clone();
                tokio::spawn(async move {
                    if let Err(why) = forward(inside, &policy).await {
                        report(&why);
                    }
                    drop(place);
                });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Copies both ways until both sides have ended. An error is a reason to report; a broken connection is not one.
async fn forward(mut inside: TcpStream, policy: &Policy) -> Result<(), String> {
    let Some(to) = destination(&inside) else { return Ok(()) };
    let outside = match policy.targets(to).await {
        Ok(targets) => connect(&targets, policy).await,
        Err(why) => {
            reset(&inside);
            return Err(format!("a connection was refused: {why}"));
        }
    };
    let Some(mut outside) = outside else {
        reset(&inside);
        return Ok(());
    };
    let (_, _) = (inside.set_nodelay(true), outside.set_nodelay(true));
    if copy_bidirectional_with_sizes(&mut inside, &mut outside, BUFFER, BUFFER).await.is_err() {
        reset(&inside);
        reset(&outside);
    }
    Ok(())
}

/// The address that the program meant to connect to.
fn destination(inside: &TcpStream) -> Option<SocketAddrV4> {
    let address = getsockopt(inside, sockopt::OriginalDst).ok()?;
    let ip = Ipv4Addr::from_bits(u32::from_be(address.sin_addr.s_addr));
    Some(SocketAddrV4::new(ip, u16::from_be(address.sin_port)))
}

async fn connect(targets: &[SocketAddr], policy: &Policy) -> Option<TcpStream> {
    for target in targets {
        if let Ok(Ok(stream)) = timeout(CONNECT_WITHIN, TcpStream::connect(target)).await
            && let (Ok(local), Ok(remote)) = (stream.local_addr(), stream.peer_addr())
            && !policy.leads_back(local.ip(), remote.ip())
        {
            return Some(stream);
        }
    }
    None
}

/// Makes the other side see an error when the connection is closed, instead of an ordinary end.
fn reset(stream: &TcpStream) {
    let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    let _ = setsockopt(stream, sockopt::Linger, &at_once);
}

/// Writes a line to the function's log.
fn report(why: &str) {
    thread_local!(static REPORTS: Cell<u32> = const { Cell::new(0) });
    let count = REPORTS.get() + 1;
    REPORTS.set(count);
    match count {
        ..MAX_REPORTS => eprintln!("eventflow: {why}"),
        MAX_REPORTS => eprintln!("eventflow: {why}; further refusals are not reported"),
        _ => {}
    }
}
