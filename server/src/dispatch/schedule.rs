//! Schedules: appends their trigger events when they are due.
//!
//! [`domain::schedule::Plan`] decides what is due next. This provides the time, the progress of each schedule (a
//! checkpoint in the database), and whether a run is over. It may run on several servers at once: the event for a due
//! time has a derived id, so the log accepts it only once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::manifest::{CatchUp, Overlap};
use domain::react::{InOrder, Once};
use domain::schedule::{Due, Key, MAX_CAUGHT_UP, Plan, Timer};
use domain::{Cause, Recorded, Stream, event, run};
use futures::{StreamExt, TryFutureExt, stream};

use super::follow;
use super::tools::Tools;
use crate::actors::{Backlog, Loaded, Writer, writer};
use crate::store::{self, LineStream, NewLine, Store};

/// The maximum interval between checks of the wall clock, which may be adjusted, however far away the next due time is.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(30);

/// The delay before a failed step is retried.
const AGAIN: Duration = Duration::from_secs(1);

/// Schedules handled concurrently; their appends are committed together.
const AT_ONCE: usize = 64;

/// How long an event without a run counts as one whose run is still to be requested.
const UNROUTED: TimeDelta = TimeDelta::hours(1);

/// Plans all schedules and fires them until dropped, which is safe at any moment: appended events are known by their
/// ids, and the others are still due.
pub(super) async fn forever(tools: Tools) {
    let (store, cause) = (tools.store.clone(), tools.own_cause());
    let backlog = tools.commands.backlog();
    loop {
        match Scheduler::load(store.clone(), backlog.clone(), cause.clone(), crate::clock::now).await {
            Ok(scheduler) => return scheduler.follow().await,
            Err(error) => tracing::warn!(%error, "plan of schedules not loaded; retrying"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The source of the time.
trait Clock: Fn() -> DateTime<Utc> + Send + Sync {}
impl<F: Fn() -> DateTime<Utc> + Send + Sync> Clock for F {}

struct Scheduler<C> {
    store: Store,
    writer: Writer,
    backlog: Arc<Backlog>,
    cause: Cause,
    now: C,
    plan: Plan,
    marks: HashMap<Key, Marks>,
    /// New schedules whose progress could not be read yet.
    fresh: Vec<Key>,
    /// The log position that the plan includes.
    seen: u64,
}

/// The progress of a schedule, as Unix seconds; 0 if it never fired.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    /// Everything due up to this time is handled.
    through: u64,
    /// The last time that fired, for a schedule that must not overlap: later ones may have been skipped.
    fired: u64,
}

impl<C: Clock> Scheduler<C> {
    /// The plan according to the log now.
    async fn load(store: Store, backlog: Arc<Backlog>, cause: Cause, now: C) -> Result<Self, store::Error> {
        let (seen, writer) = (store.head().await?, Writer::new(store.clone()));
        let (marks, fresh) = (HashMap::new(), Vec::new());
        let plan = Plan::default();
        let mut scheduler = Self { store, writer, backlog, cause, now, plan, marks, fresh, seen };
        let Self { store, plan, .. } = &mut scheduler;
        follow::changes(store, seen, |id, event| plan.evolve(id, event)).await?;
        scheduler.fresh.extend(scheduler.plan.take_fresh());
        scheduler.resume().await;
        Ok(scheduler)
    }

    async fn follow(mut self) {
        let mut feed = self.store.follow(self.seen);
        loop {
            self.resume().await;
            self.fire().await;
            tokio::select! {
                batch = feed.next() => match batch {
                    Some(Ok(records)) => self.take(&records),
                    Some(Err(error)) => tracing::warn!(%error, "schedules cannot read the log; retrying"),
                    None => return,
                },
                () = tokio::time::sleep(self.until_next()) => {}
            }
        }
    }

    /// Applies the events of functions.
    fn take(&mut self, records: &[Recorded]) {
        let functions = records.iter().filter(|recorded| recorded.stream.kind() == "function");
        for (_, reaction) in follow::once(functions, &self.store.stats()) {
            if let Once::InOrder(InOrder::Change(id, event)) = reaction {
                self.plan.evolve(id, &event);
            }
        }
        self.seen = records.last().map_or(self.seen, |last| last.position);
        self.fresh.extend(self.plan.take_fresh());
    }

    /// The time until there is something to do.
    fn until_next(&self) -> Duration {
        if !self.fresh.is_empty() {
            return AGAIN;
        }
        let wait = self.plan.next().map(|next| (next - (self.now)()).to_std().unwrap_or_default());
        wait.unwrap_or(LOOK_AT_LEAST_EVERY).min(LOOK_AT_LEAST_EVERY)
    }

    /// Plans new schedules, resuming their progress.
    async fn resume(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let fresh = std::mem::take(&mut self.fresh);
        let read: Vec<_> = stream::iter(fresh)
            .map(|key| {
                let read = read_marks(&self.store, key);
                async move { (key, read.await) }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (key, marks) in read {
            match marks {
                Ok(marks) => {
                    self.marks.insert(key, marks);
                    if let Err(fault) = self.plan.resume(key, time_of(marks.through)) {
                        let (function, trigger) = (key.function, key.trigger);
                        tracing::warn!(%function, %trigger, error = %fault, "schedule never fires; rebuild the function");
                    }
                }
                Err(error) => {
                    tracing::warn!(function = %key.function, %error, "progress of a schedule not read yet; retrying");
                    self.fresh.push(key);
                }
            }
        }
        let plan = &self.plan;
        self.marks.retain(|key, _| plan.has(*key));
    }

    /// Handles everything that is due.
    async fn fire(&mut self) {
        let now = (self.now)();
        let due = self.plan.due(now);
        if due.is_empty() {
            return;
        }
        let this = &*self;
        let dealt: Vec<_> = stream::iter(due)
            .map(|due| async move {
                let marks = this.deal_with(&due, now).await;
                (due, marks)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (due, marks) in dealt {
            let key = due.timer.key;
            match marks {
                Ok(marks) => {
                    self.marks.insert(key, marks);
                    self.plan.settle(key, due.firing.through);
                }
                Err(error) => {
                    tracing::warn!(function = %key.function, %error, "schedule not fired yet; retrying");
                    self.plan.later(key, now + AGAIN);
                }
            }
        }
    }

    async fn deal_with(&self, due: &Due, now: DateTime<Utc>) -> Result<Marks, store::Error> {
        let (timer, firing) = (&*due.timer, &due.firing);
        let mut marks = self.marks.get(&timer.key).copied().unwrap_or_default();
        let mut reports = Vec::new();
        reports.extend(firing.left_out.map(|first| missed(timer, first)));
        for time in &firing.times {
            // The namespace's events are held in the log for lack of room; a schedule must not add to them.
            if self.backlog.is_held(&timer.namespace) {
                reports.push(no_room(timer, *time));
                continue;
            }
            let forbids = timer.schedule.overlap == Overlap::Forbid;
            if forbids
                && let Some(last) = time_of(marks.fired).filter(|last| last < time)
                && self.is_open(timer.key, last, now).await?
            {
                reports.push(overlapping(timer, *time, last));
                continue;
            }
            self.append(timer, *time, now).await?;
            if forbids {
                marks.fired = self.mark(&fired_name(timer.key), marks.fired, seconds(*time)).await?;
            }
        }
        marks.through = self.mark(&through_name(timer.key), marks.through, seconds(firing.through)).await?;
        self.log(timer, now, reports).await;
        Ok(marks)
    }

    /// Appends the event for a due time, unless it exists.
    async fn append(&self, timer: &Timer, time: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), store::Error> {
        let received = timer.received(time, now);
        let stream = Stream::event(received.id);
        let command = event::Command::Receive(Box::new(received));
        match self.writer.execute::<event::Aggregate>(&stream, Loaded::absent(), command, self.cause.clone()).await {
            Ok(done) => {
                let (function, trigger) = (timer.key.function, timer.key.trigger);
                tracing::debug!(%function, %trigger, due = %time, new = done.changed(), "schedule fired");
                Ok(())
            }
            Err(writer::Error::Store(error)) => Err(error),
            Err(error @ (writer::Error::Busy | writer::Error::Full(_))) => {
                Err(store::Error::Unavailable(error.to_string()))
            }
            Err(writer::Error::Refused(refused)) => Err(store::Error::Refused(refused.to_string())),
        }
    }

    /// Whether the run of a due time that fired is not over.
    async fn is_open(&self, key: Key, fired: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool, store::Error> {
        let event = key.event(fired);
        if let Some(run) = self.store.runs_by_id(&[run::id(event, key.function)]).await?.pop() {
            return Ok(run.state.is_open());
        }
        // Either the event has not been relayed yet, or its run ended so long ago that it was removed.
        let event = self.store.events_by_id(&[event]).await?.pop();
        Ok(event.is_some_and(|event| now - event.at < UNROUTED))
    }

    /// Moves a checkpoint, unless another server has moved it there or beyond. Returns its position.
    async fn mark(&self, name: &str, mut from: u64, to: u64) -> Result<u64, store::Error> {
        while from < to {
            if self.store.move_checkpoint(name, from, to).await? {
                return Ok(to);
            }
            from = self.store.checkpoint(name).await?;
        }
        Ok(from)
    }

    /// Writes messages to the function's log, without relying on their being stored.
    async fn log(&self, timer: &Timer, now: DateTime<Utc>, texts: Vec<String>) {
        if texts.is_empty() {
            return;
        }
        let line = |text| NewLine {
            function: timer.key.function,
            namespace: timer.namespace.to_string(),
            build: None,
            run: None,
            instance: None,
            stream: LineStream::System,
            at: now,
            text,
        };
        if let Err(error) = self.store.append_lines(texts.into_iter().map(line).collect()).await {
            tracing::warn!(function = %timer.key.function, %error, "log lines of a schedule not stored");
        }
    }
}

async fn read_marks(store: &Store, key: Key) -> Result<Marks, store::Error> {
    let (through, fired) = (through_name(key), fired_name(key));
    let read = futures::future::try_join(store.checkpoint(&through), store.checkpoint(&fired));
    read.map_ok(|(through, fired)| Marks { through, fired }).await
}

fn through_name(key: Key) -> String {
    format!("schedule:{}:{}", key.function, key.trigger)
}

fn fired_name(key: Key) -> String {
    format!("schedule:{}:{}:fired", key.function, key.trigger)
}

/// Unix seconds; a time before 1970 is never due.
fn seconds(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp()).unwrap_or_default()
}

fn time_of(seconds: u64) -> Option<DateTime<Utc>> {
    let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    DateTime::from_timestamp(seconds, 0)
}

fn named(timer: &Timer) -> String {
    format!("Schedule `{}` ({})", timer.schedule.cron, timer.schedule.timezone)
}

fn missed(timer: &Timer, first: DateTime<Utc>) -> String {
    let what = match timer.schedule.catch_up {
        CatchUp::None => {
            "they are left out, as `catch_up` is `none`, but for the newest if it is no more than a minute late"
                .to_owned()
        }
        CatchUp::Last => "only the newest fires, as `catch_up` is `last`".to_owned(),
        CatchUp::All => format!("the newest {MAX_CAUGHT_UP} fire, the others are left out"),
    };
    format!("{}: times from {first:?} on were missed while no server kept the clock; {what}", named(timer))
}

fn overlapping(timer: &Timer, time: DateTime<Utc>, last: DateTime<Utc>) -> String {
    format!("{}: {time:?} is left out, as the run of {last:?} is not over and `overlap` is `forbid`", named(timer))
}

fn no_room(timer: &Timer, time: DateTime<Utc>) -> String {
    let named = named(timer);
    format!("{named}: {time:?} is left out, as more runs of the namespace wait than EVENTFLOW_MAX_WAITING_RUNS allows")
}

#[cfg(test)]
mod tests;
