//! `function.json`: what a function is and what it needs.
//!
//! The JSON Schema is checked by whoever reads the document; these types give it meaning, with every default filled in.

mod adapter;
pub mod http;
mod network;
mod webhook;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::retry;
pub use adapter::Adapter;
pub use http::{Cors, HttpAuth, HttpTrigger};
pub use network::{MAX_HOSTS, Network, host_fault};
pub use webhook::{Reply, SignatureEncoding, Webhook, WebhookPreset, WebhookScheme};

/// How the code is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// `exports.handler = async (event, context) => result`.
    Node,
    /// `def handler(event, context)`.
    Python,
    /// `app.py` with a WSGI `app`.
    PythonFlask,
    /// Any program that listens on `$PORT`, or, as a job, reads an event from standard input.
    Command,
    /// A `Dockerfile`, or a named image.
    Docker,
}

impl Runtime {
    /// The name in `function.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::PythonFlask => "python-flask",
            Self::Command => "command",
            Self::Docker => "docker",
        }
    }
}

/// Whether a process serves many calls or one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Serves HTTP until it is stopped.
    #[default]
    Service,
    /// One process for each run.
    Job,
}

/// What starts a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Trigger {
    /// A call of `/function/{name}`.
    Http(HttpTrigger),
    /// A trigger event with a matching type and content.
    Event {
        /// See [`crate::trigger::matches`].
        pattern: String,
        /// See [`crate::trigger::passes`].
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        filter: Map<String, Value>,
    },
    /// A schedule.
    Schedule(Schedule),
    /// A delivery to `/hooks/{namespace}/{function}/{name}`.
    Webhook(Webhook),
}

/// A trigger that starts runs at given times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Five fields, six with seconds in front, or a nickname such as `@daily`.
    pub cron: String,
    /// An IANA time zone.
    #[serde(default = "utc")]
    pub timezone: String,
    /// What happens to due times that passed while no server was running.
    #[serde(default, skip_serializing_if = "is_default")]
    pub catch_up: CatchUp,
    /// Whether it fires while the previous run is not over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub overlap: Overlap,
    /// The `data` of its events; if absent, it describes the schedule and the due time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl Schedule {
    /// A schedule with all defaults.
    pub fn new(cron: impl Into<String>, timezone: impl Into<String>) -> Self {
        let (catch_up, overlap) = Default::default();
        Self { cron: cron.into(), timezone: timezone.into(), catch_up, overlap, data: None }
    }
}

/// What happens to due times that passed while no server was running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CatchUp {
    /// They are skipped.
    #[default]
    None,
    /// Only the latest fires.
    Last,
    /// All fire, up to [`crate::schedule::MAX_CAUGHT_UP`].
    All,
}

/// Whether a schedule fires while its previous run is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// It fires.
    #[default]
    Allow,
    /// It skips that time.
    Forbid,
}

/// Resource limits of a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// Memory, in MiB.
    pub memory_mb: u64,
    /// CPUs.
    pub cpu: f64,
    /// Maximum duration of a call or a run, in seconds.
    pub timeout_s: f64,
    /// Maximum number of processes and threads together.
    pub pids: u64,
    /// Network access.
    pub network: Network,
}

impl Default for Resources {
    fn default() -> Self {
        Self { memory_mb: 256, cpu: 1.0, timeout_s: 30.0, pids: 256, network: Network::None }
    }
}

impl Resources {
    /// The upper limit of every timeout.
    pub const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

    /// The timeout of a call or a run, clamped to more than zero and at most a day, whatever the manifest says.
    pub fn timeout(&self) -> Duration {
        let wanted = Duration::try_from_secs_f64(self.timeout_s).unwrap_or(Self::MAX_TIMEOUT);
        wanted.clamp(Duration::from_millis(1), Self::MAX_TIMEOUT)
    }
}

/// Number of instances of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scaling {
    /// Instances kept even without calls.
    pub min: u32,
    /// The maximum number of instances.
    pub max: u32,
    /// Concurrent calls per instance.
    pub concurrency: u32,
    /// Seconds without a call after which an instance above `min` is stopped.
    pub idle_s: u64,
    /// Instances that stand by, started and without calls, beside those that take calls; all together are at most `max`.
    #[serde(skip_serializing_if = "is_default")]
    pub prewarm: u32,
}

impl Default for Scaling {
    fn default() -> Self {
        Self { min: 0, max: 4, concurrency: 10, idle_s: 300, prewarm: 0 }
    }
}

impl Scaling {
    /// Instances that there are though nobody calls.
    pub fn without_calls(&self) -> u32 {
        self.min.saturating_add(self.prewarm).min(self.max)
    }
}

/// Settings for builds: what their commands get, and the running process does not; and how an image is built.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Build {
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Names of the namespace's secrets.
    pub secrets: Vec<String>,
    /// The file that says how the image is built, below the function's folder; `Dockerfile` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// The stage of that file that becomes the image; the last one if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// `function.json` with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The name that the function suggests for itself; the name given at registration applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How the code is run.
    pub runtime: Runtime,
    /// Whether a process serves many calls or one run.
    #[serde(default)]
    pub mode: Mode,
    /// The location of the handler, for runtimes that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// The platform that the handler was written for; EventFlow itself if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<Adapter>,
    /// The program, for the runtime `command`; for an image, the arguments of its entry point instead of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// The image that the function is, in place of files: `registry.example/team/app:1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The port that an image listens on; the lowest that it exposes if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The path that answers as soon as an image is ready; its own check or its port tells if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// What starts a run. Defaults to HTTP.
    #[serde(default = "http_only")]
    pub triggers: Vec<Trigger>,
    /// Environment variables of the process.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Names of the namespace's secrets that the process gets.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Resource limits of a process.
    #[serde(default)]
    pub resources: Resources,
    /// Number of instances of a service.
    #[serde(default)]
    pub scaling: Scaling,
    /// Retry policy for runs of events.
    #[serde(default)]
    pub retry: retry::Policy,
    /// Only pushes that touch one of these paths lead to a build.
    #[serde(default)]
    pub watch_paths: Vec<String>,
    /// The owner's own words about the function, by which programs choose functions. They mean nothing to EventFlow.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The same, for what is noted and not chosen by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Whether a build starts an instance, which must answer for the build to succeed.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub start_test: bool,
    /// Whether a build fetches the submodules in the function's folder.
    #[serde(default, skip_serializing_if = "is_default")]
    pub submodules: bool,
    /// Whether a build fetches the Git LFS files in the function's folder.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lfs: bool,
    /// Settings for builds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub build: Build,
}

impl Manifest {
    /// A manifest with only the runtime given, and every default.
    pub fn of(runtime: Runtime) -> Self {
        Self {
            name: None,
            runtime,
            mode: Mode::Service,
            handler: None,
            adapter: None,
            command: None,
            image: None,
            port: None,
            health: None,
            triggers: http_only(),
            env: BTreeMap::new(),
            secrets: Vec::new(),
            resources: Resources::default(),
            scaling: Scaling::default(),
            retry: retry::Policy::default(),
            watch_paths: Vec::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            start_test: true,
            submodules: false,
            lfs: false,
            build: Build::default(),
        }
    }

    /// Whether it can be called at `/function/{name}`.
    pub fn answers_http(&self) -> bool {
        self.http_triggers().next().is_some()
    }

    /// The triggers of the type `http`.
    pub fn http_triggers(&self) -> impl Iterator<Item = &HttpTrigger> {
        self.triggers.iter().filter_map(|trigger| match trigger {
            Trigger::Http(http) => Some(http),
            _ => None,
        })
    }

    /// The http trigger that applies to `/function/{name}`: the first without a custom path, or else the first.
    pub fn http_trigger(&self) -> Option<&HttpTrigger> {
        self.http_triggers().find(|http| http.path.is_none()).or_else(|| self.http_triggers().next())
    }
}

fn http_only() -> Vec<Trigger> {
    vec![Trigger::Http(HttpTrigger::default())]
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn utc() -> String {
    "UTC".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Manifest {
        serde_json::from_str(text).expect("it is a manifest")
    }

    #[test]
    fn a_manifest_with_everything_in_it_is_read_as_written() {
        let manifest = read(
            r#"{
              "$schema": "http://localhost:8080/schemas/function.json",
              "name": "thumbnails",
              "runtime": "node",
              "mode": "service",
              "handler": "index.handler",
              "triggers": [
                { "type": "http" },
                { "type": "event", "pattern": "file.uploaded", "filter": { "data.kind": "image" } },
                { "type": "schedule", "cron": "*/5 * * * *", "timezone": "Europe/Berlin" },
                { "type": "webhook", "name": "github", "scheme": "github", "secret": "GITHUB_WEBHOOK_SECRET" }
              ],
              "env": { "LEVEL": "info" },
              "secrets": ["API_KEY"],
              "resources": { "memory_mb": 256, "cpu": 0.5, "timeout_s": 30 },
              "scaling": { "min": 0, "max": 4, "concurrency": 10, "idle_s": 300 },
              "retry": { "max_attempts": 5, "backoff_s": 1, "backoff_max_s": 300 },
              "watch_paths": ["functions/thumbnails/**"]
            }"#,
        );
        let mut filter = Map::new();
        filter.insert("data.kind".into(), Value::from("image"));
        let expected = Manifest {
            name: Some("thumbnails".into()),
            runtime: Runtime::Node,
            mode: Mode::Service,
            handler: Some("index.handler".into()),
            adapter: None,
            command: None,
            image: None,
            port: None,
            health: None,
            triggers: vec![
                Trigger::Http(HttpTrigger::default()),
                Trigger::Event { pattern: "file.uploaded".into(), filter },
                Trigger::Schedule(Schedule::new("*/5 * * * *", "Europe/Berlin")),
                Trigger::Webhook(Webhook {
                    name: "github".into(),
                    scheme: Some(WebhookScheme::Github),
                    secret: Some("GITHUB_WEBHOOK_SECRET".into()),
                    ..Webhook::default()
                }),
            ],
            env: [("LEVEL".to_owned(), "info".to_owned())].into(),
            secrets: vec!["API_KEY".into()],
            resources: Resources { memory_mb: 256, cpu: 0.5, timeout_s: 30.0, ..Resources::default() },
            scaling: Scaling { min: 0, max: 4, concurrency: 10, idle_s: 300, prewarm: 0 },
            retry: retry::Policy { max_attempts: 5, backoff_s: 1.0, backoff_max_s: 300.0 },
            watch_paths: vec!["functions/thumbnails/**".into()],
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            start_test: true,
            submodules: false,
            lfs: false,
            build: Build::default(),
        };
        assert_eq!(manifest, expected);
    }

    #[test]
    fn a_manifest_with_a_runtime_alone_has_every_default() {
        let runtimes = [Runtime::Node, Runtime::Python, Runtime::PythonFlask, Runtime::Command, Runtime::Docker];
        for runtime in runtimes {
            let manifest = read(&format!(r#"{{"runtime":"{}"}}"#, runtime.as_str()));
            assert_eq!(manifest, Manifest::of(runtime));
            assert_eq!((manifest.mode, manifest.answers_http()), (Mode::Service, true));
        }
    }

    #[test]
    fn only_a_function_with_an_http_trigger_answers_http() {
        let manifest = read(r#"{"runtime":"node","triggers":[{"type":"event","pattern":"**"},{"type":"http"}]}"#);
        assert!(manifest.answers_http());
        let manifest = read(r#"{"runtime":"node","triggers":[{"type":"event","pattern":"**"}]}"#);
        assert!(!manifest.answers_http());
        assert!(!read(r#"{"runtime":"node","triggers":[]}"#).answers_http());
    }

    #[test]
    fn what_a_trigger_leaves_out_has_its_default() {
        let manifest = read(
            r#"{"runtime":"node","triggers":[{"type":"schedule","cron":"@daily"},{"type":"webhook","name":"w"}]}"#,
        );
        let schedule = Trigger::Schedule(Schedule::new("@daily", "UTC"));
        let webhook = Trigger::Webhook(Webhook { name: "w".into(), ..Webhook::default() });
        assert_eq!(manifest.triggers, [schedule, webhook]);
    }

    #[test]
    fn what_only_some_manifests_say_is_written_only_where_they_say_something() {
        let text = r#"{"runtime":"node","adapter":"aws-lambda","start_test":false,"submodules":true,"lfs":true,"build":{"secrets":["NPM_TOKEN"]},"labels":{"team":"shop"},"annotations":{"why":"a trial"}}"#;
        let manifest = read(text);
        assert_eq!((manifest.adapter, manifest.start_test), (Some(Adapter::AwsLambda), false));
        assert!(manifest.submodules && manifest.lfs);
        assert_eq!(manifest.build, Build { secrets: vec!["NPM_TOKEN".into()], ..Build::default() });
        assert_eq!((manifest.labels["team"].as_str(), manifest.annotations["why"].as_str()), ("shop", "a trial"));
        assert_eq!(read(&serde_json::to_string(&manifest).unwrap()), manifest);
        let build = r#"{"env":{},"secrets":[],"dockerfile":"docker/run","target":"run"}"#;
        let found: Build = serde_json::from_str(build).unwrap();
        assert_eq!((found.dockerfile.as_deref(), found.target.as_deref()), (Some("docker/run"), Some("run")));
        assert_eq!(serde_json::to_string(&found).unwrap(), build);
        assert_eq!(serde_json::to_string(&manifest.build).unwrap(), r#"{"env":{},"secrets":["NPM_TOKEN"]}"#);
        // Stored manifests keep their bytes.
        let plain = serde_json::to_string(&Manifest::of(Runtime::Node)).unwrap();
        assert!(
            ["adapter", "start_test", "submodules", "lfs", "build", "labels", "annotations"]
                .iter()
                .all(|name| !plain.contains(name)),
            "{plain}"
        );
    }

    #[test]
    fn a_schedule_says_what_is_done_about_missed_and_overlapping_times() {
        let text = r#"{"type":"schedule","cron":"@hourly","timezone":"UTC","catch_up":"all","overlap":"forbid","data":{"a":[1,2.5]}}"#;
        let trigger: Trigger = serde_json::from_str(text).unwrap();
        let schedule = Schedule {
            catch_up: CatchUp::All,
            overlap: Overlap::Forbid,
            data: Some(serde_json::json!({ "a": [1, 2.5] })),
            ..Schedule::new("@hourly", "UTC")
        };
        assert_eq!(trigger, Trigger::Schedule(schedule));
        assert_eq!(serde_json::to_string(&trigger).unwrap(), text);
        // Defaults are not written, so stored manifests keep their bytes.
        let plain = serde_json::to_string(&Trigger::Schedule(Schedule::new("@daily", "UTC"))).unwrap();
        assert_eq!(plain, r#"{"type":"schedule","cron":"@daily","timezone":"UTC"}"#);
    }
}
