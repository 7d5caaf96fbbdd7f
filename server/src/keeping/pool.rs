//! The instances of one version: who takes a call, when another one is started, when one is let go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use domain::function::{self, Status};
use domain::manifest::Manifest;
use domain::{Cause, run};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::instance::Running;
use super::secrets::{self, Revision};
use super::{Error, Inner, InstanceInfo, backoff, lines};
use crate::executor::{self, Spec};
use crate::leasing::{Answer, CallError, RequestBody, Socket};

/// An instance that lived this long did not fail at its start.
const STEADY: Duration = Duration::from_secs(10);

/// A broken function says so in the log at most this often.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Lines of a process's standard error that its failed run shows.
const LAST_LINES: usize = 10;

/// Instances of a version that is not the current one are kept this long without a call.
const SIDE_IDLE: Duration = Duration::from_secs(5);

/// Runs of one version that have an instance of their own at the same time. There are as many instances more than the
/// scaling's `max` meanwhile.
const ALONE_AT_A_TIME: usize = 1;

/// How an instance failed that nobody had use of.
enum Unready {
    /// It became ready, and ended.
    Ended,
    /// It did not become ready; `held` is for how long it was waited for, when it did not end by itself.
    Start { held: Option<Duration> },
}

/// The instances of one version of a function.
pub struct Pool {
    pub(super) function: function::Id,
    pub(super) version: u32,
    pub(super) spec: Spec,
    pub(super) manifest: Arc<Manifest>,
    /// Takes the function's ordinary calls.
    current: AtomicBool,
    pub(super) state: Mutex<State>,
    pub(super) changed: Notify,
    /// Runs that have an instance of their own take turns.
    pub(super) turns_alone: Arc<Semaphore>,
    pub(super) fleet: Weak<Inner>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("function", &self.function).field("version", &self.version).finish_non_exhaustive()
    }
}

#[derive(Default)]
pub(super) struct State {
    pub(super) instances: Vec<Arc<Running>>,
    /// Those that were started for one run each.
    pub(super) alone: Vec<Arc<Running>>,
    /// Those that are being replaced and have not ended yet.
    pub(super) leaving: u32,
    starting: u32,
    waiting: usize,
    failures: u32,
    /// An instance has become ready before.
    ever_ready: bool,
    pub(super) retry_at: Option<Instant>,
    failure: Option<(String, Vec<String>)>,
    reported_at: Option<Instant>,
    /// The function's log says that an instance failed, since then as far as this server knows.
    ailing: Option<Instant>,
    /// The secrets as they were when they were looked at last.
    secrets: Option<Revision>,
    pub(super) closed: bool,
}

/// The right to one call of an instance; given back when dropped.
pub struct Lease {
    pub(super) pool: Arc<Pool>,
    pub(super) instance: Arc<Running>,
    pub(super) run: Option<run::Id>,
    /// The instance is for this call alone.
    pub(super) turn: Option<OwnedSemaphorePermit>,
    pub(super) progress: Progress,
    /// The instance was started because of this call.
    pub cold_start: bool,
}

impl Pool {
    pub(super) fn new(
        fleet: &Arc<Inner>,
        function: function::Id,
        version: u32,
        spec: Spec,
        manifest: Arc<Manifest>,
    ) -> Self {
        Self {
            function,
            version,
            spec,
            manifest,
            current: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Notify::new(),
            turns_alone: Arc::new(Semaphore::new(ALONE_AT_A_TIME)),
            fleet: Arc::downgrade(fleet),
        }
    }

    pub(super) fn function(&self) -> function::Id {
        self.function
    }

    /// Its namespace, and the secrets that it names; `None` when it names none.
    pub(super) fn needs(&self) -> Option<(&str, &[String])> {
        let secrets = self.manifest.secrets.as_slice();
        (!secrets.is_empty()).then_some((self.spec.namespace.as_str(), secrets))
    }

    pub(super) fn timeout(&self) -> Duration {
        self.manifest.resources.timeout()
    }

    pub(super) fn is_current(&self) -> bool {
        self.current.load(Ordering::Acquire)
    }

    pub(super) fn set_current(&self, current: bool) {
        self.current.store(current, Ordering::Release);
    }

    /// A place for a call, at once where an instance has one; otherwise the call waits for it until `deadline`.
    ///
    /// # Errors
    /// When too many wait, when it takes too long, or when instances do not become healthy.
    pub async fn lease(self: &Arc<Self>, run: Option<run::Id>, deadline: Instant) -> Result<Lease, Error> {
        let mut cold_start = false;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            {
                let mut state = self.state.lock();
                if let Some(instance) = state.pick(self.manifest.scaling.concurrency) {
                    drop(state);
                    if let Some(run) = run {
                        instance.begin(run);
                    }
                    let (turn, progress) = (None, Progress::default());
                    return Ok(Lease { pool: self.clone(), instance, run, turn, progress, cold_start });
                }
                if state.closed {
                    return Err(Error::stopped(Status::Stopped));
                }
                let limit = self.fleet.upgrade().map_or(0, |fleet| fleet.settings.waiting);
                if state.waiting >= limit {
                    return Err(Error::Overloaded { waiting: state.waiting });
                }
                let none = state.instances.is_empty();
                cold_start |= none;
                let demand = state.waiting + 1;
                let coming = (state.starting * self.manifest.scaling.concurrency) as usize;
                if demand > coming && !self.start_one(&mut state) && none && state.starting == 0 {
                    return Err(state.unhealthy());
                }
                state.waiting += 1;
                // From here on no wake-up is lost: it is listened for before the lock is let go.
                changed.as_mut().enable();
            }
            let woken = tokio::time::timeout_at(deadline, Waiting { pool: self, changed }).await;
            if woken.is_err() {
                return Err(Error::TimedOut);
            }
        }
    }

    /// Starts instances until there are `wanted`, as far as the scaling and earlier failures allow.
    pub(super) fn ensure(self: &Arc<Self>, wanted: u32) {
        let mut state = self.state.lock();
        while state.alive() < wanted && self.start_one(&mut state) {}
    }

    /// Starts instances for runs that wait in the queue beside those that are being worked on, within the scaling's bounds.
    pub(super) fn expect(self: &Arc<Self>, waiting: u64) {
        let scaling = &self.manifest.scaling;
        let busy: u64 = self.state.lock().instances.iter().map(|instance| u64::from(instance.in_flight())).sum();
        let wanted = (busy + waiting).div_ceil(u64::from(scaling.concurrency.max(1))).min(u64::from(scaling.max));
        self.ensure(u32::try_from(wanted).unwrap_or(scaling.max));
    }

    /// Begins to start an instance; false when there may not be another one now.
    fn start_one(self: &Arc<Self>, state: &mut State) -> bool {
        state.alive() < self.manifest.scaling.max.max(1) && self.start_another(state)
    }

    /// As [`Self::start_one`], one more than there may be for long if need be: it takes another one's place.
    fn start_another(self: &Arc<Self>, state: &mut State) -> bool {
        if state.closed || state.retry_at.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        // Of what has failed and never became ready, one shows whether it does now.
        if state.failures > 0 && !state.ever_ready && state.starting > 0 {
            return false;
        }
        let Some(fleet) = self.fleet.upgrade() else { return false };
        state.starting += 1;
        let pool = self.clone();
        // Calls come in on threads of their own; instances live on those of the fleet.
        let runtime = fleet.runtime().clone();
        runtime.spawn(async move {
            let began = Instant::now();
            let started = pool.start(&fleet).await;
            pool.started(&fleet, started, began).await;
        });
        true
    }

    pub(super) async fn start(&self, fleet: &Inner) -> Result<Arc<Running>, executor::Error> {
        let id = format!("{}-v{}-{}", self.spec.function, self.version, short_id());
        let mut spec = Spec { instance: id.clone(), ..self.spec.clone() };
        let secrets = secrets::put_into(&mut spec, fleet, &self.manifest).await?;
        let (sender, forward) = lines::forward(fleet, self.function, &self.spec.namespace, Some(id.clone()), None);
        let process = fleet.executor.service(spec, sender, fleet.settings.ready_within).await?;
        let running = Arc::new(Running::new(id, process, secrets));
        forward.attribute_to(&running);
        Ok(running)
    }

    async fn started(
        self: &Arc<Self>,
        fleet: &Arc<Inner>,
        started: Result<Arc<Running>, executor::Error>,
        began: Instant,
    ) {
        match started {
            Ok(running) => {
                self.count_start(fleet, &running, began);
                let closed = {
                    let mut state = self.state.lock();
                    state.starting -= 1;
                    state.ever_ready = true;
                    if !state.closed {
                        state.retry_at = None;
                        state.failure = None;
                        state.instances.push(running.clone());
                    }
                    state.closed
                };
                self.changed.notify_waiters();
                if closed {
                    running.process.stop(fleet.stop_grace()).await;
                    return;
                }
                let pool = self.clone();
                tokio::spawn(async move { pool.watch(running).await });
            }
            Err(error) => {
                self.state.lock().starting -= 1;
                self.did_not_start(error, began.elapsed()).await;
            }
        }
    }

    pub(super) fn count_start(&self, fleet: &Inner, running: &Running, began: Instant) {
        let labels = [self.spec.namespace.as_str(), self.spec.function.as_str()];
        fleet.metrics.cold_starts.with_label_values(&labels).inc();
        fleet.metrics.cold_start_seconds.with_label_values(&labels).observe(began.elapsed().as_secs_f64());
        tracing::info!(function = %self.function, version = self.version, instance = running.id, duration_ms = began.elapsed().as_millis() as u64, "instance ready");
    }

    /// An instance did not become ready; the error came after so long.
    pub(super) async fn did_not_start(&self, error: executor::Error, after: Duration) {
        let (message, tail) = match error {
            executor::Error::Unhealthy { message, stderr_tail } => {
                let why = executor::cause(&self.manifest, &stderr_tail);
                (why.map_or(message.clone(), |why| format!("{why} ({message})")), stderr_tail)
            }
            other => (other.to_string(), Vec::new()),
        };
        let within = self.fleet.upgrade().map_or(Duration::MAX, |fleet| fleet.settings.ready_within);
        self.failed("none", message, tail, Unready::Start { held: (after >= within).then_some(within) }).await;
    }

    /// Waits for an instance's end; one that nobody asked for is a failure.
    async fn watch(self: Arc<Self>, running: Arc<Running>) {
        let exit = running.ended().await;
        let served = running.has_answered() || running.born.elapsed() > STEADY;
        {
            let mut state = self.state.lock();
            state.instances.retain(|other| !Arc::ptr_eq(other, &running));
            if served {
                state.failures = 0;
            }
        }
        if running.is_draining() {
            self.changed.notify_waiters();
            return;
        }
        let message = describe_exit(&exit);
        // One that served, or that a call made crash, can be started again: nobody is kept out for it.
        match served || running.calls_at_end() > 0 {
            true => {
                self.changed.notify_waiters();
                self.report(&running.id, message).await;
            }
            false => self.failed(&running.id, message, running.process.stderr_tail(), Unready::Ended).await,
        }
        if self.is_current() {
            self.ensure(self.manifest.scaling.min);
        }
    }

    /// An instance did not start, or ended before anybody had use of it: the next one is started later.
    async fn failed(&self, instance: &str, message: String, tail: Vec<String>, how: Unready) {
        {
            let mut state = self.state.lock();
            state.failures = state.failures.saturating_add(1);
            let pause = match how {
                // An instance that died once is replaced at once; what fails again and again waits.
                Unready::Ended if state.failures <= 1 => Duration::ZERO,
                Unready::Ended => backoff::pause(state.failures, None, state.ever_ready),
                Unready::Start { held } => backoff::pause(state.failures, held, state.ever_ready),
            };
            state.retry_at = Some(Instant::now() + pause);
            state.failure = Some((message.clone(), tail));
        }
        self.changed.notify_waiters();
        self.report(instance, message).await;
    }

    /// Has the function's log say that an instance failed.
    pub(super) async fn report(&self, instance: &str, message: String) {
        tracing::warn!(function = %self.function, version = self.version, instance, error = message, "instance failed");
        let report = {
            let mut state = self.state.lock();
            let due = state.reported_at.is_none_or(|at| at.elapsed() >= REPORT_EVERY);
            if due {
                state.reported_at = Some(Instant::now());
            }
            due && !state.closed
        };
        // Also when this one is not told: what failed is not over.
        self.is_ailing();
        if !report {
            return;
        }
        self.tell(function::Command::ReportInstanceFailure {
            version: self.version,
            instance: instance.to_owned(),
            error: message,
            at: crate::clock::now(),
        })
        .await;
    }

    async fn tell(&self, command: function::Command) {
        let Some(fleet) = self.fleet.upgrade() else { return };
        let cause = Cause { actor: Some(format!("server:{}", fleet.node).into()), ..Cause::default() };
        if let Err(error) = fleet.commands.function(self.function, command, cause).await {
            tracing::warn!(function = %self.function, %error, "not told how its instances are");
        }
    }

    /// The function's log says that an instance failed: it is to say when that is over.
    pub(super) fn is_ailing(&self) {
        self.state.lock().ailing = Some(Instant::now());
    }

    /// Has the function's log say that what failed is over, once an instance that was started since has answered.
    fn recover(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let Some(since) = state.ailing.filter(|since| since.elapsed() > STEADY) else { return };
        let recovered = state.instances.iter().find(|instance| instance.born > since && instance.has_answered());
        let Some(instance) = recovered.map(|instance| instance.id.clone()) else { return };
        state.ailing = None;
        drop(state);
        let Some(fleet) = self.fleet.upgrade() else { return };
        let (pool, version) = (self.clone(), self.version);
        fleet.runtime().spawn(async move {
            let at = crate::clock::now();
            pool.tell(function::Command::ReportInstanceRecovery { version, instance, at }).await;
        });
    }

    /// Waits until one instance is ready, starting it where there is none.
    ///
    /// # Errors
    /// When it does not become healthy.
    pub(super) async fn healthy(self: &Arc<Self>, deadline: Instant) -> Result<(), Error> {
        self.lease(None, deadline).await.map(drop)
    }

    /// Lets instances go that nobody needs, and starts those that should be there.
    pub(super) fn tend(self: &Arc<Self>) {
        if self.is_current() {
            self.recover();
        }
        let scaling = &self.manifest.scaling;
        let (min, idle) = match self.is_current() {
            true => (scaling.min, Duration::from_secs(scaling.idle_s)),
            false => (0, SIDE_IDLE),
        };
        let mut surplus = Vec::new();
        {
            let mut state = self.state.lock();
            let mut keep = state.instances.len();
            let now = Instant::now();
            state.instances.retain(|instance| {
                let is_idle = instance.idle_since().is_some_and(|since| now.duration_since(since) >= idle);
                let go = is_idle && keep > min as usize;
                if go {
                    keep -= 1;
                    surplus.push(instance.clone());
                }
                !go
            });
        }
        for instance in surplus {
            self.let_go(instance, Instant::now());
        }
        self.ensure(min);
    }

    /// Instances that were given other secrets than there are now are replaced: each goes when it has done what it has
    /// begun, once there is one with the new secrets. One that failed for want of a secret is tried again at once.
    pub(super) fn renew(self: &Arc<Self>, now: Revision) {
        let mut stale = Vec::new();
        {
            let mut state = self.state.lock();
            if state.secrets.as_ref() != Some(&now) {
                state.secrets = Some(now.clone());
                state.retry_at = None;
                state.failures = 0;
            }
            let all_set = now.len() == self.manifest.secrets.len();
            let old = |instance: &Arc<Running>| instance.secrets != now;
            // Without one of its secrets none could take its place.
            if !all_set || !state.instances.iter().any(old) {
                return;
            }
            // Who takes ordinary calls must not be without an instance meanwhile.
            if self.is_current() && state.instances.iter().all(old) {
                if state.starting == 0 {
                    self.start_another(&mut state);
                }
                return;
            }
            state.instances.retain(|instance| {
                let go = old(instance);
                if go {
                    stale.push(instance.clone());
                }
                !go
            });
        }
        for instance in stale {
            self.let_go(instance, Instant::now() + self.timeout());
        }
    }

    /// Takes no more calls and ends the instances: each when its last call is done, at the latest at `deadline`.
    pub(super) async fn close(&self, deadline: Instant) {
        let instances = {
            let mut state = self.state.lock();
            state.closed = true;
            let mut all = std::mem::take(&mut state.instances);
            all.append(&mut state.alone);
            all
        };
        self.changed.notify_waiters();
        let Some(fleet) = self.fleet.upgrade() else { return };
        futures::future::join_all(instances.into_iter().map(|instance| end(&fleet, instance, deadline))).await;
    }

    pub(super) fn let_go(&self, instance: Arc<Running>, deadline: Instant) {
        let Some(fleet) = self.fleet.upgrade() else { return };
        instance.drain();
        let runtime = fleet.runtime().clone();
        runtime.spawn(async move { end(&fleet, instance, deadline).await });
    }

    /// Whether it has neither instances nor anyone who waits for one.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.state.lock();
        state.alive() == 0 && state.waiting == 0 && state.alone.is_empty()
    }

    pub(super) fn instances(&self) -> Vec<InstanceInfo> {
        let state = self.state.lock();
        let info = |instance: &Arc<Running>| InstanceInfo {
            id: instance.id.clone(),
            version: self.version,
            state: if instance.is_draining() { "draining" } else { "ready" },
            in_flight: instance.in_flight(),
            started_at: instance.started_at,
        };
        state.instances.iter().chain(&state.alone).map(info).collect()
    }
}

impl State {
    fn alive(&self) -> u32 {
        u32::try_from(self.instances.len()).unwrap_or(u32::MAX).saturating_add(self.starting)
    }

    /// The instance with the fewest calls that has a place left; the place is taken.
    fn pick(&mut self, concurrency: u32) -> Option<Arc<Running>> {
        let least = self.instances.iter().min_by_key(|instance| instance.in_flight())?;
        if least.enter(concurrency) {
            return Some(least.clone());
        }
        self.instances.iter().find(|instance| instance.enter(concurrency)).cloned()
    }

    pub(super) fn unhealthy(&self) -> Error {
        let (message, stderr_tail) =
            self.failure.clone().unwrap_or_else(|| ("no instance could be started".to_owned(), Vec::new()));
        let retry_in = self.retry_at.map(|at| at.saturating_duration_since(Instant::now())).unwrap_or_default();
        Error::Unhealthy { message, stderr_tail, retry_in }
    }
}

impl Lease {
    /// Sends a request to the instance.
    ///
    /// # Errors
    /// When the instance cannot be reached, breaks off, or does not answer in HTTP.
    pub async fn send(&self, request: Request<RequestBody>) -> Result<Answer, CallError> {
        self.progress.sent.store(true, Ordering::Relaxed);
        let answer = match self.instance.connections.send(request).await {
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
        let opened = match self.instance.connections.open(request).await {
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
        self.pool.version
    }

    /// Names the instance.
    pub fn instance(&self) -> &str {
        &self.instance.id
    }

    /// The call is over: the instance does what it should.
    fn answered(&self) {
        self.progress.done.store(true, Ordering::Relaxed);
        self.instance.set_answered();
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
            self.lease.instance.connections.give_back(sender);
        }
        Ok(None)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.instance.leave(self.run);
        self.look_after();
        if self.pool.state.lock().waiting > 0 {
            self.pool.changed.notify_one();
        }
    }
}

/// Somebody who waits for an instance, counted as long as it waits.
struct Waiting<'a, F> {
    pool: &'a Pool,
    changed: std::pin::Pin<&'a mut F>,
}

impl<F: Future<Output = ()>> Future for Waiting<'_, F> {
    type Output = ();
    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        self.changed.as_mut().poll(cx)
    }
}

impl<F> Drop for Waiting<'_, F> {
    fn drop(&mut self) {
        self.pool.state.lock().waiting -= 1;
    }
}

/// Ends an instance when its last call is done, at the latest at `deadline`.
pub(super) async fn end(fleet: &Inner, instance: Arc<Running>, deadline: Instant) {
    instance.drain();
    while instance.in_flight() > 0 && Instant::now() < deadline {
        tokio::select! {
            _ = instance.process.wait() => return,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
    instance.process.stop(fleet.stop_grace()).await;
    tracing::info!(instance = instance.id, "instance stopped");
}

/// How a process ended, for people.
pub fn describe_exit(exit: &executor::Exit) -> String {
    match exit {
        executor::Exit { out_of_memory: true, .. } => {
            "the process used more memory than it may and was ended".to_owned()
        }
        executor::Exit { timed_out: true, .. } => "the process took too long and was ended".to_owned(),
        executor::Exit { code: Some(code), .. } => format!("the process exited with code {code}"),
        executor::Exit { signal: Some(signal), .. } => format!("the process was ended by signal {signal}"),
        executor::Exit { .. } => "the process ended".to_owned(),
    }
}

/// What happened, with the last lines that the process wrote about it.
pub fn with_last_lines(what: &str, stderr_tail: &[String]) -> String {
    let last = &stderr_tail[stderr_tail.len().saturating_sub(LAST_LINES)..];
    if last.is_empty() { what.to_owned() } else { format!("{what}; its last lines: {}", last.join("\n")) }
}

fn short_id() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    id[..8].to_owned()
}
