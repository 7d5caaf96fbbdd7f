//! When a schedule trigger fires: cron patterns in time zones, which due times are made up for, and the [`plan`] of all
//! that is due next. Knows no clock: every time is given.
//!
//! Patterns are read by the crate `croner`, which follows Vixie cron when the clocks change. What that means is written
//! down as tests below: a time that the spring leaves out fires when the gap is over, one that the autumn repeats fires
//! the first time; what says `*`, `/`, or several hours or minutes follows the wall clock.

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

/// A due time that is older than this when a server comes to it was missed; more than a change of the server that keeps
/// the clock takes.
pub const GRACE: TimeDelta = TimeDelta::seconds(60);

/// With `catch_up: all`, more missed times than these are not made up for: the newest are.
pub const MAX_CAUGHT_UP: usize = 100;

/// How often the schedules of one function fire in a minute, at most: five times a second.
pub const MAX_FIRINGS_A_MINUTE: u32 = 300;

/// A pattern in a time zone.
#[derive(Debug, Clone)]
pub struct Timetable {
    rule: Rule,
    timezone: Tz,
}

/// What a pattern says.
#[derive(Debug, Clone)]
enum Rule {
    /// Times on the clock on the wall.
    Cron(Box<Cron>),
    /// A number of seconds. Due are its multiples since 1970 in UTC, so that every server finds the same times.
    Every(i64),
}

/// What is wrong with a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// With its pattern.
    #[error("{0}")]
    Cron(String),
    /// With its time zone.
    #[error("{0}")]
    Timezone(String),
}

impl Timetable {
    /// Reads a pattern of five fields, of six with seconds in front, a nickname such as `@daily`, or an interval such as
    /// `@every 5m`, and an IANA time zone.
    ///
    /// # Errors
    /// The pattern's fault, also that it never fires, or else the time zone's.
    pub fn parse(pattern: &str, timezone: &str) -> Result<Self, Fault> {
        let rule = pattern::parse(pattern).map_err(Fault::Cron)?;
        let timezone = parse_timezone(timezone).map_err(Fault::Timezone)?;
        Ok(Self { rule, timezone })
    }

    /// The first due time after a time; `None` when there is none before the year 5000. Due times are whole seconds.
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
        // What is not later would be found for ever.
        (found > after).then_some(found)
    }

    /// The due times after `from` and not after `to`, in order, at most `cap`: the first ones.
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

    /// The due times after `from` and not after `to`, in order, at most `cap`: the last ones. Its work is bounded,
    /// however many there are: the moment from which there are no more than `cap` is searched by halves.
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

/// What is to be done about the due times since a schedule was last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The due times that fire, in order.
    pub times: Vec<DateTime<Utc>>,
    /// The first due time that was missed and is not made up for, if there is any.
    pub left_out: Option<DateTime<Utc>>,
    /// Everything up to here, in whole seconds, is dealt with by this.
    pub through: DateTime<Utc>,
}

/// Which of the due times after `after` and not after `now` fire; `None` when nothing is due.
pub fn firing(timetable: &Timetable, policy: CatchUp, after: DateTime<Utc>, now: DateTime<Utc>) -> Option<Firing> {
    let first = timetable.next_after(after).filter(|first| *first <= now)?;
    let times = match policy {
        // One that is late, never a row of them: a schedule of seconds would make up for a whole minute.
        CatchUp::None => timetable.newest_between(after.max(now - GRACE), now, 1),
        CatchUp::Last => timetable.newest_between(after, now, 1),
        CatchUp::All => timetable.newest_between(after, now, MAX_CAUGHT_UP),
    };
    let left_out = (times.first() != Some(&first)).then_some(first);
    let seconds = times.last().map_or(now.timestamp(), |last| last.timestamp());
    let through = DateTime::from_timestamp(seconds, 0).unwrap_or(now);
    Some(Firing { times, left_out, through })
}

/// Names a schedule trigger: the same in each version of a function that says the same pattern and time zone, wherever
/// it stands among the triggers. Of several that say the same, the first is always the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Whose trigger it is. A function that was deregistered and registered again is another one.
    pub function: function::Id,
    /// Short for function, pattern, time zone and place among equal ones.
    pub trigger: TriggerId,
}

/// A schedule trigger's short name: twelve hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TriggerId(u64);

impl fmt::Display for TriggerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

/// The keys of a function's schedules, in their order.
pub fn keys<'a>(function: function::Id, schedules: impl IntoIterator<Item = &'a Schedule>) -> Vec<Key> {
    let mut seen: Vec<(String, &str)> = Vec::new();
    let key = |schedule: &'a Schedule| {
        let said = (spaced(&schedule.cron), schedule.timezone.as_str());
        let place = seen.iter().filter(|other| **other == said).count();
        let parts = [&function.to_string(), &said.0, said.1, &place.to_string()];
        let (high, _) = crate::Id::<Key>::derive("schedule trigger", &parts).uuid().as_u64_pair();
        seen.push(said);
        Key { function, trigger: TriggerId(high >> 16) }
    };
    schedules.into_iter().map(key).collect()
}

impl Key {
    /// The event of a due time. It is not derived from the event's source and id, as other events' ids are: nobody can
    /// publish an event that stands in its place.
    pub fn event(&self, due: DateTime<Utc>) -> event::Id {
        let parts = [&self.function.to_string(), &self.trigger.to_string(), &due.timestamp().to_string()];
        event::Id::derive("schedule", &parts.map(String::as_str))
    }
}

/// What is wrong with a pattern, in words; also when it never fires, or has a step that cannot be meant. The latter is a
/// fault of a new pattern only: an old one fires as it did.
pub fn cron_fault(pattern: &str) -> Option<String> {
    match pattern::parse(pattern) {
        Ok(Rule::Cron(_)) => pattern::step_fault(pattern),
        Ok(Rule::Every(_)) => None,
        Err(fault) => Some(fault),
    }
}

/// How often a pattern fires in one minute, at most; 0 when it is none.
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

/// What is wrong with a time zone, in words.
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

/// One space between fields.
fn spaced(pattern: &str) -> String {
    pattern.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
