//! The right to one call of an endpoint.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use domain::function::Status;
use domain::run;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use super::connection::{Answer, CallError, RequestBody, Socket};
use super::endpoint::Endpoint;
use super::endpoints::{Endpoints, Looked};
use super::error::Error;
use super::supply::Alone;

/// The right to one call of an endpoint; given back when dropped.
pub struct Lease {
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) endpoint: Arc<Endpoint>,
    run: Option<run::Id>,
    /// The endpoint is for this call alone, until this is dropped.
    pub(super) alone: Option<Box<dyn Send + Sync>>,
    pub(super) progress: Progress,
    /// The instance was started because of this call.
    pub cold_start: bool,
}

impl Endpoints {
    /// A place for a call, at once where an endpoint has one; otherwise the call waits for it until `deadline`.
    ///
    /// # Errors
    /// When too many wait, when it takes too long, or when instances do not become healthy.
    pub async fn lease(self: &Arc<Self>, run: Option<run::Id>, deadline: Instant) -> Result<Lease, Error> {
        let mut cold_start = false;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            match self.look(|| _ = changed.as_mut().enable())? {
                Looked::Place(endpoint) => {
                    if let Some(run) = run {
                        endpoint.begin(run);
                    }
                    let (endpoints, progress) = (self.clone(), Progress::default());
                    return Ok(Lease { endpoints, endpoint, run, alone: None, progress, cold_start });
                }
                Looked::Wait { none } => cold_start |= none,
            }
            let woken = tokio::time::timeout_at(deadline, Waiting { endpoints: self, changed }).await;
            if woken.is_err() {
                return Err(Error::TimedOut);
            }
        }
    }

    /// As [`Self::lease`], on an endpoint that is there for this call and ends with it: for what may be the cause of crashes,
    /// so that nobody else has to suffer for it. Where an endpoint takes one call at a time, any will do.
    ///
    /// # Errors
    /// As [`Self::lease`].
    pub async fn lease_alone(self: &Arc<Self>, run: run::Id, deadline: Instant) -> Result<Lease, Error> {
        if self.terms.concurrency <= 1 {
            return self.lease(Some(run), deadline).await;
        }
        if let Some(why) = self.closed() {
            return Err(why);
        }
        let Some(Alone { endpoint, until }) = self.supply()?.alone(deadline).await? else {
            return self.lease(Some(run), deadline).await;
        };
        if !endpoint.enter(1) {
            return Err(Error::stopped(Status::Stopped));
        }
        endpoint.begin(run);
        let (endpoints, progress) = (self.clone(), Progress::default());
        Ok(Lease { endpoints, endpoint, run: Some(run), alone: Some(until), progress, cold_start: true })
    }
}

impl Lease {
    /// Sends a request to the instance.
    ///
    /// # Errors
    /// When the instance cannot be reached, breaks off, or does not answer in HTTP.
    pub async fn send(&self, request: Request<RequestBody>) -> Result<Answer, CallError> {
        self.progress.sent.store(true, Ordering::Relaxed);
        let answer = match self.endpoint.connections.send(request).await {
            Ok(answer) => answer,
            Err(error) => {
                self.not_reached(&error).await;
                return Err(error);
            }
        };
        self.progress.heard.store(true, Ordering::Relaxed);
        match answer.response.status().as_u16() {
            200..=599 => Ok(answer),
            status => {
                self.answered();
                Err(CallError::Status(status))
            }
        }
    }

    /// Asks the instance for a WebSocket.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn open(&self, request: Request<RequestBody>) -> Result<Socket, CallError> {
        self.progress.sent.store(true, Ordering::Relaxed);
        let opened = match self.endpoint.connections.open(request).await {
            Ok(opened) => opened,
            Err(error) => {
                self.not_reached(&error).await;
                return Err(error);
            }
        };
        self.progress.heard.store(true, Ordering::Relaxed);
        match opened {
            Socket::Refused(answer) => match answer.response.status().as_u16() {
                200..=599 => Ok(Socket::Refused(answer)),
                status => {
                    self.answered();
                    Err(CallError::Status(status))
                }
            },
            // The call is answered; what follows is the socket's own.
            opened @ Socket::Open { .. } => {
                self.answered();
                Ok(opened)
            }
        }
    }

    /// The answer's body, to be read to its end: then its connection serves the next call. One that is not is closed.
    pub fn read(&self, answer: Answer) -> Reading<'_> {
        let (response, sender) = answer.into_parts();
        Reading { lease: self, body: response.into_body(), sender: Some(sender) }
    }

    /// The version that the instance runs.
    pub fn version(&self) -> u32 {
        self.endpoints.terms.version
    }

    /// Names the instance.
    pub fn instance(&self) -> &str {
        self.endpoint.id()
    }

    /// The call is over: the instance does what it should.
    fn answered(&self) {
        self.progress.done.store(true, Ordering::Relaxed);
        self.endpoint.set_answered();
    }
}

/// How far a call is.
#[derive(Debug)]
pub(super) struct Progress {
    pub since: Instant,
    /// The instance was given the request, or a part of it.
    pub sent: AtomicBool,
    /// The head of its answer has come.
    pub heard: AtomicBool,
    /// All of its answer has come.
    pub done: AtomicBool,
}

impl Default for Progress {
    fn default() -> Self {
        let no = || AtomicBool::new(false);
        Self { since: Instant::now(), sent: no(), heard: no(), done: no() }
    }
}

/// A body that is being read.
pub struct Reading<'l> {
    lease: &'l Lease,
    body: Incoming,
    sender: Option<SendRequest<RequestBody>>,
}

impl Reading<'_> {
    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// When the instance breaks off.
    pub async fn next(&mut self) -> Result<Option<bytes::Bytes>, CallError> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        if let Some(sender) = self.sender.take() {
            self.lease.answered();
            self.lease.endpoint.connections.give_back(sender);
        }
        Ok(None)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.endpoint.leave(self.run);
        self.look_after();
        self.endpoints.free();
    }
}

/// Somebody who waits for an endpoint, counted as long as it waits.
struct Waiting<'a, F> {
    endpoints: &'a Endpoints,
    changed: Pin<&'a mut F>,
}

impl<F: Future<Output = ()>> Future for Waiting<'_, F> {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.changed.as_mut().poll(cx)
    }
}

impl<F> Drop for Waiting<'_, F> {
    fn drop(&mut self) {
        self.endpoints.stop_waiting();
    }
}
