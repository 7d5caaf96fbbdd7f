//! WebSockets to services: the handshake is a call, and frames then pass unchanged in both directions, within limits. A
//! socket is one run, which ends with it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use actix_http::ws::verify_handshake;
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use domain::run::event::Ending;
use futures::{Stream, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::answer;
use super::cookies::Jar;
use super::frames::{self, Fault, Frames};
use super::record::Call;
use super::state::Gateway;
use crate::edge::auth::Over;
use crate::edge::{Activity, HttpError};
use crate::leasing::{Arm, Lease, RequestBody, Socket, Upgraded};

/// Bytes read from a function at a time.
const PART: usize = 16 << 10;

/// Maximum number of buffered chunks for the caller.
const PARTS: usize = 8;

/// Handshake headers that both ends have to agree on.
const AGREED: [&str; 3] = ["sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions"];

/// Whether a request is a WebSocket handshake. One that deviates from RFC 6455 is treated as an ordinary request,
/// ignoring its upgrade.
pub(super) fn is_wanted(request: &HttpRequest) -> bool {
    *request.method() == Method::GET && verify_handshake(request.head()).is_ok()
}

/// The parameters of a socket.
pub(super) struct Opening<'a, O> {
    pub route: &'a Arm,
    pub call: Call,
    pub lease: Lease,
    pub request: hyper::Request<RequestBody>,
    pub payload: web::Payload,
    /// The time limit of the handshake.
    pub deadline: Instant,
    pub jar: &'a Jar<'a>,
    pub address: &'a Address<'a>,
    pub over: O,
}

/// Requests a socket from the function, and answers the caller.
pub(super) async fn open<O: Future<Output = Over> + 'static>(
    gateway: &Gateway,
    caller: &HttpRequest,
    opening: Opening<'_, O>,
) -> Result<HttpResponse, HttpError> {
    let Opening { route, mut call, lease, mut request, payload, deadline, jar, address, over } = opening;
    let slot = match gateway.sockets.take(route) {
        Ok(slot) => slot,
        Err(error) => {
            call.end(Ending::Failed, None, Some(error.message.clone()));
            return Err(error);
        }
    };
    call.begin_attempt(Some(lease.instance()), lease.cold_start);
    let headers = request.headers_mut();
    call.sign(headers);
    headers.insert("connection", hyper::header::HeaderValue::from_static("Upgrade"));
    headers.insert("upgrade", hyper::header::HeaderValue::from_static("websocket"));
    // A socket may outlive any deadline.
    headers.remove("x-eventflow-deadline");
    let opened = match timeout_at(deadline, lease.open(request)).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return Err(answer::crashed(call, &lease, &error).await),
        Err(_) => {
            lease.time_is_up();
            return Err(call.timed_out());
        }
    };
    let (theirs, io) = match opened {
        Socket::Open { headers, io } => (headers, io),
        // The function refuses the socket.
        Socket::Refused(refusal) => {
            let answered = answer::pass(call, lease, refusal, false, deadline, jar, address, over).await;
            return answered.map(|mut response| {
                response.head_mut().set_connection_type(actix_http::ConnectionType::Close);
                response
            });
        }
    };
    if let Some(activity) = caller.conn_data::<Arc<Activity>>() {
        activity.become_socket();
    }
    let mut response = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
    response.upgrade("websocket");
    for name in AGREED {
        for value in theirs.get_all(name) {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                response.append_header((HeaderName::from_static(name), value));
            }
        }
    }
    for cookie in jar.outward(theirs.get_all("set-cookie").iter().map(|value| value.as_bytes())) {
        response.append_header((header::SET_COOKIE, cookie));
    }
    call.mark(&mut response);
    let (sender, receiver) = mpsc::channel(PARTS);
    let edge = &gateway.services.settings.edge;
    let tunnel = Tunnel {
        payload,
        sender,
        idle: edge.socket_idle_timeout,
        limit: edge.socket_message,
        stopping: gateway.services.stopping.clone(),
    };
    actix_web::rt::spawn(async move {
        let _slot = slot;
        tunnel.run(io, call, lease, over).await;
    });
    Ok(response.streaming(ReceiverStream::new(receiver)))
}

/// Both ends of a socket.
struct Tunnel {
    payload: web::Payload,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    idle: Duration,
    limit: usize,
    stopping: CancellationToken,
}

/// How a socket ended.
enum End {
    /// A side closed its connection.
    CallerGone,
    FunctionGone,
    /// A side violated the protocol.
    ByCaller(Fault),
    ByFunction(Fault),
    Idle,
    Over(Over),
    Stopping,
}

impl Tunnel {
    async fn run(self, io: Upgraded, mut call: Call, lease: Lease, over: impl Future<Output = Over>) {
        let Self { payload, sender, idle, limit, stopping } = self;
        let (mut reader, mut writer) = tokio::io::split(io);
        let (ups, downs) = (RefCell::new(Frames::new(true, limit)), RefCell::new(Frames::new(false, limit)));
        let active = Cell::new(Instant::now());
        let up = up(payload, &mut writer, &ups, &active);
        let down = down(&mut reader, &sender, &downs, &active);
        let idle = async {
            while active.get().elapsed() < idle {
                tokio::time::sleep_until(active.get() + idle).await;
            }
        };
        let end = tokio::select! {
            end = up => end,
            end = down => end,
            () = idle => End::Idle,
            over = over => End::Over(over),
            () = stopping.cancelled() => End::Stopping,
        };
        let (ups, downs) = (ups.into_inner(), downs.into_inner());
        let has_closed = ups.is_closing() || downs.is_closing();
        let summary = json!({
            "received": { "messages": ups.messages, "bytes": ups.bytes },
            "sent": { "messages": downs.messages, "bytes": downs.bytes },
            "closed": ups.code().or(downs.code()),
        });
        call.keep_answer(&Bytes::from(summary.to_string()), "application/json");
        let goodbye = end.goodbye(limit);
        if let Some((code, reason)) = &goodbye {
            // A close frame cannot be inserted into another frame: then the connection just ends.
            if downs.is_between_frames() && !downs.is_closing() {
                let _ = sender.try_send(Ok(frames::closing(*code, reason, false).into()));
            }
            if ups.is_between_frames() && !ups.is_closing() {
                let frame = frames::closing(*code, reason, true);
                let _ = tokio::time::timeout(Duration::from_millis(100), writer.write_all(&frame)).await;
            }
        }
        drop(sender);
        let (opened, reason) = (Some(StatusCode::SWITCHING_PROTOCOLS.as_u16()), goodbye.map(|(_, reason)| reason));
        match end {
            End::CallerGone | End::FunctionGone if has_closed => call.end(Ending::Succeeded, opened, None),
            End::CallerGone => call.end(Ending::Cancelled, opened, Some("the caller went away".to_owned())),
            End::FunctionGone => {
                let found = lease.post_mortem().await;
                let what =
                    found.how.unwrap_or_else(|| "the function broke the WebSocket off without closing it".to_owned());
                call.failed(StatusCode::BAD_GATEWAY, "function_crashed", what, &found.last_lines);
            }
            End::ByFunction(_) => call.end(Ending::Failed, opened, reason),
            End::Idle => call.end(Ending::TimedOut, opened, reason),
            End::ByCaller(_) | End::Over(_) | End::Stopping => call.end(Ending::Cancelled, opened, reason),
        }
    }
}

impl End {
    /// The code and reason of the close frames sent to both sides, if any.
    fn goodbye(&self, limit: usize) -> Option<(u16, String)> {
        let fault = |who: &str, fault: &Fault| match fault {
            Fault::TooLong => (
                frames::TOO_BIG,
                format!("{who} sent a message of more than {limit} bytes (EVENTFLOW_MAX_SOCKET_MESSAGE)"),
            ),
            Fault::Protocol(what) => (frames::PROTOCOL_ERROR, format!("{who} broke the protocol: {what}")),
        };
        Some(match self {
            Self::CallerGone | Self::FunctionGone => return None,
            Self::ByCaller(found) => fault("the caller", found),
            Self::ByFunction(found) => fault("the function", found),
            Self::Idle => {
                (frames::GOING_AWAY, "nothing was sent for too long (EVENTFLOW_SOCKET_IDLE_TIMEOUT)".to_owned())
            }
            Self::Over(over) => (frames::POLICY, over.message().to_owned()),
            Self::Stopping => (frames::GOING_AWAY, "the server is stopping".to_owned()),
        })
    }
}

/// From the caller to the function.
async fn up(
    mut payload: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    writer: &mut (impl AsyncWriteExt + Unpin),
    frames: &RefCell<Frames>,
    active: &Cell<Instant>,
) -> End {
    while let Some(Ok(part)) = payload.next().await {
        active.set(Instant::now());
        let looked = frames.borrow_mut().look(&part);
        if let Err(fault) = looked {
            return End::ByCaller(fault);
        }
        if writer.write_all(&part).await.is_err() || writer.flush().await.is_err() {
            // What the function sent before it ended is read first.
            return std::future::pending().await;
        }
    }
    End::CallerGone
}

/// From the function to the caller.
async fn down(
    reader: &mut (impl AsyncReadExt + Unpin),
    sender: &mpsc::Sender<Result<Bytes, std::io::Error>>,
    frames: &RefCell<Frames>,
    active: &Cell<Instant>,
) -> End {
    let mut part = vec![0; PART];
    loop {
        let length = tokio::select! {
            read = reader.read(&mut part) => read.unwrap_or(0),
            () = sender.closed() => return End::CallerGone,
        };
        if length == 0 {
            return End::FunctionGone;
        }
        active.set(Instant::now());
        let looked = frames.borrow_mut().look(&part[..length]);
        if let Err(fault) = looked {
            return End::ByFunction(fault);
        }
        if sender.send(Ok(Bytes::copy_from_slice(&part[..length]))).await.is_err() {
            return End::CallerGone;
        }
    }
}
