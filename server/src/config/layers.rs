//! Where a value comes from: flag, variable or file; the first that has it.

use std::collections::{BTreeMap, HashMap};

/// The flags of the command line, as they were given.
#[derive(Debug, Clone, Default, clap::Args)]
#[allow(missing_docs)] // clap shows the text below
pub struct Flags {
    /// Development: admin/admin and the token `dev-token` are good, loopback only, with a demo function
    #[arg(long, global = true)]
    pub dev: bool,
    /// Port to listen on (PORT, default 8080)
    #[arg(long, global = true)]
    pub port: Option<String>,
    /// Address to listen on (EVENTFLOW_HOST, default 127.0.0.1)
    #[arg(long, global = true)]
    pub host: Option<String>,
    /// Folder for everything that is not in a database (EVENTFLOW_DATA_DIR, default .eventflow)
    #[arg(long, global = true)]
    pub data_dir: Option<String>,
    /// PostgreSQL instead of SQLite (DATABASE_URL)
    #[arg(long, global = true)]
    pub database_url: Option<String>,
    /// RabbitMQ instead of delivery in process (AMQP_URL)
    #[arg(long, global = true)]
    pub amqp_url: Option<String>,
    /// error, warn, info, debug or trace (LOG_LEVEL, default info)
    #[arg(long, global = true)]
    pub log_level: Option<String>,
    /// A port of their own for metrics (METRICS_PORT)
    #[arg(long, global = true)]
    pub metrics_port: Option<String>,
    /// The namespace of functions that name none (NAMESPACE, default `default`)
    #[arg(long, global = true)]
    pub namespace: Option<String>,
}

/// A value is not allowed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting.
    #[error("{name} is `{value}` (from {origin}): allowed is {allowed}")]
    Value {
        /// The variable's name, whatever the value came from.
        name: &'static str,
        /// The value; a secret's is left out.
        value: String,
        /// Where it came from.
        origin: &'static str,
        /// What would do.
        allowed: String,
    },
    /// The file.
    #[error("eventflow.toml: {0}")]
    File(String),
}

/// Every variable, by the name that the file has for it.
const NAMES: &[(&str, &str)] = &[
    ("port", "PORT"),
    ("host", "EVENTFLOW_HOST"),
    ("data_dir", "EVENTFLOW_DATA_DIR"),
    ("database_url", "DATABASE_URL"),
    ("amqp_url", "AMQP_URL"),
    ("executor", "EVENTFLOW_EXECUTOR"),
    ("artifacts", "EVENTFLOW_ARTIFACTS"),
    ("jwt_secret", "JWT_SECRET"),
    ("secret_key", "EVENTFLOW_SECRET_KEY"),
    ("log_level", "LOG_LEVEL"),
    ("metrics_port", "METRICS_PORT"),
    ("namespace", "NAMESPACE"),
    ("callback_allow", "EVENTFLOW_CALLBACK_ALLOW"),
    ("git_allow", "EVENTFLOW_GIT_ALLOW"),
    ("allow_local_repositories", "EVENTFLOW_ALLOW_LOCAL_REPOSITORIES"),
    ("network_allow", "EVENTFLOW_NETWORK_ALLOW"),
    ("network_shared", "EVENTFLOW_NETWORK_SHARED"),
    ("max_body", "EVENTFLOW_MAX_BODY"),
    ("max_event", "EVENTFLOW_MAX_EVENT"),
    ("max_unproved", "EVENTFLOW_MAX_UNPROVED"),
    ("max_bundle", "EVENTFLOW_MAX_BUNDLE"),
    ("max_recorded", "EVENTFLOW_MAX_RECORDED"),
    ("max_build_log", "EVENTFLOW_MAX_BUILD_LOG"),
    ("max_build_cache", "EVENTFLOW_MAX_BUILD_CACHE"),
    ("max_build_disk", "EVENTFLOW_MAX_BUILD_DISK"),
    ("max_function_memory", "EVENTFLOW_MAX_FUNCTION_MEMORY"),
    ("max_function_cpu", "EVENTFLOW_MAX_FUNCTION_CPU"),
    ("max_function_timeout", "EVENTFLOW_MAX_FUNCTION_TIMEOUT"),
    ("max_instances", "EVENTFLOW_MAX_INSTANCES"),
    ("max_concurrency", "EVENTFLOW_MAX_CONCURRENCY"),
    ("max_lines", "EVENTFLOW_MAX_LINES"),
    ("max_run_log", "EVENTFLOW_MAX_RUN_LOG"),
    ("max_function_log", "EVENTFLOW_MAX_FUNCTION_LOG"),
    ("builds", "EVENTFLOW_BUILDS"),
    ("build_timeout", "EVENTFLOW_BUILD_TIMEOUT"),
    ("ready_timeout", "EVENTFLOW_READY_TIMEOUT"),
    ("stop_grace", "EVENTFLOW_STOP_GRACE"),
    ("offer_timeout", "EVENTFLOW_OFFER_TIMEOUT"),
    ("max_waiting", "EVENTFLOW_MAX_WAITING"),
    ("max_subscriptions", "EVENTFLOW_MAX_SUBSCRIPTIONS"),
    ("retain_events", "EVENTFLOW_RETAIN_EVENTS"),
    ("retain_runs", "EVENTFLOW_RETAIN_RUNS"),
    ("retain_logs", "EVENTFLOW_RETAIN_LOGS"),
    ("max_depth", "EVENTFLOW_MAX_DEPTH"),
    ("max_complexity", "EVENTFLOW_MAX_COMPLEXITY"),
    ("public_url", "EVENTFLOW_PUBLIC_URL"),
    ("functions_host", "EVENTFLOW_FUNCTIONS_HOST"),
    ("public_functions", "EVENTFLOW_PUBLIC_FUNCTIONS"),
    ("trusted_proxies", "EVENTFLOW_TRUSTED_PROXIES"),
    ("max_connections", "EVENTFLOW_MAX_CONNECTIONS"),
    ("max_connections_per_address", "EVENTFLOW_MAX_CONNECTIONS_PER_ADDRESS"),
    ("head_timeout", "EVENTFLOW_HEAD_TIMEOUT"),
    ("read_timeout", "EVENTFLOW_READ_TIMEOUT"),
    ("write_timeout", "EVENTFLOW_WRITE_TIMEOUT"),
    ("idle_timeout", "EVENTFLOW_IDLE_TIMEOUT"),
    ("max_sockets", "EVENTFLOW_MAX_SOCKETS"),
    ("max_socket_message", "EVENTFLOW_MAX_SOCKET_MESSAGE"),
    ("socket_idle_timeout", "EVENTFLOW_SOCKET_IDLE_TIMEOUT"),
];

/// Values that are not repeated in an error.
const SECRET: &[&str] = &["JWT_SECRET", "EVENTFLOW_SECRET_KEY", "DATABASE_URL", "AMQP_URL"];

#[derive(Debug)]
pub(super) struct Layers {
    dev: bool,
    flags: BTreeMap<&'static str, String>,
    variables: HashMap<String, String>,
    file: BTreeMap<&'static str, String>,
}

impl Layers {
    pub(super) fn read(flags: &Flags) -> Result<Self, Error> {
        let toml = match std::fs::read_to_string("eventflow.toml") {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::File(error.to_string())),
        };
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::of(flags, variables, &toml)
    }

    pub(super) fn of(flags: &Flags, variables: HashMap<String, String>, toml: &str) -> Result<Self, Error> {
        let table: toml::Table = toml::from_str(toml).map_err(|e| Error::File(e.to_string().replace('\n', " ")))?;
        let mut file = BTreeMap::new();
        for (key, value) in table {
            let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == key) else {
                let known: Vec<_> = NAMES.iter().map(|(key, _)| *key).collect();
                return Err(Error::File(format!("unknown key `{key}`: allowed are {}", known.join(", "))));
            };
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(yes) => yes.to_string(),
                _ => return Err(Error::File(format!("`{key}` must be text, a whole number, true or false"))),
            };
            file.insert(*name, text);
        }
        let given = [
            ("PORT", &flags.port),
            ("EVENTFLOW_HOST", &flags.host),
            ("EVENTFLOW_DATA_DIR", &flags.data_dir),
            ("DATABASE_URL", &flags.database_url),
            ("AMQP_URL", &flags.amqp_url),
            ("LOG_LEVEL", &flags.log_level),
            ("METRICS_PORT", &flags.metrics_port),
            ("NAMESPACE", &flags.namespace),
        ];
        let flags_given = given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        Ok(Self { dev: flags.dev, flags: flags_given, variables, file })
    }

    pub(super) fn dev(&self) -> bool {
        self.dev
    }

    /// The value of a setting, or `None` when nobody set it. A variable that is set to nothing is not set.
    pub(super) fn get<T>(
        &self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some((text, _)) = self.find(name) else { return Ok(None) };
        match parse(text) {
            Some(value) => Ok(Some(value)),
            None => Err(self.refuse(name, allowed)),
        }
    }

    /// The error that a setting's value is not allowed.
    pub(super) fn refuse(&self, name: &'static str, allowed: &str) -> Error {
        let (text, origin) = self.find(name).unwrap_or(("", "its default"));
        let value = if SECRET.contains(&name) { "…".to_owned() } else { text.to_owned() };
        Error::Value { name, value, origin, allowed: allowed.to_owned() }
    }

    fn find(&self, name: &str) -> Option<(&str, &'static str)> {
        let flag = self.flags.get(name).map(|text| (text.as_str(), "the command line"));
        let variable =
            || self.variables.get(name).filter(|text| !text.is_empty()).map(|text| (text.as_str(), "the environment"));
        let file = || self.file.get(name).map(|text| (text.as_str(), "eventflow.toml"));
        flag.or_else(variable).or_else(file)
    }
}
