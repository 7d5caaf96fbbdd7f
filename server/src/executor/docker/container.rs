//! One container from its creation to its removal: signals, lines, exit.

use std::sync::Arc;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerState};
use bollard::query_parameters::{CreateContainerOptionsBuilder, StartContainerOptions};
use bytes::Bytes;
use nix::sys::signal::Signal;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use super::super::handle::{Handle, Order};
use super::super::lines::{Gate, Tail, pump};
use super::super::{Error, Exit, Lines, Stream};
use super::engine::{message, status};
use super::follow::{Output, follow, last};
use super::shape::{RESULT_FILE, RESULT_FOLDER};
use super::shared::Shared;
use super::together::Part;
use super::{result, watch::State};

/// How long the last lines of a container that has ended may take to be read; then they are given up.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// A container that was killed and has not ended is killed again after this: its engine may have been away.
const KILL_AGAIN: Duration = Duration::from_secs(1);

/// How long the removal of a container may hold up the news of its end.
const REMOVE_WITHIN: Duration = Duration::from_secs(5);

/// Bytes of an output that wait to be split into lines.
const PIPE_BYTES: usize = 64 * 1024;

/// The longest part of an instance's name in the name of its container.
const MAX_NAME: usize = 80;

/// A container that was made, and is removed unless it is kept.
pub(super) struct Created {
    shared: Arc<Shared>,
    id: Option<String>,
    state: watch::Receiver<State>,
    part: Part,
}

impl Created {
    /// Makes a container, whose part of what all have together this is, and watches it.
    pub(super) async fn new(
        shared: &Arc<Shared>,
        instance: &str,
        body: ContainerCreateBody,
        part: Part,
    ) -> Result<Self, bollard::errors::Error> {
        let options = CreateContainerOptionsBuilder::default().name(&name(instance)).build();
        let id = shared.engine.client.create_container(Some(options), body).await?.id;
        let state = shared.watch.add(&id);
        Ok(Self { shared: shared.clone(), id: Some(id), state, part })
    }

    pub(super) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    /// Starts it, and follows its lines. Its end is what `run` wants to know of it, if it is a job's. By `words` its program says
    /// that its memory is full, before it gives up.
    pub(super) async fn start(
        mut self,
        (run, words): (Option<Uuid>, Option<&'static str>),
        lines: Lines,
    ) -> Result<Container, Error> {
        let engine = &self.shared.engine;
        let started = engine.client.start_container(self.id(), None::<StartContainerOptions>).await;
        started.map_err(|fault| self.not_started(fault))?;
        let id = self.id.take().unwrap_or_default();
        let tail = Arc::new(Tail::default());
        let gate = Arc::new(Gate::new(self.shared.lines_per_second, self.shared.flood.clone()));
        let mut readers = tokio::task::JoinSet::new();
        let (stdout, from_stdout) = tokio::io::duplex(PIPE_BYTES);
        let (stderr, from_stderr) = tokio::io::duplex(PIPE_BYTES);
        readers.spawn(pump(from_stdout, Stream::Stdout, run, None, lines.clone(), gate.clone()));
        readers.spawn(pump(from_stderr, Stream::Stderr, run, Some(tail.clone()), lines, gate));
        let (shared, followed, state) = (self.shared.clone(), id.clone(), self.state.clone());
        readers.spawn(async move {
            follow(&shared.engine, &followed, state, Output::new(stdout), Output::new(stderr)).await;
        });
        let (orders, received) = mpsc::unbounded_channel();
        let (ended, exit) = watch::channel(None);
        let result = Arc::new(Mutex::new(Ok(None)));
        let keeper = Keeper {
            shared: self.shared.clone(),
            id: id.clone(),
            state: self.state.clone(),
            orders: received,
            readers,
            tail: tail.clone(),
            result: run.map(|_| result.clone()),
            words,
            ended,
            _part: self.part.clone(),
        };
        tokio::spawn(keeper.keep());
        Ok(Container { id, handle: Handle { orders, exit, tail }, result, state: self.state.clone() })
    }

    fn not_started(&self, fault: bollard::errors::Error) -> Error {
        let says = message(&fault);
        let unhealthy = |message: String| Error::Unhealthy { message, stderr_tail: Vec::new() };
        if says.contains("exec format error") {
            return unhealthy("the image is made for another architecture: exec format error".into());
        }
        match status(&fault) {
            // The program is not there, or may not be run.
            Some(400) => unhealthy(format!("the container cannot be started: {says}")),
            _ => self.shared.engine.error("start a container")(fault),
        }
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        self.shared.watch.remove(&id);
        let shared = self.shared.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { shared.engine.remove(&id).await });
        }
    }
}

/// The name of an instance's container, which no other has.
fn name(instance: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '-' };
    let instance: String = instance.chars().map(allowed).take(MAX_NAME).collect();
    format!("eventflow-{instance}-{}", &Uuid::new_v4().simple().to_string()[..8])
}

/// A running container. It is killed and removed when this is dropped.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) handle: Handle,
    result: JobResult,
    /// What the engine reports of it.
    pub(super) state: watch::Receiver<State>,
}

type JobResult = Arc<Mutex<Result<Option<Bytes>, String>>>;

impl Container {
    /// What a job left as its result, once it has ended.
    pub(super) fn take_result(&self) -> Result<Option<Bytes>, Error> {
        std::mem::replace(&mut *self.result.lock(), Ok(None)).map_err(Error::Result)
    }
}

/// Looks after a container until it is removed.
struct Keeper {
    shared: Arc<Shared>,
    id: String,
    state: watch::Receiver<State>,
    orders: mpsc::UnboundedReceiver<Order>,
    readers: tokio::task::JoinSet<()>,
    tail: Arc<Tail>,
    /// Where a job's result is put.
    result: Option<JobResult>,
    /// By which its program says that its memory is full.
    words: Option<&'static str>,
    ended: watch::Sender<Option<Exit>>,
    /// Held until the container is gone.
    _part: Part,
}

impl Keeper {
    async fn keep(mut self) {
        self.until_it_ends().await;
        let engine = &self.shared.engine;
        let drained = timeout(DRAIN_WITHIN, async { while self.readers.join_next().await.is_some() {} });
        if drained.await.is_err() {
            self.readers.abort_all();
            for line in last(engine, &self.id).await {
                self.tail.push(&line);
            }
        }
        let found = engine.inspect(&self.id).await.ok().flatten().and_then(|container| container.state);
        let mut exit = exit_of(&self.state.borrow(), found.as_ref());
        if let (Some(words), Some(_)) = (self.words, exit.signal) {
            exit.out_of_memory |= self.tail.lines().iter().any(|line| line.contains(words));
        }
        if let Some(result) = &self.result {
            *result.lock() = result::read(engine, &self.id, &format!("{RESULT_FOLDER}/{RESULT_FILE}")).await;
        }
        self.shared.watch.remove(&self.id);
        if !matches!(timeout(REMOVE_WITHIN, engine.remove(&self.id)).await, Ok(Ok(()))) {
            // The watch removes it when the engine answers again.
            tracing::warn!(container = %self.id, "a container that has ended could not be removed yet");
        }
        self.ended.send_replace(Some(exit));
    }

    async fn until_it_ends(&mut self) {
        let mut handle_held = true;
        let mut kill_again: Option<Instant> = None;
        loop {
            let overdue = async {
                match kill_again {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let order = tokio::select! {
                _ = self.state.wait_for(|state| state.ended) => return,
                order = self.orders.recv(), if handle_held => {
                    handle_held = order.is_some();
                    order.unwrap_or(Order::Kill)
                }
                () = overdue => Order::Kill,
            };
            let sent = match order {
                Order::Terminate => self.terminate().await,
                Order::Kill => {
                    kill_again = Some(Instant::now() + KILL_AGAIN);
                    self.shared.engine.signal(&self.id, "SIGKILL").await
                }
            };
            if let Err(error) = sent {
                tracing::warn!(container = %self.id, %error, "a signal could not be sent to a container");
            }
        }
    }

    async fn terminate(&self) -> Result<(), bollard::errors::Error> {
        let own = |container: ContainerInspectResponse| container.config?.stop_signal;
        let signal = self.shared.engine.inspect(&self.id).await?.and_then(own);
        let signal = signal.filter(|signal| !signal.is_empty());
        self.shared.engine.signal(&self.id, signal.as_deref().unwrap_or("SIGTERM")).await
    }
}

/// How it ended. As in shells, a code above 128 is that of a signal.
fn exit_of(seen: &State, found: Option<&ContainerState>) -> Exit {
    let code = found.and_then(|state| state.exit_code).or(seen.code);
    let out_of_memory = seen.out_of_memory || found.is_some_and(|state| state.oom_killed == Some(true));
    // It was removed before anybody could look, which kills it.
    let code = code.and_then(|code| i32::try_from(code).ok()).unwrap_or(128 + Signal::SIGKILL as i32);
    let (code, signal) = match Signal::try_from(code - 128) {
        Ok(signal) => (None, Some(signal as i32)),
        Err(_) => (Some(code), None),
    };
    Exit { code, signal, out_of_memory: out_of_memory && code != Some(0), ..Exit::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: i64, out_of_memory: bool) -> Exit {
        exit_of(&State { ended: true, code: Some(code), out_of_memory, healthy: None }, None)
    }

    #[test]
    fn a_code_above_128_is_that_of_a_signal() {
        assert_eq!((ended(3, false).code, ended(3, false).signal), (Some(3), None));
        assert_eq!((ended(143, false).code, ended(143, false).signal), (None, Some(15)));
        assert_eq!((ended(255, false).code, ended(255, false).signal), (Some(255), None));
        assert!(ended(137, true).out_of_memory);
        // One of its processes met the limit, and it went on without.
        assert!(!ended(0, true).out_of_memory);
    }

    #[test]
    fn what_was_removed_by_hand_was_killed() {
        let exit = exit_of(&State { ended: true, ..State::default() }, None);
        assert_eq!((exit.code, exit.signal), (None, Some(9)));
    }

    #[test]
    fn a_container_has_a_name_that_engines_take() {
        let name = name("default/hello ä");
        assert!(name.starts_with("eventflow-default-hello---"), "{name}");
        assert!(super::name(&"x".repeat(200)).len() < 128);
    }
}
