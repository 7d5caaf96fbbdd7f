//! HTTP/2 (RFC 9113) with prior knowledge: for programs, and for proxies that terminate TLS.
//!
//! Each stream becomes an internal HTTP/1.1 connection with its own slot. Everything that applies to connections thus
//! applies to streams: their number, time limits for heads and bodies, and callers that do not read or disconnect. This
//! adds the framing and its limits: number of streams, size of heads, data in transit, and streams that are reset as
//! soon as they are opened.

use std::cell::Cell;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_http::error::DispatchError;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::activity::Busy;
use super::connection_slots::{ConnectionSlot, ConnectionSlots};
use super::limits::{Limits, MIN_RATE};
use super::refusal;
use super::transport::Guarded;
use super::wire::{self, Rewound, Wire};

/// Streams that one connection may have open at a time.
const MAX_STREAMS: u32 = 100;

/// The size limit of a head, in bytes; each field counts 32 bytes extra (RFC 9113, section 6.5.2).
const MAX_HEAD: u32 = 64 << 10;

/// Bytes that may be in transit to the server, per stream and per connection.
const STREAM_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 256 << 10;

/// Bytes of an answer that are buffered at each step for a caller that does not read.
const BUFFER: usize = 16 << 10;

/// Streams that a client may open and reset before the server has handled them (CVE-2023-44487); beyond that the
/// connection is closed.
const MAX_RESET: usize = 20;

/// Streams that the server resets because of a client's faults; beyond that the connection is closed.
const MAX_FAULTS: usize = 100;

/// Receives a connection's streams.
pub(super) trait Entry {
    /// Serves the bytes of one stream as if it were a connection.
    fn enter(&self, io: Guarded<Wire>, peer: Option<SocketAddr>);
}

/// A connection that turned out to speak HTTP/2.
pub(super) struct Connection {
    pub io: TcpStream,
    pub peer: Option<SocketAddr>,
    /// The connection's own place.
    pub slot: Arc<ConnectionSlot>,
    pub slots: Arc<ConnectionSlots>,
    /// Whether the caller's address is counted.
    pub counted: bool,
    pub limits: Limits,
}

/// Serves a connection until it ends, or until `ending`.
///
/// # Errors
/// When the connection broke.
pub(super) async fn serve(
    connection: Connection,
    entry: Rc<dyn Entry>,
    ending: impl Future<Output = ()>,
) -> Result<(), DispatchError> {
    let Connection { io, peer, slot, slots, counted, limits } = connection;
    let io = Guarded::new(Rewound::new(io), slot.clone(), limits);
    let streams = Rc::new(Streams { peer, slot, slots, counted, limits, entry });
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let streams = streams.clone();
        async move { streams.answer(request).await }
    });
    let mut builder = hyper::server::conn::http2::Builder::new(Local(limits));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(BUFFER)
        .max_pending_accept_reset_streams(MAX_RESET)
        .max_local_error_reset_streams(MAX_FAULTS);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(io), service));
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = ending => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    served.map_err(|error| DispatchError::Io(std::io::Error::other(error)))
}

/// Runs the streams of a connection on its own thread, each for as long as its caller reads.
#[derive(Clone)]
struct Local(Limits);

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        let (taking, period) = (Rc::new(Taking::default()), self.0.period());
        actix_web::rt::spawn(TAKING.scope(taking.clone(), async move {
            tokio::select! {
                _ = task => {}
                () = taking.late(period) => {}
            }
        }));
    }
}

tokio::task_local! {
    /// The progress of the stream that this task serves.
    static TAKING: Rc<Taking>;
}

/// Tracks whether a caller reads: the flow control windows of streams are not visible anywhere else.
#[derive(Default)]
struct Taking {
    /// When the bytes handed on last must have been taken.
    until: Cell<Option<Instant>>,
}

impl Taking {
    /// Notes that so many bytes are on their way.
    fn send(&self, bytes: usize, limit: Duration) {
        let more = Duration::from_millis((bytes as u64).saturating_mul(1000) / MIN_RATE);
        self.until.set(Some(Instant::now() + limit + more));
    }

    /// Notes that all of them have been taken.
    fn taken(&self) {
        self.until.set(None);
    }

    /// Waits until the caller is too slow.
    async fn late(&self, period: Duration) {
        loop {
            tokio::time::sleep(period).await;
            if self.until.get().is_some_and(|until| until <= Instant::now()) {
                return;
            }
        }
    }
}

/// The streams of a connection.
struct Streams {
    peer: Option<SocketAddr>,
    slot: Arc<ConnectionSlot>,
    slots: Arc<ConnectionSlots>,
    counted: bool,
    limits: Limits,
    entry: Rc<dyn Entry>,
}

impl Streams {
    /// # Errors
    /// When there is no answer: the stream is reset.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Answer>, hyper::Error> {
        let busy = self.slot.activity.begin();
        let sending = Sending { taking: TAKING.with(Rc::clone), limit: self.limits.write, _busy: busy };
        if request.method() == Method::CONNECT {
            let message = "CONNECT is for proxies, which this server is not";
            return Ok(refuse(StatusCode::NOT_IMPLEMENTED, "not_implemented", message, sending));
        }
        let address = self.peer.map(|peer| peer.ip().to_canonical());
        let slot = match self.slots.take(address, self.counted) {
            Ok(slot) => slot,
            Err(full) => {
                let (status, message) = (StatusCode::SERVICE_UNAVAILABLE, refusal::full(&full));
                let mut response = refuse(status, refusal::TOO_MANY_CONNECTIONS, &message, sending);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                return Ok(response);
            }
        };
        let (near, far) = wire::stream(BUFFER);
        self.entry.enter(Guarded::new(Wire::Stream(near), Arc::new(slot), self.limits), self.peer);
        let mut one = hyper::client::conn::http1::Builder::new();
        one.max_buf_size(BUFFER);
        let (mut sender, connection) = one.handshake(TokioIo::new(far)).await?;
        let task = Task(actix_web::rt::spawn(async move { drop(connection.await) }));
        let (mut head, body) = sender.send_request(to_one(request)).await?.into_parts();
        for name in &OF_THE_CONNECTION {
            head.headers.remove(name);
        }
        head.version = Version::HTTP_2;
        Ok(Response::from_parts(head, Answer::new(body.boxed_unsync(), Some(task), sending)))
    }
}

/// Fields that concern a single connection (RFC 9113, section 8.2.2).
static OF_THE_CONNECTION: [HeaderName; 6] = [
    header::CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Converts a request into the form of HTTP/1.1.
fn to_one<B>(request: Request<B>) -> Request<B> {
    let (mut head, body) = request.into_parts();
    head.version = Version::HTTP_11;
    for name in &OF_THE_CONNECTION {
        head.headers.remove(name);
    }
    join_cookies(&mut head.headers);
    let authority = head.uri.authority().map(|authority| authority.as_str().to_owned());
    let host = head.headers.get(header::HOST).map(HeaderValue::as_bytes);
    match (&authority, host) {
        // If the two differ, the server sees both and refuses.
        (Some(authority), Some(host)) if !host.eq_ignore_ascii_case(authority.as_bytes()) => {}
        (authority, _) => {
            if let Some(Ok(authority)) = authority.as_ref().map(HeaderValue::try_from) {
                head.headers.insert(header::HOST, authority);
            }
            let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
            head.uri = target.parse().unwrap_or_else(|_| Uri::from_static("/"));
        }
    }
    Request::from_parts(head, body)
}

/// HTTP/2 may send each cookie in a field of its own; HTTP/1.1 has one field for all (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(b"; ".as_slice()))
    {
        headers.insert(header::COOKIE, joined);
    }
}

/// An answer that does not come from a route.
fn refuse(status: StatusCode, code: &str, message: &str, sending: Sending) -> Response<Answer> {
    let body = Full::new(Bytes::from(refusal::body(code, message))).map_err(|never| match never {});
    let mut response = Response::new(Answer::new(body.boxed_unsync(), None, sending));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A task that is aborted on drop.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The state of a stream while it is answered.
struct Sending {
    taking: Rc<Taking>,
    limit: Duration,
    _busy: Busy,
}

/// An answer's body. The stream counts as busy until its end.
struct Answer {
    body: UnsyncBoxBody<Bytes, hyper::Error>,
    sending: Sending,
    _task: Option<Task>,
}

impl Answer {
    fn new(body: UnsyncBoxBody<Bytes, hyper::Error>, task: Option<Task>, sending: Sending) -> Self {
        sending.taking.send(0, sending.limit);
        Self { body, sending, _task: task }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    /// More is asked for only when the earlier bytes have been taken.
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.sending.taking.taken();
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.sending.taking.send(frame.data_ref().map_or(0, Bytes::len), self.sending.limit);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(uri: &str, headers: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
        let mut request = Request::builder().uri(uri).version(Version::HTTP_2);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = to_one(request.body(()).unwrap()).into_parts();
        assert_eq!(head.version, Version::HTTP_11);
        let headers = head.headers.iter();
        let mut headers: Vec<_> =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        headers.sort();
        (head.uri.to_string(), headers)
    }

    #[test]
    fn a_request_is_written_as_http_1_has_it() {
        type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a [(&'a str, &'a str)]);
        let table: [Row<'_>; 6] = [
            ("http://a.example/x?y=1", &[("accept", "*/*")], "/x?y=1", &[("accept", "*/*"), ("host", "a.example")]),
            ("http://a.example", &[("host", "A.example")], "/", &[("host", "a.example")]),
            // Whoever named two hosts has named two hosts.
            ("http://a.example/x", &[("host", "b.example")], "http://a.example/x", &[("host", "b.example")]),
            ("/x", &[("host", "b.example")], "/x", &[("host", "b.example")]),
            (
                "http://a.example/",
                &[("cookie", "a=1"), ("cookie", "b=2")],
                "/",
                &[("cookie", "a=1; b=2"), ("host", "a.example")],
            ),
            (
                "http://a.example/",
                &[("te", "trailers"), ("connection", "x"), ("upgrade", "h2c")],
                "/",
                &[("host", "a.example")],
            ),
        ];
        for (uri, headers, target, expected) in table {
            let expected = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(one(uri, headers), (target.to_owned(), expected), "{uri} {headers:?}");
        }
    }
}
