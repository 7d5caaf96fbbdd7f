//! The schedules of all running functions, ordered by their next due time. Folded from the log, like the routing table,
//! so that it knows since when each trigger has existed without interruption.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::{Fault, Firing, Key, Timetable, firing, keys};
use crate::cloudevent;
use crate::event::Received;
use crate::function::{self, Event};
use crate::json::Json;
use crate::manifest::{Schedule, Trigger};

/// What fires next. Lookups and updates take logarithmic time in the number of schedules.
#[derive(Debug, Default)]
pub struct Plan {
    functions: HashMap<function::Id, Route>,
    entries: HashMap<Key, Entry>,
    queue: BTreeSet<(DateTime<Utc>, Key)>,
    fresh: Vec<Key>,
}

#[derive(Debug)]
struct Route {
    namespace: Arc<str>,
    name: Arc<str>,
    running: bool,
    current: u32,
    /// The schedules of each version.
    versions: Vec<Vec<(Key, Arc<Schedule>)>>,
}

#[derive(Debug)]
struct Entry {
    schedule: Arc<Schedule>,
    since: DateTime<Utc>,
    planned: Option<Planned>,
}

#[derive(Debug)]
struct Planned {
    timer: Arc<Timer>,
    after: DateTime<Utc>,
    /// Its key in the queue, if it is queued.
    wake: Option<DateTime<Utc>>,
}

/// A schedule of a running function.
#[derive(Debug, Clone)]
pub struct Timer {
    /// The trigger's key.
    pub key: Key,
    /// The function's namespace.
    pub namespace: Arc<str>,
    /// The function's name.
    pub name: Arc<str>,
    /// The schedule from the manifest.
    pub schedule: Arc<Schedule>,
    /// Its due times.
    pub timetable: Timetable,
}

/// A schedule that is due. The receiver must call [`Plan::settle`] or [`Plan::later`].
#[derive(Debug, Clone)]
pub struct Due {
    /// The schedule.
    pub timer: Arc<Timer>,
    /// The times that fire.
    pub firing: Firing,
}

impl Plan {
    /// Applies an event of a function.
    pub fn evolve(&mut self, id: function::Id, event: &Event) {
        match event {
            Event::Registered(e) => {
                let route = Route {
                    namespace: e.namespace.as_str().into(),
                    name: e.name.as_str().into(),
                    running: false,
                    current: 0,
                    versions: Vec::new(),
                };
                self.functions.insert(id, route);
            }
            Event::Deregistered(_) => {
                self.set(id, Vec::new(), None);
                self.functions.remove(&id);
            }
            other => {
                let Some(route) = self.functions.get_mut(&id) else { return };
                if let Some(at) = route.evolve(id, other) {
                    let wanted = route.wanted();
                    self.set(id, wanted, Some(at));
                }
            }
        }
    }

    /// Takes the schedules that are new and not planned yet. Each waits for [`Plan::resume`].
    pub fn take_fresh(&mut self) -> Vec<Key> {
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort_unstable();
        fresh.dedup();
        fresh.retain(|key| self.entries.get(key).is_some_and(|entry| entry.planned.is_none()));
        fresh
    }

    /// Plans a schedule. Everything up to `last` was handled before, and nothing before the schedule existed counts.
    ///
    /// # Errors
    /// If it cannot be parsed: it was stored before patterns were checked, and never fires.
    pub fn resume(&mut self, key: Key, last: Option<DateTime<Utc>>) -> Result<(), Fault> {
        let (Some(entry), Some(route)) = (self.entries.get_mut(&key), self.functions.get(&key.function)) else {
            return Ok(());
        };
        let timetable = Timetable::parse(&entry.schedule.cron, &entry.schedule.timezone)?;
        let after = last.map_or(entry.since, |last| last.max(entry.since));
        let timer = Timer {
            key,
            namespace: route.namespace.clone(),
            name: route.name.clone(),
            schedule: entry.schedule.clone(),
            timetable,
        };
        if let Some(wake) = entry.planned.as_ref().and_then(|planned| planned.wake) {
            self.queue.remove(&(wake, key));
        }
        let wake = timer.timetable.next_after(after);
        self.queue.extend(wake.map(|wake| (wake, key)));
        entry.planned = Some(Planned { timer: Arc::new(timer), after, wake });
        Ok(())
    }

    /// Whether a schedule exists now, planned or new.
    pub fn has(&self, key: Key) -> bool {
        self.entries.contains_key(&key)
    }

    /// The next due time of all.
    pub fn next(&self) -> Option<DateTime<Utc>> {
        self.queue.first().map(|(wake, _)| *wake)
    }

    /// Takes everything that is due by `now`.
    pub fn due(&mut self, now: DateTime<Utc>) -> Vec<Due> {
        let mut due = Vec::new();
        while let Some((wake, key)) = self.queue.pop_first() {
            if wake > now {
                self.queue.insert((wake, key));
                break;
            }
            let Some(planned) = self.entries.get_mut(&key).and_then(|entry| entry.planned.as_mut()) else { continue };
            planned.wake = None;
            match firing(&planned.timer.timetable, planned.timer.schedule.catch_up, planned.after, now) {
                Some(firing) => due.push(Due { timer: planned.timer.clone(), firing }),
                None => planned.wait(&mut self.queue, None),
            }
        }
        due
    }

    /// Records that a schedule was handled up to a time, and queues its next due time.
    pub fn settle(&mut self, key: Key, through: DateTime<Utc>) {
        if let Some(planned) = self.entries.get_mut(&key).and_then(|entry| entry.planned.as_mut()) {
            planned.after = planned.after.max(through);
            planned.wait(&mut self.queue, None);
        }
    }

    /// Postpones a schedule that could not be handled: not before `at`, and then with everything due by that time.
    pub fn later(&mut self, key: Key, at: DateTime<Utc>) {
        if let Some(planned) = self.entries.get_mut(&key).and_then(|entry| entry.planned.as_mut()) {
            planned.wait(&mut self.queue, Some(at));
        }
    }

    /// Replaces the schedules of a function. Those that stay keep the time since when they exist.
    fn set(&mut self, id: function::Id, wanted: Vec<(Key, Arc<Schedule>)>, at: Option<DateTime<Utc>>) {
        let versions = self.functions.get(&id).into_iter().flat_map(|route| route.versions.iter().flatten());
        let gone: Vec<Key> =
            versions.map(|(key, _)| *key).filter(|key| wanted.iter().all(|(other, _)| other != key)).collect();
        for key in gone {
            if let Some(wake) = self.entries.remove(&key).and_then(|entry| entry.planned?.wake) {
                self.queue.remove(&(wake, key));
            }
        }
        for (key, schedule) in wanted {
            let before = self.entries.remove(&key);
            if let Some(entry) = &before
                && *entry.schedule == *schedule
            {
                self.entries.extend(before.map(|entry| (key, entry)));
                continue;
            }
            if let Some(wake) = before.as_ref().and_then(|entry| entry.planned.as_ref()?.wake) {
                self.queue.remove(&(wake, key));
            }
            let Some(since) = before.map(|entry| entry.since).or(at) else { continue };
            self.entries.insert(key, Entry { schedule, since, planned: None });
            self.fresh.push(key);
        }
    }
}

impl Planned {
    /// Queues its next due time, but not before `earliest`.
    fn wait(&mut self, queue: &mut BTreeSet<(DateTime<Utc>, Key)>, earliest: Option<DateTime<Utc>>) {
        let key = self.timer.key;
        if let Some(wake) = self.wake.take() {
            queue.remove(&(wake, key));
        }
        let next = self.timer.timetable.next_after(self.after);
        self.wake = next.map(|next| earliest.map_or(next, |earliest| earliest.max(next)));
        queue.extend(self.wake.map(|wake| (wake, key)));
    }
}

impl Route {
    /// Applies an event. Returns its time if it may have changed the schedules.
    fn evolve(&mut self, id: function::Id, event: &Event) -> Option<DateTime<Utc>> {
        match event {
            Event::BuildSucceeded(e) => {
                let schedules = || {
                    e.manifest.triggers.iter().filter_map(|trigger| match trigger {
                        Trigger::Schedule(schedule) => Some(schedule),
                        _ => None,
                    })
                };
                let version = keys(id, schedules()).into_iter().zip(schedules().cloned().map(Arc::new));
                self.versions.push(version.collect());
                if self.current == 0 {
                    self.current = e.version;
                }
                None
            }
            Event::VersionPromoted(e) => {
                self.current = e.version;
                Some(e.at)
            }
            Event::Started(e) => {
                self.running = true;
                self.current = e.version;
                Some(e.at)
            }
            Event::Stopped(e) => {
                self.running = false;
                Some(e.at)
            }
            _ => None,
        }
    }

    fn wanted(&self) -> Vec<(Key, Arc<Schedule>)> {
        if !self.running {
            return Vec::new();
        }
        let index = self.current.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.versions.get(index)).cloned().unwrap_or_default()
    }
}

impl Timer {
    /// The trigger event for a due time. Every server makes the same one, except for `at`, when it was received.
    pub fn received(&self, due: DateTime<Utc>, at: DateTime<Utc>) -> Received {
        let source = format!("/functions/{}/{}/schedules/{}", self.namespace, self.name, self.key.trigger);
        let event_id = due.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let data = self.schedule.data.clone().unwrap_or_else(|| {
            json!({
                "cron": self.schedule.cron, "timezone": self.schedule.timezone, "due": event_id,
                "trigger": self.key.trigger.to_string(),
            })
        });
        let event = cloudevent::Event {
            time: Some(due),
            datacontenttype: Some("application/json"),
            data: Some(cloudevent::Data::Json(Json::from(&data))),
            ..cloudevent::Event::<()>::new("schedule.triggered", &event_id, &source)
        };
        let event = event.json();
        Received {
            id: self.key.event(due),
            namespace: self.namespace.to_string(),
            kind: "schedule.triggered".to_owned(),
            source,
            event_id,
            subject: None,
            event,
            target: Some(self.key.function),
            asynchronous: true,
            retry: None,
            callback: None,
            erased_at: None,
            at,
        }
    }
}

#[cfg(test)]
mod tests;
