//! A lease: the right to one call of an endpoint.

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
use super::endpoints::{Endpoints, SlotSearch};
use super::error::Error;
use super::supply::Alone;

/// The right to one call of an endpoint. Dropping it gives the slot back.
pub struct Lease {
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) endpoint: Arc<Endpoint>,
    run: Option<run::Id>,
    /// Reserves the endpoint for this call alone until dropped.
    pub(super) alone: Option<Box<dyn Send + Sync>>,
    pub(super) progress: Progress,
    /// Whether the instance was started because of this call.
    pub cold_start: bool,
}

impl Endpoints {
    /// Leases an endpoint: immediately if one has a free slot, otherwise after waiting until `deadline` at most.
    ///
    /// # Errors
    /// If too many calls are waiting, if it takes too long, or if instances do not become healthy.
    pub async fn lease(self: &Arc<Self>, run: Option<run::Id>, deadline: Instant) -> Result<Lease, Error> {
        let mut cold_start = false;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            match self.look(|| _ = changed.as_mut().enable())? {
                SlotSearch::Found(endpoint) => {
                    if let Some(run) = run {
                        endpoint.begin(run);
                    }
                    let (endpoints, progress) = (self.clone(), Progress::default());
                    return Ok(Lease { endpoints, endpoint, run, alone: None, progress, cold_start });
                }
                SlotSearch::Wait { none } => cold_start |= none,
            }
            let woken = tokio::time::timeout_at(deadline, Waiting { endpoints: self, changed }).await;
            if woken.is_err() {
                return Err(Error::TimedOut);
            }
        }
    }

    /// Like [`Self::lease`], but on an endpoint for this call only, which ends with it: for runs that may cause
    /// crashes, so that nobody else suffers. If endpoints take only one call at a time, any of them will do.
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
    /// If the instance cannot be reached, disconnects, or does not answer in HTTP.
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

    /// Requests a WebSocket from the instance.
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
            // The call has been answered; what follows belongs to the socket.
            opened @ Socket::Open { .. } => {
                self.answered();
                Ok(opened)
            }
        }
    }

    /// The body of the answer. If it is read to its end, the connection is reused; otherwise it is closed.
    pub fn read(&self, answer: Answer) -> Reading<'_> {
        let (response, sender) = answer.into_parts();
        Reading { lease: self, body: response.into_body(), sender: Some(sender) }
    }

    /// The version that the instance runs.
    pub fn version(&self) -> u32 {
        self.endpoints.terms.version
    }

    /// The id of the instance.
    pub fn instance(&self) -> &str {
        self.endpoint.id()
    }

    /// Records that the instance has answered this call in full.
    fn answered(&self) {
        self.progress.done.store(true, Ordering::Relaxed);
        self.endpoint.set_answered();
    }
}

/// The progress of a call.
#[derive(Debug)]
pub(super) struct Progress {
    pub since: Instant,
    /// At least a part of the request was sent to the instance.
    pub sent: AtomicBool,
    /// The head of the answer has arrived.
    pub heard: AtomicBool,
    /// The complete answer has arrived.
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
    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// If the instance disconnects.
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

/// A caller that waits for an endpoint; counted as waiting until dropped.
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
