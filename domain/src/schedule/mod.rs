//! Schedule triggers: cron patterns in time zones, due times, catching up on missed ones, and the [`plan`] of
//! everything that is due next. Has no clock: the caller passes every time.
//!
//! Patterns are parsed by the crate `croner`, which follows Vixie cron at clock changes; the tests below document it. A
//! time that is skipped in spring fires when the gap ends, and one that occurs twice in autumn fires the first time.
//! Patterns with `*`, `/`, or several hours or minutes follow the wall clock.

mod pattern;
mod plan;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;

use crate::manifest::{CatchUp, Schedule};
use crate::text::shown;
use crate::{event, function};

pub use plan::{Due, Plan, Timer};

/// A due time that is older than this when a server handles it counts as missed. Longer than a change of the leading
/// server takes.
pub const GRACE: TimeDelta = TimeDelta::seconds(60);

/// With `catch_up: all`, at most this many missed times fire, the latest ones.
pub const MAX_CAUGHT_UP: usize = 100;

/// The maximum rate at which the schedules of one function fire, per minute: five times a second.
pub const MAX_FIRINGS_A_MINUTE: u32 = 300;

/// A parsed pattern in a time zone.
#[derive(Debug, Clone)]
pub struct Timetable {
    rule: Rule,
    timezone: Tz,
}

/// The kinds of pattern.
#[derive(Debug, Clone)]
enum Rule {
    /// Wall clock times.
    Cron(Box<Cron>),
    /// An interval in seconds. The due times are its multiples since 1970 in UTC, so that every server finds the same
    /// ones.
    Every(i64),
}

/// What is wrong with a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An invalid pattern.
    #[error("{0}")]
    Cron(String),
    /// An unknown time zone.
    #[error("{0}")]
    Timezone(String),
}

impl Timetable {
    /// Parses a pattern of five fields, of six with seconds in front, a nickname such as `@daily`, or an interval such
    /// as `@every 5m`, together with an IANA time zone.
    ///
    /// # Errors
    /// If the pattern is invalid or never fires, or if the time zone is unknown.
    pub fn parse(pattern: &str, timezone: &str) -> Result<Self, Fault> {
        let rule = pattern::parse(pattern).map_err(Fault::Cron)?;
        let timezone = parse_timezone(timezone).map_err(Fault::Timezone)?;
        Ok(Self { rule, timezone })
    }

    /// The first due time after a time; `None` if there is none before the year 5000. Due times are whole seconds.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let found = match &self.rule {
            Rule::Cron(cron) => {
                let found = cron.find_next_occurrence(&after.with_timezone(&self.timezone), false).ok()?;
                found.with_timezone(&Utc)
            }
            Rule::Every(seconds) => {
                let passed = after.timestamp().div_euclid(*seconds);
                DateTime::from_timestamp(passed.checked_add(1)?.checked_mul(*seconds)?, 0)?
            }
        };
        // Anything not later would be found again for ever.
        (found > after).then_some(found)
    }

    /// The first due times after `from` up to and including `to`, in order, at most `cap`.
    pub fn due_between(&self, from: DateTime<Utc>, to: DateTime<Utc>, cap: usize) -> Vec<DateTime<Utc>> {
        let mut times = Vec::new();
        let mut last = from;
        while times.len() < cap {
            match self.next_after(last).filter(|due| *due <= to) {
                Some(due) => times.push(due),
                None => break,
            }
            last = times[times.len() - 1];
        }
        times
    }

    /// The last due times after `from` up to and including `to`, in order, at most `cap`. The work is bounded however
    /// many there are: a binary search finds the moment from which there are at most `cap`.
    pub fn newest_between(&self, from: DateTime<Utc>, to: DateTime<Utc>, cap: usize) -> Vec<DateTime<Utc>> {
        let since = |from| self.due_between(from, to, cap.saturating_add(1));
        let mut newest = since(from);
        if newest.len() <= cap {
            return newest;
        }
        let (mut too_early, mut late_enough) = (from.timestamp(), to.timestamp());
        newest.clear();
        while late_enough - too_early > 1 {
            let middle = too_early + (late_enough - too_early) / 2;
            let Some(found) = DateTime::from_timestamp(middle, 0).map(since) else { break };
            if found.len() > cap {
                too_early = middle;
            } else {
                (late_enough, newest) = (middle, found);
            }
        }
        newest
    }
}

/// What to do about the due times since a schedule was last handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The due times that fire, in order.
    pub times: Vec<DateTime<Utc>>,
    /// The first due time that was missed and does not fire, if any.
    pub left_out: Option<DateTime<Utc>>,
    /// Everything up to this time, in whole seconds, has been handled.
    pub through: DateTime<Utc>,
}

/// Which of the due times after `after` up to and including `now` fire; `None` if nothing is due.
pub fn firing(timetable: &Timetable, policy: CatchUp, after: DateTime<Utc>, now: DateTime<Utc>) -> Option<Firing> {
    let first = timetable.next_after(after).filter(|first| *first <= now)?;
    let times = match policy {
        // A single late one, never several: a schedule in seconds would otherwise catch up on a whole minute.
        CatchUp::None => timetable.newest_between(after.max(now - GRACE), now, 1),
        CatchUp::Last => timetable.newest_between(after, now, 1),
        CatchUp::All => timetable.newest_between(after, now, MAX_CAUGHT_UP),
    };
    let left_out = (times.first() != Some(&first)).then_some(first);
    let seconds = times.last().map_or(now.timestamp(), |last| last.timestamp());
    let through = DateTime::from_timestamp(seconds, 0).unwrap_or(now);
    Some(Firing { times, left_out, through })
}

/// Identifies a schedule trigger. The key is the same in every version of a function with the same pattern and time
/// zone, whatever its index among the triggers. Equal triggers are numbered in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The function. If it is deregistered and registered again, it is a different one.
    pub function: function::Id,
    /// A digest of function, pattern, time zone and number among equal triggers.
    pub trigger: TriggerId,
}

/// The short name of a schedule trigger: twelve hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TriggerId(u64);

impl fmt::Display for TriggerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

/// The keys of a function's schedules, in order.
pub fn keys<'a>(function: function::Id, schedules: impl IntoIterator<Item = &'a Schedule>) -> Vec<Key> {
    let mut seen: Vec<(String, &str)> = Vec::new();
    let key = |schedule: &'a Schedule| {
        let timing = (spaced(&schedule.cron), schedule.timezone.as_str());
        let place = seen.iter().filter(|other| **other == timing).count();
        let parts = [&function.to_string(), &timing.0, timing.1, &place.to_string()];
        let (high, _) = crate::Id::<Key>::derive("schedule trigger", &parts).uuid().as_u64_pair();
        seen.push(timing);
        Key { function, trigger: TriggerId(high >> 16) }
    };
    schedules.into_iter().map(key).collect()
}

impl Key {
    /// The id of the event for a due time. Unlike the ids of other events it is not derived from source and id, so
    /// nobody can publish an event in its place.
    pub fn event(&self, due: DateTime<Utc>) -> event::Id {
        let parts = [&self.function.to_string(), &self.trigger.to_string(), &due.timestamp().to_string()];
        event::Id::derive("schedule", &parts.map(String::as_str))
    }
}

/// What is wrong with a pattern, as a message; also if it never fires or has a pointless step. The latter is checked
/// for new patterns only: existing ones keep firing as before.
pub fn cron_fault(pattern: &str) -> Option<String> {
    match pattern::parse(pattern) {
        Ok(Rule::Cron(_)) => pattern::step_fault(pattern),
        Ok(Rule::Every(_)) => None,
        Err(fault) => Some(fault),
    }
}

/// The maximum number of times that a pattern fires in one minute; 0 if it is invalid.
pub fn firings_a_minute(pattern: &str) -> u32 {
    let seconds = match pattern::parse(pattern) {
        Ok(Rule::Cron(cron)) => {
            (0..60).filter(|second| cron.pattern.second_match(*second).is_ok_and(|fits| fits)).count()
        }
        Ok(Rule::Every(seconds)) => (0..60).step_by(usize::try_from(seconds).unwrap_or(usize::MAX)).count(),
        Err(_) => 0,
    };
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// What is wrong with a time zone, as a message.
pub fn timezone_fault(timezone: &str) -> Option<String> {
    parse_timezone(timezone).err()
}

fn parse_timezone(timezone: &str) -> Result<Tz, String> {
    Tz::from_str(timezone).map_err(|_| {
        let near = chrono_tz::TZ_VARIANTS.iter().find(|known| known.name().eq_ignore_ascii_case(timezone));
        let hint = near.map_or_else(
            || "name an IANA time zone, such as Europe/Berlin".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        format!("`{}` is no time zone that is known; {hint}", shown(timezone))
    })
}

/// The pattern with single spaces between its fields.
fn spaced(pattern: &str) -> String {
    pattern.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
