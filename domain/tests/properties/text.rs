//! Properties of pure functions: patterns, filters, names and delays.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{name, trigger};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::any;

/// An event type with segments of few letters, so that patterns match.
fn kind() -> impl Strategy<Value = Vec<String>> {
    vec("[ab]{1,2}", 1..5)
}

fn pattern() -> impl Strategy<Value = String> {
    let segment = prop_oneof![3 => "[ab]{1,2}", 1 => Just("*".to_owned())];
    (vec(segment, 0..4), any::<bool>()).prop_map(|(mut segments, rest)| {
        if rest || segments.is_empty() {
            segments.push("**".into());
        }
        segments.join(".")
    })
}

/// An independent implementation: compares lengths first, then segments.
fn model(pattern: &str, kind: &str) -> bool {
    let mut wanted: Vec<_> = pattern.split('.').collect();
    let found: Vec<_> = kind.split('.').collect();
    let rest = wanted.last() == Some(&"**");
    if rest {
        wanted.pop();
    }
    let long_enough = if rest { found.len() >= wanted.len() } else { found.len() == wanted.len() };
    long_enough && wanted.iter().zip(&found).all(|(wanted, found)| *wanted == "*" || wanted == found)
}

/// Each path into a value with what is found there. Only paths that can be written: keys without dots.
fn paths(value: &Value, prefix: &str, out: &mut Vec<(String, Value)>) {
    let mut member = |key: String, value: &Value| {
        if key.contains('.') {
            return;
        }
        let path = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        out.push((path.clone(), value.clone()));
        paths(value, &path, out);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| member(key.clone(), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, value)| member(n.to_string(), value)),
        _ => {}
    }
}

fn event() -> impl Strategy<Value = Value> {
    any::value().prop_map(|data| json!({"type": "t", "data": data}))
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a time of our days")
}

proptest! {
    #[test]
    fn a_type_matches_itself_and_without_wildcards_nothing_else(one in kind(), other in kind()) {
        let (one, other) = (one.join("."), other.join("."));
        prop_assert!(trigger::matches(&one, &one));
        prop_assert_eq!(trigger::matches(&one, &other), one == other);
        prop_assert_eq!(trigger::fault(&one), None);
    }

    #[test]
    fn a_star_stands_for_any_one_segment(kind in kind(), at in any::<prop::sample::Index>()) {
        let mut pattern = kind.clone();
        pattern[at.index(kind.len())] = "*".into();
        prop_assert!(trigger::matches(&pattern.join("."), &kind.join(".")));
    }

    #[test]
    fn two_stars_stand_for_any_rest(kind in kind(), at in any::<prop::sample::Index>()) {
        let mut pattern = kind.clone();
        pattern.truncate(at.index(kind.len() + 1));
        pattern.push("**".into());
        prop_assert!(trigger::matches(&pattern.join("."), &kind.join(".")));
        prop_assert!(trigger::matches("**", &kind.join(".")));
    }

    #[test]
    fn a_pattern_without_a_fault_matches_as_the_model_does(pattern in pattern(), kind in kind()) {
        prop_assert_eq!(trigger::fault(&pattern), None);
        let kind = kind.join(".");
        prop_assert_eq!(trigger::matches(&pattern, &kind), model(&pattern, &kind), "{} against {}", pattern, kind);
    }

    #[test]
    fn any_text_can_be_a_pattern_a_type_or_a_name(one in ".{0,12}", other in "[a.*]{0,6}") {
        for (pattern, kind) in [(&one, &other), (&other, &one), (&other, &other)] {
            trigger::matches(pattern, kind);
            trigger::fault(pattern);
        }
        if name::fits(&one) {
            prop_assert_eq!(one.to_lowercase(), one);
        }
    }

    #[test]
    fn an_event_passes_a_filter_made_of_what_it_has(event in event(), picks in vec(any::<prop::sample::Index>(), 0..4)) {
        let mut there = Vec::new();
        paths(&event, "", &mut there);
        let filter: Map<String, Value> = picks.iter().map(|pick| there[pick.index(there.len())].clone()).collect();
        prop_assert!(trigger::passes(&filter, &event), "{filter:?} on {event}");
    }

    #[test]
    fn more_to_ask_for_never_lets_more_through(event in event(), filter in vec((any::text(), any::value()), 0..3), more in (any::text(), any::value())) {
        let filter: Map<String, Value> = filter.into_iter().collect();
        let mut stricter = filter.clone();
        stricter.entry(more.0).or_insert(more.1);
        prop_assert!(!trigger::passes(&stricter, &event) || trigger::passes(&filter, &event));
    }

    #[test]
    fn a_wait_stays_between_retry_after_and_the_cap(
        policy in any::policy(),
        attempt in any::<u32>(),
        jitter in -1.0..2.0f64,
        retry_after in proptest::option::of(any::number()),
    ) {
        let due = policy.next(attempt, now(), jitter, retry_after);
        prop_assert_eq!(due.is_none(), attempt >= policy.max_attempts);
        if let Some(due) = due {
            let wait = (due - now()).num_milliseconds() as f64 / 1000.0;
            let cap = policy.backoff_max_s.clamp(0.0, 365.0 * 24.0 * 3600.0);
            prop_assert!((0.0..=cap).contains(&wait), "{wait} s with {policy:?}");
            prop_assert!(wait >= retry_after.unwrap_or(0.0).min(cap) - 0.001, "{wait} s after {retry_after:?}");
        }
    }

    #[test]
    fn more_patience_with_each_attempt_and_with_more_jitter(attempt in 1u32..30, jitter in 0.0..1.0f64) {
        let policy = domain::retry::Policy { max_attempts: 31, ..Default::default() };
        let wait = |attempt, jitter| policy.next(attempt, now(), jitter, None).map(|due| due - now());
        prop_assert!(wait(attempt, jitter) <= wait(attempt, 1.0));
        prop_assert!(wait(attempt, jitter) <= wait(attempt + 1, jitter));
        prop_assert_eq!(wait(attempt, 0.0), Some(TimeDelta::zero()));
    }
}
