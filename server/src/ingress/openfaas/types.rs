//! What OpenFaaS' API sends and gets. Members that mean nothing here are left out, and so ignored.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A function to deploy, or to deploy again.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Deployment {
    /// The function's name.
    pub service: String,
    pub image: String,
    pub namespace: Option<String>,
    /// What OpenFaaS' watchdog starts for each call.
    pub env_process: Option<String>,
    pub env_vars: Option<BTreeMap<String, String>>,
    /// Where it may run.
    pub constraints: Option<Vec<String>>,
    pub secrets: Option<Vec<String>>,
    pub labels: Option<BTreeMap<String, String>>,
    pub annotations: Option<BTreeMap<String, String>>,
    pub limits: Option<Limits>,
}

/// What a process may use at most. Other resources, such as graphics processors, are among `others`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    #[serde(flatten, skip_serializing)]
    pub others: BTreeMap<String, Value>,
}

/// A function as OpenFaaS describes one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub name: String,
    pub image: String,
    pub namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_process: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env_vars: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Clients look into these without asking whether there are any.
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    pub invocation_count: u64,
    /// The instances that are wanted.
    pub replicas: u64,
    /// The instances that take calls.
    pub available_replicas: u64,
    pub created_at: DateTime<Utc>,
}

/// Which function is removed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Removal {
    pub function_name: String,
    #[serde(default)]
    pub namespace: Option<String>,
}

/// How many instances are wanted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scale {
    pub replicas: u64,
    #[serde(default)]
    pub namespace: Option<String>,
}

/// A secret to set or to remove.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Secret {
    pub name: String,
    #[serde(default)]
    pub namespace: Option<String>,
    #[serde(default)]
    pub value: Option<String>,
    /// The value in base64, for what is not text; counts without `value`.
    #[serde(default)]
    pub raw_value: Option<String>,
}

/// A secret in a list.
#[derive(Debug, Serialize)]
pub(super) struct SecretName {
    pub name: String,
    pub namespace: String,
}

/// A namespace.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Namespace {
    #[serde(default)]
    pub name: String,
}

/// A line of a log.
#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    pub instance: &'a str,
    pub timestamp: DateTime<Utc>,
    pub text: &'a str,
}
