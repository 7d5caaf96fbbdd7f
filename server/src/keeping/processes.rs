//! Keeps the instances of one version as processes of this server: when one is started, and when one is ended. They end
//! with the server.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use domain::function::{self, Status};
use domain::manifest::Manifest;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::context::{Context, LAST_GRACE};
use super::failures::{Failures, Unready};
use super::info::InstanceInfo;
use super::member::Member;
use super::order::Key;
use super::pool::{Pool, Revision};
use super::standby::{Standby, Taken};
use super::work::Recipe;
use super::{lines, secrets};
use crate::executor::{self, Spec};
use crate::leasing::{Alone, Call, Endpoint, Endpoints, Error, Supply, Terms};

/// An instance that lived this long is not considered to have failed at startup.
const STEADY: Duration = Duration::from_secs(10);

/// How long instances of a version without ordinary calls are kept after their last call.
const SIDE_IDLE: Duration = Duration::from_secs(5);

/// Concurrent runs of one version that have an instance of their own. Meanwhile there may be this many instances more
/// than the scaling's `max`.
const ALONE_AT_A_TIME: usize = 1;

/// The processes of one version of a function.
pub(super) struct Processes {
    key: Key,
    recipe: Recipe,
    pub(super) manifest: Arc<Manifest>,
    ordinary: AtomicBool,
    endpoints: Arc<Endpoints>,
    /// Lock order: either taken while the endpoints are locked, or alone; never the other way round.
    pub(super) state: Mutex<State>,
    /// Limits the runs that have an instance of their own.
    turns_alone: Arc<Semaphore>,
    pub(super) context: Arc<Context>,
}

#[derive(Default)]
pub(super) struct State {
    members: Vec<Arc<Member>>,
    /// Processes that were started for a single run each.
    alone: Vec<Arc<Member>>,
    /// Processes that are being replaced and have not ended yet.
    leaving: u32,
    pub(super) starting: u32,
    pub(super) standby: Standby,
    /// Places of processes that ended unasked or did not start: the restarts that those who take them begin with.
    vacant: Vec<u32>,
    pub(super) failures: Failures,
    /// Since when the function's log says that an instance failed, as far as this server knows.
    ailing: Option<Instant>,
    /// The secrets as of the last check.
    secrets: Option<Revision>,
    pub(super) closed: bool,
}

impl State {
    fn alive(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX).saturating_add(self.starting)
    }

    /// Those that take calls and those that stand by.
    pub(super) fn all(&self) -> u32 {
        self.alive().saturating_add(self.standby.count())
    }

    /// The place of a process with so many restarts is to be taken by another one.
    fn vacate(&mut self, restarts: u32) {
        self.vacant.push(restarts.saturating_add(1));
    }

    /// A process takes a place; returns how many before it, in this place, ended unasked or did not start.
    pub(super) fn take_place(&mut self) -> u32 {
        self.vacant.pop().unwrap_or_default()
    }

    /// Removes the process of an endpoint.
    fn take(&mut self, endpoint: &Arc<Endpoint>) -> Option<Arc<Member>> {
        let is_it = |member: &Arc<Member>| Arc::ptr_eq(&member.endpoint, endpoint);
        let all = [&mut self.members, &mut self.alone];
        all.into_iter().find_map(|list| list.iter().position(is_it).map(|index| list.remove(index)))
    }
}

impl Processes {
    /// Without any process. `waiting`: the number of calls that may wait for one.
    pub(super) fn new(
        context: Arc<Context>,
        function: function::Id,
        recipe: Recipe,
        manifest: Arc<Manifest>,
        waiting: usize,
    ) -> Arc<Self> {
        let terms = Terms {
            function,
            version: recipe.spec().version,
            concurrency: manifest.scaling.concurrency,
            timeout: manifest.resources.timeout(),
            waiting,
            runtime: context.runtime.clone(),
        };
        Arc::new_cyclic(|this: &Weak<Self>| Self {
            key: (function, recipe.spec().version),
            recipe,
            manifest,
            ordinary: AtomicBool::new(false),
            endpoints: Arc::new(Endpoints::new(terms, this.clone())),
            state: Mutex::default(),
            turns_alone: Arc::new(Semaphore::new(ALONE_AT_A_TIME)),
            context,
        })
    }

    fn timeout(&self) -> Duration {
        self.manifest.resources.timeout()
    }

    /// Starts an instance in the background; false if there may not be another one now.
    fn start_one(self: &Arc<Self>, state: &mut State) -> bool {
        state.alive() < self.manifest.scaling.max.max(1) && self.start_another(state)
    }

    /// Like [`Self::start_one`], but may briefly exceed the limit by one, to replace another instance.
    fn start_another(self: &Arc<Self>, state: &mut State) -> bool {
        if state.closed {
            return false;
        }
        let taken = state.standby.take();
        if taken.is_none() && !state.failures.allows_another(state.starting) {
            return false;
        }
        state.starting += 1;
        if !matches!(taken, Some(Taken::Coming)) {
            let restarts = state.take_place();
            let this = self.clone();
            // Calls come in on threads of their own; instances belong to the server's runtime.
            self.context.runtime.spawn(async move {
                let began = Instant::now();
                let started = match taken {
                    Some(Taken::Ready(member)) => Ok(member),
                    _ => this.start().await,
                };
                this.started(started, restarts, began).await;
            });
        }
        self.prepare(state);
        true
    }

    pub(super) async fn start(&self) -> Result<Arc<Member>, executor::Error> {
        let context = &self.context;
        let (spec, files) = self.recipe.with_files(context).await?;
        let id = format!("{}-v{}-{}", spec.function, spec.version, short_id());
        let mut spec = Spec { instance: id.clone(), ..spec };
        let secrets = secrets::put_into(&mut spec, context, &self.manifest).await?;
        let (sender, forward) = lines::forward(context, self.key.0, &spec.namespace, Some(id.clone()), None);
        let executor = context.executors.for_spec(&spec)?;
        let process = executor.service(spec, sender, context.settings.ready_within).await?;
        let member = Member::new(id, process, secrets, files);
        forward.attribute_to(member.endpoint.runs());
        Ok(member)
    }

    /// An instance that was started takes the place of one before it that had so many restarts less one, and takes calls.
    pub(super) async fn started(
        self: &Arc<Self>,
        started: Result<Arc<Member>, executor::Error>,
        restarts: u32,
        began: Instant,
    ) {
        match started {
            Ok(member) => {
                member.took_place_of(restarts);
                self.count_start(&member, began);
                // The endpoint is added before the start ends, so that no call asks for another instance in between.
                self.endpoints.add(member.endpoint.clone());
                let closed = {
                    let mut state = self.state.lock();
                    state.starting -= 1;
                    state.failures.became_ready();
                    if !state.closed {
                        state.members.push(member.clone());
                    }
                    state.closed
                };
                self.endpoints.wake();
                if closed {
                    member.process.stop(self.context.stop_grace()).await;
                    return;
                }
                let this = self.clone();
                tokio::spawn(async move { this.watch(member).await });
            }
            Err(error) => {
                {
                    let mut state = self.state.lock();
                    state.starting -= 1;
                    state.vacate(restarts);
                }
                self.did_not_start(error, began.elapsed()).await;
            }
        }
    }

    fn count_start(&self, member: &Member, began: Instant) {
        let (function, version) = self.key;
        let spec = self.recipe.spec();
        let labels = [spec.namespace.as_str(), spec.function.as_str()];
        self.context.metrics.cold_starts.with_label_values(&labels).inc();
        self.context.metrics.cold_start_seconds.with_label_values(&labels).observe(began.elapsed().as_secs_f64());
        tracing::info!(%function, version, instance = member.endpoint.id(), duration_ms = began.elapsed().as_millis() as u64, "instance ready");
    }

    /// Handles an instance that did not become ready; the error came after this long.
    pub(super) async fn did_not_start(&self, error: executor::Error, after: Duration) {
        let (message, tail) = match error {
            executor::Error::Unhealthy { message, stderr_tail } => {
                let why = executor::cause(&self.manifest, &stderr_tail);
                (why.map_or(message.clone(), |why| format!("{why} ({message})")), stderr_tail)
            }
            other => (other.to_string(), Vec::new()),
        };
        let within = self.context.settings.ready_within;
        self.failed("none", message, tail, Unready::Start { held: (after >= within).then_some(within) }).await;
    }

    /// Waits for an instance's end. An unexpected one is a failure.
    async fn watch(self: Arc<Self>, member: Arc<Member>) {
        let endpoint = &member.endpoint;
        let message = endpoint.ended().await;
        let served = endpoint.has_answered() || endpoint.born().elapsed() > STEADY;
        self.endpoints.remove(endpoint);
        {
            let mut state = self.state.lock();
            state.take(endpoint);
            if served {
                state.failures.served();
            }
            if !endpoint.is_draining() {
                state.vacate(member.restarts());
            }
        }
        if endpoint.is_draining() {
            self.endpoints.wake();
            return;
        }
        // An instance that served calls, or crashed by a call, can be started again without delay for others.
        match served || endpoint.calls_at_end() > 0 {
            true => {
                self.endpoints.wake();
                self.report(endpoint.id(), message).await;
            }
            false => self.failed(endpoint.id(), message, endpoint.last_lines(), Unready::Ended).await,
        }
        self.keep_min();
    }

    /// Records that an instance did not start, or ended before it was of use: the next one is started later.
    pub(super) async fn failed(&self, instance: &str, message: String, tail: Vec<String>, how: Unready) {
        self.state.lock().failures.failed(message.clone(), tail, how);
        self.endpoints.wake();
        self.report(instance, message).await;
    }

    /// Reports in the function's log that an instance failed.
    async fn report(&self, instance: &str, message: String) {
        let (function, version) = self.key;
        tracing::warn!(%function, version, instance, error = message, "instance failed");
        let report = {
            let mut state = self.state.lock();
            state.failures.report_is_due() && !state.closed
        };
        // Also if this failure is not reported: the fault persists.
        self.is_ailing();
        if report {
            let (instance, error, at) = (instance.to_owned(), message, crate::clock::now());
            let command = function::Command::ReportInstanceFailure { version, instance, error, at };
            self.context.report_to_log(function, command).await;
        }
    }

    /// Reports in the function's log that a failure is over, once an instance started since then has answered.
    fn recover(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let Some(since) = state.ailing.filter(|since| since.elapsed() > STEADY) else { return };
        let endpoints = state.members.iter().map(|member| &member.endpoint);
        let recovered = endpoints.filter(|endpoint| endpoint.born() > since).find(|endpoint| endpoint.has_answered());
        let Some(instance) = recovered.map(|endpoint| endpoint.id().to_owned()) else { return };
        state.ailing = None;
        drop(state);
        let (context, (function, version)) = (self.context.clone(), self.key);
        self.context.runtime.spawn(async move {
            let at = crate::clock::now();
            context.report_to_log(function, function::Command::ReportInstanceRecovery { version, instance, at }).await;
        });
    }

    /// Stops giving calls to a process, and ends it after its last call, or at `deadline`.
    pub(super) fn let_go(&self, member: Arc<Member>, deadline: Instant) {
        member.endpoint.drain();
        self.endpoints.remove(&member.endpoint);
        let context = self.context.clone();
        self.context.runtime.spawn(async move { member.end(&context, deadline).await });
    }

    /// Waits for the remaining calls of a stuck process, then kills it with all its child processes.
    async fn end_stuck(&self, member: Arc<Member>, grace: Duration) {
        if member.finish_calls(Instant::now() + grace).await {
            member.process.stop(LAST_GRACE.min(self.context.settings.stop_grace)).await;
            tracing::info!(instance = member.endpoint.id(), "stuck instance ended");
        }
    }
}

#[async_trait]
impl Supply for Processes {
    fn call_for(self: Arc<Self>, call: Call) -> Result<(), Error> {
        let mut state = self.state.lock();
        let coming = (state.starting * self.manifest.scaling.concurrency) as usize;
        if call.waiting > coming && !self.start_one(&mut state) && call.none && state.starting == 0 {
            return Err(state.failures.unhealthy());
        }
        Ok(())
    }

    async fn alone(self: Arc<Self>, deadline: Instant) -> Result<Option<Alone>, Error> {
        let turn = tokio::time::timeout_at(deadline, self.turns_alone.clone().acquire_owned());
        let turn = turn.await.map_err(|_| Error::TimedOut)?.expect("nobody closes the semaphore");
        let stopped = || Error::stopped(Status::Stopped);
        {
            let state = self.state.lock();
            if state.closed {
                return Err(stopped());
            }
            if state.failures.is_waited_for() {
                return Err(state.failures.unhealthy());
            }
        }
        let began = Instant::now();
        let member = match self.start().await {
            Ok(member) => member,
            Err(error) => {
                self.did_not_start(error, began.elapsed()).await;
                return Err(self.state.lock().failures.unhealthy());
            }
        };
        self.count_start(&member, began);
        let closed = {
            let mut state = self.state.lock();
            if !state.closed {
                state.alone.push(member.clone());
            }
            state.closed
        };
        if closed {
            self.let_go(member, Instant::now());
            return Err(stopped());
        }
        let (this, watched) = (self.clone(), member.clone());
        self.context.runtime.spawn(async move {
            let how = watched.endpoint.ended().await;
            this.state.lock().take(&watched.endpoint);
            if !watched.endpoint.is_draining() {
                this.report(watched.endpoint.id(), how).await;
            }
        });
        let endpoint = member.endpoint.clone();
        Ok(Some(Alone { endpoint, until: Box::new(ForOneRun { processes: self, member, _turn: turn }) }))
    }

    fn replace(self: Arc<Self>, endpoint: &Arc<Endpoint>, why: String) {
        let (member, grace) = {
            let mut state = self.state.lock();
            let had_a_place = state.members.iter().any(|member| Arc::ptr_eq(&member.endpoint, endpoint));
            let Some(member) = state.take(endpoint) else { return };
            state.leaving += 1;
            if had_a_place {
                state.vacate(member.restarts());
            }
            // At most as many may be leaving as may exist: a function that always gets stuck must not pile up
            // instances.
            let many = state.leaving > self.manifest.scaling.max.max(1);
            (member, if many { Duration::ZERO } else { self.context.settings.stop_grace })
        };
        self.endpoints.wake();
        let (this, runtime, instance) = (self.clone(), self.context.runtime.clone(), endpoint.id().to_owned());
        runtime.spawn(async move {
            this.end_stuck(member, grace).await;
            this.state.lock().leaving -= 1;
        });
        runtime.spawn(async move {
            self.clone().keep_min();
            self.report(&instance, format!("it was replaced: {why}")).await;
        });
    }
}

/// A process that was started for a single run, together with its permit.
struct ForOneRun {
    processes: Arc<Processes>,
    member: Arc<Member>,
    _turn: OwnedSemaphorePermit,
}

impl Drop for ForOneRun {
    fn drop(&mut self) {
        self.processes.let_go(self.member.clone(), Instant::now());
    }
}

#[async_trait]
impl Pool for Processes {
    fn endpoints(&self) -> &Arc<Endpoints> {
        &self.endpoints
    }

    fn ordinary(&self) -> &AtomicBool {
        &self.ordinary
    }

    fn keep_min(self: Arc<Self>) {
        if self.is_ordinary() {
            let min = self.manifest.scaling.min;
            self.clone().ensure(min);
            self.prepare(&mut self.state.lock());
        }
    }

    fn ensure(self: Arc<Self>, wanted: u32) {
        let mut state = self.state.lock();
        while state.alive() < wanted && self.start_one(&mut state) {}
    }

    fn expect(self: Arc<Self>, waiting: u64) {
        let scaling = &self.manifest.scaling;
        let busy = self.endpoints.in_flight();
        let wanted = (busy + waiting).div_ceil(u64::from(scaling.concurrency.max(1))).min(u64::from(scaling.max));
        let wanted = u32::try_from(wanted).unwrap_or(scaling.max);
        self.ensure(wanted);
    }

    fn maintain(self: Arc<Self>) {
        if self.is_ordinary() {
            self.recover();
        }
        let scaling = &self.manifest.scaling;
        let (min, idle) = match self.is_ordinary() {
            true => (scaling.min, Duration::from_secs(scaling.idle_s)),
            false => (0, SIDE_IDLE),
        };
        for endpoint in self.endpoints.take_idle(idle, min as usize) {
            let member = self.state.lock().take(&endpoint);
            if let Some(member) = member {
                self.let_go(member, Instant::now());
            }
        }
        self.clone().ensure(min);
        self.look_after_standby();
    }

    async fn close(self: Arc<Self>, deadline: Instant) {
        let members = {
            let mut state = self.state.lock();
            state.closed = true;
            let mut all = std::mem::take(&mut state.members);
            all.append(&mut state.alone);
            all.append(&mut state.standby.take_all());
            all
        };
        self.endpoints.close();
        futures::future::join_all(members.iter().map(|member| member.end(&self.context, deadline))).await;
    }

    fn is_empty(&self) -> bool {
        let waiting = self.endpoints.waiting();
        let state = self.state.lock();
        state.all() == 0 && waiting == 0 && state.alone.is_empty()
    }

    fn instances(&self) -> Vec<InstanceInfo> {
        let state = self.state.lock();
        let all = state.members.iter().chain(&state.alone);
        let info = |member: &Arc<Member>| member.info(self.key.1);
        let standing_by = state.standby.ready().iter().map(|member| info(member).standing_by());
        all.map(info).chain(standing_by).collect()
    }

    fn is_ailing(&self) {
        self.state.lock().ailing = Some(Instant::now());
    }

    fn needs(&self) -> Option<(&str, &[String])> {
        let secrets = self.manifest.secrets.as_slice();
        (!secrets.is_empty()).then_some((self.recipe.spec().namespace.as_str(), secrets))
    }

    fn renew(self: Arc<Self>, now: Revision) {
        let mut stale = Vec::new();
        {
            let mut state = self.state.lock();
            // An instance that failed for lack of a secret is retried at once.
            if state.secrets.as_ref() != Some(&now) {
                state.secrets = Some(now.clone());
                state.failures.try_again();
            }
            let all_set = now.len() == self.manifest.secrets.len();
            if all_set {
                stale = state.standby.take_stale(&now);
                self.prepare(&mut state);
            }
            let old = |member: &Arc<Member>| member.secrets != now;
            // Without one of its secrets, no new instance could take over.
            let any_old = all_set && state.members.iter().any(old);
            // A version that takes ordinary calls must never be without an instance.
            if any_old && self.is_ordinary() && state.members.iter().all(old) {
                if state.starting == 0 {
                    self.start_another(&mut state);
                }
            } else if any_old {
                stale.extend(state.members.extract_if(.., |member| old(member)));
            }
        }
        // Each one ends after the calls it has begun.
        for member in stale {
            self.let_go(member, Instant::now() + self.timeout());
        }
    }
}

fn short_id() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    id[..8].to_owned()
}
