//! Numbers over a time.

use async_graphql::{Enum, SimpleObject};
use chrono::TimeDelta;

use crate::store;

/// How far back numbers reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::ingress::graphql) enum Window {
    /// The last 5 minutes.
    FiveMinutes,
    /// The last hour.
    Hour,
    /// The last 24 hours.
    Day,
    /// The last 7 days.
    Week,
}

impl Window {
    /// How long it is.
    pub(in crate::ingress::graphql) fn length(self) -> TimeDelta {
        match self {
            Self::FiveMinutes => TimeDelta::minutes(5),
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
            Self::Week => TimeDelta::days(7),
        }
    }
}

/// Numbers of a function, or of all that the viewer sees.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct Metrics {
    /// Runs that ended.
    invocations: u64,
    /// Those that did not succeed.
    errors: u64,
    /// Those that found no instance.
    cold_starts: u64,
    /// Half of the runs took no longer; milliseconds, null when nothing ran.
    p50_ms: Option<f64>,
    /// 95 of 100 runs took no longer.
    p95_ms: Option<f64>,
    /// 99 of 100 runs took no longer.
    p99_ms: Option<f64>,
    /// Runs that wait or run now.
    open: u64,
}

impl From<store::Metrics> for Metrics {
    fn from(numbers: store::Metrics) -> Self {
        let store::Metrics { invocations, errors, cold_starts, p50_ms, p95_ms, p99_ms, open } = numbers;
        Self { invocations, errors, cold_starts, p50_ms, p95_ms, p99_ms, open }
    }
}
