//! Detects whether a caller that has sent FIN still waits for its answer.
//!
//! TCP does not show whether the caller closed its socket or only the sending half. They differ when something is sent:
//! a closed socket answers with a reset. So the caller is sent an interim response, `100 Continue`, which every
//! HTTP/1.1 client ignores (RFC 9110, section 15.2), as long as the answer has not begun. HTTP/1.0 does not allow that,
//! and nothing can be inserted into an answer: in these cases the system sends keep-alive probes, which take about a
//! minute.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// How often it is checked whether a reset has arrived.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How often an interim response is sent, as a probe.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// How often the system probes the connection if nothing can be sent.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// The other end of a connection.
pub(super) trait Peer {
    /// Whether the caller has closed its socket, as far as is known.
    fn is_gone(&self) -> bool;
    /// Makes the system probe often whether the caller is still there.
    fn ask_often(&self);
}

impl Peer for TcpStream {
    fn is_gone(&self) -> bool {
        !matches!(SockRef::from(self).take_error(), Ok(None))
    }

    fn ask_often(&self) {
        let often = TcpKeepalive::new().with_time(PROBE_EVERY).with_interval(PROBE_EVERY);
        let _ = SockRef::from(self).set_tcp_keepalive(&often);
    }
}

/// A caller that has sent FIN.
pub(super) struct Leaving {
    look: Pin<Box<Sleep>>,
    asked: Option<Instant>,
}

impl Leaving {
    pub(super) fn new(peer: &impl Peer) -> Self {
        peer.ask_often();
        Self { look: Box::pin(sleep(Duration::ZERO)), asked: None }
    }

    /// Checks whether the caller is still there. `may_ask`: nothing of its answer has been sent, and it understands
    /// interim
    /// responses.
    ///
    /// # Errors
    /// When it has left.
    pub(super) fn look<T>(&mut self, io: &mut T, may_ask: bool, cx: &mut Context<'_>) -> io::Result<()>
    where
        T: AsyncWrite + Peer + Unpin,
    {
        while self.look.as_mut().poll(cx).is_ready() {
            if io.is_gone() {
                return Err(gone());
            }
            if may_ask && self.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY) {
                self.asked = Some(Instant::now());
                match Pin::new(&mut *io).poll_write(cx, CONTINUE) {
                    Poll::Ready(Ok(written)) if written == CONTINUE.len() => {}
                    // Half an interim response would corrupt the answer.
                    Poll::Ready(_) => return Err(gone()),
                    // The socket takes nothing now; nothing is lost.
                    Poll::Pending => {}
                }
            }
            self.look.as_mut().reset(tokio::time::Instant::now() + LOOK_EVERY);
        }
        Ok(())
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the caller went away")
}
