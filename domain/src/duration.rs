//! Lengths of time as people write them: `30s`, `500ms`, `1.5h`, `1h 30m`, `7 d`.
//!
//! One grammar for settings, headers, queries and `@every`; each place that reads one says in its [`Form`] what it takes
//! besides, and checks its own bounds. A length is one part or several, with or without spaces between them; a part is a
//! number, which may have a fraction, and a unit, with or without a space before it. Units are lower case: `M` could be
//! minutes, months or a size.
//!
//! Knows neither which place reads it nor what it may be there.

use std::fmt;
use std::time::Duration;

use crate::text::shown;

/// What a place takes besides parts with units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form {
    /// A number alone counts seconds.
    pub bare: bool,
    /// Months and years, which are averages (30.44 and 365.25 days): for what is kept long, not for what is due.
    pub averages: bool,
}

const NANOS_A_SECOND: u128 = 1_000_000_000;

/// Names of a unit, and its nanoseconds.
type Unit = (&'static [&'static str], u128);

const UNITS: [Unit; 8] = [
    (&["ns", "nsec", "nanos"], 1),
    (&["us", "µs", "usec"], 1_000),
    (&["ms", "msec", "millis"], 1_000_000),
    (&["s", "sec", "secs", "second", "seconds"], NANOS_A_SECOND),
    (&["m", "min", "mins", "minute", "minutes"], 60 * NANOS_A_SECOND),
    (&["h", "hr", "hrs", "hour", "hours"], 3600 * NANOS_A_SECOND),
    (&["d", "day", "days"], 86_400 * NANOS_A_SECOND),
    (&["w", "wk", "wks", "week", "weeks"], 7 * 86_400 * NANOS_A_SECOND),
];

const AVERAGES: [Unit; 2] = [
    (&["month", "months"], 2_630_016 * NANOS_A_SECOND),
    (&["y", "yr", "yrs", "year", "years"], 31_557_600 * NANOS_A_SECOND),
];

/// Digits of a fraction that count: with more of them, no unit gets any nearer to a nanosecond.
const FRACTION_DIGITS: usize = 18;

/// Why a text is no length of time, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// There is nothing but space.
    Empty,
    /// Here should be a number.
    NoNumber(String),
    /// A number stands alone, where none may.
    NoUnit(String),
    /// There is no such unit.
    Unit(String),
    /// It does not fit any number.
    TooLong,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::NoNumber(at) => write!(f, "`{at}` does not begin with a number"),
            Self::NoUnit(number) => write!(f, "`{number}` has no unit; write {number}s, {number}m or {number}h"),
            Self::Unit(unit) => write!(f, "`{unit}` is no unit of time; write ms, s, m, h, d or w"),
            Self::TooLong => f.write_str("it is too long"),
        }
    }
}

/// Reads a length of time, which may be zero.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str, form: Form) -> Result<Duration, Fault> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(Fault::Empty);
    }
    let mut total = 0_u128;
    let mut first = true;
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        let spaced = after.trim_start();
        let letters = spaced.find(|c: char| !c.is_alphabetic()).unwrap_or(spaced.len());
        let (name, next) = spaced.split_at(letters);
        let nanos = match name {
            "" if first && next.is_empty() && form.bare => NANOS_A_SECOND,
            // What follows the number is no letter: a sign, or a number once more.
            "" if next.is_empty() || after.len() > next.len() => return Err(Fault::NoUnit(number.written.to_owned())),
            "" => return Err(Fault::Unit(shown(next))),
            name => unit(name, form).ok_or_else(|| Fault::Unit(shown(name)))?,
        };
        total = number.times(nanos).and_then(|part| total.checked_add(part)).ok_or(Fault::TooLong)?;
        rest = next.trim_start();
        first = false;
    }
    let seconds = u64::try_from(total / NANOS_A_SECOND).map_err(|_| Fault::TooLong)?;
    Ok(Duration::new(seconds, u32::try_from(total % NANOS_A_SECOND).expect("below a second")))
}

struct Number<'t> {
    written: &'t str,
    whole: u64,
    /// Numerator and denominator.
    fraction: (u128, u128),
}

impl Number<'_> {
    /// So many times a unit; what is below a nanosecond is left out.
    fn times(&self, nanos: u128) -> Option<u128> {
        let (over, under) = self.fraction;
        u128::from(self.whole).checked_mul(nanos)?.checked_add(over.checked_mul(nanos)? / under)
    }
}

/// Digits, with a point among them or beside them; and what comes after them.
fn number(text: &str) -> Result<(Number<'_>, &str), Fault> {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (whole, after) = text.split_at(digits(text));
    let (fraction, after) = match after.strip_prefix('.') {
        Some(after) => after.split_at(digits(after)),
        None => ("", after),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(Fault::NoNumber(shown(text)));
    }
    let written = &text[..text.len() - after.len()];
    let whole = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| Fault::TooLong)? };
    let counted = &fraction[..fraction.len().min(FRACTION_DIGITS)];
    let under = counted.bytes().fold(1, |under: u128, _| under * 10);
    let over = counted.bytes().fold(0, |over: u128, digit| over * 10 + u128::from(digit - b'0'));
    Ok((Number { written, whole, fraction: (over, under) }, after))
}

fn unit(name: &str, form: Form) -> Option<u128> {
    let averages = AVERAGES.iter().filter(|_| form.averages);
    let (_, nanos) = UNITS.iter().chain(averages).find(|(names, _)| names.contains(&name))?;
    Some(*nanos)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Form = Form { bare: true, averages: true };

    fn exact(text: &str) -> Result<Duration, Fault> {
        parse(text, Form::default())
    }

    #[test]
    fn lengths_are_read_with_every_unit() {
        for (text, millis) in [
            ("30s", 30_000),
            ("10 s", 10_000),
            ("500ms", 500),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("5.s", 5000),
            ("1h30m", 5_400_000),
            (" 1h  30m ", 5_400_000),
            ("1m 1.5s 1ms", 61_501),
            ("2min", 120_000),
            ("30 seconds", 30_000),
            ("7 d", 604_800_000),
            ("1w", 604_800_000),
            ("0s", 0),
            ("1500000 ns", 1),
            ("0.0000000000000000001s", 0),
            ("007s", 7000),
        ] {
            assert_eq!(exact(text).map(|time| time.as_millis()), Ok(millis), "{text}");
        }
        assert_eq!(exact("0.1us"), Ok(Duration::from_nanos(100)));
        assert_eq!(exact("1.1s"), Ok(Duration::from_millis(1100)), "no rounding");
    }

    #[test]
    fn a_number_alone_and_averages_are_for_those_who_take_them() {
        assert_eq!(parse("7", ALL), Ok(Duration::from_secs(7)));
        assert_eq!(parse("1.5", ALL), Ok(Duration::from_millis(1500)));
        assert_eq!(parse("1 month", ALL), Ok(Duration::from_secs(2_630_016)));
        assert_eq!(parse("2years", ALL), Ok(Duration::from_secs(2 * 31_557_600)));
        assert_eq!(exact("7"), Err(Fault::NoUnit("7".to_owned())));
        assert_eq!(exact("1month"), Err(Fault::Unit("month".to_owned())));
        assert_eq!(parse("1m 7", ALL), Err(Fault::NoUnit("7".to_owned())), "only where it stands alone");
        assert_eq!(
            parse("1 000 s", ALL),
            Err(Fault::NoUnit("1".to_owned())),
            "spaces are between numbers, not in them"
        );
    }

    #[test]
    fn anything_else_is_a_fault_that_says_what_is_wrong() {
        for (text, fault) in [
            ("", "it is empty"),
            ("  ", "it is empty"),
            ("s", "`s` does not begin with a number"),
            (".s", "`.s` does not begin with a number"),
            ("-1s", "`-1s` does not begin with a number"),
            ("+1s", "`+1s` does not begin with a number"),
            ("NaN", "`NaN` does not begin with a number"),
            ("\u{661}s", "`\u{661}s` does not begin with a number"),
            ("5", "`5` has no unit; write 5s, 5m or 5h"),
            ("5x", "`x` is no unit of time; write ms, s, m, h, d or w"),
            ("5M", "`M` is no unit of time; write ms, s, m, h, d or w"),
            ("7D", "`D` is no unit of time; write ms, s, m, h, d or w"),
            ("1e2", "`e` is no unit of time; write ms, s, m, h, d or w"),
            ("5s!", "`!` does not begin with a number"),
            ("5;s", "`;s` is no unit of time; write ms, s, m, h, d or w"),
            ("99999999999999999999s", "it is too long"),
            ("9999999999999999999w", "it is too long"),
        ] {
            assert_eq!(exact(text).map_err(|fault| fault.to_string()), Err(fault.to_owned()), "{text}");
        }
        let long = exact(&format!("1{}", "\u{e4}".repeat(100))).unwrap_err().to_string();
        assert!(long.chars().count() < 160, "{long}");
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in any::<String>(), bare: bool, averages: bool) {
            let _ = parse(&text, Form { bare, averages });
        }

        #[test]
        fn what_is_written_in_parts_is_their_sum(hours in 0_u64..10_000, seconds in 0_u64..100_000, ms in 0_u64..100_000) {
            let sum = Duration::from_secs(hours * 3600 + seconds) + Duration::from_millis(ms);
            prop_assert_eq!(exact(&format!("{hours}h{seconds}s {ms} ms")), Ok(sum));
        }
    }
}
