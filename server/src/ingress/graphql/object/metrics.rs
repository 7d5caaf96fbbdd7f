//! Metrics over time.

use async_graphql::{Enum, SimpleObject};
use chrono::{DateTime, TimeDelta, Utc};

use crate::store::{self, Span};

/// The length of a time window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
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
    /// The span that ends at a time: it begins a whole part earlier than that, so that it moves by whole parts and
    /// covers all of the window.
    pub(in crate::ingress::graphql) fn span(self, now: DateTime<Utc>) -> Span {
        let (part, parts) = match self {
            Self::FiveMinutes => (TimeDelta::seconds(5), 60),
            Self::Hour => (TimeDelta::minutes(1), 60),
            Self::Day => (TimeDelta::minutes(30), 48),
            Self::Week => (TimeDelta::hours(3), 56),
        };
        let into = now.timestamp().rem_euclid(part.num_seconds());
        let begun = now - TimeDelta::seconds(into) - TimeDelta::nanoseconds(now.timestamp_subsec_nanos().into());
        Span { since: begun - part * parts, part, parts: parts as usize + 1 }
    }
}

/// Metrics of one interval.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct MetricsPoint {
    /// When it began.
    at: DateTime<Utc>,
    /// Runs that ended in it.
    invocations: u64,
    /// Those that did not succeed.
    errors: u64,
    /// Runs that found no instance.
    cold_starts: u64,
    /// The median duration in milliseconds; null if nothing ran.
    p50_ms: Option<f64>,
    /// The 95th percentile.
    p95_ms: Option<f64>,
    /// The 99th percentile.
    p99_ms: Option<f64>,
    /// Runs waiting at its end, which is the queue depth.
    waiting: u64,
    /// Runs running at its end.
    running: u64,
}

/// Calls of a function in one interval.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct CallsPoint {
    /// When it began.
    at: DateTime<Utc>,
    /// Runs that ended in it.
    calls: u64,
    /// Those that did not succeed.
    errors: u64,
}

/// When the parts of a span begin.
fn times(span: Span) -> impl Iterator<Item = DateTime<Utc>> {
    (0..span.parts).map(move |part| span.since + span.part * i32::try_from(part).unwrap_or(i32::MAX))
}

/// Calls by time; `calls` is empty or has as many parts as the span.
pub(in crate::ingress::graphql) fn calls_by_time(span: Span, calls: &[store::Calls]) -> Vec<CallsPoint> {
    let calls = calls.iter().copied().chain(std::iter::repeat(store::Calls::default()));
    times(span).zip(calls).map(|(at, store::Calls { calls, errors })| CallsPoint { at, calls, errors }).collect()
}

/// Metrics of a function, or of all that the viewer sees.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct Metrics {
    /// Runs that ended.
    invocations: u64,
    /// Those that did not succeed.
    errors: u64,
    /// Runs that found no instance.
    cold_starts: u64,
    /// The median duration in milliseconds; null if nothing ran.
    p50_ms: Option<f64>,
    /// The 95th percentile.
    p95_ms: Option<f64>,
    /// The 99th percentile.
    p99_ms: Option<f64>,
    /// Runs waiting or running now.
    open: u64,
    /// Runs waiting now, for a worker or for their next attempt.
    waiting: u64,
    /// Runs running now.
    running: u64,
    /// When the window began, aligned to an interval.
    since: DateTime<Utc>,
    /// The same by interval, oldest first: 5 seconds, a minute, half an hour or 3 hours.
    points: Vec<MetricsPoint>,
}

impl Metrics {
    /// Numbers over a span.
    pub(in crate::ingress::graphql) fn of(span: Span, numbers: store::Metrics) -> Self {
        let store::Metrics { invocations, errors, cold_starts, p50_ms, p95_ms, p99_ms, waiting, running, points } =
            numbers;
        let point = |(at, point): (_, store::Point)| {
            let store::Point { invocations, errors, cold_starts, p50_ms, p95_ms, p99_ms, waiting, running } = point;
            MetricsPoint { at, invocations, errors, cold_starts, p50_ms, p95_ms, p99_ms, waiting, running }
        };
        let points = times(span).zip(points).map(point).collect();
        let (open, since) = (waiting + running, span.since);
        Self { invocations, errors, cold_starts, p50_ms, p95_ms, p99_ms, open, waiting, running, since, points }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_covers_its_whole_length_in_parts_that_stay_where_they_are() {
        let now = DateTime::from_timestamp(1_700_000_123, 456_000_000).unwrap();
        for window in [Window::FiveMinutes, Window::Hour, Window::Day, Window::Week] {
            let span = window.span(now);
            let length = span.part * (span.parts as i32 - 1);
            assert!(span.since <= now - length && span.since > now - length - span.part, "{window:?}");
            assert_eq!(window.span(now + TimeDelta::milliseconds(100)).since, span.since, "{window:?}");
        }
        assert_eq!(Window::Hour.span(now).part * 60, TimeDelta::hours(1));
    }
}
