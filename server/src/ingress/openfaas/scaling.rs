//! How many instances: OpenFaaS' labels, as a manifest says them.
//!
//! `min`, `max`, `zero` and `zero-duration` mean the same here. `target` does for the type `capacity`, the calls that an
//! instance has at a time. Other types scale by what is not measured here; they, `target-proportion` and the rest of
//! `com.openfaas.scale.` change nothing.

use std::collections::BTreeMap;

use domain::duration::{self, Form};
use domain::text::shown;
use serde_json::{Map, Value, json};

use crate::edge::HttpError;

const MIN: &str = "com.openfaas.scale.min";
const MAX: &str = "com.openfaas.scale.max";
const ZERO: &str = "com.openfaas.scale.zero";
const ZERO_DURATION: &str = "com.openfaas.scale.zero-duration";
const TYPE: &str = "com.openfaas.scale.type";
const TARGET: &str = "com.openfaas.scale.target";

/// What OpenFaaS does without labels.
const DEFAULT_MIN: u64 = 1;
const DEFAULT_MAX: u64 = 20;

/// The most that a manifest takes, see function.schema.json.
const MOST: u64 = 1_000;
const MOST_CALLS: u64 = 10_000;
const MOST_IDLE_S: u64 = 604_800;

/// Sets what a manifest says about instances to what the labels say. What OpenFaaS has no word for stays.
///
/// # Errors
/// 400 if a label does not fit.
pub(super) fn set_by_labels(
    scaling: &mut Map<String, Value>,
    labels: &BTreeMap<String, String>,
) -> Result<(), HttpError> {
    let min = whole(labels, MIN, 0, MOST)?.unwrap_or(DEFAULT_MIN);
    let max = whole(labels, MAX, 1, MOST)?.unwrap_or(DEFAULT_MAX.max(min));
    if max < min {
        return Err(unfit(MAX, &max.to_string(), &format!("{MIN} is {min}, which is more")));
    }
    scaling.insert("min".into(), json!(if zero(labels)? { 0 } else { min }));
    scaling.insert("max".into(), json!(max));
    if let Some(text) = labels.get(ZERO_DURATION) {
        scaling.insert("idle_s".into(), json!(seconds(text)?));
    }
    if labels.get(TYPE).is_some_and(|kind| kind == "capacity")
        && let Some(target) = whole(labels, TARGET, 1, MOST_CALLS)?
    {
        scaling.insert("concurrency".into(), json!(target));
    }
    Ok(())
}

/// Sets how many instances there are without calls, and makes room for more with calls.
///
/// # Errors
/// 400 if these are too many.
pub(super) fn set_replicas(scaling: &mut Map<String, Value>, replicas: u64) -> Result<(), HttpError> {
    if replicas > MOST {
        let message = format!("{replicas} replicas are more than a function can have, which is {MOST}");
        return Err(HttpError::bad_request("bad_request", message));
    }
    let max = scaling.get("max").and_then(Value::as_u64).unwrap_or(DEFAULT_MAX);
    scaling.insert("min".into(), json!(replicas));
    scaling.insert("max".into(), json!(max.max(replicas)));
    Ok(())
}

/// How many instances a manifest wants without calls.
pub(super) fn least(manifest: &Value) -> u64 {
    manifest["scaling"]["min"].as_u64().unwrap_or_default()
}

fn zero(labels: &BTreeMap<String, String>) -> Result<bool, HttpError> {
    match labels.get(ZERO).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(text) => Err(unfit(ZERO, text, "it must be true or false")),
    }
}

fn seconds(text: &str) -> Result<u64, HttpError> {
    let idle =
        duration::parse(text, Form::default()).map_err(|fault| unfit(ZERO_DURATION, text, &fault.to_string()))?;
    let seconds = idle.as_secs() + u64::from(idle.subsec_nanos() > 0);
    match (1..=MOST_IDLE_S).contains(&seconds) {
        true => Ok(seconds),
        false => Err(unfit(ZERO_DURATION, text, "it must be from one second to seven days")),
    }
}

fn whole(labels: &BTreeMap<String, String>, label: &str, least: u64, most: u64) -> Result<Option<u64>, HttpError> {
    let Some(text) = labels.get(label) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.map(Some).ok_or_else(|| unfit(label, text, &format!("it must be a whole number from {least} to {most}")))
}

fn unfit(label: &str, text: &str, why: &str) -> HttpError {
    HttpError::bad_request("bad_request", format!("the label {label} is `{}`: {why}", shown(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(labels: &[(&str, &str)]) -> Result<Value, String> {
        let labels = labels.iter().map(|(name, text)| (format!("com.openfaas.scale.{name}"), (*text).to_owned()));
        let mut scaling = Map::new();
        set_by_labels(&mut scaling, &labels.collect()).map_err(|error| error.message)?;
        Ok(Value::Object(scaling))
    }

    #[test]
    fn without_a_word_there_is_one_instance_as_in_openfaas() {
        assert_eq!(of(&[]).unwrap(), json!({ "min": 1, "max": 20 }));
    }

    #[test]
    fn labels_that_mean_the_same_are_understood() {
        let table: [(&[(&str, &str)], Value); 9] = [
            (&[("min", "2")], json!({ "min": 2, "max": 20 })),
            (&[("min", "30")], json!({ "min": 30, "max": 30 })),
            (&[("min", "2"), ("max", "2")], json!({ "min": 2, "max": 2 })),
            (&[("max", "5"), ("zero", "true")], json!({ "min": 0, "max": 5 })),
            (&[("min", "2"), ("zero", "true")], json!({ "min": 0, "max": 20 })),
            (&[("zero", "false")], json!({ "min": 1, "max": 20 })),
            (&[("zero", "true"), ("zero-duration", "1h30m")], json!({ "min": 0, "max": 20, "idle_s": 5400 })),
            (&[("zero-duration", "1.5s")], json!({ "min": 1, "max": 20, "idle_s": 2 })),
            (&[("type", "capacity"), ("target", "7")], json!({ "min": 1, "max": 20, "concurrency": 7 })),
        ];
        for (labels, expected) in table {
            assert_eq!(of(labels).unwrap(), expected, "{labels:?}");
        }
    }

    #[test]
    fn labels_that_mean_something_else_change_nothing() {
        for kind in ["rps", "cpu", "memory", "queue", "anything"] {
            let found = of(&[("type", kind), ("target", "7"), ("target-proportion", "0.7"), ("factor", "50")]);
            assert_eq!(found.unwrap(), json!({ "min": 1, "max": 20 }), "{kind}");
        }
        assert_eq!(of(&[("target", "x")]).unwrap(), json!({ "min": 1, "max": 20 }), "its type is not capacity");
    }

    #[test]
    fn a_label_that_does_not_fit_is_refused_by_name() {
        let table: [(&[(&str, &str)], &str); 11] = [
            (&[("min", "x")], "scale.min is `x`"),
            (&[("min", "-1")], "scale.min is `-1`"),
            (&[("min", "1001")], "from 0 to 1000"),
            (&[("min", "99999999999999999999")], "scale.min"),
            (&[("max", "0")], "from 1 to 1000"),
            (&[("min", "3"), ("max", "2")], "scale.min is 3, which is more"),
            (&[("zero", "yes")], "true or false"),
            (&[("zero-duration", "soon")], "scale.zero-duration"),
            (&[("zero-duration", "15")], "has no unit"),
            (&[("zero-duration", "0s")], "from one second to seven days"),
            (&[("type", "capacity"), ("target", "0")], "scale.target"),
        ];
        for (labels, expected) in table {
            let message = of(labels).unwrap_err();
            assert!(message.contains(expected), "{labels:?}: {message}");
        }
    }

    #[test]
    fn as_many_replicas_as_are_asked_for_stay_and_there_is_room_for_them() {
        let set = |scaling: Value, replicas: u64| {
            let mut scaling = scaling.as_object().unwrap().clone();
            set_replicas(&mut scaling, replicas).map(|()| Value::Object(scaling)).map_err(|error| error.message)
        };
        assert_eq!(set(json!({}), 3).unwrap(), json!({ "min": 3, "max": 20 }));
        assert_eq!(set(json!({ "min": 1, "max": 2 }), 5).unwrap(), json!({ "min": 5, "max": 5 }));
        assert_eq!(
            set(json!({ "min": 5, "max": 5, "idle_s": 9 }), 0).unwrap(),
            json!({ "min": 0, "max": 5, "idle_s": 9 })
        );
        assert!(set(json!({}), 1001).unwrap_err().contains("1000"));
    }
}
