//! HTTP/1.1 connections to an instance, kept open between requests.
//!
//! Idle connections are stored per thread: a request is written by the thread that drives its connection, so there is
//! no contention for a lock.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;

use crate::executor::Address;

/// Number of groups of idle connections; threads beyond that share them.
const SHARDS: usize = 8;

/// Maximum idle connections in a group.
const MAX_IDLE: usize = 64;

/// The header that marks a request for wrappers as a probe and not a call. Callers cannot set it.
const PROBE: &str = "x-eventflow-probe";

/// Maximum bytes of the head of an answer, which is kept in memory.
const MAX_HEAD: usize = 128 << 10;

/// The result of probing an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeResult {
    /// It answers.
    Answers,
    /// Nothing listens at its address.
    Unreachable,
}

/// Why an instance did not answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing listens at its address any more.
    #[error("the instance cannot be reached: {0}")]
    Connect(std::io::Error),
    /// It disconnected, or the request was aborted.
    #[error("the instance broke off or did not answer in HTTP: {0}")]
    Protocol(hyper::Error),
    /// Its answer was not HTTP/1.1.
    #[error(
        "the function does not answer in HTTP/1.1: a server that speaks HTTP/2 alone (h2c, gRPC) cannot be reached; have it \
         speak HTTP/1.1 as well ({0})"
    )]
    NotHttp(hyper::Error),
    /// Its status code is invalid (RFC 9110, section 15).
    #[error("the function answered with the status {0}; an answer has one from 200 to 599")]
    Status(u16),
}

impl From<hyper::Error> for CallError {
    fn from(error: hyper::Error) -> Self {
        if is_foreign(&error) { Self::NotHttp(error) } else { Self::Protocol(error) }
    }
}

/// Whether something other than HTTP/1.1 arrived. HTTP/2 servers speak first, so it may arrive before any request.
fn is_foreign(error: &hyper::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        let hyper = error.downcast_ref::<hyper::Error>();
        if hyper.is_some_and(|error| error.is_parse() || error.to_string().contains("unexpected message")) {
            return true;
        }
        next = error.source();
    }
    false
}

/// The body of a request, either complete or as a stream.
#[derive(Debug)]
pub enum RequestBody {
    /// The complete body.
    Full(Bytes),
    /// A stream; an `Err` aborts the request.
    Stream(mpsc::Receiver<Result<Bytes, std::io::Error>>),
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream(parts) => parts.poll_recv(cx).map(|part| part.map(|part| part.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// An answer whose body is still arriving.
pub struct Answer {
    /// Status, headers and body.
    pub response: Response<Incoming>,
    sender: SendRequest<RequestBody>,
}

/// The byte stream of a WebSocket.
pub type Upgraded = TokioIo<hyper::upgrade::Upgraded>;

/// The result of a request for a WebSocket.
pub enum Socket {
    /// It was opened.
    Open {
        /// The headers of the handshake's answer.
        headers: HeaderMap,
        /// The byte stream after the handshake.
        io: Upgraded,
    },
    /// It was answered like any other request.
    Refused(Answer),
}

#[derive(Debug)]
pub(super) struct Connections {
    address: Address,
    idle: [Mutex<Vec<SendRequest<RequestBody>>>; SHARDS],
}

impl Connections {
    pub(super) fn new(address: Address) -> Self {
        Self { address, idle: Default::default() }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) async fn send(&self, mut request: Request<RequestBody>) -> Result<Answer, CallError> {
        while let Some(mut sender) = self.take() {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(Answer { response, sender }),
                // The connection was closed while idle and nothing was sent: use another one.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        let mut sender = self.connect().await?;
        match sender.try_send_request(request).await {
            Ok(response) => Ok(Answer { response, sender }),
            Err(mut error) => {
                let unsent = error.take_message().is_some();
                let error = error.into_error();
                Err(match unsent && !is_foreign(&error) {
                    true => CallError::Connect(std::io::Error::other(error)),
                    false => error.into(),
                })
            }
        }
    }

    /// Ensures that there is a connection, so that the next request can be sent.
    pub(super) async fn reach(&self) -> Result<(), CallError> {
        while let Some(mut sender) = self.take() {
            if sender.ready().await.is_ok() {
                self.give_back(sender);
                return Ok(());
            }
        }
        let sender = self.connect().await?;
        self.give_back(sender);
        Ok(())
    }

    /// Probes whether anything answers, with a request that has no effect (RFC 9110, section 9.3.7) and that wrappers
    /// recognize by its header. Any answer counts.
    pub(super) async fn probe(&self) -> ProbeResult {
        let mut request = Request::new(RequestBody::Full(Bytes::new()));
        *request.method_mut() = hyper::Method::OPTIONS;
        *request.uri_mut() = hyper::Uri::from_static("*");
        request.headers_mut().insert("host", hyper::header::HeaderValue::from_static("function"));
        request.headers_mut().insert(PROBE, hyper::header::HeaderValue::from_static("1"));
        match self.connect().await {
            Ok(mut sender) => {
                let _ = sender.send_request(request).await;
                ProbeResult::Answers
            }
            Err(CallError::Connect(error)) if is_deaf(&error) => ProbeResult::Unreachable,
            // A fault of this server is not the instance's fault.
            Err(_) => ProbeResult::Answers,
        }
    }

    /// Sends a request for a WebSocket, over a connection of its own.
    pub(super) async fn open(&self, request: Request<RequestBody>) -> Result<Socket, CallError> {
        let mut sender = self.connect().await?;
        let mut response = sender.send_request(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Socket::Refused(Answer { response, sender }));
        }
        let io = hyper::upgrade::on(&mut response).await?;
        Ok(Socket::Open { headers: response.into_parts().0.headers, io: TokioIo::new(io) })
    }

    /// Returns a connection for the next request, after its answer was read to the end.
    pub(super) fn give_back(&self, sender: SendRequest<RequestBody>) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.idle[shard()].lock();
        if idle.len() < MAX_IDLE {
            idle.push(sender);
        }
    }

    fn take(&self) -> Option<SendRequest<RequestBody>> {
        self.idle[shard()].lock().pop()
    }

    async fn connect(&self) -> Result<SendRequest<RequestBody>, CallError> {
        match &self.address {
            Address::Unix(path) => handshake(UnixStream::connect(path).await.map_err(CallError::Connect)?).await,
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(CallError::Connect)?;
                stream.set_nodelay(true).map_err(CallError::Connect)?;
                handshake(stream).await
            }
        }
    }
}

impl Answer {
    /// Splits the answer. The connection should be returned after the end of the body.
    pub(super) fn into_parts(self) -> (Response<Incoming>, SendRequest<RequestBody>) {
        (self.response, self.sender)
    }
}

async fn handshake<S>(stream: S) -> Result<SendRequest<RequestBody>, CallError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await?;
    // The task ends with the last handle to the connection; errors reach whoever waits for the answer.
    tokio::spawn(connection.with_upgrades());
    Ok(sender)
}

/// Whether nothing listens any more; other errors may be this server's fault.
pub(super) fn is_deaf(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound)
}

/// The group of the current thread.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS));
    MINE.with(Cell::get)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
    use tokio::net::{TcpListener, UnixListener};

    use super::*;

    /// Answers one request on one connection.
    async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    }

    async fn asked(address: Address) -> Result<StatusCode, CallError> {
        let connections = Connections::new(address);
        let mut request = Request::new(RequestBody::Full(Bytes::new()));
        request.headers_mut().insert("host", hyper::header::HeaderValue::from_static("function"));
        connections.send(request).await.map(|answer| answer.response.status())
    }

    #[tokio::test]
    async fn an_instance_is_asked_over_a_socket_an_address_and_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let served = async { answer(listener.accept().await.unwrap().0).await };
        let (status, ()) = tokio::join!(asked(Address::Unix(path.clone())), served);
        assert_eq!(status.unwrap(), StatusCode::NO_CONTENT);

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost"] {
            let served = async { answer(listener.accept().await.unwrap().0).await };
            let (status, ()) = tokio::join!(asked(Address::Tcp { host: host.into(), port }), served);
            assert_eq!(status.unwrap(), StatusCode::NO_CONTENT, "{host}");
        }

        // Nothing listens any more: the instance is gone, and this server is not at fault.
        drop(listener);
        std::fs::remove_file(&path).unwrap();
        for address in [Address::Unix(path), Address::Tcp { host: "127.0.0.1".into(), port }] {
            assert_eq!(Connections::new(address).probe().await, ProbeResult::Unreachable);
        }
    }
}
