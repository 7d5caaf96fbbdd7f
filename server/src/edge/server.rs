//! Serves routes on a listener, behind all the checks of this room.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{ConnectionType, HttpMessage, HttpService, Request, Response, Version};
use actix_server::Server;
use actix_service::{Service, ServiceFactory, apply_fn_factory, fn_factory, fn_service, map_config};
use actix_web::App;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{AppConfig, Payload};
use actix_web::web::ServiceConfig;
use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::activity::{Activity, Busy};
use super::connection_slots::{ConnectionSlot, ConnectionSlots};
use super::expectation::{self, Wants};
use super::host::Names;
use super::http2::{self, Entry};
use super::limits::Limits;
use super::payload::Timed;
use super::request_policy::RequestPolicy;
use super::transport::Guarded;
use super::wire::{Found, Opening, Wire};
use super::{access, refusal};
use crate::config::Settings;

/// Whether the host names used by callers are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosts {
    /// Names must be ours.
    Ours,
    /// Any name is accepted.
    Any,
}

/// How routes are served.
pub struct Serving {
    /// Where callers connect.
    pub listener: TcpListener,
    /// Admits connections.
    pub slots: Arc<ConnectionSlots>,
    /// All settings.
    pub settings: Arc<Settings>,
    /// Whether host names are checked.
    pub hosts: Hosts,
    /// The number of threads; `None` is one per processor.
    pub workers: Option<usize>,
    /// Decides whether to ask for a body that its caller holds back; `None` asks for every body.
    pub wants: Option<Wants>,
}

/// Serves the routes.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(serving: Serving, routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> io::Result<Server> {
    let Serving { listener, slots, settings, hosts, workers, wants } = serving;
    let limits = Limits::of(&settings.edge);
    // The caller of this function decides when it ends.
    let mut builder = Server::build().disable_signals().shutdown_timeout(settings.limits.stop_grace.as_secs());
    if let Some(workers) = workers {
        builder = builder.workers(workers);
    }
    let names = match hosts {
        Hosts::Ours => Names::of(&settings),
        Hosts::Any => Names::Any,
    };
    let ending = builder.graceful_shutdown_signal();
    let factory = move || {
        let (slots, ending, finish) = (slots.clone(), ending.clone(), ending.clone());
        let app = map_config(App::new().configure(routes.clone()), |()| AppConfig::default());
        let policy = Arc::new(RequestPolicy { names: names.clone(), settings: settings.clone(), limits });
        let (asked, wants) = (policy.clone(), wants.clone());
        let expected = fn_service(move |request: Request| expectation::check(asked.clone(), wants.clone(), request));
        let entry = apply_fn_factory(app, move |request: Request, app: &_| pass(&policy, request, app));
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let ending = ending.clone();
                async move { ending.notified().await }
            })
            .keep_alive(limits.idle)
            .client_request_timeout(limits.head)
            .client_disconnect_timeout(DISCONNECT)
            .expect(expected)
            .on_connect_ext(|io: &Guarded<Wire>, data| _ = data.insert(io.activity().clone()))
            .h1(entry);
        let trusted = settings.clone();
        fn_factory(move || {
            let (slots, settings, finish) = (slots.clone(), trusted.clone(), finish.clone());
            let http = http.new_service(());
            async move {
                let http = Rc::new(Http(http.await?));
                Ok::<_, ()>(fn_service::<_, _, _, _, _, ()>(move |io: TcpStream| {
                    let (slots, settings, http, finish) =
                        (slots.clone(), settings.clone(), http.clone(), finish.clone());
                    async move {
                        let admitted = admit(&slots, &settings, io).await?;
                        talk(admitted, slots, http, limits, async move { finish.notified().await }).await
                    }
                }))
            }
        })
    };
    Ok(builder.listen("eventflow", listener, factory)?.run())
}

/// How long the server waits, after its answer, for the rest of a request that nobody reads.
const DISCONNECT: Duration = Duration::from_secs(1);

/// How long the answer to a connection that is not admitted may take.
const FAREWELL: Duration = Duration::from_millis(100);

/// A connection that has been silent for so long is probed by the system, in these steps: nothing else notices that a
/// caller who follows a stream has vanished.
const SILENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_secs(15);

/// Serves HTTP/1.1.
struct Http<S>(S);

impl<S> Entry for Http<S>
where
    S: Service<(Guarded<Wire>, Option<SocketAddr>), Response = (), Error = DispatchError>,
    S::Future: 'static,
{
    fn enter(&self, io: Guarded<Wire>, peer: Option<SocketAddr>) {
        let served = self.0.call((io, peer));
        actix_web::rt::spawn(async move { drop(served.await) });
    }
}

/// A connection with a slot.
struct Admitted {
    io: TcpStream,
    peer: Option<SocketAddr>,
    slot: ConnectionSlot,
    /// Whether its address is counted.
    counted: bool,
}

/// Serves a connection in its protocol.
async fn talk<S>(
    admitted: Admitted,
    slots: Arc<ConnectionSlots>,
    http: Rc<Http<S>>,
    limits: Limits,
    ending: impl Future<Output = ()>,
) -> Result<(), DispatchError>
where
    S: Service<(Guarded<Wire>, Option<SocketAddr>), Response = (), Error = DispatchError> + 'static,
    S::Future: 'static,
{
    let Admitted { io, peer, slot, counted } = admitted;
    let (slot, found) = (Arc::new(slot), Found::default());
    let wire = Wire::Connection(Opening::new(io, found.clone()));
    let served = http.0.call((Guarded::new(wire, slot.clone(), limits), peer)).await;
    match found.take() {
        Some(io) => http2::serve(http2::Connection { io, peer, slot, slots, counted, limits }, http, ending).await,
        None => served,
    }
}

/// Admits a connection, or answers that there is no room.
async fn admit(slots: &Arc<ConnectionSlots>, settings: &Settings, io: TcpStream) -> Result<Admitted, DispatchError> {
    let peer = io.peer_addr().ok();
    let _ = SockRef::from(&io).set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE).with_interval(STEP));
    let address = peer.map(|peer| peer.ip().to_canonical());
    // Behind a proxy all callers have the proxy's address.
    let counted =
        address.is_none_or(|address| !address.is_loopback() && !settings.edge.trusted_proxies.contain(address));
    match slots.take(address, counted) {
        Ok(slot) => Ok(Admitted { io, peer, slot, counted }),
        Err(full) => {
            // Sent only as far as possible without waiting for a caller that does not listen.
            let _ = tokio::time::timeout(FAREWELL, io.writable()).await;
            let _ = io.try_write(refusal::no_place(&full).as_bytes());
            Err(DispatchError::Io(io::ErrorKind::ConnectionRefused.into()))
        }
    }
}

/// Admits a request, limits the wait for its body, and keeps its connection busy until its answer is complete.
fn pass<S, B>(
    policy: &RequestPolicy,
    mut request: Request,
    app: &S,
) -> impl Future<Output = Result<Response<Answering>, S::Error>> + use<S, B>
where
    S: Service<Request, Response = actix_web::dev::ServiceResponse<B>>,
    B: MessageBody + 'static,
{
    // Callers older than HTTP/1.1 do not know chunks: for them, closing the connection ends an answer without a length.
    let knows_chunks = request.head().version >= Version::HTTP_11;
    let activity = request.conn_data::<Arc<Activity>>().cloned();
    let busy = activity.as_ref().map(Activity::begin);
    let mut entry = policy.settings.access_log.then(|| access::Entry::of(request.head(), &policy.settings.edge));
    let admitted = refusal::admit(request.head(), &policy.names, &policy.settings.edge);
    let answer = match admitted {
        Ok(function) => {
            if let Some(function) = function {
                request.extensions_mut().insert(function);
            }
            if let Some(activity) = activity
                && !matches!(request.payload(), Payload::None)
            {
                let body = Timed::new(request.take_payload(), activity, policy.limits.read);
                *request.payload() = Payload::Stream { payload: Box::pin(body) };
            }
            Ok(app.call(request))
        }
        Err(error) => Err(refusal::answer(request.head(), &error)),
    };
    async move {
        let response: Response<BoxBody> = match answer {
            Ok(answer) => Response::from(answer.await?.map_into_boxed_body()),
            Err(refusal) => refusal.into(),
        };
        Ok(response.map_body(|head, body| {
            if !knows_chunks && body.size() == BodySize::Stream {
                head.no_chunking(true);
                head.set_connection_type(ConnectionType::Close);
            }
            if let Some(entry) = &mut entry {
                entry.answered(head.status, head.headers());
            }
            Answering { body, entry, _busy: busy }
        }))
    }
}

/// An answer's body; its connection is busy until the end.
struct Answering {
    body: BoxBody,
    entry: Option<access::Entry>,
    _busy: Option<Busy>,
}

impl MessageBody for Answering {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_next(cx);
        if let (Poll::Ready(Some(Ok(part))), Some(entry)) = (&polled, &mut self.entry) {
            entry.sent(part.len());
        }
        polled
    }
}
