//! The endpoints of one version on this server, and the calls that wait for a slot on one.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use domain::function::{self, Status};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::error::Error;
use super::supply::{Alone, Call, Supply};

/// The conditions for calls of a version.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The function.
    pub function: function::Id,
    /// The version.
    pub version: u32,
    /// Concurrent calls per endpoint.
    pub concurrency: u32,
    /// Maximum duration of a call.
    pub timeout: Duration,
    /// Maximum number of calls waiting for a slot.
    pub waiting: usize,
    /// The runtime for background work, whatever thread a call comes in on.
    pub runtime: Handle,
}

/// The endpoints of one version. The keeper of its instances adds and removes them.
pub struct Endpoints {
    pub(super) terms: Terms,
    state: Mutex<State>,
    pub(super) changed: Notify,
    supply: Weak<dyn Supply>,
}

#[derive(Default)]
struct State {
    all: Vec<Arc<Endpoint>>,
    waiting: usize,
    /// Why no more calls are accepted, if so.
    closed: Option<Error>,
}

/// The result of looking for a slot.
pub(super) enum SlotSearch {
    /// A slot was taken on this endpoint.
    Found(Arc<Endpoint>),
    /// None is free, and the caller now counts as waiting. `none`: there is no endpoint at all.
    Wait { none: bool },
}

impl std::fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Terms { function, version, .. } = &self.terms;
        f.debug_struct("Endpoints").field("function", function).field("version", version).finish_non_exhaustive()
    }
}

impl Endpoints {
    /// Without endpoints. `supply` is called when calls need some.
    pub fn new(terms: Terms, supply: Weak<dyn Supply>) -> Self {
        Self { terms, state: Mutex::default(), changed: Notify::new(), supply }
    }

    /// Permanently without endpoints, for this reason.
    pub fn never(terms: Terms, why: Error) -> Self {
        let state = State { closed: Some(why), ..State::default() };
        Self { terms, state: Mutex::new(state), changed: Notify::new(), supply: Weak::<Nobody>::new() }
    }

    /// The conditions for calls.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The source of endpoints.
    pub(super) fn supply(&self) -> Result<Arc<dyn Supply>, Error> {
        self.supply.upgrade().ok_or_else(|| Error::stopped(Status::Stopped))
    }

    /// Adds an endpoint, which takes calls from now on; false if the version is closed.
    pub fn add(&self, endpoint: Arc<Endpoint>) -> bool {
        let mut state = self.state.lock();
        let open = state.closed.is_none();
        if open {
            state.all.push(endpoint);
        }
        drop(state);
        self.changed.notify_waiters();
        open
    }

    /// Removes an endpoint: it gets no more calls, but its current ones continue. Waiting calls are not woken; see
    /// [`Self::wake`].
    pub fn remove(&self, endpoint: &Arc<Endpoint>) {
        self.state.lock().all.retain(|other| !Arc::ptr_eq(other, endpoint));
    }

    /// Removes endpoints that have been idle for this long, as long as more than `keep` are left. Those removed have no
    /// calls and get none.
    pub fn take_idle(&self, idle: Duration, keep: usize) -> Vec<Arc<Endpoint>> {
        let now = Instant::now();
        let mut taken = Vec::new();
        let mut state = self.state.lock();
        let mut left = state.all.len();
        state.all.retain(|endpoint| {
            let is_idle = endpoint.idle_since().is_some_and(|since| now.duration_since(since) >= idle);
            let go = is_idle && left > keep;
            if go {
                left -= 1;
                endpoint.drain();
                taken.push(endpoint.clone());
            }
            !go
        });
        taken
    }

    /// The current endpoints.
    pub fn all(&self) -> Vec<Arc<Endpoint>> {
        self.state.lock().all.clone()
    }

    /// Calls in progress on all of them.
    pub fn in_flight(&self) -> u64 {
        self.state.lock().all.iter().map(|endpoint| u64::from(endpoint.in_flight())).sum()
    }

    /// Calls waiting for a slot.
    pub fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    /// Wakes all waiting calls: a slot may be free, or it is known that none will be.
    pub fn wake(&self) {
        self.changed.notify_waiters();
    }

    /// Accepts no more calls: waiting ones are refused, those in progress continue.
    pub fn close(&self) {
        let all = {
            let mut state = self.state.lock();
            state.closed = Some(Error::stopped(Status::Stopped));
            std::mem::take(&mut state.all)
        };
        all.iter().for_each(|endpoint| endpoint.drain());
        self.changed.notify_waiters();
    }

    /// Why no more calls are accepted, if so.
    pub(super) fn closed(&self) -> Option<Error> {
        self.state.lock().closed.clone()
    }

    /// Takes a slot, or counts the caller as waiting. `wait` must begin listening for changes, so that none is missed.
    ///
    /// # Errors
    /// If too many calls are waiting, or there will be no slot.
    pub(super) fn look(&self, wait: impl FnOnce()) -> Result<SlotSearch, Error> {
        let mut state = self.state.lock();
        if let Some(endpoint) = state.pick(self.terms.concurrency) {
            return Ok(SlotSearch::Found(endpoint));
        }
        if let Some(why) = &state.closed {
            return Err(why.clone());
        }
        if state.waiting >= self.terms.waiting {
            return Err(Error::Overloaded { waiting: state.waiting });
        }
        let none = state.all.is_empty();
        self.supply()?.call_for(Call { waiting: state.waiting + 1, none })?;
        state.waiting += 1;
        wait();
        Ok(SlotSearch::Wait { none })
    }

    /// Ends the waiting of a caller.
    pub(super) fn stop_waiting(&self) {
        self.state.lock().waiting -= 1;
    }

    /// Wakes a waiting call after a slot was given back.
    pub(super) fn free(&self) {
        if self.state.lock().waiting > 0 {
            self.changed.notify_one();
        }
    }
}

impl State {
    /// Takes a slot on the endpoint with the fewest calls that has one free.
    fn pick(&self, concurrency: u32) -> Option<Arc<Endpoint>> {
        let least = self.all.iter().min_by_key(|endpoint| endpoint.in_flight())?;
        if least.enter(concurrency) {
            return Some(least.clone());
        }
        self.all.iter().find(|endpoint| endpoint.enter(concurrency)).cloned()
    }
}

/// A supply that never supplies anything.
enum Nobody {}

#[async_trait]
impl Supply for Nobody {
    fn call_for(self: Arc<Self>, _: Call) -> Result<(), Error> {
        match *self {}
    }

    async fn alone(self: Arc<Self>, _: Instant) -> Result<Option<Alone>, Error> {
        match *self {}
    }

    fn replace(self: Arc<Self>, _: &Arc<Endpoint>, _: String) {
        match *self {}
    }
}
