//! The protocol: what each server, the broker and the outside world can do next.
//!
//! Two servers, one of which leads (holds the lease), relays and sweeps; both work. There is no clock: a lease can
//! expire as soon as its holder does not renew it, and what is due can be published at any moment.

use domain::run::Phase;
use stateright::{Model, Property};

use crate::run::{self, ATTEMPTS, Entry, Intent};

const NODES: usize = 2;

/// Maximum number of runs.
const RUNS: usize = 2;

/// Copies of a message waiting in the broker; further ones make no difference, since they are acknowledged like the
/// first.
const COPIES: u8 = 1;

/// The rules of the protocol, each of which can be broken.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// An outcome names its attempt.
    pub numbered: bool,
    /// An append names the version of the run that it was decided on, and is decided again if that is outdated.
    pub versioned: bool,
    /// The checkpoint passes an event when its run's request is recorded, not when it is only published.
    pub records_before_checkpoint: bool,
    /// A delivery is acknowledged when its outcome is recorded, not when it begins.
    pub acknowledges_after_outcome: bool,
    /// A restarted server begins what it ran before as the next attempt, not as the same one.
    pub counts_own_past: bool,
    /// The leader publishes again what is waiting and what dead servers ran.
    pub sweeps: bool,
    /// What a restarted server does with the runs of its previous process.
    pub past: Past,
}

/// What becomes of the runs that a server had begun before it was restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// It publishes them repeatedly, until it receives one of the messages itself.
    PublishedUntilTaken,
    /// It publishes them once, for any server.
    PublishedOnce,
    /// Nothing.
    Forgotten,
}

impl Protocol {
    /// The protocol as intended.
    pub const SOUND: Self = Self {
        numbered: true,
        versioned: true,
        records_before_checkpoint: true,
        acknowledges_after_outcome: true,
        counts_own_past: true,
        sweeps: true,
        past: Past::PublishedUntilTaken,
    };
}

/// The possible faults, with the maximum number of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// The total number of faults.
    pub all: u8,
    /// A server is killed.
    pub crashes: u8,
    /// A server is suspended for longer than its leases last, and continues as if nothing had happened.
    pub pauses: u8,
    /// A healthy server loses its connection to the broker, which redelivers to others.
    pub cuts: u8,
    /// The broker loses everything.
    pub wipes: u8,
    /// The broker accepts a message, but its confirmation is lost.
    pub unconfirmed: u8,
    /// A run cannot be offered, or this is noticed only after its attempt has begun.
    pub unreached: u8,
}

impl Faults {
    fn can(&self, kind: fn(&Self) -> u8) -> bool {
        self.all > 0 && kind(self) > 0
    }

    fn happens(&mut self, kind: fn(&mut Self) -> &mut u8) {
        *kind(self) -= 1;
        self.all -= 1;
        if self.all == 0 {
            *self = Self::default();
        }
    }
}

/// The model: this many runs, each caused by an event that is already accepted.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    pub protocol: Protocol,
    pub runs: usize,
    pub faults: Faults,
}

/// A state of the whole system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// The log of each run.
    log: Vec<Vec<Entry>>,
    /// Events that the relay has finished.
    checkpoint: usize,
    /// The leader, according to the database.
    lease: Option<usize>,
    /// Messages of each run waiting in the broker.
    waiting: [u8; RUNS],
    /// The latest attempt of each run that the function was given.
    given: [u32; RUNS],
    /// Whether the function was given the same attempt twice.
    repeated: bool,
    servers: [Server; NODES],
    faults: Faults,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Server {
    status: Status,
    /// Whether its lease is valid, according to the database.
    heartbeat: bool,
    /// Whether it has yet to look for the runs of its previous process, which it does once.
    past: bool,
    /// Whether it believes that it leads.
    leads: bool,
    /// What it has done for each event as the relay.
    relayed: [Relayed; RUNS],
    /// What it does for each run as a worker.
    tasks: [Option<Task>; RUNS],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Status {
    Up,
    Paused,
    Down,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Relayed {
    recorded: bool,
    confirmed: bool,
}

/// A run that a worker is processing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Task {
    at: Step,
    /// Whether the broker waits for an acknowledgement.
    held: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    /// It has read the log. `lost` is an attempt whose server's lease had expired, or one of its own previous process.
    Looked {
        lost: Option<u32>,
    },
    Runs {
        attempt: u32,
    },
    Recorded,
}

/// A possible step. The first number is a server, the second a run or its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Lead(usize),
    NoticeTheEndOfTheLease(usize),
    Record(usize, usize),
    Publish(usize, usize),
    PublishUnconfirmed(usize, usize),
    MoveCheckpoint(usize),
    Sweep(usize, usize),
    PublishOwn(usize, usize),
    Take(usize, usize),
    Start(usize, usize),
    Succeed(usize, usize),
    Fail(usize, usize),
    /// It cannot be offered.
    Defer(usize, usize),
    /// The attempt has begun, but the function was not given the input.
    Withdraw(usize, usize),
    Acknowledge(usize, usize),
    ExpireHeartbeat(usize),
    ExpireLease,
    GiveBack(usize),
    Crash(usize),
    Restart(usize),
    Pause(usize),
    Resume(usize),
    Cut(usize),
    Wipe,
}

impl World {
    /// Whether every run is over.
    pub fn is_done(&self) -> bool {
        self.log.iter().all(|log| log.iter().any(|entry| entry.is_end()))
    }

    /// Whether the action is part of the protocol, so that it happens eventually.
    pub fn can_count_on(&self, action: Action) -> bool {
        match action {
            Action::Crash(_)
            | Action::Pause(_)
            | Action::Cut(_)
            | Action::Wipe
            | Action::PublishUnconfirmed(..)
            | Action::Defer(..)
            | Action::Withdraw(..) => false,
            Action::Restart(_) | Action::Resume(_) => self.servers.iter().all(|server| server.status != Status::Up),
            _ => true,
        }
    }

    /// Whether the deferral is not recorded yet.
    fn may_defer(&self, run: usize) -> bool {
        let state = run::state(&self.log[run]);
        state.as_ref().as_ref().is_none_or(|run| run.deferred.is_none() && run.phase.node().is_none())
    }

    fn publish(&mut self, run: usize) {
        self.waiting[run] = (self.waiting[run] + 1).min(COPIES);
    }

    /// Redelivers what a server holds; the server continues with it unless it is gone.
    fn give_back(&mut self, node: usize) {
        for run in 0..self.log.len() {
            if let Some(task) = &mut self.servers[node].tasks[run]
                && std::mem::take(&mut task.held)
            {
                self.publish(run);
            }
        }
    }

    /// A worker with a delivery reads the log, and the lease of the server that runs it. `None`: it acknowledges.
    fn look(&self, node: usize, run: usize) -> Option<Task> {
        let state = run::state(&self.log[run]);
        let lost = match state.as_ref().as_ref().map(|run| (&run.phase, run.attempts)) {
            Some((phase, _)) if phase.is_over() => return None,
            Some((Phase::Running { node: other, .. }, attempt)) => {
                if number(other) != node && self.servers[number(other)].heartbeat {
                    return None;
                }
                Some(attempt)
            }
            _ => None,
        };
        Some(Task { at: Step::Looked { lost }, held: true })
    }

    /// Whether the broker has a message of the run, waiting or delivered.
    fn is_in_broker(&self, run: usize) -> bool {
        self.waiting[run] > 0 || self.servers.iter().filter_map(|server| server.tasks[run]).any(|task| task.held)
    }

    /// Whether a run is RUNNING on a server that does not know about it.
    fn has_forgotten(&self, node: usize, run: usize) -> bool {
        self.runs_on(run) == Some(node) && self.servers[node].tasks[run].is_none()
    }

    /// The server that runs it, according to the log.
    fn runs_on(&self, run: usize) -> Option<usize> {
        let state = run::state(&self.log[run]);
        state.as_ref().as_ref().and_then(|run| run.phase.node().map(number))
    }

    /// Appends the result of a command. `of` is the attempt that the worker means.
    fn append(&mut self, run: usize, intent: Intent, of: u32) -> Result<(), domain::run::Error> {
        let entries = run::decide(&self.log[run], intent, of)?;
        self.log[run].extend(entries);
        Ok(())
    }

    /// Whether a run has to be published again.
    fn is_lost(&self, run: usize, protocol: &Protocol) -> bool {
        let state = run::state(&self.log[run]);
        let Some(state) = &*state else { return false };
        match &state.phase {
            Phase::Queued => protocol.sweeps && !self.is_in_broker(run),
            Phase::Running { node, .. } => {
                protocol.sweeps && !self.is_in_broker(run) && !self.servers[number(node)].heartbeat
            }
            // A due retry is not lost work, and is published even if nobody sweeps.
            Phase::Retrying { .. } => self.waiting[run] == 0,
            _ => false,
        }
    }
}

fn number(node: &str) -> usize {
    node.parse().expect("a node is a number")
}

impl Server {
    fn new() -> Self {
        Self {
            status: Status::Up,
            heartbeat: true,
            past: false,
            leads: false,
            relayed: [Relayed::default(); RUNS],
            tasks: [None; RUNS],
        }
    }

    fn forget_the_relay(&mut self) {
        self.leads = false;
        self.relayed.fill(Relayed::default());
    }
}

impl Delivery {
    /// The possible actions of a running server.
    fn actions_of(&self, world: &World, node: usize, actions: &mut Vec<Action>) {
        let server = &world.servers[node];
        let runs = 0..self.runs;
        let looks = match self.protocol.past {
            Past::PublishedUntilTaken => true,
            Past::PublishedOnce => server.past,
            Past::Forgotten => false,
        };
        if looks {
            let forgotten = runs.clone().filter(|run| world.waiting[*run] == 0 && world.has_forgotten(node, *run));
            actions.extend(forgotten.map(|run| Action::PublishOwn(node, run)));
        }
        if server.leads {
            if world.lease != Some(node) {
                actions.push(Action::NoticeTheEndOfTheLease(node));
            }
            for event in world.checkpoint..self.runs {
                let relayed = server.relayed[event];
                if !relayed.recorded {
                    actions.push(Action::Record(node, event));
                }
                if !relayed.confirmed {
                    actions.push(Action::Publish(node, event));
                    if world.faults.can(|f| f.unconfirmed) {
                        actions.push(Action::PublishUnconfirmed(node, event));
                    }
                }
            }
            if world.checkpoint < self.runs {
                let relayed = server.relayed[world.checkpoint];
                if relayed.confirmed && (relayed.recorded || !self.protocol.records_before_checkpoint) {
                    actions.push(Action::MoveCheckpoint(node));
                }
            }
            let lost = runs.clone().filter(|run| world.is_lost(*run, &self.protocol));
            actions.extend(lost.map(|run| Action::Sweep(node, run)));
        } else if world.lease.is_none() || world.lease == Some(node) {
            actions.push(Action::Lead(node));
        }
        for run in runs {
            if world.waiting[run] > 0 {
                actions.push(Action::Take(node, run));
            }
            match server.tasks[run].map(|task| task.at) {
                None => {}
                Some(Step::Looked { lost }) => {
                    actions.push(Action::Start(node, run));
                    let may = world.faults.can(|f| f.unreached) && (lost.is_some() || world.may_defer(run));
                    if may {
                        actions.push(Action::Defer(node, run));
                    }
                }
                Some(Step::Runs { .. }) => {
                    actions.extend([Action::Succeed(node, run), Action::Fail(node, run)]);
                    if world.faults.can(|f| f.unreached) {
                        actions.push(Action::Withdraw(node, run));
                    }
                }
                Some(Step::Recorded) => actions.push(Action::Acknowledge(node, run)),
            }
        }
        let faults = &world.faults;
        if faults.can(|f| f.crashes) {
            actions.push(Action::Crash(node));
        }
        if faults.can(|f| f.pauses) {
            actions.push(Action::Pause(node));
        }
        if faults.can(|f| f.cuts) && server.tasks.iter().flatten().any(|task| task.held) {
            actions.push(Action::Cut(node));
        }
    }

    /// The message contains the request: a worker that is faster than the relay records it.
    fn start(&self, world: &mut World, node: usize, run: usize, mut task: Task) {
        let Step::Looked { lost } = task.at else { return };
        let again = !self.protocol.counts_own_past && world.runs_on(run) == Some(node);
        let started = world
            .append(run, Intent::Request, 0)
            .and_then(|()| world.append(run, Intent::Start { node, lost, again }, 0));
        if started.is_ok() {
            let attempt = run::attempts(&world.log[run]);
            world.repeated |= attempt <= world.given[run];
            world.given[run] = attempt.max(world.given[run]);
        }
        world.servers[node].tasks[run] = started.ok().map(|()| {
            task.at = Step::Runs { attempt: run::attempts(&world.log[run]) };
            task.held &= self.protocol.acknowledges_after_outcome;
            task
        });
    }

    /// The worker cannot offer the run, records that, and keeps it. A lost attempt has failed: it may have begun.
    fn defer(&self, world: &mut World, node: usize, run: usize) {
        let Some(Task { at: Step::Looked { lost }, held }) = world.servers[node].tasks[run] else { return };
        world.faults.happens(|f| &mut f.unreached);
        let intent = lost.map_or(Intent::Defer { attempt: None }, |attempt| Intent::Fail { attempt });
        let appended =
            world.append(run, Intent::Request, 0).and_then(|()| world.append(run, intent, lost.unwrap_or(0)));
        let at = if lost.is_some() { Step::Recorded } else { Step::Looked { lost: None } };
        world.servers[node].tasks[run] = appended.ok().map(|()| Task { at, held });
    }

    /// The attempt is withdrawn, and the run offered again.
    fn withdraw(&self, world: &mut World, node: usize, run: usize) {
        let Some(Task { at: Step::Runs { attempt }, held }) = world.servers[node].tasks[run] else { return };
        let appended = world.append(run, Intent::Defer { attempt: Some(attempt) }, attempt);
        world.servers[node].tasks[run] = appended.ok().map(|()| Task { at: Step::Looked { lost: None }, held });
    }

    fn record_outcome(&self, world: &mut World, node: usize, run: usize, succeeded: bool) {
        let Some(Task { at: Step::Runs { attempt: mine }, .. }) = world.servers[node].tasks[run] else { return };
        let newest = run::attempts(&world.log[run]);
        let attempt = if self.protocol.numbered { mine } else { newest };
        let intent = if succeeded { Intent::Succeed { attempt } } else { Intent::Fail { attempt } };
        let seen = if self.protocol.versioned { world.log[run].len() } else { begin(&world.log[run], mine) };
        // Refused: another server has the run by now, or it is over. That stands.
        let entries = run::decide(&world.log[run][..seen], intent, mine).unwrap_or_default();
        world.log[run].extend(entries);
        if let Some(task) = &mut world.servers[node].tasks[run] {
            task.at = Step::Recorded;
        }
    }
}

/// The length of the log when the attempt had just begun.
fn begin(log: &[Entry], mine: u32) -> usize {
    let begun = |entry: &Entry| matches!(entry, Entry::Started { attempt, .. } if *attempt == mine);
    log.iter().position(begun).map_or(log.len(), |index| index + 1)
}

impl Model for Delivery {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            log: vec![Vec::new(); self.runs],
            checkpoint: 0,
            // The servers are equal, so it does not matter which one leads first.
            lease: Some(0),
            waiting: [0; RUNS],
            given: [0; RUNS],
            repeated: false,
            servers: [Server { leads: true, ..Server::new() }, Server::new()],
            faults: self.faults,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (node, server) in world.servers.iter().enumerate() {
            match server.status {
                Status::Up => self.actions_of(world, node, actions),
                Status::Paused => {
                    actions.push(Action::Resume(node));
                    // The broker notices the missing heartbeat, too.
                    if server.tasks.iter().flatten().any(|task| task.held) {
                        actions.push(Action::GiveBack(node));
                    }
                }
                Status::Down => actions.push(Action::Restart(node)),
            }
            if server.status != Status::Up && server.heartbeat {
                actions.push(Action::ExpireHeartbeat(node));
            }
        }
        if world.lease.is_some_and(|holder| world.servers[holder].status != Status::Up) {
            actions.push(Action::ExpireLease);
        }
        if world.faults.can(|f| f.wipes) {
            actions.push(Action::Wipe);
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Lead(node) => {
                world.lease = Some(node);
                world.servers[node].leads = true;
            }
            Action::NoticeTheEndOfTheLease(node) => world.servers[node].forget_the_relay(),
            Action::Record(node, event) => {
                world.append(event, Intent::Request, 0).ok()?;
                world.servers[node].relayed[event].recorded = true;
            }
            Action::Publish(node, event) => {
                world.publish(event);
                world.servers[node].relayed[event].confirmed = true;
            }
            Action::PublishUnconfirmed(_, event) => {
                world.faults.happens(|f| &mut f.unconfirmed);
                world.publish(event);
            }
            Action::MoveCheckpoint(_) => world.checkpoint += 1,
            Action::Sweep(_, run) => world.publish(run),
            Action::PublishOwn(node, run) => {
                world.servers[node].past = false;
                world.publish(run);
            }
            Action::Take(node, run) => {
                world.waiting[run] -= 1;
                // A worker acknowledges another delivery of what it is already processing.
                if world.servers[node].tasks[run].is_none() {
                    world.servers[node].tasks[run] = world.look(node, run);
                }
            }
            Action::Start(node, run) => {
                let task = world.servers[node].tasks[run]?;
                self.start(&mut world, node, run, task);
            }
            Action::Defer(node, run) => self.defer(&mut world, node, run),
            Action::Withdraw(node, run) => {
                world.faults.happens(|f| &mut f.unreached);
                self.withdraw(&mut world, node, run);
            }
            Action::Succeed(node, run) => self.record_outcome(&mut world, node, run, true),
            Action::Fail(node, run) => self.record_outcome(&mut world, node, run, false),
            Action::Acknowledge(node, run) => world.servers[node].tasks[run] = None,
            Action::ExpireHeartbeat(node) => world.servers[node].heartbeat = false,
            Action::ExpireLease => world.lease = None,
            Action::GiveBack(node) => world.give_back(node),
            Action::Crash(node) => {
                world.faults.happens(|f| &mut f.crashes);
                world.give_back(node);
                let heartbeat = world.servers[node].heartbeat;
                world.servers[node] = Server { status: Status::Down, heartbeat, ..Server::new() };
            }
            Action::Restart(node) => {
                world.servers[node] = Server { past: self.protocol.past == Past::PublishedOnce, ..Server::new() };
            }
            Action::Pause(node) => {
                world.faults.happens(|f| &mut f.pauses);
                world.servers[node].status = Status::Paused;
            }
            Action::Resume(node) => {
                world.servers[node].status = Status::Up;
                world.servers[node].heartbeat = true;
            }
            Action::Cut(node) => {
                world.faults.happens(|f| &mut f.cuts);
                world.give_back(node);
            }
            Action::Wipe => {
                world.faults.happens(|f| &mut f.wipes);
                world.waiting.fill(0);
                let tasks = world.servers.iter_mut().flat_map(|server| server.tasks.iter_mut().flatten());
                tasks.for_each(|task| task.held = false);
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("a run ends at most once", |_, world: &World| {
                world.log.iter().all(|log| log.iter().filter(|entry| entry.is_end()).count() <= 1)
            }),
            Property::always("nothing follows the end of a run", |_, world: &World| {
                world.log.iter().all(|log| log.iter().rev().skip(1).all(|entry| !entry.is_end()))
            }),
            Property::always("an outcome is that of the attempt that runs", |_, world: &World| {
                world.log.iter().all(|log| log.windows(2).all(is_of_what_runs))
            }),
            Property::always("attempts are those of the policy and those that were lost", |_, world: &World| {
                world.log.iter().all(|log| {
                    let lost = log.windows(2).filter(|pair| is_start(pair[0]) && is_start(pair[1])).count();
                    let withdrawn = log.iter().filter(|entry| is_withdrawal(**entry)).count();
                    run::attempts(log) as usize <= ATTEMPTS as usize + lost + withdrawn
                })
            }),
            Property::always("no attempt is made twice", |_, world: &World| !world.repeated),
            Property::always("an event behind the checkpoint has its run requested", |_, world: &World| {
                world.log[..world.checkpoint].iter().all(|log| !log.is_empty())
            }),
            Property::sometimes("every run is over", |_, world: &World| world.is_done()),
        ];
        if self.faults.crashes + self.faults.pauses > 0 {
            properties.push(Property::sometimes("an attempt is taken over", |_, world: &World| {
                world.log.iter().any(|log| log.windows(2).any(|pair| is_start(pair[0]) && is_start(pair[1])))
            }));
            properties.push(Property::sometimes("a run that is over is delivered again", |_, world: &World| {
                let over = |run: usize| world.log[run].last().is_some_and(|entry| entry.is_end());
                (0..world.log.len()).any(|run| over(run) && world.waiting[run] > 0)
            }));
        }
        if self.faults.pauses > 0 {
            properties.push(Property::sometimes("an attempt goes on that no longer counts", |_, world: &World| {
                (0..world.log.len()).any(|run| {
                    let newest = run::attempts(&world.log[run]);
                    world.holds(run, |step| matches!(step, Step::Runs { attempt } if attempt < newest))
                })
            }));
            properties.push(Property::sometimes("two servers believe that they lead", |_, world: &World| {
                world.servers.iter().all(|server| server.leads && server.status == Status::Up)
            }));
        }
        properties
    }
}

impl World {
    /// Whether a server is processing the run, at such a step.
    fn holds(&self, run: usize, at: impl Fn(Step) -> bool) -> bool {
        self.servers.iter().filter_map(|server| server.tasks[run]).any(|task| at(task.at))
    }
}

fn is_start(entry: Entry) -> bool {
    matches!(entry, Entry::Started { .. })
}

fn is_withdrawal(entry: Entry) -> bool {
    matches!(entry, Entry::Deferred { attempt: Some(_), .. })
}

fn is_of_what_runs(pair: &[Entry]) -> bool {
    match pair[1] {
        Entry::AttemptFailed { of, .. }
        | Entry::Succeeded { of }
        | Entry::Dead { of }
        | Entry::Deferred { attempt: Some(_), of } => {
            matches!(pair[0], Entry::Started { attempt, .. } if attempt == of)
        }
        // A run that cannot be offered is not running.
        Entry::Deferred { attempt: None, .. } => !is_start(pair[0]),
        Entry::Requested | Entry::Started { .. } => true,
    }
}
