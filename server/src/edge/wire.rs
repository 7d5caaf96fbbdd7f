//! The transport of a caller's bytes: a connection, or a stream of an HTTP/2 connection; detects the protocol of a
//! connection.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

use super::leaving::Peer;

/// What a client sends first if it knows that the server speaks HTTP/2 (RFC 9113, section 3.4); no HTTP/1 request
/// starts like this.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Receives a connection that turned out to speak HTTP/2.
pub(super) type Found = Rc<Cell<Option<TcpStream>>>;

/// The transport of a caller's bytes.
pub(super) enum Wire {
    /// A connection that may turn out to speak HTTP/2.
    Connection(Opening),
    /// A stream of an HTTP/2 connection.
    Stream(Near),
}

/// A connection whose first bytes are examined as they are read.
pub(super) struct Opening {
    /// `None` once it is known to speak HTTP/2.
    io: Option<TcpStream>,
    found: Found,
    /// The part of the preface read so far.
    begin: [u8; PREFACE.len()],
    read: usize,
    /// How much of that was handed on; `None` while it may still become the preface.
    handed: Option<usize>,
}

impl Opening {
    pub(super) fn new(io: TcpStream, found: Found) -> Self {
        Self { io: Some(io), found, begin: *PREFACE, read: 0, handed: None }
    }

    fn io(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.io.as_mut().map(Pin::new).ok_or_else(other_protocol)
    }

    /// Reads until it is clear that this is no preface.
    ///
    /// # Errors
    /// When it is the preface.
    fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            if let Some(handed) = self.handed {
                return Poll::Ready(Ok(handed));
            }
            let Some(io) = &mut self.io else { return Poll::Ready(Err(other_protocol())) };
            let mut buffer = ReadBuf::new(&mut self.begin[self.read..]);
            ready!(Pin::new(io).poll_read(cx, &mut buffer))?;
            let count = buffer.filled().len();
            self.read += count;
            if count == 0 || self.begin[..self.read] != PREFACE[..self.read] {
                self.handed = Some(0);
            } else if self.read == PREFACE.len() {
                self.found.set(self.io.take());
            }
        }
    }
}

fn other_protocol() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "the connection speaks HTTP/2")
}

/// The server's end of a stream.
pub(super) struct Near {
    io: DuplexStream,
    /// The other end is gone.
    gone: Arc<AtomicBool>,
}

/// The other end; dropping it means that the caller is gone.
pub(super) type Far = After<DuplexStream, Gone>;

/// Says that an end is gone when it is dropped.
pub(super) struct Gone(Arc<AtomicBool>);

/// Both ends of a stream; each buffers so many bytes before it waits for the other.
pub(super) fn stream(buffer: usize) -> (Near, Far) {
    let (near, far) = tokio::io::duplex(buffer);
    let gone = Arc::new(AtomicBool::new(false));
    (Near { io: near, gone: gone.clone() }, After { first: &[], io: far, _with: Gone(gone) })
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

impl Peer for Wire {
    fn is_gone(&self) -> bool {
        match self {
            Self::Connection(opening) => opening.io.as_ref().is_none_or(Peer::is_gone),
            Self::Stream(near) => near.gone.load(Relaxed),
        }
    }

    fn ask_often(&self) {
        if let Self::Connection(Opening { io: Some(io), .. }) = self {
            io.ask_often();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let opening = match self.get_mut() {
            Self::Connection(opening) => opening,
            Self::Stream(near) => return Pin::new(&mut near.io).poll_read(cx, buffer),
        };
        let handed = ready!(opening.poll_begin(cx))?;
        if handed < opening.read {
            let count = buffer.remaining().min(opening.read - handed);
            buffer.put_slice(&opening.begin[handed..handed + count]);
            opening.handed = Some(handed + count);
            return Poll::Ready(Ok(()));
        }
        opening.io()?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Connection(opening) => opening.io()?.poll_write(cx, bytes),
            Self::Stream(near) => Pin::new(&mut near.io).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Connection(opening) => opening.io()?.poll_flush(cx),
            Self::Stream(near) => Pin::new(&mut near.io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Connection(Opening { io: None, .. }) => Poll::Ready(Ok(())),
            Self::Connection(opening) => opening.io()?.poll_shutdown(cx),
            Self::Stream(near) => Pin::new(&mut near.io).poll_shutdown(cx),
        }
    }
}

/// What is read are some bytes first, and then what comes over `io`; what is written goes there.
pub(super) struct After<I, W = ()> {
    first: &'static [u8],
    io: I,
    /// What is dropped with it.
    _with: W,
}

/// An HTTP/2 connection: the preface that was already read, followed by the rest.
pub(super) type Rewound = After<TcpStream>;

impl Rewound {
    pub(super) fn new(io: TcpStream) -> Self {
        Self { first: PREFACE, io, _with: () }
    }
}

impl Peer for Rewound {
    fn is_gone(&self) -> bool {
        self.io.is_gone()
    }

    fn ask_often(&self) {
        self.io.ask_often();
    }
}

impl<I: AsyncRead + Unpin, W: Unpin> AsyncRead for After<I, W> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let (now, later) = self.first.split_at(buffer.remaining().min(self.first.len()));
        buffer.put_slice(now);
        self.first = later;
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin, W: Unpin> AsyncWrite for After<I, W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (near, far) = tokio::join!(listener.accept(), TcpStream::connect(address));
        (near.unwrap().0, far.unwrap())
    }

    /// What is read from a caller that sends these parts, and whether the connection turned out to speak HTTP/2.
    async fn read(parts: &[&[u8]]) -> (Result<Vec<u8>, io::ErrorKind>, bool) {
        let (near, mut far) = pair().await;
        let found = Found::default();
        let mut wire = Wire::Connection(Opening::new(near, found.clone()));
        let send = async {
            for part in parts {
                far.write_all(part).await.unwrap();
                far.flush().await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            far.shutdown().await.unwrap();
        };
        let receive = async {
            let mut bytes = Vec::new();
            wire.read_to_end(&mut bytes).await.map(|_| bytes).map_err(|error| error.kind())
        };
        let ((), received) = tokio::join!(send, receive);
        (received, found.take().is_some())
    }

    #[tokio::test]
    async fn what_is_no_preface_is_read_as_it_was_sent() {
        let table: [&[&[u8]]; 8] = [
            &[b"GET / HTTP/1.1\r\n\r\n"],
            &[b"POST / HTTP/1.1\r\n\r\n"],
            &[b"P", b"ATCH / HTTP/1.1\r\n\r\n"],
            &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", b"!and more"],
            &[b"PRI * HTTP/1.1\r\n\r\n"],
            &[b"PRI"],
            &[b"", b"G", b"E", b"T"],
            &[],
        ];
        for parts in table {
            assert_eq!(
                read(parts).await,
                (Ok(parts.concat()), false),
                "{:?}",
                String::from_utf8_lossy(&parts.concat())
            );
        }
    }

    #[tokio::test]
    async fn a_preface_is_found_however_it_comes() {
        let whole = [PREFACE.as_slice(), b"frames"].concat();
        let bytes: Vec<&[u8]> = PREFACE.chunks(1).collect();
        let table: [&[&[u8]]; 3] = [&[&whole], &[&PREFACE[..7], &whole[7..]], &bytes];
        for parts in table {
            assert_eq!(read(parts).await, (Err(io::ErrorKind::Unsupported), true));
        }
        let (near, mut far) = pair().await;
        far.write_all(b"frames").await.unwrap();
        far.shutdown().await.unwrap();
        let mut bytes = Vec::new();
        Rewound::new(near).read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, whole);
    }

    #[tokio::test]
    async fn a_stream_whose_other_end_is_dropped_is_gone() {
        let (near, far) = stream(64);
        let mut wire = Wire::Stream(near);
        assert!(!wire.is_gone());
        drop(far);
        assert!(wire.is_gone());
        assert_eq!(wire.read_u8().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
