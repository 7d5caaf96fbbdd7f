//! Parsing of patterns, including what the crate does not support: intervals (`@every 5m`), `@midnight`, and ranges
//! that wrap around (`22-2`).

use std::ops::Range;

use chrono::{Datelike, NaiveDate};
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::time::Weekday;

use super::Rule;
use crate::duration::{self, Form};
use crate::text::shown;

/// The fields of a pattern in order; the first is optional.
static FIELDS: [Field; 6] = [
    Field { name: "second", first: 0, last: 59, words: &[] },
    Field { name: "minute", first: 0, last: 59, words: &[] },
    Field { name: "hour", first: 0, last: 23, words: &[] },
    Field { name: "day", first: 1, last: 31, words: &[] },
    Field {
        name: "month",
        first: 1,
        last: 12,
        words: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    },
    // Sunday is 0; 7 also denotes it.
    Field { name: "weekday", first: 0, last: 6, words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] },
];

/// The maximum length of a pattern, in bytes: one that lists every minute, hour and day takes a third of it.
const MAX_PATTERN: usize = 1024;

/// The first day that is tried when looking for any day that matches. The choice is arbitrary.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a valid date");

/// Number of days within which any pattern that fires at all fires at least once: month, day and weekday together
/// repeat after 28 years, or after 40 across a skipped leap year. Also bounds every search for the next due time.
const CYCLE_DAYS: usize = 40 * 366;

/// The maximum interval: a year.
const MAX_INTERVAL_S: i64 = 366 * 24 * 3600;

/// The prefix of an interval.
const EVERY: &str = "@every";

struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    /// Names of its values, beginning with the first.
    words: &'static [&'static str],
}

impl Field {
    /// Parses a value: a number or a name.
    fn value(&self, text: &str) -> Option<u32> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let named = word.and_then(|index| u32::try_from(index).ok()).map(|index| index + self.first);
        named.or_else(|| text.parse().ok())
    }

    fn size(&self) -> u32 {
        self.last - self.first + 1
    }
}

/// The fields of a pattern, each with its text; `None` if their number is wrong.
fn fields(pattern: &str) -> Option<Vec<(&'static Field, &str)>> {
    let texts: Vec<&str> = pattern.split_whitespace().collect();
    let known = FIELDS.len().checked_sub(texts.len()).filter(|left_out| *left_out <= 1)?;
    Some(FIELDS[known..].iter().zip(texts).collect())
}

/// Parses a pattern.
pub(super) fn parse(pattern: &str) -> Result<Rule, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!(
            "`{}` has {} bytes, the most that is taken is {MAX_PATTERN}",
            shown(pattern),
            pattern.len()
        ));
    }
    let trimmed = pattern.trim();
    if let Some(text) = trimmed.get(..EVERY.len()).filter(|start| start.eq_ignore_ascii_case(EVERY)) {
        return interval(&trimmed[text.len()..]).map(Rule::Every).map_err(|fault| {
            format!(
                "`{}` is no interval: {fault}; allowed are whole seconds with w, d, h, m or s, such as @every 5m or @every 1h30m, \
                 from 1s to 366d",
                shown(pattern)
            )
        });
    }
    if trimmed.eq_ignore_ascii_case("@midnight") {
        return cron("@daily").map(Rule::Cron);
    }
    cron(pattern).map(Rule::Cron)
}

fn cron(pattern: &str) -> Result<Box<Cron>, String> {
    let error = match parser().parse(&without_wrapped(pattern)) {
        // Searching for the next time of a pattern that never fires would go on for thousands of years.
        Ok(cron) => {
            if let Some(name) = empty_field(&cron) {
                return Err(format!("`{}` never fires: its {name} names no value", shown(pattern)));
            }
            if !has_a_day(&cron) {
                return Err(format!(
                    "`{}` never fires: no day fits its day, month and weekday together",
                    shown(pattern)
                ));
            }
            return Ok(Box::new(cron));
        }
        Err(error) => error,
    };
    if pattern.trim_start().starts_with('@') {
        return Err(format!(
            "`{}` is no nickname that is known: @yearly, @monthly, @weekly, @daily, @midnight, @hourly, or @every with an \
             interval such as 5m",
            shown(pattern)
        ));
    }
    let Some(fields) = fields(pattern) else {
        return Err(format!(
            "`{}` must have 5 fields (minute, hour, day, month, weekday), or 6 with seconds in front",
            shown(pattern)
        ));
    };
    // Names the first field that is invalid by itself.
    let wrong = fields.iter().enumerate().find_map(|(index, (field, text))| {
        let mut alone = vec!["*"; fields.len()];
        alone[index] = *text;
        parser().parse(&without_wrapped(&alone.join(" "))).err().map(|error| (*text, field.name, error))
    });
    Err(match wrong {
        Some((text, name, error)) => {
            format!("`{}` cannot be read: the {name} `{}`: {}", shown(pattern), shown(text), in_words(&error))
        }
        None => format!("`{}` cannot be read: {}", shown(pattern), in_words(&error)),
    })
}

/// A field of the time of day that has no value at all, such as the minute of `, * * * *`: the crate skips empty list
/// items and may end up with none.
fn empty_field(cron: &Cron) -> Option<&'static str> {
    let pattern = &cron.pattern;
    let none = |values: Range<u32>, fits: &dyn Fn(u32) -> Result<bool, CronError>| {
        !values.into_iter().any(|value| fits(value).is_ok_and(|fits| fits))
    };
    if none(0..60, &|value| pattern.second_match(value)) {
        return Some("second");
    }
    if none(0..60, &|value| pattern.minute_match(value)) {
        return Some("minute");
    }
    none(0..24, &|value| pattern.hour_match(value)).then_some("hour")
}

/// Whether any day matches a pattern.
fn has_a_day(cron: &Cron) -> bool {
    let pattern = &cron.pattern;
    FIRST_DAY.iter_days().take(CYCLE_DAYS).any(|day| {
        let weekday = Weekday::from_days_from_sunday(day.weekday().num_days_from_sunday());
        pattern.month_match(day.month()).is_ok_and(|fits| fits)
            && pattern.day_match(day.year(), day.month(), day.day(), weekday).is_ok_and(|fits| fits)
    })
}

/// The seconds of an interval such as `1h30m`. Averages such as a month are none: it would drift through the days.
fn interval(text: &str) -> Result<i64, String> {
    let time = duration::parse(text, Form { bare: false, averages: false }).map_err(|fault| fault.to_string())?;
    if time.subsec_nanos() != 0 {
        return Err("it is no whole number of seconds".to_owned());
    }
    let seconds = i64::try_from(time.as_secs()).ok().filter(|seconds| (1..=MAX_INTERVAL_S).contains(seconds));
    seconds.ok_or_else(|| "it is not from 1s to 366d".to_owned())
}

/// The pattern with ranges that wrap around written out: `22-2` as `22,23,0,1,2`.
fn without_wrapped(pattern: &str) -> String {
    let Some(fields) = fields(pattern) else { return pattern.to_owned() };
    let field = |(field, text): &(&Field, &str)| {
        let (and, list) = text.strip_prefix('+').map_or(("", *text), |list| ("+", list));
        let parts: Vec<_> =
            list.split(',').map(|part| wrapped(field, part).unwrap_or_else(|| part.to_owned())).collect();
        format!("{and}{}", parts.join(","))
    };
    fields.iter().map(field).collect::<Vec<_>>().join(" ")
}

/// The values of a range whose end is before its start.
fn wrapped(field: &Field, part: &str) -> Option<String> {
    let (range, step) = part.split_once('/').map_or((part, Some(1_u32)), |(range, step)| (range, step.parse().ok()));
    let (from, to) = range.split_once('-')?;
    let (from, to, step) = (field.value(from)?, field.value(to)?, step.filter(|step| *step > 0)?);
    let fits = |value: u32| (field.first..=field.last).contains(&value);
    if from <= to || !fits(from) || !fits(to) {
        return None;
    }
    let values = (from..=to + field.size()).step_by(usize::try_from(step).ok()?);
    let values = values.map(|value| (field.first + (value - field.first) % field.size()).to_string());
    Some(values.collect::<Vec<_>>().join(","))
}

/// A step longer than its field, which never does what its author meant. A step equal to the field is accepted: it
/// means the same as its first value, and people do write `*/60`.
pub(super) fn step_fault(pattern: &str) -> Option<String> {
    fields(pattern)?.into_iter().find_map(|(field, text)| {
        let mut steps = text.split(',').filter_map(|part| part.split_once('/')?.1.parse::<u32>().ok());
        let step = steps.find(|step| *step > field.size())?;
        Some(format!(
            "`{}` cannot be meant: the {} `{}` has a step of {step}, and there are {} of them; for an interval of its own \
             write @every, such as @every 90m",
            shown(pattern),
            field.name,
            shown(text),
            field.size()
        ))
    })
}

fn parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build()
}

fn in_words(error: &CronError) -> String {
    use CronError::{ComponentError, IllegalCharacters, InvalidPattern};
    let text = match error {
        ComponentError(text) | InvalidPattern(text) => text.clone(),
        IllegalCharacters(_) => "it has a letter or sign that does not belong there".to_owned(),
        other => other.to_string(),
    };
    text.trim_end_matches('.').to_lowercase()
}
