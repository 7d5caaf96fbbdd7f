//! The backlog of the relay, in a lane for each namespace, so that a namespace's events never wait for those of another
//! one, however long these take (ADR 47).
//!
//! A lane is a queue of log positions. A few records are kept in memory with them; the others are read again when it is
//! their turn. Each lane has its namespace's routing table as of the record that it has reached.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::react::InOrder;
use domain::run::RunRequest;
use domain::{Cause, Recorded, event, function, routing, run};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use uuid::Uuid;

use super::held_positions::{HeldPositions, Hold};
use super::publisher::Publisher;
use super::tools::Tools;
use super::{follow, parts};
use crate::actors::{Arriving, Backlog};
use crate::backoff::Backoff;
use crate::queue;
use crate::store::{Relayed, Store};
use crate::turns::Turns;

/// Bytes of the runs being recorded and published at a time, over all namespaces; one namespace may use half of them.
const WINDOW_BYTES: usize = 2 * parts::MAX_BYTES;

/// The granularity of that limit.
const UNIT: usize = 1 << 10;

/// Maximum number of waiting records over all namespaces; each position takes 16 bytes. At the limit the relay stops
/// reading.
const MAX_WAITING: usize = 2_000_000;

/// Maximum bytes of waiting records kept in memory, of one namespace and of all.
const KEPT_OF_NAMESPACE: usize = 1 << 20;
const KEPT: usize = 16 << 20;

/// The approximate size of a kept record without its data.
const OVERHEAD: usize = 512;

/// How long a lane may compute the routes of events before it yields the thread.
const SLICE: Duration = Duration::from_millis(2);

/// Records read again at a time.
const PAGE: u32 = 64;

/// Runs of one namespace that were published before the record of their request arrived. Those beyond the limit are
/// published twice.
const MAX_ASKED: usize = 100_000;

/// The lanes of all namespaces that have functions or waiting records.
pub(super) struct Lanes {
    publisher: Publisher,
    held: HeldPositions,
    /// The progress before the lanes were opened. Runs from before may have been removed since and must not be
    /// requested again.
    done: Relayed,
    window: Turns,
    all: Arc<All>,
    lanes: HashMap<Arc<str>, Lane>,
    /// The namespace of each function.
    members: HashMap<function::Id, Arc<str>>,
    /// The tasks of the lanes, aborted on drop.
    tasks: JoinSet<()>,
}

/// The routing table of each namespace.
pub(super) type Tables = HashMap<Arc<str>, routing::Table>;

/// The state shared by all lanes.
#[derive(Default)]
struct All {
    waiting: AtomicUsize,
    kept: AtomicUsize,
    /// Notified when a record stops waiting.
    room: Notify,
}

struct Lane {
    queue: Arc<LaneQueue>,
    task: AbortHandle,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The queue of a lane.
struct LaneQueue {
    held: HeldPositions,
    all: Arc<All>,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Item>,
    /// Bytes of its records that are kept in memory.
    kept: usize,
    /// Holds the checkpoint at the first waiting record.
    hold: Option<Hold>,
    /// Runs published when their event was routed; the records of their requests come later.
    asked: HashSet<run::Id>,
    /// Nothing is in progress, and there are no functions.
    is_idle: bool,
    /// Functions whose deregistration is among the waiting records.
    gone: HashSet<function::Id>,
}

struct Item {
    position: u64,
    /// The reaction with its size in memory; `None` if it has to be read again.
    kept: Option<(Box<InOrder>, usize)>,
}

impl Item {
    fn bytes(&self) -> usize {
        self.kept.as_ref().map_or(0, |(_, bytes)| *bytes)
    }
}

fn weight(recorded: &Recorded) -> usize {
    recorded.data.len() + OVERHEAD
}

impl Lanes {
    /// Without any lane.
    pub(super) fn new(publisher: Publisher, held: HeldPositions, done: Relayed) -> Self {
        let units = WINDOW_BYTES / UNIT;
        Self {
            publisher,
            held,
            done,
            window: Turns::with_shares(units, units / 2, units / 2),
            all: Arc::default(),
            lanes: HashMap::new(),
            members: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Applies an event of a function from before the checkpoint.
    pub(super) fn fold(&mut self, tables: &mut Tables, id: function::Id, event: &function::Event) {
        if let Some(namespace) = self.namespace_of(id, event) {
            tables.entry(namespace).or_default().evolve(id, event);
        }
    }

    /// Opens the lanes of the namespaces that had functions at the checkpoint.
    pub(super) fn open(&mut self, tables: Tables) {
        for (namespace, table) in tables.into_iter().filter(|(_, table)| !table.is_empty()) {
            self.begin(namespace, table);
        }
    }

    /// Appends the reaction to a record to its namespace's lane.
    pub(super) async fn push(&mut self, recorded: &Recorded, reaction: InOrder) {
        let namespace: Arc<str> = match &reaction {
            InOrder::Change(id, event) => match self.namespace_of(*id, event) {
                Some(namespace) => namespace,
                None => return,
            },
            InOrder::Route { received, .. } => {
                // Without functions in the namespace an event reaches none, unless it names one.
                let reaches_none = received.target.is_none() && !self.lanes.contains_key(received.namespace.as_str());
                if reaches_none || self.done.is_past(&received.namespace, recorded.position) {
                    return;
                }
                received.namespace.as_str().into()
            }
            InOrder::Deliver(asked) => {
                let request = &asked.requested.request;
                if self.done.is_past(&request.namespace, recorded.position) {
                    return;
                }
                let lane = self.lanes.get(request.namespace.as_str());
                if lane.is_some_and(|lane| lane.queue.state.lock().asked.remove(&request.run)) {
                    return;
                }
                request.namespace.as_str().into()
            }
        };
        while self.all.waiting.load(Ordering::Relaxed) >= MAX_WAITING {
            self.all.room.notified().await;
        }
        if !self.lanes.contains_key(&namespace) {
            self.begin(namespace.clone(), routing::Table::default());
        }
        let Some(lane) = self.lanes.get(&namespace) else { return };
        if let InOrder::Change(id, function::Event::Deregistered(_)) = &reaction {
            lane.queue.state.lock().gone.insert(*id);
        }
        lane.queue.push(recorded.position, weight(recorded), reaction);
    }

    /// The namespace of a function's event, if the event concerns routing.
    fn namespace_of(&mut self, id: function::Id, event: &function::Event) -> Option<Arc<str>> {
        match event {
            function::Event::Registered(e) => {
                let known = self.lanes.get_key_value(e.namespace.as_str()).map(|(namespace, _)| namespace.clone());
                let namespace = known.unwrap_or_else(|| e.namespace.as_str().into());
                self.members.insert(id, namespace.clone());
                Some(namespace)
            }
            function::Event::Deregistered(_) => self.members.remove(&id),
            function::Event::BuildSucceeded(_)
            | function::Event::VersionPromoted(_)
            | function::Event::Started(_)
            | function::Event::Stopped(_) => self.members.get(&id).cloned(),
            _ => None,
        }
    }

    fn begin(&mut self, namespace: Arc<str>, table: routing::Table) {
        let state = Mutex::new(State::default());
        let queue = Arc::new(LaneQueue {
            held: self.held.of(&namespace),
            all: self.all.clone(),
            state,
            arrived: Notify::new(),
        });
        let driver = Driver {
            namespace: namespace.clone(),
            queue: queue.clone(),
            table,
            rereader: Rereader { store: self.publisher.tools.store.clone(), page: VecDeque::new() },
            publisher: self.publisher.clone(),
            window: self.window.clone(),
            sends: JoinSet::new(),
        };
        let task = self.tasks.spawn(driver.drive());
        self.lanes.insert(namespace, Lane { queue, task });
    }

    /// Closes unused lanes.
    pub(super) fn tidy(&mut self) {
        self.lanes.retain(|_, lane| {
            let state = lane.queue.state.lock();
            !state.is_idle || !state.waiting.is_empty()
        });
        while self.tasks.try_join_next().is_some() {}
    }
}

impl LaneQueue {
    fn push(&self, position: u64, bytes: usize, reaction: InOrder) {
        let mut state = self.state.lock();
        let mut item = Item { position, kept: None };
        if state.kept + bytes <= KEPT_OF_NAMESPACE && self.all.kept.load(Ordering::Relaxed) + bytes <= KEPT {
            item.kept = Some((Box::new(reaction), bytes));
            state.kept += bytes;
            self.all.kept.fetch_add(bytes, Ordering::Relaxed);
        }
        if state.waiting.is_empty() {
            state.hold = Some(self.held.hold(item.position));
        }
        state.is_idle = false;
        state.waiting.push_back(item);
        self.all.waiting.fetch_add(1, Ordering::Relaxed);
        drop(state);
        self.arrived.notify_one();
    }

    /// Takes the next item, with the hold on its position.
    fn pop(&self) -> Option<(Item, Option<Hold>)> {
        let mut state = self.state.lock();
        let item = state.waiting.pop_front()?;
        state.kept -= item.bytes();
        let next = state.waiting.front().map(|next| self.held.hold(next.position));
        let hold = std::mem::replace(&mut state.hold, next);
        if state.waiting.is_empty() {
            // A queue that was long releases its memory.
            state.waiting = VecDeque::new();
        }
        drop(state);
        self.forget(&item);
        Some((item, hold))
    }

    fn forget(&self, item: &Item) {
        self.all.kept.fetch_sub(item.bytes(), Ordering::Relaxed);
        self.all.waiting.fetch_sub(1, Ordering::Relaxed);
        self.all.room.notify_one();
    }
}

impl Drop for LaneQueue {
    fn drop(&mut self) {
        let waiting = std::mem::take(&mut self.state.get_mut().waiting);
        waiting.iter().for_each(|item| self.forget(item));
    }
}

/// The task that processes a lane.
struct Driver {
    namespace: Arc<str>,
    queue: Arc<LaneQueue>,
    table: routing::Table,
    rereader: Rereader,
    publisher: Publisher,
    window: Turns,
    /// Parts being sent; aborted with the lane.
    sends: JoinSet<()>,
}

impl Driver {
    async fn drive(mut self) {
        loop {
            while self.sends.try_join_next().is_some() {}
            if self.relay_some().await {
                continue;
            }
            if self.sends.is_empty() && self.table.is_empty() {
                let mut state = self.queue.state.lock();
                state.is_idle = state.waiting.is_empty();
            }
            tokio::select! {
                () = self.queue.arrived.notified() => {}
                Some(_) = self.sends.join_next() => {}
            }
        }
    }

    /// Starts sending the reactions to the next records; `false` if none is waiting.
    async fn relay_some(&mut self) -> bool {
        // Requests that the log does not have yet, and runs that it has; each to be published.
        let (mut new, mut old, mut arriving) = (Vec::new(), Vec::new(), Vec::new());
        let (mut first, mut bytes, mut some) = (None, 0, false);
        let mut since = Instant::now();
        // A single event may reach thousands of functions.
        while new.len() + old.len() < parts::MAX_RUNS && bytes < parts::MAX_BYTES {
            if self.backlog().is_held(&self.namespace) {
                // What was found so far is sent first.
                if some {
                    break;
                }
                self.room().await;
            }
            let Some((item, hold)) = self.queue.pop() else { break };
            some = true;
            let before = new.len() + old.len();
            let found = match item.kept {
                Some((kept, _)) => Some(*kept),
                None => self.rereader.read(item.position).await,
            };
            match found {
                Some(InOrder::Change(id, event)) => {
                    self.table.evolve(id, &event);
                    if matches!(event, function::Event::Deregistered(_)) {
                        self.queue.state.lock().gone.remove(&id);
                        let publisher = self.publisher.clone();
                        self.sends.spawn(async move {
                            publisher.clear(id).await;
                            drop(hold);
                        });
                        continue;
                    }
                }
                Some(InOrder::Route { received, record, cause }) => {
                    let requests = self.requests(&received, record, &cause);
                    arriving.push(self.backlog().arrive(&self.namespace, requests.len() as u64));
                    bytes += parts::weight_of(&requests);
                    new.extend(requests);
                }
                Some(InOrder::Deliver(asked)) => old.extend(self.requested(*asked)),
                None => {}
            }
            if new.len() + old.len() > before {
                first = first.or(hold);
            }
            // Filters may be slow, and many events may reach nobody.
            if since.elapsed() > SLICE {
                tokio::task::yield_now().await;
                since = Instant::now();
            }
        }
        if let Some(hold) = first {
            self.send((hold, arriving), new, old).await;
        }
        some
    }

    /// The request to publish because of a run's recorded request.
    fn requested(&self, asked: RunRequest) -> Option<queue::Request> {
        let request = &asked.requested.request;
        let (function, run) = (request.function, request.run);
        // Already published when its event was routed.
        if self.queue.state.lock().asked.remove(&run) {
            return None;
        }
        if request.input.get().len() > queue::MAX_INLINE {
            return Some(queue::Request::recorded(function, run));
        }
        Some(queue::Request { function, run, asked: Some(Arc::new(asked)) })
    }

    /// The requests of the runs that an event causes.
    fn requests(&self, received: &event::Received, record: Uuid, cause: &Cause) -> Vec<queue::Request> {
        let targets = self.table.targets(received);
        let mut state = self.queue.state.lock();
        if state.asked.len() > MAX_ASKED {
            state.asked.clear();
        }
        let request = |target: routing::Target| {
            let routing::Target { function, retry } = target;
            let asked = RunRequest::by_event(received, record, cause, function, retry);
            let run = asked.requested.request.run;
            state.asked.insert(run);
            queue::Request { function, run, asked: Some(Arc::new(asked)) }
        };
        targets.into_iter().map(request).collect()
    }

    /// Records new requests and publishes all, in parts, each when it is the namespace's turn. The checkpoint, and what counts as
    /// arriving, waits for all of them: after a restart they are recorded again, which changes nothing.
    async fn send(&mut self, hold: (Hold, Vec<Arriving>), new: Vec<queue::Request>, old: Vec<queue::Request>) {
        let hold = Arc::new(hold);
        if !old.is_empty() {
            let permit = self.window.take_many(&self.namespace, "", units(&old)).await;
            let (publisher, hold) = (self.publisher.clone(), hold.clone());
            self.sends.spawn(async move {
                publisher.publish(old).await;
                drop((hold, permit));
            });
        }
        for part in parts::split(new) {
            let permit = self.window.take_many(&self.namespace, "", units(&part)).await;
            let (publisher, hold) = (self.publisher.clone(), hold.clone());
            self.sends.spawn(async move {
                publisher.send_part(&part).await;
                drop((hold, permit));
            });
        }
    }

    /// Waits while the namespace has the maximum number of waiting runs.
    async fn room(&self) {
        while !self.backlog().has_room(&self.namespace).await {
            // If the waiting runs belong to deregistered functions, they would never end: the lane reaches those events
            // only after other runs have ended.
            let gone: Vec<_> = self.queue.state.lock().gone.iter().copied().collect();
            for function in gone {
                self.publisher.fail_waiting(function).await;
            }
        }
    }

    fn backlog(&self) -> &Arc<Backlog> {
        self.tools().commands.backlog()
    }

    fn tools(&self) -> &Tools {
        &self.publisher.tools
    }
}

fn units(part: &[queue::Request]) -> usize {
    parts::weight_of(part).div_ceil(UNIT)
}

/// Reads records again.
struct Rereader {
    store: Store,
    /// A page of records to be asked for next: positions increase.
    page: VecDeque<Recorded>,
}

impl Rereader {
    /// The reaction at a position, read however long the log is not available; `None` if there is none.
    async fn read(&mut self, position: u64) -> Option<InOrder> {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));
        loop {
            while self.page.pop_front_if(|first| first.position < position).is_some() {}
            if let Some(found) = self.page.pop_front_if(|first| first.position == position) {
                return follow::in_order(&found, &self.store.stats());
            }
            match self.store.log(position - 1, PAGE).await {
                Ok(page) if page.first().is_some_and(|first| first.position == position) => self.page = page.into(),
                Ok(_) => {
                    tracing::error!(position, "record waiting to be relayed is no longer in the log");
                    return None;
                }
                Err(error) => {
                    tracing::warn!(position, %error, "relay cannot read the log; retrying");
                    backoff.pause().await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn queue() -> LaneQueue {
        LaneQueue {
            held: HeldPositions::default(),
            all: Arc::default(),
            state: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Any reaction.
    fn something() -> InOrder {
        InOrder::Change(
            clock::new_id(),
            function::Event::Deregistered(function::event::Deregistered { at: clock::now() }),
        )
    }

    /// The first unfinished of ten positions.
    fn first(queue: &LaneQueue) -> Option<u64> {
        Some(queue.held.relayed(10).through + 1).filter(|first| *first <= 10)
    }

    #[test]
    fn the_checkpoint_waits_at_the_first_that_is_not_through() {
        let queue = queue();
        for position in [3, 5, 9] {
            queue.push(position, 1, something());
        }
        assert_eq!(first(&queue), Some(3));
        let (item, hold) = queue.pop().unwrap();
        assert_eq!((item.position, first(&queue)), (3, Some(3)));
        let later = queue.pop().unwrap().1;
        drop(later);
        assert_eq!(first(&queue), Some(3), "the first is still on its way");
        drop(hold);
        assert_eq!(first(&queue), Some(9));
        drop(queue.pop());
        assert_eq!(first(&queue), None);
        assert!(queue.pop().is_none());
    }

    #[test]
    fn a_line_keeps_few_records_in_memory_and_all_positions_in_order() {
        let (queue, count) = (queue(), 50);
        for position in 1..=count {
            queue.push(position, KEPT_OF_NAMESPACE / 10 + OVERHEAD, something());
        }
        assert!(queue.all.kept.load(Ordering::Relaxed) <= KEPT_OF_NAMESPACE);
        let items: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(item, _)| item).collect();
        assert!(items.iter().map(|item| item.position).eq(1..=count));
        let kept = items.iter().filter(|item| item.kept.is_some()).count();
        assert!((5..10).contains(&kept), "{kept}");
        assert_eq!((queue.all.kept.load(Ordering::Relaxed), queue.all.waiting.load(Ordering::Relaxed)), (0, 0));
    }
}
