//! Layers of configuration: flag, environment variable, file; the first that has a value wins.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use super::setting::{Kind, Setting};
use super::{Flags, declared, suggest, units};

/// Why the defaults can be read.
pub(super) const DEFAULTS: &str = "the declared defaults are allowed: a test reads them";

/// Why the settings are invalid.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value is not allowed.
    #[error("{name} is `{value}` (from {origin}): allowed is {allowed}")]
    Value {
        /// The variable's name, whatever the value came from.
        name: &'static str,
        /// The value; a secret's is left out.
        value: String,
        /// Where it came from.
        origin: Origin,
        /// What would do.
        allowed: String,
    },
    /// Variables that are no settings.
    #[error("{0}; `eventflow --help` lists all settings")]
    Unknown(String),
    /// Two settings contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// The file.
    #[error("eventflow.toml: {0}")]
    File(String),
}

/// The source of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A flag.
    CommandLine,
    /// A variable.
    Environment,
    /// `eventflow.toml`.
    File,
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CommandLine => "the command line",
            Self::Environment => "the environment",
            Self::File => "eventflow.toml",
            Self::Default => "the default",
        })
    }
}

/// What names of settings begin with, unless other programs know them, too.
const PREFIX: &str = "EVENTFLOW_";

/// Variables with the prefix of the settings that mean something to other programs than the server.
const OTHERS: &[&str] = &["EVENTFLOW_URL", "EVENTFLOW_TOKEN"];

/// The most variables that one message names.
const MAX_NAMED: usize = 5;

#[derive(Debug, Default)]
pub(super) struct Layers {
    dev: bool,
    flags: BTreeMap<&'static str, String>,
    variables: HashMap<String, String>,
    file: BTreeMap<&'static str, String>,
    #[cfg(test)]
    asked: std::cell::RefCell<std::collections::BTreeSet<&'static str>>,
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
        refuse_unknown(&variables)?;
        let table: toml::Table = toml::from_str(toml).map_err(|e| Error::File(e.to_string().replace('\n', " ")))?;
        let mut file = BTreeMap::new();
        for (key, value) in table {
            let Some(setting) = declared::all().find(|setting| setting.key() == key) else {
                return Err(Error::File(unknown_key(&key)));
            };
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(yes) => yes.to_string(),
                _ => return Err(Error::File(format!("`{key}` must be text, a whole number, true or false"))),
            };
            file.insert(setting.name, text);
        }
        Ok(Self {
            dev: flags.dev,
            flags: flags.values.clone(),
            variables,
            file,
            #[cfg(test)]
            asked: Default::default(),
        })
    }

    pub(super) fn dev(&self) -> bool {
        self.dev
    }

    /// Bytes.
    pub(super) fn size(&self, name: &'static str) -> Result<usize, Error> {
        Self::declared(self.size_if_any(name)?)
    }

    /// Bytes; `None` when nobody set them and the default is not a value.
    pub(super) fn size_if_any(&self, name: &'static str) -> Result<Option<usize>, Error> {
        self.read_as(name, |kind, text| match kind {
            Kind::Size { min, bare } => {
                units::size(text, bare).filter(|bytes| *bytes >= min).and_then(|bytes| usize::try_from(bytes).ok())
            }
            _ => None,
        })
    }

    /// A time.
    pub(super) fn time(&self, name: &'static str) -> Result<Duration, Error> {
        Self::declared(self.read_as(name, |kind, text| match kind {
            Kind::Time { min, bare } => units::time(text, bare).filter(|time| *time >= min),
            _ => None,
        })?)
    }

    /// A whole number.
    pub(super) fn number<N: TryFrom<u64>>(&self, name: &'static str) -> Result<N, Error> {
        Self::declared(self.number_if_any(name)?)
    }

    /// A whole number; `None` when nobody set it and the default is not a value.
    pub(super) fn number_if_any<N: TryFrom<u64>>(&self, name: &'static str) -> Result<Option<N>, Error> {
        self.read_as(name, |kind, text| match kind {
            Kind::Number { min, max } => {
                let number = text.parse::<u64>().ok().filter(|number| (min..=max).contains(number));
                number.and_then(|number| N::try_from(number).ok())
            }
            _ => None,
        })
    }

    /// On or off.
    pub(super) fn switch(&self, name: &'static str) -> Result<bool, Error> {
        Self::declared(self.read_as(name, |_, text| text.parse().ok())?)
    }

    /// A text of a form of its own.
    pub(super) fn text<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
        Self::declared(self.text_if_any(name, parse)?)
    }

    /// A text of a form of its own; `None` when nobody set it and the default is not a value.
    pub(super) fn text_if_any<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        self.read_as(name, |_, text| parse(text))
    }

    /// The error that a setting's value is not allowed, and what would be.
    pub(super) fn refuse(&self, name: &'static str, allowed: impl Into<String>) -> Error {
        let (setting, value, origin) = self.in_force(Self::setting(name));
        let value = match setting.secret {
            super::setting::Secret::Nothing => value.to_owned(),
            _ => "…".to_owned(),
        };
        Error::Value { name, value, origin, allowed: allowed.into() }
    }

    /// Whether somebody set a setting.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The text that is in force for a setting, empty where only words describe it, and where it comes from.
    pub(super) fn in_force<'l>(&'l self, setting: &'l Setting) -> (&'l Setting, &'l str, Origin) {
        let (text, origin) = self
            .find(setting.name)
            .unwrap_or_else(|| (setting.default_text(self.dev).unwrap_or_default(), Origin::Default));
        (setting, text, origin)
    }

    fn read_as<T>(&self, name: &'static str, parse: impl FnOnce(Kind, &str) -> Option<T>) -> Result<Option<T>, Error> {
        #[cfg(test)]
        self.asked.borrow_mut().insert(name);
        let setting = Self::setting(name);
        let Some(text) = self.find(name).map(|(text, _)| text).or_else(|| setting.default_text(self.dev)) else {
            return Ok(None);
        };
        // The spaces of a text may be meant: it can be a key.
        let text = if matches!(setting.kind, Kind::Text { .. }) { text } else { text.trim() };
        match parse(setting.kind, text) {
            Some(value) => Ok(Some(value)),
            None => Err(self.refuse(name, setting.allowed())),
        }
    }

    fn setting(name: &'static str) -> &'static Setting {
        declared::named(name).expect("what is read is declared: a test reads every setting")
    }

    fn declared<T>(value: Option<T>) -> Result<T, Error> {
        Ok(value.expect("its declaration has a default: a test reads every setting"))
    }

    /// A variable that is set to nothing is not set.
    fn find(&self, name: &str) -> Option<(&str, Origin)> {
        let flag = self.flags.get(name).map(|text| (text.as_str(), Origin::CommandLine));
        let variable = || {
            self.variables.get(name).filter(|text| !text.is_empty()).map(|text| (text.as_str(), Origin::Environment))
        };
        let file = || self.file.get(name).map(|text| (text.as_str(), Origin::File));
        flag.or_else(variable).or_else(file)
    }
}

/// Refuses variables that look like settings and are none: a mistyped one would be ignored without a word.
fn refuse_unknown(variables: &HashMap<String, String>) -> Result<(), Error> {
    let is_known = |name: &str| declared::named(name).is_some() || OTHERS.contains(&name);
    let mut unknown: Vec<_> = variables
        .iter()
        .filter(|(name, value)| name.starts_with(PREFIX) && !is_known(name) && !is_service_link(name, value))
        .map(|(name, _)| name.as_str())
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    unknown.sort_unstable();
    let named = unknown.iter().take(MAX_NAMED).map(|name| {
        // What all of them begin with says nothing of which one is meant.
        let short = |name: &'static str| name.strip_prefix(PREFIX).unwrap_or(name);
        let nearest = suggest::nearest(&name[PREFIX.len()..], declared::all().map(|setting| short(setting.name)));
        let nearest =
            nearest.and_then(|found| declared::all().map(|setting| setting.name).find(|name| short(name) == found));
        format!("{name} (from {}) is not a setting{}", Origin::Environment, suggest::question(nearest))
    });
    let mut named: Vec<_> = named.collect();
    if unknown.len() > MAX_NAMED {
        named.push(format!("{} more", unknown.len() - MAX_NAMED));
    }
    Err(Error::Unknown(named.join("; ")))
}

/// Whether a variable was made by Kubernetes or Docker for a service that is called `eventflow`, not by a person.
fn is_service_link(name: &str, value: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    let has = |words: &[&str]| parts.windows(words.len()).any(|window| window == words);
    let is_address = value.starts_with("tcp://") || value.starts_with("udp://") || value.starts_with("sctp://");
    let is_of_a_port = parts.windows(3).any(|window| {
        matches!(window, ["PORT", number, "TCP" | "UDP" | "SCTP"] if number.bytes().all(|b| b.is_ascii_digit()))
    });
    name.ends_with("_SERVICE_HOST")
        || has(&["SERVICE", "PORT"])
        || is_of_a_port
        || (name.ends_with("_PORT") && is_address)
}

fn unknown_key(key: &str) -> String {
    let keys: Vec<_> = declared::all().map(Setting::key).collect();
    let nearest = suggest::nearest(key, keys.iter().map(String::as_str));
    // For whoever writes the variable's name into the file, the message has the key.
    let by_name = declared::named(key).map(Setting::key);
    let question = suggest::question(by_name.as_deref().or(nearest));
    format!("unknown key `{key}`{question}; `eventflow --help` lists all settings")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)], toml: &str) -> Result<Layers, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Layers::of(&Flags::default(), variables.collect(), toml).map_err(|error| error.to_string())
    }

    #[test]
    fn every_declared_setting_is_read_and_its_default_is_allowed() {
        let layers = Layers::default();
        super::super::Settings::from_layers(&layers).unwrap();
        let declared: std::collections::BTreeSet<_> = declared::all().map(|setting| setting.name).collect();
        assert_eq!(*layers.asked.borrow(), declared);
    }

    #[test]
    fn an_unknown_variable_is_refused_with_the_nearest_name() {
        let error = of(&[("EVENTFLOW_MAX_BODDY", "1"), ("EVENTFLOW_QQQQQQQQQQQQQQQQQQQQQQQQ", "1"), ("PATH", "/")], "")
            .unwrap_err();
        assert_eq!(
            error,
            "EVENTFLOW_MAX_BODDY (from the environment) is not a setting: did you mean `EVENTFLOW_MAX_BODY`?; \
             EVENTFLOW_QQQQQQQQQQQQQQQQQQQQQQQQ (from the environment) is not a setting; `eventflow --help` lists all settings"
        );
        let many: Vec<_> = (0..100).map(|number| format!("EVENTFLOW_{number}")).collect();
        let many: Vec<_> = many.iter().map(|name| (name.as_str(), "")).collect();
        assert!(of(&many, "").unwrap_err().contains("95 more"));
    }

    #[test]
    fn what_kubernetes_and_other_programs_set_is_not_refused() {
        let links = [
            ("EVENTFLOW_SERVICE_HOST", "10.0.0.1"),
            ("EVENTFLOW_SERVICE_PORT", "80"),
            ("EVENTFLOW_SERVICE_PORT_HTTP", "80"),
            ("EVENTFLOW_METRICS_SERVICE_HOST", "10.0.0.1"),
            ("EVENTFLOW_PORT", "tcp://10.0.0.1:80"),
            ("EVENTFLOW_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("EVENTFLOW_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("EVENTFLOW_URL", "http://127.0.0.1:8080"),
        ];
        of(&links, "").unwrap();
        assert!(of(&[("EVENTFLOW_PORT", "8080")], "").unwrap_err().contains("EVENTFLOW_PORT"));
    }

    #[test]
    fn an_unknown_key_in_the_file_is_named_with_the_nearest() {
        assert!(of(&[], "prot = 1").unwrap_err().contains("unknown key `prot`: did you mean `port`?"));
        assert!(of(&[], "EVENTFLOW_MAX_BODY = 1").unwrap_err().contains("did you mean `max_body`?"));
    }
}
