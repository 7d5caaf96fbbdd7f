//! What a running instance uses.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// What an instance has used and holds at one moment. Two of them tell how many processors it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When it was read, by the clock of whoever counts.
    pub at: DateTime<Utc>,
    /// The processor time of all its processes since its start; `None` if nothing counts it.
    pub processor_time: Option<Duration>,
    /// Bytes of memory that it holds, without what the kernel keeps of files only while there is room; `None` if nothing
    /// counts them.
    pub memory: Option<u64>,
    /// Bytes of memory that it may hold, if there is a limit.
    pub memory_limit: Option<u64>,
}

/// A limit of memory beyond this is none: control groups of version 1 have a number of 63 bits then.
const NO_LIMIT: u64 = 1 << 60;

impl Reading {
    /// A limit of memory as the kernel or an engine writes it; `None` if that means that there is none.
    pub(super) fn limit_of(bytes: u64) -> Option<u64> {
        (1..NO_LIMIT).contains(&bytes).then_some(bytes)
    }

    /// The processors in use since an earlier reading, 0.5 being half of one; `None` if nothing counts them, or no time has
    /// passed.
    pub fn processors_since(&self, earlier: &Self) -> Option<f64> {
        let passed = (self.at - earlier.at).to_std().ok().filter(|passed| !passed.is_zero())?;
        let used = self.processor_time?.checked_sub(earlier.processor_time?)?;
        Some(used.as_secs_f64() / passed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at_ms: i64, used_ms: Option<u64>) -> Reading {
        Reading {
            at: DateTime::from_timestamp_millis(at_ms).unwrap(),
            processor_time: used_ms.map(Duration::from_millis),
            memory: None,
            memory_limit: None,
        }
    }

    #[test]
    fn two_readings_tell_the_processors_in_use() {
        let first = reading(1_000, Some(100));
        assert_eq!(reading(2_000, Some(600)).processors_since(&first), Some(0.5));
        assert_eq!(reading(2_000, Some(100)).processors_since(&first), Some(0.0));
        // Another clock, a counter that began again, or none.
        assert_eq!(reading(1_000, Some(600)).processors_since(&first), None);
        assert_eq!(reading(500, Some(600)).processors_since(&first), None);
        assert_eq!(reading(2_000, Some(50)).processors_since(&first), None);
        assert_eq!(reading(2_000, None).processors_since(&first), None);
    }
}
