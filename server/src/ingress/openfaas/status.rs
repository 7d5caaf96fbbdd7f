//! A function as OpenFaaS describes one.

use std::collections::BTreeMap;

use domain::function::{self, event::Source};
use serde_json::Value;

use super::mapping::{CPU, MEMORY, PROCESS};
use super::types::{Limits, Status};
use super::{names, quantity, scaling};
use crate::ingress::http;
use crate::keeping::InstanceInfo;
use crate::store::{FunctionRow, VersionRow};

/// The label by which OpenFaaS' clients tell functions from other containers.
const FUNCTION: &str = "faas_function";

/// Describes a function. `calls`: how often it was called.
pub(super) fn of(row: FunctionRow, version: Option<&VersionRow>, calls: u64, instances: &[InstanceInfo]) -> Status {
    let manifest = manifest_of(&row, version);
    let available = instances.iter().filter(|instance| instance.state == "ready").count() as u64;
    let replicas = wanted(row.state, scaling::least(&manifest), instances);
    let mut env_vars = texts(&manifest["env"]);
    let env_process = env_vars.remove(PROCESS);
    let mut annotations = texts(&manifest["annotations"]);
    let asked = [MEMORY, CPU].map(|name| annotations.remove(name));
    let mut labels = texts(&manifest["labels"]);
    labels.insert(FUNCTION.into(), row.name.clone());
    let secrets = manifest["secrets"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Status {
        image: http::told_source(&row.source),
        env_process,
        env_vars,
        secrets: secrets.map(|name| names::secret(name).into_owned()).collect(),
        labels,
        annotations,
        limits: limits(&manifest["resources"], asked),
        invocation_count: calls,
        replicas,
        available_replicas: available,
        created_at: row.created_at,
        namespace: row.namespace,
        name: row.name,
    }
}

/// What was asked for, for an image; what came of the file in the source, for anything else.
fn manifest_of(row: &FunctionRow, version: Option<&VersionRow>) -> Value {
    let (asked, built) = (row.manifest.as_ref(), version.map(|version| &version.manifest));
    let manifest = match row.source {
        Source::Image { .. } => asked.or(built),
        Source::Git { .. } | Source::Bundle { .. } => built.or(asked),
    };
    manifest.map(domain::Json::value).unwrap_or_default()
}

/// How many instances are wanted now: those that there are without calls, or those that have some to do. One that only waits for
/// its end is not wanted.
fn wanted(state: function::Status, least: u64, instances: &[InstanceInfo]) -> u64 {
    match state {
        function::Status::Stopped | function::Status::Deregistered => 0,
        function::Status::Registered | function::Status::Built => least,
        function::Status::Running => {
            let busy = |instance: &&InstanceInfo| {
                instance.state == "starting" || instance.state == "ready" && instance.in_flight > 0
            };
            least.max(instances.iter().filter(busy).count() as u64)
        }
    }
}

fn texts(pairs: &Value) -> BTreeMap<String, String> {
    let pairs = pairs.as_object().into_iter().flatten();
    pairs.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
}

/// The limits, in the words in which they were asked for as long as they are still the same.
fn limits(resources: &Value, [memory, cpu]: [Option<String>; 2]) -> Option<Limits> {
    let mebibytes = resources["memory_mb"].as_u64();
    let cores = resources["cpu"].as_f64();
    let memory = mebibytes.map(|mebibytes| {
        let asked = memory.filter(|text| quantity::mebibytes(text) == Some(mebibytes));
        asked.unwrap_or_else(|| quantity::of_mebibytes(mebibytes))
    });
    let cpu = cores.map(|cores| {
        let asked = cpu.filter(|text| quantity::millicores(text).is_some_and(|there| there as f64 == cores * 1000.0));
        asked.unwrap_or_else(|| quantity::of_cores(cores))
    });
    let any = memory.is_some() || cpu.is_some();
    any.then(|| Limits { memory, cpu, others: BTreeMap::new() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_told_as_they_were_asked_for_until_they_change() {
        let told = |resources: Value, memory: Option<&str>, cpu: Option<&str>| {
            let limits = limits(&resources, [memory, cpu].map(|text| text.map(str::to_owned)))?;
            Some((limits.memory, limits.cpu))
        };
        let pair = |memory: &str, cpu: &str| Some((Some(memory.to_owned()), Some(cpu.to_owned())));
        assert_eq!(told(json!(null), None, None), None);
        assert_eq!(told(json!({ "timeout_s": 1 }), Some("5Mi"), None), None);
        let small = json!({ "memory_mb": 16, "cpu": 0.5 });
        assert_eq!(told(small.clone(), Some("5Mi"), Some("0.5")), pair("5Mi", "0.5"));
        assert_eq!(told(small.clone(), None, None), pair("16Mi", "500m"));
        assert_eq!(told(small, Some("32Mi"), Some("1")), pair("16Mi", "500m"), "they were changed elsewhere");
        assert_eq!(told(json!({ "cpu": 1 }), None, None), Some((None, Some("1".into()))));
    }

    #[test]
    fn wanted_are_those_that_stay_and_those_that_work() {
        let instance = InstanceInfo::example;
        let (idle, busy) = (|| instance("ready", 0), || instance("ready", 2));
        let running = |least, instances: &[InstanceInfo]| wanted(function::Status::Running, least, instances);
        assert_eq!(running(0, &[idle()]), 0, "it ends when it has been idle for long enough");
        assert_eq!(running(1, &[idle()]), 1);
        assert_eq!(running(2, &[]), 2);
        assert_eq!(running(1, &[busy(), busy(), idle()]), 2);
        assert_eq!(running(0, &[instance("starting", 0), instance("draining", 1)]), 1);
        for (state, expected) in [("Registered", 3), ("Built", 3), ("Stopped", 0), ("Deregistered", 0)] {
            let state = match state {
                "Registered" => function::Status::Registered,
                "Built" => function::Status::Built,
                "Stopped" => function::Status::Stopped,
                _ => function::Status::Deregistered,
            };
            assert_eq!(wanted(state, 3, &[]), expected, "{state:?}");
        }
    }
}
