//! Settings: flags beat variables beat `eventflow.toml` beat defaults.
//!
//! A wrong value stops the start with one line that names where it came from, the value and what is allowed.

mod edge;
mod layers;
pub mod metadata;
pub mod outward;
pub mod range;
pub mod reach;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
pub use edge::{Edge, Namespaces, Networks, PublicUrl};
use layers::Layers;
pub use layers::{Error, Flags};
pub use outward::Outward;
pub use reach::Reach;

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where people and programs connect to: `EVENTFLOW_HOST`, `PORT`.
    pub listen: SocketAddr,
    /// Where everything that is not in a database lives: `EVENTFLOW_DATA_DIR`.
    pub data_dir: PathBuf,
    /// Where artifacts are kept, the data folder when absent: `EVENTFLOW_ARTIFACTS`.
    pub artifacts_dir: Option<PathBuf>,
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
    /// A port of their own for metrics: `METRICS_PORT`.
    pub metrics_port: Option<u16>,
    /// The namespace of functions that name none: `NAMESPACE`.
    pub namespace: String,
    /// Development: known credentials, loopback only, a demo function.
    pub dev: bool,
    /// Which addresses may be called back beside the public ones: `EVENTFLOW_CALLBACK_ALLOW`.
    pub callback_allow: Outward,
    /// Which addresses repositories may be fetched from beside the public ones: `EVENTFLOW_GIT_ALLOW`.
    pub git_allow: Outward,
    /// Whether a function's repository may be on the server's own disk, which `--dev` allows:
    /// `EVENTFLOW_ALLOW_LOCAL_REPOSITORIES`.
    pub local_repositories: bool,
    /// The server's own address and its connections.
    pub edge: Edge,
    /// What functions and builds with a network reach beside the Internet: `EVENTFLOW_NETWORK_ALLOW`.
    pub network_allow: Reach,
    /// Where sandboxes cannot have networks of their own, they share the host's: `EVENTFLOW_NETWORK_SHARED`.
    pub network_shared: bool,
    /// What bounds what.
    pub limits: Limits,
    /// How long what is done with is kept.
    pub retention: Retention,
}

/// How long what is done with is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Trigger events, from when they came: `EVENTFLOW_RETAIN_EVENTS`.
    pub events: Duration,
    /// Runs, from when they were over: `EVENTFLOW_RETAIN_RUNS`.
    pub runs: Duration,
    /// Lines of builds and runs, from when they were printed: `EVENTFLOW_RETAIN_LOGS`.
    pub logs: Duration,
}

/// Nothing is kept for less: whoever appends may tell it again for some seconds, and must find what came of it.
const SHORTEST_RETENTION: Duration = Duration::from_secs(30);

const DAY: u64 = 24 * 3600;

impl Default for Retention {
    fn default() -> Self {
        Self {
            events: Duration::from_secs(DAY),
            runs: Duration::from_secs(7 * DAY),
            logs: Duration::from_secs(7 * DAY),
        }
    }
}

/// A key of 256 bits. It is not shown.
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

/// Every limit has a name and a default.
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
    /// Mebibytes of memory that a function may ask for, what the host has when absent: `EVENTFLOW_MAX_FUNCTION_MEMORY`.
    pub function_memory_mb: Option<usize>,
    /// Processors that a function may ask for, what the host has when absent: `EVENTFLOW_MAX_FUNCTION_CPU`.
    pub function_cpu: Option<usize>,
    /// Seconds that a function may ask for: `EVENTFLOW_MAX_FUNCTION_TIMEOUT`.
    pub function_timeout: Duration,
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
    /// Seconds that an instance may take to end: `EVENTFLOW_STOP_GRACE`.
    pub stop_grace: Duration,
    /// Seconds that a run waits which cannot be offered to its function: `EVENTFLOW_OFFER_TIMEOUT`.
    pub offer_timeout: Duration,
    /// Calls that may wait for an instance of one function: `EVENTFLOW_MAX_WAITING`.
    pub waiting: usize,
    /// Subscriptions of one connection: `EVENTFLOW_MAX_SUBSCRIPTIONS`.
    pub subscriptions: usize,
    /// Levels of a GraphQL query: `EVENTFLOW_MAX_DEPTH`.
    pub depth: usize,
    /// Fields of a GraphQL query: `EVENTFLOW_MAX_COMPLEXITY`.
    pub complexity: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 6 << 20,
            event: 256 << 10,
            unproved: 64 << 20,
            bundle: 50 << 20,
            recorded: 64 << 10,
            build_log: 10 << 20,
            build_cache: 10 << 30,
            build_disk: 2 << 30,
            function_memory_mb: None,
            function_cpu: None,
            function_timeout: Duration::from_secs(DAY),
            instances: 100,
            concurrency: 1000,
            lines_per_second: 1000,
            run_log: 10 << 20,
            function_log: 1 << 30,
            builds: 2,
            build_timeout: Duration::from_secs(600),
            ready_timeout: Duration::from_secs(30),
            stop_grace: Duration::from_secs(10),
            offer_timeout: Duration::from_secs(6 * 3600),
            waiting: 1000,
            subscriptions: 100,
            depth: 15,
            complexity: 2000,
        }
    }
}

impl Settings {
    /// The defaults, for everything in this data folder, on a free port of the loopback interface.
    pub fn new(data_dir: &Path) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data_dir: data_dir.to_owned(),
            artifacts_dir: None,
            database_url: None,
            amqp_url: None,
            jwt_secret: None,
            secret_key: None,
            log_level: "info".to_owned(),
            metrics_port: None,
            namespace: "default".to_owned(),
            dev: false,
            callback_allow: Outward::default(),
            git_allow: Outward::default(),
            local_repositories: false,
            edge: Edge::default(),
            network_allow: Reach::default(),
            network_shared: false,
            limits: Limits::default(),
            retention: Retention::default(),
        }
    }

    /// Reads flags, the environment and `eventflow.toml` in the working directory.
    ///
    /// # Errors
    /// When a value is not allowed.
    pub fn read(flags: &Flags) -> Result<Self, Error> {
        Self::from_layers(&Layers::read(flags)?)
    }

    fn from_layers(layers: &Layers) -> Result<Self, Error> {
        let number =
            |name, default: usize| layers.get(name, "a whole number above 0", positive).map(|n| n.unwrap_or(default));
        let seconds = |name, default: Duration| {
            layers
                .get(name, "seconds above 0", |text| positive(text).map(|n| Duration::from_secs(n as u64)))
                .map(|n| n.unwrap_or(default))
        };
        let retention = |name, default: Duration| {
            layers
                .get(name, "a time of 30s or more, such as 30s, 90m, 24h or 7d", |text| {
                    duration(text).filter(|time| *time >= SHORTEST_RETENTION)
                })
                .map(|time| time.unwrap_or(default))
        };
        let keep = Retention::default();
        let default = Limits::default();
        let host: IpAddr = layers
            .get("EVENTFLOW_HOST", "an IP address such as 127.0.0.1 or 0.0.0.0", |text| match text {
                "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
                text => text.parse().ok(),
            })?
            .unwrap_or_else(|| IpAddr::from([127, 0, 0, 1]));
        let port = layers.get("PORT", "a port from 0 to 65535", |text| text.parse().ok())?.unwrap_or(8080);
        let dev = layers.dev();
        if dev && !host.is_loopback() {
            return Err(
                layers.refuse("EVENTFLOW_HOST", "a loopback address with --dev, whose credentials everyone knows")
            );
        }
        layers.get("EVENTFLOW_EXECUTOR", "sandbox (docker and kubernetes are not there yet)", |text| {
            (text == "sandbox").then_some(())
        })?;
        Ok(Self {
            listen: SocketAddr::new(host, port),
            data_dir: layers
                .get("EVENTFLOW_DATA_DIR", "a folder", |text| Some(PathBuf::from(text)))?
                .unwrap_or_else(|| PathBuf::from(".eventflow")),
            artifacts_dir: layers.get("EVENTFLOW_ARTIFACTS", "a folder (object storage is not there yet)", |text| {
                (!text.contains("://")).then(|| PathBuf::from(text))
            })?,
            database_url: layers.get("DATABASE_URL", "postgres://user:password@host/database", |text| {
                (text.starts_with("postgres://") || text.starts_with("postgresql://")).then(|| text.to_owned())
            })?,
            amqp_url: layers.get("AMQP_URL", "amqp://user:password@host:5672/vhost, or amqps://", |text| {
                (text.starts_with("amqp://") || text.starts_with("amqps://")).then(|| text.to_owned())
            })?,
            jwt_secret: layers
                .get("JWT_SECRET", "at least 32 characters", |text| (text.len() >= 32).then(|| text.to_owned()))?,
            secret_key: layers.get(
                "EVENTFLOW_SECRET_KEY",
                "32 bytes as 64 hexadecimal digits or in base64, such as `openssl rand -hex 32` makes them",
                SecretKey::read,
            )?,
            log_level: layers
                .get(
                    "LOG_LEVEL",
                    "error, warn, info, debug or trace, or directives such as info,server=debug",
                    |text| text.parse::<tracing_subscriber::EnvFilter>().ok().map(|_| text.to_owned()),
                )?
                .unwrap_or_else(|| "info".to_owned()),
            metrics_port: layers
                .get("METRICS_PORT", "a port from 1 to 65535", |text| text.parse().ok().filter(|p| *p > 0))?,
            namespace: layers
                .get("NAMESPACE", "a name of lower-case letters, digits and hyphens", |text| {
                    is_namespace(text).then(|| text.to_owned())
                })?
                .unwrap_or_else(|| "default".to_owned()),
            dev,
            callback_allow: layers
                .get("EVENTFLOW_CALLBACK_ALLOW", "networks such as 127.0.0.0/8,10.0.0.0/8", Outward::parse)?
                .unwrap_or_default(),
            git_allow: layers
                .get("EVENTFLOW_GIT_ALLOW", "networks such as 127.0.0.0/8,10.0.0.0/8", Outward::parse)?
                .unwrap_or_default(),
            local_repositories: layers
                .get("EVENTFLOW_ALLOW_LOCAL_REPOSITORIES", "true or false", |text| text.parse().ok())?
                .unwrap_or(dev),
            edge: Edge::read(layers)?,
            network_allow: layers
                .get("EVENTFLOW_NETWORK_ALLOW", "networks such as 10.0.0.0/8,192.168.7.1", Reach::parse)?
                .unwrap_or_default(),
            network_shared: layers
                .get("EVENTFLOW_NETWORK_SHARED", "true or false", |text| text.parse().ok())?
                .unwrap_or_default(),
            limits: Limits {
                body: number("EVENTFLOW_MAX_BODY", default.body)?,
                event: number("EVENTFLOW_MAX_EVENT", default.event)?,
                unproved: number("EVENTFLOW_MAX_UNPROVED", default.unproved)?,
                bundle: number("EVENTFLOW_MAX_BUNDLE", default.bundle)?,
                recorded: number("EVENTFLOW_MAX_RECORDED", default.recorded)?,
                build_log: number("EVENTFLOW_MAX_BUILD_LOG", default.build_log)?,
                build_cache: number("EVENTFLOW_MAX_BUILD_CACHE", default.build_cache)?,
                build_disk: number("EVENTFLOW_MAX_BUILD_DISK", default.build_disk)?,
                function_memory_mb: layers.get("EVENTFLOW_MAX_FUNCTION_MEMORY", "MiB above 0", positive)?,
                function_cpu: layers.get("EVENTFLOW_MAX_FUNCTION_CPU", "a whole number above 0", positive)?,
                function_timeout: seconds("EVENTFLOW_MAX_FUNCTION_TIMEOUT", default.function_timeout)?,
                instances: number("EVENTFLOW_MAX_INSTANCES", default.instances)?,
                concurrency: number("EVENTFLOW_MAX_CONCURRENCY", default.concurrency)?,
                lines_per_second: number("EVENTFLOW_MAX_LINES", default.lines_per_second as usize)
                    .map(|n| u32::try_from(n).unwrap_or(u32::MAX))?,
                run_log: number("EVENTFLOW_MAX_RUN_LOG", default.run_log)?,
                function_log: number("EVENTFLOW_MAX_FUNCTION_LOG", default.function_log)?,
                builds: number("EVENTFLOW_BUILDS", default.builds)?,
                build_timeout: seconds("EVENTFLOW_BUILD_TIMEOUT", default.build_timeout)?,
                ready_timeout: seconds("EVENTFLOW_READY_TIMEOUT", default.ready_timeout)?,
                stop_grace: seconds("EVENTFLOW_STOP_GRACE", default.stop_grace)?,
                offer_timeout: seconds("EVENTFLOW_OFFER_TIMEOUT", default.offer_timeout)?,
                waiting: number("EVENTFLOW_MAX_WAITING", default.waiting)?,
                subscriptions: number("EVENTFLOW_MAX_SUBSCRIPTIONS", default.subscriptions)?,
                depth: number("EVENTFLOW_MAX_DEPTH", default.depth)?,
                complexity: number("EVENTFLOW_MAX_COMPLEXITY", default.complexity)?,
            },
            retention: Retention {
                events: retention("EVENTFLOW_RETAIN_EVENTS", keep.events)?,
                runs: retention("EVENTFLOW_RETAIN_RUNS", keep.runs)?,
                logs: retention("EVENTFLOW_RETAIN_LOGS", keep.logs)?,
            },
        })
    }
}

/// Whether a namespace may be called so.
pub fn is_namespace(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn positive(text: &str) -> Option<usize> {
    text.parse().ok().filter(|n| *n > 0)
}

/// A whole number of seconds, minutes, hours or days: `30s`, `90m`, `24h`, `7d`.
fn duration(text: &str) -> Option<Duration> {
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", DAY)];
    let (number, seconds) = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))?;
    let number = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse::<u64>().ok())??;
    number.checked_mul(seconds).map(Duration::from_secs)
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
        let flags = Flags { port: Some("3".into()), ..Flags::default() };
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
        let flags = Flags { amqp_url: Some("http://user:hunter2@broker".into()), ..Flags::default() };
        let error = read(&[], "", &flags).unwrap_err().to_string();
        assert!(error.contains("AMQP_URL") && error.contains("amqp://") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn an_unknown_key_in_the_file_is_named() {
        let error = Layers::of(&Flags::default(), Default::default(), "prot = 1").unwrap_err().to_string();
        assert!(error.contains("prot"), "{error}");
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
        for text in [
            "7",
            "d",
            "-1d",
            "+1d",
            "1.5h",
            "7 d",
            "7D",
            "1w",
            "29s",
            "0d",
            "99999999999999999999d",
            "9999999999999999999d",
        ] {
            let error = kept(text).unwrap_err().to_string();
            let allowed = "allowed is a time of 30s or more, such as 30s, 90m, 24h or 7d";
            assert_eq!(error, format!("EVENTFLOW_RETAIN_RUNS is `{text}` (from the environment): {allowed}"));
        }
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
        let flags = Flags { dev: true, host: Some("0.0.0.0".into()), ..Flags::default() };
        let error = read(&[], "", &flags).unwrap_err().to_string();
        assert!(error.contains("EVENTFLOW_HOST") && error.contains("loopback"), "{error}");
    }
}
