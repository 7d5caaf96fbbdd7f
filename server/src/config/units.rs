//! Parses sizes and durations as people write them: `6MiB`, `256k`, `30s`, `10 s`, `24h`, `1w`.

use std::time::Duration;

use domain::duration::{self, Form};

/// The units of a size. All are powers of 1024, as in the settings of most servers: `k`, `kB` and `KiB` are the same.
const SIZES: &[(&[&str], u32)] = &[
    (&["b"], 0),
    (&["k", "kb", "kib"], 10),
    (&["m", "mb", "mib"], 20),
    (&["g", "gb", "gib"], 30),
    (&["t", "tb", "tib"], 40),
];

/// The longest time that a setting takes: a hundred years. A clock can be added to it without overflowing.
pub(super) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A whole number with a unit in upper or lower case, with or without a space between them; a number alone counts `bare` bytes.
pub(super) fn size(text: &str, bare: u64) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_lowercase();
    let bytes = match unit.as_str() {
        "" => bare,
        unit => 1 << SIZES.iter().find(|(names, _)| names.contains(&unit))?.1,
    };
    number.parse::<u64>().ok()?.checked_mul(bytes)
}

/// A time such as `30s`, `10 s`, `1h 30m` or `1w`, up to [`LONGEST`]. A number alone counts seconds where `bare` allows it.
pub(super) fn time(text: &str, bare: bool) -> Option<Duration> {
    duration::parse(text, Form { bare, averages: true }).ok().filter(|time| *time <= LONGEST)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_every_unit_and_with_none() {
        for (text, bytes) in [
            ("0", 0),
            ("512", 512),
            ("512b", 512),
            ("256k", 256 << 10),
            ("256 kB", 256 << 10),
            ("6MiB", 6 << 20),
            ("6 mib", 6 << 20),
            ("1G", 1 << 30),
            ("2TiB", 2 << 40),
        ] {
            assert_eq!(size(text, 1), Some(bytes), "{text}");
        }
        assert_eq!(size("512", 1 << 20), Some(512 << 20));
        assert_eq!(size("1g", 1 << 20), Some(1 << 30));
        for text in ["", "k", "-1", "+1", "1.5M", "1x", "1 k b", "99999999999999999999", "99999999t", "١k"] {
            assert_eq!(size(text, 1), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_with_every_unit() {
        for (text, seconds) in [
            ("30s", 30),
            ("10 s", 10),
            ("90m", 5400),
            ("1h 30m", 5400),
            ("24h", 86_400),
            ("7 d", 604_800),
            ("1w", 604_800),
            ("2min", 120),
            ("30 seconds", 30),
        ] {
            assert_eq!(time(text, false), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!((time("7", true), time("7", false)), (Some(Duration::from_secs(7)), None));
        assert_eq!(time("1500ms", false), Some(Duration::from_millis(1500)));
        assert_eq!(time("1month", false), Some(Duration::from_secs(2_630_016)), "of 30.44 days");
        for text in ["", "d", "-1d", "+1d", "7D", "5M", "1 x", "101y", "99999999999999999999d", "99999999999999999999"]
        {
            assert_eq!(time(text, true), None, "{text}");
        }
    }
}
