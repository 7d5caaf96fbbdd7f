//! Settings. Flags override environment variables, these override `eventflow.toml`, and that overrides the defaults.
//!
//! Each setting is declared once, in `declared`; parsing, `--help`, `eventflow config`, the reference page and every
//! message are generated from that. An invalid value ends the start with one line that names its source, the value, and
//! what is allowed.

mod contradict;
mod declared;
mod edge;
mod flags;
mod layers;
mod log_level;
mod registry;
mod report;
mod setting;
mod suggest;
mod units;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use edge::is_namespace;
pub use edge::{Edge, Namespaces, Networks, PublicUrl};
pub use flags::Flags;
use layers::{DEFAULTS, Layers};
pub use layers::{Error, Origin};
pub use registry::Registry;
use registry::image_name;
pub use report::{InForce, in_force, page, table};

pub use crate::outbound::{Outward, Reach, Registries};

/// All settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where people and programs connect to: `EVENTFLOW_HOST`, `PORT`.
    pub listen: SocketAddr,
    /// Where everything that is not in a database lives: `EVENTFLOW_DATA_DIR`.
    pub data_dir: PathBuf,
    /// Where artifacts are kept, the data folder when absent: `EVENTFLOW_ARTIFACTS`.
    pub artifacts_dir: Option<PathBuf>,
    /// Bytes of artifacts that are copied to the data folder before they are used; `None`, they are used where they are kept:
    /// `EVENTFLOW_ARTIFACT_CACHE`.
    pub artifact_cache: Option<usize>,
    /// PostgreSQL instead of SQLite: `DATABASE_URL`.
    pub database_url: Option<String>,
    /// RabbitMQ instead of delivery in process: `AMQP_URL`.
    pub amqp_url: Option<String>,
    /// The key that tokens are signed with: `JWT_SECRET`.
    pub jwt_secret: Option<String>,
    /// The key that secrets are sealed with: `EVENTFLOW_SECRET_KEY`; one in the data folder when absent.
    pub secret_key: Option<SecretKey>,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives by module: `LOG_LEVEL`.
    pub log_level: String,
    /// Whether a line of the log is a JSON object: `LOG_FORMAT`.
    pub log_json: bool,
    /// Whether each request is logged: `EVENTFLOW_ACCESS_LOG`.
    pub access_log: bool,
    /// A port of their own for metrics: `METRICS_PORT`.
    pub metrics_port: Option<u16>,
    /// Whether metrics need a token that sees every namespace: `EVENTFLOW_METRICS`.
    pub metrics_need_token: bool,
    /// The namespace of functions that name none: `NAMESPACE`.
    pub namespace: String,
    /// Development: known credentials, loopback only, a demo function.
    pub dev: bool,
    /// Which addresses may be called back beside the public ones: `EVENTFLOW_CALLBACK_ALLOW`.
    pub callback_allow: Outward,
    /// Which addresses repositories may be fetched from beside the public ones: `EVENTFLOW_GIT_ALLOW`.
    pub git_allow: Outward,
    /// Which registries images may be pulled from beside those with public addresses: `EVENTFLOW_REGISTRY_ALLOW`.
    pub registry_allow: Registries,
    /// Whether a function's repository may be on the server's own disk, which `--dev` allows:
    /// `EVENTFLOW_ALLOW_LOCAL_REPOSITORIES`.
    pub local_repositories: bool,
    /// The server's own address and its connections.
    pub edge: Edge,
    /// What functions and builds with a network reach beside the Internet: `EVENTFLOW_NETWORK_ALLOW`.
    pub network_allow: Reach,
    /// Where sandboxes cannot have networks of their own, they share the host's: `EVENTFLOW_NETWORK_SHARED`.
    pub network_shared: bool,
    /// Whether nothing runs in the sandbox: `EVENTFLOW_EXECUTOR` is `docker`.
    pub only_containers: bool,
    /// Whether functions of files become images: `EVENTFLOW_BUILD`.
    pub builds_images: bool,
    /// What functions of Node are put on then: `EVENTFLOW_IMAGE_NODE`.
    pub node_image: String,
    /// What functions of Python are put on then: `EVENTFLOW_IMAGE_PYTHON`.
    pub python_image: String,
    /// Whether an engine is used where there is one: `EVENTFLOW_DOCKER`.
    pub docker: bool,
    /// The engine that images run on: `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// Whether an engine that is reached by TCP is called by TLS: `DOCKER_TLS_VERIFY`.
    pub docker_tls: bool,
    /// The folder of the certificates for that: `DOCKER_CERT_PATH`.
    pub docker_cert_path: Option<PathBuf>,
    /// Its runtime for containers: `EVENTFLOW_DOCKER_RUNTIME`.
    pub docker_runtime: Option<String>,
    /// The BuildKit that images are built by, the Docker engine when absent: `EVENTFLOW_BUILDKIT`.
    pub buildkit: Option<String>,
    /// The registry that built images are pushed to: `EVENTFLOW_REGISTRY`.
    pub registry: Option<Registry>,
    /// What bounds what.
    pub limits: Limits,
    /// How long what is done with is kept.
    pub retention: Retention,
}

/// How long data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Trigger events, from when they came: `EVENTFLOW_RETAIN_EVENTS`.
    pub events: Duration,
    /// Runs, from when they were over: `EVENTFLOW_RETAIN_RUNS`.
    pub runs: Duration,
    /// Lines of builds and runs, from when they were printed: `EVENTFLOW_RETAIN_LOGS`.
    pub logs: Duration,
    /// Artifacts and bundles, from when nothing needed them any more: `EVENTFLOW_RETAIN_ARTIFACTS`.
    pub artifacts: Duration,
    /// The newest versions of a function whose artifacts are needed: `EVENTFLOW_KEEP_VERSIONS`.
    pub versions: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self::read(&Layers::default()).expect(DEFAULTS)
    }
}

impl Retention {
    fn read(layers: &Layers) -> Result<Self, Error> {
        Ok(Self {
            events: layers.time("EVENTFLOW_RETAIN_EVENTS")?,
            runs: layers.time("EVENTFLOW_RETAIN_RUNS")?,
            logs: layers.time("EVENTFLOW_RETAIN_LOGS")?,
            artifacts: layers.time("EVENTFLOW_RETAIN_ARTIFACTS")?,
            versions: layers.number::<u64>("EVENTFLOW_KEEP_VERSIONS")?.try_into().unwrap_or(u32::MAX),
        })
    }
}

/// A 256-bit key, hidden in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(pub [u8; 32]);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

impl SecretKey {
    /// 32 bytes as 64 hexadecimal digits, or in base64.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = match text.len() {
            64 => hex::decode(text).ok()?,
            _ => STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()?,
        };
        bytes.try_into().ok().map(Self)
    }
}

/// Limits, each with a name and a default.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body: `EVENTFLOW_MAX_BODY`.
    pub body: usize,
    /// Bytes of a CloudEvent: `EVENTFLOW_MAX_EVENT`.
    pub event: usize,
    /// Bytes of all bodies together whose senders are not known yet: `EVENTFLOW_MAX_UNPROVED`.
    pub unproved: usize,
    /// Bytes of an uploaded bundle: `EVENTFLOW_MAX_BUNDLE`.
    pub bundle: usize,
    /// Bytes of a request or a result that a run keeps: `EVENTFLOW_MAX_RECORDED`.
    pub recorded: usize,
    /// Bytes of a build's log: `EVENTFLOW_MAX_BUILD_LOG`.
    pub build_log: usize,
    /// Bytes of the package caches of all functions: `EVENTFLOW_MAX_BUILD_CACHE`.
    pub build_cache: usize,
    /// Bytes that a build may have in its folder: `EVENTFLOW_MAX_BUILD_DISK`.
    pub build_disk: usize,
    /// Bytes of the files that an image is built from: `EVENTFLOW_MAX_BUILD_CONTEXT`.
    pub build_context: usize,
    /// Bytes of all bundles: `EVENTFLOW_MAX_BUNDLES`.
    pub bundles: usize,
    /// Bytes of all artifacts: `EVENTFLOW_MAX_ARTIFACTS`.
    pub artifacts: usize,
    /// Bytes that an instance reads from a disk in a second: `EVENTFLOW_MAX_DISK_READ`.
    pub disk_read: usize,
    /// Bytes that an instance writes to a disk in a second: `EVENTFLOW_MAX_DISK_WRITE`.
    pub disk_write: usize,
    /// Mebibytes of memory that a function may ask for, what the host has when absent: `EVENTFLOW_MAX_FUNCTION_MEMORY`.
    pub function_memory_mb: Option<usize>,
    /// Bytes of memory of all containers together, most of what the engine's host has when absent: `EVENTFLOW_CONTAINERS_MEMORY`.
    pub containers_memory: Option<usize>,
    /// Processes of all containers together, most of what the engine's host allows when absent: `EVENTFLOW_CONTAINERS_PIDS`.
    pub containers_pids: Option<usize>,
    /// Processors that a function may ask for, what the host has when absent: `EVENTFLOW_MAX_FUNCTION_CPU`.
    pub function_cpu: Option<usize>,
    /// Seconds that a function may ask for: `EVENTFLOW_MAX_FUNCTION_TIMEOUT`.
    pub function_timeout: Duration,
    /// Functions of one namespace: `EVENTFLOW_MAX_FUNCTIONS`.
    pub functions: usize,
    /// Instances that a function may ask for: `EVENTFLOW_MAX_INSTANCES`.
    pub instances: usize,
    /// Calls at a time that a function may ask for: `EVENTFLOW_MAX_CONCURRENCY`.
    pub concurrency: usize,
    /// Lines a second that are stored of a function, a long one counting as one for each KiB: `EVENTFLOW_MAX_LINES`.
    pub lines_per_second: u32,
    /// Bytes of a run's lines: `EVENTFLOW_MAX_RUN_LOG`.
    pub run_log: usize,
    /// Bytes of a function's lines in a day, on each server: `EVENTFLOW_MAX_FUNCTION_LOG`.
    pub function_log: usize,
    /// Builds at a time: `EVENTFLOW_BUILDS`.
    pub builds: usize,
    /// Seconds that a build may take: `EVENTFLOW_BUILD_TIMEOUT`.
    pub build_timeout: Duration,
    /// Seconds that an instance may take to answer for the first time: `EVENTFLOW_READY_TIMEOUT`.
    pub ready_timeout: Duration,
    /// Seconds that the server goes on as before after a signal to end, saying that it drains: `EVENTFLOW_DRAIN_DELAY`.
    pub drain_delay: Duration,
    /// Seconds that calls, runs and builds get when the server ends, and an instance between SIGTERM and SIGKILL:
    /// `EVENTFLOW_STOP_GRACE`.
    pub stop_grace: Duration,
    /// Seconds that a run waits which cannot be offered to its function: `EVENTFLOW_OFFER_TIMEOUT`.
    pub offer_timeout: Duration,
    /// Calls that may wait for an instance of one function: `EVENTFLOW_MAX_WAITING`.
    pub waiting: usize,
    /// Runs of one namespace that may wait: `EVENTFLOW_MAX_WAITING_RUNS`.
    pub waiting_runs: u64,
    /// Subscriptions of one connection: `EVENTFLOW_MAX_SUBSCRIPTIONS`.
    pub subscriptions: usize,
    /// Subscriptions and followed logs of one viewer, over all connections: `EVENTFLOW_MAX_SUBSCRIPTIONS_PER_VIEWER`.
    pub subscriptions_of_viewer: usize,
    /// Subscriptions and followed logs of all viewers: `EVENTFLOW_MAX_SUBSCRIPTIONS_TOTAL`.
    pub subscriptions_of_all: usize,
    /// Levels of a GraphQL query: `EVENTFLOW_MAX_DEPTH`.
    pub depth: usize,
    /// Fields of a GraphQL query: `EVENTFLOW_MAX_COMPLEXITY`.
    pub complexity: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::read(&Layers::default()).expect(DEFAULTS)
    }
}

impl Limits {
    fn read(layers: &Layers) -> Result<Self, Error> {
        let mebibytes = layers.size_if_any("EVENTFLOW_MAX_FUNCTION_MEMORY")?.map(|bytes| bytes >> 20);
        Ok(Self {
            body: layers.size("EVENTFLOW_MAX_BODY")?,
            event: layers.size("EVENTFLOW_MAX_EVENT")?,
            unproved: layers.size("EVENTFLOW_MAX_UNPROVED")?,
            bundle: layers.size("EVENTFLOW_MAX_BUNDLE")?,
            recorded: layers.size("EVENTFLOW_MAX_RECORDED")?,
            build_log: layers.size("EVENTFLOW_MAX_BUILD_LOG")?,
            build_cache: layers.size("EVENTFLOW_MAX_BUILD_CACHE")?,
            build_disk: layers.size("EVENTFLOW_MAX_BUILD_DISK")?,
            build_context: layers.size("EVENTFLOW_MAX_BUILD_CONTEXT")?,
            bundles: layers.size("EVENTFLOW_MAX_BUNDLES")?,
            artifacts: layers.size("EVENTFLOW_MAX_ARTIFACTS")?,
            disk_read: layers.size("EVENTFLOW_MAX_DISK_READ")?,
            disk_write: layers.size("EVENTFLOW_MAX_DISK_WRITE")?,
            function_memory_mb: mebibytes,
            containers_memory: layers.size_if_any("EVENTFLOW_CONTAINERS_MEMORY")?,
            containers_pids: layers.number_if_any("EVENTFLOW_CONTAINERS_PIDS")?,
            function_cpu: layers.number_if_any("EVENTFLOW_MAX_FUNCTION_CPU")?,
            function_timeout: layers.time("EVENTFLOW_MAX_FUNCTION_TIMEOUT")?,
            functions: layers.number("EVENTFLOW_MAX_FUNCTIONS")?,
            instances: layers.number("EVENTFLOW_MAX_INSTANCES")?,
            concurrency: layers.number("EVENTFLOW_MAX_CONCURRENCY")?,
            lines_per_second: layers.number::<u64>("EVENTFLOW_MAX_LINES")?.try_into().unwrap_or(u32::MAX),
            run_log: layers.size("EVENTFLOW_MAX_RUN_LOG")?,
            function_log: layers.size("EVENTFLOW_MAX_FUNCTION_LOG")?,
            builds: layers.number("EVENTFLOW_BUILDS")?,
            build_timeout: layers.time("EVENTFLOW_BUILD_TIMEOUT")?,
            ready_timeout: layers.time("EVENTFLOW_READY_TIMEOUT")?,
            drain_delay: layers.time("EVENTFLOW_DRAIN_DELAY")?,
            stop_grace: layers.time("EVENTFLOW_STOP_GRACE")?,
            offer_timeout: layers.time("EVENTFLOW_OFFER_TIMEOUT")?,
            waiting: layers.number("EVENTFLOW_MAX_WAITING")?,
            waiting_runs: layers.number("EVENTFLOW_MAX_WAITING_RUNS")?,
            subscriptions: layers.number("EVENTFLOW_MAX_SUBSCRIPTIONS")?,
            subscriptions_of_viewer: layers.number("EVENTFLOW_MAX_SUBSCRIPTIONS_PER_VIEWER")?,
            subscriptions_of_all: layers.number("EVENTFLOW_MAX_SUBSCRIPTIONS_TOTAL")?,
            depth: layers.number("EVENTFLOW_MAX_DEPTH")?,
            complexity: layers.number("EVENTFLOW_MAX_COMPLEXITY")?,
        })
    }
}

impl Settings {
    /// The defaults, for everything in this data folder, on a free port of the loopback interface.
    pub fn new(data_dir: &Path) -> Self {
        let defaults = Self::from_layers(&Layers::default()).expect(DEFAULTS);
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), data_dir: data_dir.to_owned(), ..defaults }
    }

    /// Reads flags, the environment and `eventflow.toml` in the working directory.
    ///
    /// # Errors
    /// When a value is not allowed, or two contradict each other.
    pub fn read(flags: &Flags) -> Result<Self, Error> {
        Self::from_layers(&Layers::read(flags)?)
    }

    fn from_layers(layers: &Layers) -> Result<Self, Error> {
        let host = layers.text("EVENTFLOW_HOST", |text| match text {
            "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
            text => text.parse().ok(),
        })?;
        let only_containers = layers.text("EVENTFLOW_EXECUTOR", |text| match text {
            "sandbox" => Some(false),
            "docker" => Some(true),
            _ => None,
        })?;
        let builds_images = layers.text("EVENTFLOW_BUILD", |text| match text {
            "files" => Some(false),
            "image" => Some(true),
            _ => None,
        })?;
        let mut wrong_level = String::new();
        let log_level = layers.text("LOG_LEVEL", |text| {
            log_level::check(text).map_err(|why| wrong_level = why).ok().map(|()| text.to_owned())
        });
        let settings = Self {
            listen: SocketAddr::new(host, layers.number("PORT")?),
            data_dir: layers.text("EVENTFLOW_DATA_DIR", |text| Some(PathBuf::from(text)))?,
            artifact_cache: layers.size_if_any("EVENTFLOW_ARTIFACT_CACHE")?,
            artifacts_dir: layers
                .text_if_any("EVENTFLOW_ARTIFACTS", |text| (!text.contains("://")).then(|| PathBuf::from(text)))?,
            database_url: layers.text_if_any("DATABASE_URL", |text| {
                (text.starts_with("postgres://") || text.starts_with("postgresql://")).then(|| text.to_owned())
            })?,
            amqp_url: layers.text_if_any("AMQP_URL", |text| {
                (text.starts_with("amqp://") || text.starts_with("amqps://")).then(|| text.to_owned())
            })?,
            jwt_secret: layers.text_if_any("JWT_SECRET", |text| (text.len() >= 32).then(|| text.to_owned()))?,
            secret_key: layers.text_if_any("EVENTFLOW_SECRET_KEY", SecretKey::read)?,
            log_level: log_level.map_err(|error| match error {
                Error::Value { name, value, origin, allowed } => {
                    Error::Value { name, value, origin, allowed: format!("{allowed}; {wrong_level}") }
                }
                other => other,
            })?,
            log_json: layers.text("LOG_FORMAT", |text| match text {
                "text" => Some(false),
                "json" => Some(true),
                _ => None,
            })?,
            access_log: layers.switch("EVENTFLOW_ACCESS_LOG")?,
            metrics_port: layers.number_if_any("METRICS_PORT")?,
            metrics_need_token: layers.text("EVENTFLOW_METRICS", |text| match text {
                "open" => Some(false),
                "token" => Some(true),
                _ => None,
            })?,
            namespace: layers.text("NAMESPACE", |text| is_namespace(text).then(|| text.to_owned()))?,
            dev: layers.dev(),
            callback_allow: layers.text_if_any("EVENTFLOW_CALLBACK_ALLOW", Outward::parse)?.unwrap_or_default(),
            git_allow: layers.text_if_any("EVENTFLOW_GIT_ALLOW", Outward::parse)?.unwrap_or_default(),
            registry_allow: layers.text_if_any("EVENTFLOW_REGISTRY_ALLOW", Registries::parse)?.unwrap_or_default(),
            local_repositories: layers.switch("EVENTFLOW_ALLOW_LOCAL_REPOSITORIES")?,
            edge: Edge::read(layers)?,
            network_allow: layers.text_if_any("EVENTFLOW_NETWORK_ALLOW", Reach::parse)?.unwrap_or_default(),
            network_shared: layers.switch("EVENTFLOW_NETWORK_SHARED")?,
            only_containers,
            builds_images: builds_images || only_containers,
            node_image: layers.text("EVENTFLOW_IMAGE_NODE", image_name)?,
            python_image: layers.text("EVENTFLOW_IMAGE_PYTHON", image_name)?,
            docker: layers.text("EVENTFLOW_DOCKER", |text| match text {
                "auto" => Some(true),
                "off" => Some(false),
                _ => None,
            })?,
            docker_host: layers.text_if_any("DOCKER_HOST", |text| {
                ["unix://", "tcp://", "http://", "https://"]
                    .iter()
                    .any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
                    .then(|| text.to_owned())
            })?,
            docker_tls: layers.text_if_any("DOCKER_TLS_VERIFY", |text| Some(!text.is_empty()))?.unwrap_or_default(),
            docker_cert_path: layers.text_if_any("DOCKER_CERT_PATH", |text| Some(PathBuf::from(text)))?,
            docker_runtime: layers.text_if_any("EVENTFLOW_DOCKER_RUNTIME", |text| {
                let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
                (!text.is_empty() && text.chars().all(allowed)).then(|| text.to_owned())
            })?,
            buildkit: layers.text_if_any("EVENTFLOW_BUILDKIT", |text| {
                ["unix:///", "tcp://"]
                    .iter()
                    .any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
                    .then(|| text.to_owned())
            })?,
            registry: layers.text_if_any("EVENTFLOW_REGISTRY", Registry::parse)?,
            limits: Limits::read(layers)?,
            retention: Retention::read(layers)?,
        };
        let looked = contradict::Looked {
            dev: settings.dev,
            listen: settings.listen,
            metrics_port: settings.metrics_port,
            public_url: settings.edge.public_url.as_ref(),
            builds_images: settings.builds_images,
            only_containers: settings.only_containers,
            docker: settings.docker,
            number: &|name| settings.number(name),
        };
        contradict::check(&looked, layers)?;
        Ok(settings)
    }

    /// One of the sizes that are held against each other, by its setting's name.
    fn number(&self, name: &str) -> Option<usize> {
        let limits = &self.limits;
        Some(match name {
            "EVENTFLOW_MAX_EVENT" => limits.event,
            "EVENTFLOW_MAX_BODY" => limits.body,
            "EVENTFLOW_MAX_UNPROVED" => limits.unproved,
            "EVENTFLOW_MAX_BUNDLE" => limits.bundle,
            "EVENTFLOW_MAX_BUILD_DISK" => limits.build_disk,
            "EVENTFLOW_MAX_RUN_LOG" => limits.run_log,
            "EVENTFLOW_MAX_FUNCTION_LOG" => limits.function_log,
            "EVENTFLOW_MAX_CONNECTIONS_PER_ADDRESS" => self.edge.connections_per_address,
            "EVENTFLOW_MAX_CONNECTIONS" => self.edge.connections?,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)], toml: &str, flags: &Flags) -> Result<Settings, Error> {
        let variables = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Settings::from_layers(&Layers::of(flags, variables.collect(), toml).unwrap())
    }

    #[test]
    fn flags_beat_variables_beat_the_file_beats_defaults() {
        let toml = "port = 1\nnamespace = \"file\"\nlog_level = \"debug\"";
        let flags = Flags { values: [("PORT", "3".to_owned())].into(), ..Flags::default() };
        let settings = read(&[("PORT", "2"), ("NAMESPACE", "variable")], toml, &flags).unwrap();
        assert_eq!((settings.listen.port(), settings.namespace.as_str()), (3, "variable"));
        assert_eq!((settings.log_level.as_str(), settings.limits.body), ("debug", 6 << 20));
    }

    #[test]
    fn a_wrong_value_is_told_in_one_line() {
        let error = read(&[("PORT", "http")], "", &Flags::default()).unwrap_err().to_string();
        assert_eq!(error, "PORT is `http` (from the environment): allowed is a port from 0 to 65535");
        let error = read(&[], "port = 99999", &Flags::default()).unwrap_err().to_string();
        assert_eq!(error, "PORT is `99999` (from eventflow.toml): allowed is a port from 0 to 65535");
    }

    #[test]
    fn a_secret_is_not_repeated_in_the_error() {
        let error = read(&[("JWT_SECRET", "hunter2")], "", &Flags::default()).unwrap_err().to_string();
        assert!(!error.contains("hunter2") && error.contains("JWT_SECRET"), "{error}");
    }

    #[test]
    fn a_secret_key_is_32_bytes_in_hex_or_base64() {
        let key = |text: &str| read(&[("EVENTFLOW_SECRET_KEY", text)], "", &Flags::default());
        let bytes = [0xfb; 32];
        for text in [hex::encode(bytes), STANDARD.encode(bytes), URL_SAFE.encode(bytes)] {
            assert_eq!(key(&text).unwrap().secret_key, Some(SecretKey(bytes)), "{text}");
        }
        for text in ["hunter2", "f".repeat(63).as_str(), "g".repeat(64).as_str(), STANDARD.encode([1; 31]).as_str()] {
            let error = key(text).unwrap_err().to_string();
            assert!(!error.contains(text) && error.contains("EVENTFLOW_SECRET_KEY"), "{error}");
            assert_eq!(error.lines().count(), 1);
        }
        assert!(!format!("{:?}", key(&hex::encode(bytes)).unwrap()).contains("fb"));
    }

    #[test]
    fn a_broker_is_named_by_its_url_which_is_not_repeated() {
        let settings = read(&[("AMQP_URL", "amqps://a:b@broker/%2f")], "", &Flags::default()).unwrap();
        assert_eq!(settings.amqp_url.as_deref(), Some("amqps://a:b@broker/%2f"));
        let flags =
            Flags { values: [("AMQP_URL", "http://user:hunter2@broker".to_owned())].into(), ..Flags::default() };
        let error = read(&[], "", &flags).unwrap_err().to_string();
        assert!(error.contains("AMQP_URL") && error.contains("amqp://") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn times_have_a_unit() {
        let read = |text| read(&[("EVENTFLOW_RETAIN_RUNS", text)], "retain_logs = \"30s\"", &Flags::default());
        let kept = |text| read(text).map(|settings| settings.retention.runs.as_secs());
        for (text, seconds) in [("30s", 30), ("90m", 5400), ("24h", 86_400), ("7d", 604_800), ("", 604_800)] {
            assert_eq!(kept(text).unwrap(), seconds, "{text}");
        }
        let retention = read("30s").unwrap().retention;
        assert_eq!((retention.events.as_secs(), retention.logs.as_secs()), (86_400, 30));
        for text in ["7", "d", "-1d", "+1d", "7D", "29s", "0d", "99999999999999999999d", "9999999999999999999d"] {
            let error = kept(text).unwrap_err().to_string();
            let allowed = "allowed is a time from 30s to 36500d, such as 30s, 90m, 24h, 7d";
            assert_eq!(error, format!("EVENTFLOW_RETAIN_RUNS is `{text}` (from the environment): {allowed}"));
        }
    }

    #[test]
    fn sizes_and_times_have_units_everywhere() {
        for setting in declared::all() {
            let (good, bad): (&[&str], &[&str]) = match setting.kind {
                setting::Kind::Size { .. } => (&["6MiB", "2048k", " 3 g "], &["0", "1 parsec", "-1"]),
                setting::Kind::Time { .. } => (&["45s", "45 s", "24h", "1w"], &["-1s", "1 parsec", "101y"]),
                _ => continue,
            };
            for text in good {
                read(&[(setting.name, text)], "", &Flags::default()).unwrap();
            }
            for text in bad {
                let error = read(&[(setting.name, text)], "", &Flags::default()).unwrap_err().to_string();
                assert!(error.contains(setting.name) && error.contains("allowed is a"), "{error}");
            }
        }
    }

    #[test]
    fn memory_is_counted_in_mebibytes_where_no_unit_is_given() {
        let memory = |text| read(&[("EVENTFLOW_MAX_FUNCTION_MEMORY", text)], "", &Flags::default());
        for (text, mebibytes) in [("512", 512), ("512MiB", 512), ("2g", 2048)] {
            assert_eq!(memory(text).unwrap().limits.function_memory_mb, Some(mebibytes), "{text}");
        }
        assert!(memory("512k").is_err(), "less than a mebibyte");
    }

    #[test]
    fn a_level_that_there_is_none_of_is_refused_with_the_nearest() {
        let error = read(&[("LOG_LEVEL", "debgu")], "", &Flags::default()).unwrap_err().to_string();
        assert!(error.contains("LOG_LEVEL is `debgu`") && error.ends_with("did you mean `debug`?"), "{error}");
    }

    #[test]
    fn local_repositories_are_for_development_unless_it_is_said_otherwise() {
        let local = |pairs: &[(&str, &str)], dev| {
            read(pairs, "", &Flags { dev, ..Flags::default() }).map(|settings| settings.local_repositories)
        };
        assert!(local(&[], true).unwrap() && !local(&[], false).unwrap());
        const NAME: &str = "EVENTFLOW_ALLOW_LOCAL_REPOSITORIES";
        assert!(!local(&[(NAME, "false")], true).unwrap() && local(&[(NAME, "true")], false).unwrap());
        assert!(local(&[(NAME, "perhaps")], true).unwrap_err().to_string().contains("true or false"));
    }

    #[test]
    fn development_binds_loopback_only() {
        let flags = Flags { dev: true, values: [("EVENTFLOW_HOST", "0.0.0.0".to_owned())].into() };
        let error = read(&[], "", &flags).unwrap_err().to_string();
        assert!(error.contains("EVENTFLOW_HOST") && error.contains("loopback"), "{error}");
    }
}
