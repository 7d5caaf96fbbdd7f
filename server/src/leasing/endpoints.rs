//! The endpoints of one version on this server, and who waits for a place on one.

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

/// What holds for calls of a version.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Which function.
    pub function: function::Id,
    /// Which version.
    pub version: u32,
    /// Calls that an endpoint takes at a time.
    pub concurrency: u32,
    /// How long a call may take.
    pub timeout: Duration,
    /// Calls that may wait for a place.
    pub waiting: usize,
    /// Where what is done beside calls is done, whichever thread a call comes in on.
    pub runtime: Handle,
}

/// The endpoints of one version. They are added and taken away by whoever keeps what stands behind them.
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
    /// Why nothing is to be had here any more.
    closed: Option<Error>,
}

/// What came of looking for a place.
pub(super) enum Looked {
    /// It is taken.
    Place(Arc<Endpoint>),
    /// There is none; whoever looked is counted as waiting. `none`: there is not one endpoint.
    Wait { none: bool },
}

impl std::fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Terms { function, version, .. } = &self.terms;
        f.debug_struct("Endpoints").field("function", function).field("version", version).finish_non_exhaustive()
    }
}

impl Endpoints {
    /// None yet; `supply` is told when calls need some.
    pub fn new(terms: Terms, supply: Weak<dyn Supply>) -> Self {
        Self { terms, state: Mutex::default(), changed: Notify::new(), supply }
    }

    /// None, for good; why.
    pub fn never(terms: Terms, why: Error) -> Self {
        let state = State { closed: Some(why), ..State::default() };
        Self { terms, state: Mutex::new(state), changed: Notify::new(), supply: Weak::<Nobody>::new() }
    }

    /// What holds for calls.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Who sees to it that there are endpoints.
    pub(super) fn supply(&self) -> Result<Arc<dyn Supply>, Error> {
        self.supply.upgrade().ok_or_else(|| Error::stopped(Status::Stopped))
    }

    /// From now on it takes calls; false when nothing does here any more.
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

    /// It is given no more calls here; those that it has go on. Whoever waits learns nothing of it yet: see [`Self::wake`].
    pub fn remove(&self, endpoint: &Arc<Endpoint>) {
        self.state.lock().all.retain(|other| !Arc::ptr_eq(other, endpoint));
    }

    /// Takes away those that have had no call for so long, as long as more than `keep` are left. They are given no more calls:
    /// what was taken away has none.
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

    /// All of them, as they are now.
    pub fn all(&self) -> Vec<Arc<Endpoint>> {
        self.state.lock().all.clone()
    }

    /// Calls that they work on together.
    pub fn in_flight(&self) -> u64 {
        self.state.lock().all.iter().map(|endpoint| u64::from(endpoint.in_flight())).sum()
    }

    /// Calls that wait for a place.
    pub fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    /// Has everybody who waits look again: a place may be free, or it is known that none will be.
    pub fn wake(&self) {
        self.changed.notify_waiters();
    }

    /// Takes no more calls: those that wait are refused, those that have a place go on.
    pub fn close(&self) {
        let all = {
            let mut state = self.state.lock();
            state.closed = Some(Error::stopped(Status::Stopped));
            std::mem::take(&mut state.all)
        };
        all.iter().for_each(|endpoint| endpoint.drain());
        self.changed.notify_waiters();
    }

    /// Why nothing is to be had here, if that is so.
    pub(super) fn closed(&self) -> Option<Error> {
        self.state.lock().closed.clone()
    }

    /// Takes a place, or counts whoever looks as waiting. `wait`: it begins to listen for changes; from then on none is
    /// missed.
    ///
    /// # Errors
    /// When too many wait, or none will come.
    pub(super) fn look(&self, wait: impl FnOnce()) -> Result<Looked, Error> {
        let mut state = self.state.lock();
        if let Some(endpoint) = state.pick(self.terms.concurrency) {
            return Ok(Looked::Place(endpoint));
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
        Ok(Looked::Wait { none })
    }

    /// Whoever waited does so no more.
    pub(super) fn stop_waiting(&self) {
        self.state.lock().waiting -= 1;
    }

    /// A place was given back: somebody who waits may have it.
    pub(super) fn free(&self) {
        if self.state.lock().waiting > 0 {
            self.changed.notify_one();
        }
    }
}

impl State {
    /// The endpoint with the fewest calls that has a place left; the place is taken.
    fn pick(&self, concurrency: u32) -> Option<Arc<Endpoint>> {
        let least = self.all.iter().min_by_key(|endpoint| endpoint.in_flight())?;
        if least.enter(concurrency) {
            return Some(least.clone());
        }
        self.all.iter().find(|endpoint| endpoint.enter(concurrency)).cloned()
    }
}

/// Supplies nothing.
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
