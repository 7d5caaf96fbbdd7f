//! A deployment of OpenFaaS as the manifest of a function of an image.
//!
//! A deployment replaces what it can say: variables, secrets, labels, annotations, limits and the number of instances. What
//! it cannot say, and was said elsewhere, stays: triggers, retries, and what its labels and annotations are silent about.

use std::collections::BTreeMap;

use domain::duration::{self, Form};
use domain::text::shown;
use serde_json::{Map, Value, json};

use super::types::{Deployment, Limits};
use super::{names, quantity, scaling};
use crate::edge::HttpError;

/// The variable by which a watchdog knows what to start for each call.
pub(super) const PROCESS: &str = "fprocess";

/// The port that watchdogs listen on.
const PORT: u16 = 8080;

/// Whether callers need a token, `token` or `none`.
pub(super) const AUTH: &str = "eventflow.io/auth";

/// Which hosts a function reaches: `true`, `false`, or names with commas between them.
pub(super) const NETWORK: &str = "eventflow.io/network";

/// Annotations of this room's own, by which limits are told as they were asked for.
pub(super) const MEMORY: &str = "eventflow.io/limits.memory";
pub(super) const CPU: &str = "eventflow.io/limits.cpu";

/// Variables by which a watchdog knows how long a call may take; the first that is there counts.
const TIMEOUTS: [&str; 2] = ["exec_timeout", "write_timeout"];

/// The manifest of a deployment. `stored`: the manifest that the function has. `public`: whether functions of the namespace may
/// have callers without a token; those of OpenFaaS have.
///
/// # Errors
/// 400 for what means nothing here and would be missed. Whether the manifest fits is for the operation to say.
pub(super) fn manifest(asked: &Deployment, stored: Option<Value>, public: bool) -> Result<Value, HttpError> {
    check_places(asked)?;
    let mut manifest = match stored {
        Some(Value::Object(manifest)) => manifest,
        _ => Map::new(),
    };
    set_constants(&mut manifest);
    let env = env(asked);
    let labels = asked.labels.clone().unwrap_or_default();
    let mut annotations = asked.annotations.clone().unwrap_or_default();
    [MEMORY, CPU].into_iter().for_each(|name| _ = annotations.remove(name));

    let resources = object(&mut manifest, "resources");
    set_limits(resources, asked.limits.as_ref(), &mut annotations)?;
    if let Some(timeout) = TIMEOUTS.iter().find_map(|name| env.get(*name)).and_then(|text| seconds(text)) {
        resources.insert("timeout_s".into(), json!(timeout));
    }
    if let Some(text) = annotations.get(NETWORK) {
        resources.insert("network".into(), network(text));
    }
    if resources.is_empty() {
        manifest.remove("resources");
    }
    scaling::set_by_labels(object(&mut manifest, "scaling"), &labels)?;
    set_auth(&mut manifest, annotations.get(AUTH).map(String::as_str), public)?;
    let secrets = asked.secrets.iter().flatten().map(|name| names::variable(name));
    manifest.insert("secrets".into(), json!(secrets.collect::<Result<Vec<_>, _>>()?));
    manifest.insert("env".into(), json!(env));
    manifest.insert("labels".into(), json!(labels));
    manifest.insert("annotations".into(), json!(annotations));
    Ok(Value::Object(manifest))
}

/// Sets how many instances a function has without calls.
///
/// # Errors
/// 400 if these are too many.
pub(super) fn scaled(stored: Option<Value>, replicas: u64) -> Result<Value, HttpError> {
    let mut manifest = match stored {
        Some(Value::Object(manifest)) => manifest,
        _ => Map::new(),
    };
    set_constants(&mut manifest);
    scaling::set_replicas(object(&mut manifest, "scaling"), replicas)?;
    Ok(Value::Object(manifest))
}

/// Sets what all functions of OpenFaaS have in common.
fn set_constants(manifest: &mut Map<String, Value>) {
    manifest.insert("runtime".into(), json!("docker"));
    manifest.insert("port".into(), json!(PORT));
}

/// # Errors
/// 400 for a place to run at, or a device, which nobody here would see to.
fn check_places(asked: &Deployment) -> Result<(), HttpError> {
    let refused = |message: String| Err(HttpError::bad_request("bad_request", message));
    if let Some(constraint) = asked.constraints.iter().flatten().next() {
        return refused(format!("the constraint `{}` is not supported: leave constraints out", shown(constraint)));
    }
    if let Some(other) = asked.limits.iter().flat_map(|limits| limits.others.keys()).next() {
        return refused(format!("there is no limit `{}`: only memory and cpu are supported", shown(other)));
    }
    Ok(())
}

fn env(asked: &Deployment) -> BTreeMap<String, String> {
    let mut env = asked.env_vars.clone().unwrap_or_default();
    if let Some(process) = asked.env_process.as_ref().filter(|process| !process.is_empty()) {
        env.insert(PROCESS.into(), process.clone());
    }
    env
}

/// Notes what was asked for where it would be told in other words: more than was asked for, or in other units.
fn set_limits(
    resources: &mut Map<String, Value>,
    limits: Option<&Limits>,
    annotations: &mut BTreeMap<String, String>,
) -> Result<(), HttpError> {
    let unfit = |what: &str, text: &str, example: &str| {
        let message = format!("the limit {what} is `{}`; write it like {example}", shown(text));
        HttpError::bad_request("bad_request", message)
    };
    let (memory, cpu) = limits.map_or((None, None), |limits| (limits.memory.as_deref(), limits.cpu.as_deref()));
    resources.remove("memory_mb");
    if let Some(text) = memory.filter(|text| !text.is_empty()) {
        let mebibytes = quantity::mebibytes(text).ok_or_else(|| unfit("memory", text, "128Mi"))?;
        resources.insert("memory_mb".into(), json!(mebibytes));
        if quantity::of_mebibytes(mebibytes) != text {
            annotations.insert(MEMORY.into(), text.to_owned());
        }
    }
    resources.remove("cpu");
    if let Some(text) = cpu.filter(|text| !text.is_empty()) {
        let millicores = quantity::millicores(text).ok_or_else(|| unfit("cpu", text, "100m"))?;
        let cores = millicores as f64 / 1000.0;
        resources.insert("cpu".into(), json!(cores));
        if quantity::of_cores(cores) != text {
            annotations.insert(CPU.into(), text.to_owned());
        }
    }
    Ok(())
}

fn network(text: &str) -> Value {
    match text {
        "true" => json!(true),
        "false" => json!(false),
        hosts => hosts.split(',').map(str::trim).filter(|host| !host.is_empty()).collect(),
    }
}

/// A length of time as a watchdog reads it; it takes one that it cannot read for none.
fn seconds(text: &str) -> Option<f64> {
    let time = duration::parse(text, Form { bare: true, averages: false }).ok()?;
    (!time.is_zero()).then_some(time.as_secs_f64())
}

/// Sets whether callers need a token.
fn set_auth(manifest: &mut Map<String, Value>, asked: Option<&str>, public: bool) -> Result<(), HttpError> {
    let refused = |message: String| Err(HttpError::bad_request("bad_request", message));
    let auth = match asked {
        Some("none") if !public => {
            return refused(format!(
                "the annotation {AUTH} lets everybody call the function, which its namespace does not allow \
                 (EVENTFLOW_PUBLIC_FUNCTIONS)"
            ));
        }
        Some(auth @ ("none" | "token")) => auth,
        Some(text) => {
            return refused(format!("the annotation {AUTH} is `{}`: it must be token or none", shown(text)));
        }
        None if public && !manifest.contains_key("triggers") => "none",
        None => return Ok(()),
    };
    let triggers = manifest.entry("triggers").or_insert_with(|| json!([]));
    let Some(triggers) = triggers.as_array_mut() else { return Ok(()) };
    if !triggers.iter().any(is_http) {
        triggers.push(json!({ "type": "http" }));
    }
    for trigger in triggers.iter_mut().filter(|trigger| is_http(trigger)) {
        trigger["auth"] = json!(auth);
    }
    Ok(())
}

fn is_http(trigger: &Value) -> bool {
    trigger["type"] == "http"
}

fn object<'m>(manifest: &'m mut Map<String, Value>, name: &str) -> &'m mut Map<String, Value> {
    let member = manifest.entry(name).or_insert_with(|| json!({}));
    if !member.is_object() {
        *member = json!({});
    }
    member.as_object_mut().expect("it is an object now")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::manifest::parse;

    fn deployment(more: Value) -> Deployment {
        let mut all = json!({ "service": "hello", "image": "example/hello:1" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    fn made(more: Value) -> Value {
        let manifest = manifest(&deployment(more), None, false).unwrap();
        parse(&manifest).unwrap_or_else(|faults| panic!("{manifest}: {faults:?}"));
        manifest
    }

    fn refused(more: Value) -> String {
        let error = manifest(&deployment(more), None, false).unwrap_err();
        assert_eq!(error.status.as_u16(), 400);
        error.message
    }

    #[test]
    fn the_least_that_can_be_said_is_a_function() {
        let expected = json!({
            "runtime": "docker", "port": 8080, "env": {}, "secrets": [], "labels": {}, "annotations": {}, "scaling": { "min": 1, "max": 20 },
        });
        assert_eq!(made(json!({})), expected);
        // Programs in Go say `null` for what they do not have, and more than means anything here.
        let nothing = json!({
            "envVars": null, "labels": null, "annotations": null, "secrets": null, "limits": null, "network": "func_functions",
            "registryAuth": "", "requests": { "memory": "1Gi" }, "readOnlyRootFilesystem": true,
        });
        assert_eq!(made(nothing), expected);
    }

    #[test]
    fn everything_that_is_said_has_its_place() {
        let manifest = made(json!({
            "envProcess": "python index.py",
            "envVars": { "LEVEL": "info", "exec_timeout": "1m30s", "write_timeout": "2m" },
            "secrets": ["api-key", "TOKEN"],
            "labels": { "team": "shop", "com.openfaas.scale.min": "2", "com.openfaas.scale.max": "4" },
            "annotations": { "topic": "orders", "eventflow.io/network": "api.example, db.example" },
            "limits": { "memory": "128Mi", "cpu": "100m" },
        }));
        let expected = json!({
            "runtime": "docker",
            "port": 8080,
            "env": { "LEVEL": "info", "exec_timeout": "1m30s", "write_timeout": "2m", "fprocess": "python index.py" },
            "secrets": ["api_key", "TOKEN"],
            "labels": { "team": "shop", "com.openfaas.scale.min": "2", "com.openfaas.scale.max": "4" },
            "annotations": { "topic": "orders", "eventflow.io/network": "api.example, db.example" },
            "resources": { "memory_mb": 128, "cpu": 0.1, "timeout_s": 90.0, "network": ["api.example", "db.example"] },
            "scaling": { "min": 2, "max": 4 },
        });
        assert_eq!(manifest, expected);
    }

    #[test]
    fn a_limit_that_is_told_in_other_words_is_noted_as_it_was_asked_for() {
        let manifest = made(json!({ "limits": { "memory": "5Mi", "cpu": "0.5" }, "annotations": { CPU: "mine" } }));
        assert_eq!(manifest["resources"], json!({ "memory_mb": 16, "cpu": 0.5 }));
        assert_eq!(manifest["annotations"], json!({ MEMORY: "5Mi", CPU: "0.5" }));
        let manifest = made(json!({ "limits": { "memory": "64Mi", "cpu": "2" }, "annotations": { CPU: "mine" } }));
        assert_eq!(manifest["annotations"], json!({}), "these names are this room's own");
    }

    #[test]
    fn what_nobody_would_see_to_is_refused() {
        for (more, expected) in [
            (json!({ "constraints": ["node.role == worker"] }), "node.role == worker"),
            (json!({ "limits": { "nvidia.com/gpu": "1" } }), "nvidia.com/gpu"),
            (json!({ "limits": { "memory": "much" } }), "`much`; write it like 128Mi"),
            (json!({ "limits": { "cpu": "100%" } }), "write it like 100m"),
            (json!({ "secrets": ["tls.crt"] }), "tls.crt"),
            (json!({ "labels": { "com.openfaas.scale.min": "x" } }), "com.openfaas.scale.min"),
            (json!({ "annotations": { AUTH: "none" } }), "EVENTFLOW_PUBLIC_FUNCTIONS"),
            (json!({ "annotations": { AUTH: "maybe" } }), "token or none"),
        ] {
            let message = refused(more);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn functions_are_public_where_they_may_be_unless_they_are_not_to_be() {
        let auth = |annotations: Value, stored: Option<Value>| {
            let asked = deployment(json!({ "annotations": annotations }));
            manifest(&asked, stored, true).unwrap()["triggers"].clone()
        };
        assert_eq!(auth(json!({}), None), json!([{ "type": "http", "auth": "none" }]));
        assert_eq!(auth(json!({ AUTH: "token" }), None), json!([{ "type": "http", "auth": "token" }]));
        // What is there stays, unless it is spoken of.
        let stored = || Some(json!({ "triggers": [{ "type": "http" }, { "type": "event", "pattern": "a" }] }));
        assert_eq!(auth(json!({}), stored()), stored().unwrap()["triggers"]);
        let open = json!([{ "type": "http", "auth": "none" }, { "type": "event", "pattern": "a" }]);
        assert_eq!(auth(json!({ AUTH: "none" }), stored()), open);
        let events = Some(json!({ "triggers": [{ "type": "event", "pattern": "a" }] }));
        let both = json!([{ "type": "event", "pattern": "a" }, { "type": "http", "auth": "none" }]);
        assert_eq!(auth(json!({ AUTH: "none" }), events), both);
    }

    #[test]
    fn a_second_deployment_replaces_what_it_can_say_and_keeps_the_rest() {
        let stored = json!({
            "runtime": "docker", "env": { "OLD": "1" }, "secrets": ["old"], "labels": { "old": "1" }, "annotations": { MEMORY: "5Mi" },
            "resources": { "memory_mb": 16, "cpu": 1, "timeout_s": 60, "network": true }, "retry": { "max_attempts": 2 },
            "scaling": { "min": 7, "max": 9, "concurrency": 3 }, "triggers": [{ "type": "http" }],
        });
        let expected = json!({
            "runtime": "docker", "port": 8080, "env": {}, "secrets": [], "labels": {}, "annotations": {},
            "resources": { "timeout_s": 60, "network": true }, "retry": { "max_attempts": 2 },
            "scaling": { "min": 1, "max": 20, "concurrency": 3 }, "triggers": [{ "type": "http" }],
        });
        assert_eq!(manifest(&deployment(json!({})), Some(stored), false).unwrap(), expected);
    }

    #[test]
    fn scaling_changes_nothing_else() {
        let stored = json!({ "runtime": "docker", "env": { "A": "1" }, "scaling": { "min": 1, "max": 2 } });
        let expected =
            json!({ "runtime": "docker", "port": 8080, "env": { "A": "1" }, "scaling": { "min": 4, "max": 4 } });
        assert_eq!(scaled(Some(stored), 4).unwrap(), expected);
        assert_eq!(
            scaled(None, 0).unwrap(),
            json!({ "runtime": "docker", "port": 8080, "scaling": { "min": 0, "max": 20 } })
        );
    }
}
