//! The definition of a setting: names, type, default and description.

use std::borrow::Cow;
use std::time::Duration;

use super::units;

/// One setting. All that messages and pages contain about it is generated from this.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What is in force when nobody sets it.
    pub default: Fallback,
    /// Whether it can be given on the command line, which other users of the machine can read.
    pub flag: bool,
    /// What of the value is not shown.
    pub secret: Secret,
    /// Whether the short help lists it.
    pub common: bool,
    /// What it does: Markdown, without a full stop.
    pub what: &'static str,
}

/// The type of a setting's values.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A number of bytes.
    Size {
        /// The least.
        min: u64,
        /// The bytes that a number without a unit counts.
        bare: u64,
    },
    /// A time.
    Time {
        /// The shortest.
        min: Duration,
        /// Whether a number without a unit counts seconds; it is refused otherwise.
        bare: bool,
    },
    /// A whole number.
    Number {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// `true` or `false`.
    Switch,
    /// Anything else.
    Text {
        /// What it is, for people.
        form: &'static str,
    },
}

/// The value that applies if a setting is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// This value.
    Value(&'static str),
    /// This value, and another one with `--dev`.
    Dev {
        /// Without it.
        usual: &'static str,
        /// With it.
        dev: &'static str,
    },
    /// What these words say; they may be empty.
    Described(&'static str),
}

/// Which part of a setting's value is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// Nothing: all is shown.
    Nothing,
    /// The password in an address.
    Password,
    /// All of it.
    All,
}

const MIB: u64 = 1 << 20;

impl Setting {
    const fn new(name: &'static str, kind: Kind, default: &'static str, what: &'static str) -> Self {
        Self { name, kind, default: Fallback::Value(default), flag: true, secret: Secret::Nothing, common: false, what }
    }

    /// A number of bytes, at least 1.
    pub(super) const fn size(name: &'static str, default: &'static str, what: &'static str) -> Self {
        Self::new(name, Kind::Size { min: 1, bare: 1 }, default, what)
    }

    /// A number of mebibytes where no unit is given, at least 1.
    pub(super) const fn mebibytes(name: &'static str, what: &'static str) -> Self {
        Self::new(name, Kind::Size { min: MIB, bare: MIB }, "", what)
    }

    /// A time of a second or more; a number alone counts seconds.
    pub(super) const fn time(name: &'static str, default: &'static str, what: &'static str) -> Self {
        Self::new(name, Kind::Time { min: Duration::from_secs(1), bare: true }, default, what)
    }

    /// A time that may be none at all; a number alone counts seconds.
    pub(super) const fn time_or_none(name: &'static str, default: &'static str, what: &'static str) -> Self {
        Self::new(name, Kind::Time { min: Duration::ZERO, bare: true }, default, what)
    }

    /// A time that needs its unit, since a number alone would be taken for days.
    pub(super) const fn retention(
        name: &'static str,
        default: &'static str,
        min: Duration,
        what: &'static str,
    ) -> Self {
        Self::new(name, Kind::Time { min, bare: false }, default, what)
    }

    /// A whole number above 0.
    pub(super) const fn number(name: &'static str, default: &'static str, what: &'static str) -> Self {
        Self::new(name, Kind::Number { min: 1, max: u64::MAX }, default, what)
    }

    /// A port.
    pub(super) const fn port(name: &'static str, min: u64, default: &'static str, what: &'static str) -> Self {
        Self::new(name, Kind::Number { min, max: 65_535 }, default, what)
    }

    /// `true` or `false`; off unless somebody sets it.
    pub(super) const fn switch(name: &'static str, what: &'static str) -> Self {
        Self::new(name, Kind::Switch, "false", what)
    }

    /// A text of some form.
    pub(super) const fn text(
        name: &'static str,
        form: &'static str,
        default: &'static str,
        what: &'static str,
    ) -> Self {
        Self::new(name, Kind::Text { form }, default, what)
    }

    /// With a default that only words describe.
    pub(super) const fn otherwise(mut self, words: &'static str) -> Self {
        self.default = Fallback::Described(words);
        self
    }

    /// With another default for `--dev`.
    pub(super) const fn with_dev(mut self, dev: &'static str) -> Self {
        let Fallback::Value(usual) = self.default else { panic!("a default that depends on --dev is a value") };
        self.default = Fallback::Dev { usual, dev };
        self
    }

    /// Listed by the short help.
    pub(super) const fn common(mut self) -> Self {
        self.common = true;
        self
    }

    /// An address with a password in it.
    pub(super) const fn with_password(mut self) -> Self {
        self.secret = Secret::Password;
        self
    }

    /// Not for the command line, and never shown.
    pub(super) const fn key_material(mut self) -> Self {
        self.secret = Secret::All;
        self.flag = false;
        self
    }

    /// Its key in `eventflow.toml`.
    pub fn key(&self) -> String {
        self.name.strip_prefix("EVENTFLOW_").unwrap_or(self.name).to_ascii_lowercase()
    }

    /// Its name on the command line, without the two hyphens in front.
    pub fn flag_name(&self) -> String {
        self.key().replace('_', "-")
    }

    /// The text that is in force when nobody sets it, if it is one.
    pub(super) fn default_text(&self, dev: bool) -> Option<&'static str> {
        match self.default {
            Fallback::Value(text) => Some(text),
            Fallback::Dev { usual, dev: other } => Some(if dev { other } else { usual }),
            Fallback::Described(_) => None,
        }
    }

    /// What its values are, for the page: `size`.
    pub(super) fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Size { .. } => "size",
            Kind::Time { .. } => "time",
            Kind::Number { .. } => "number",
            Kind::Switch => "switch",
            Kind::Text { .. } => "text",
        }
    }

    /// The least value, for the page; empty where there is none.
    pub(super) fn minimum(&self) -> String {
        match self.kind {
            Kind::Size { min, .. } if min % MIB == 0 => format!("{} MiB", min / MIB),
            Kind::Size { min, .. } => format!("{min} B"),
            Kind::Time { min, .. } => format!("{} s", min.as_secs()),
            Kind::Number { min, .. } => min.to_string(),
            Kind::Switch | Kind::Text { .. } => String::new(),
        }
    }

    /// What values are allowed, for people.
    pub(super) fn allowed(&self) -> Cow<'static, str> {
        match self.kind {
            Kind::Size { min, bare } if bare == MIB => {
                format!("a size of {} MiB or more, such as 512MiB or 1g; a number alone counts MiB", min / MIB).into()
            }
            Kind::Size { min, .. } => format!("a size of {min} byte or more, such as 6MiB, 256k or 1000").into(),
            Kind::Time { min, bare } => {
                let most = units::LONGEST.as_secs() / 86_400;
                let alone = if bare { ", 10" } else { "" };
                format!("a time from {}s to {most}d, such as 30s, 90m, 24h, 7d{alone}", min.as_secs()).into()
            }
            Kind::Number { max: 65_535, min } => format!("a port from {min} to 65535").into(),
            Kind::Number { min: 1, .. } => "a whole number above 0".into(),
            Kind::Number { min, max } => format!("a whole number from {min} to {max}").into(),
            Kind::Switch => "true or false".into(),
            Kind::Text { form } => form.into(),
        }
    }

    /// What the value is called on the command line: `--max-body <SIZE>`.
    pub(super) fn value_name(&self) -> &'static str {
        match self.kind {
            Kind::Size { .. } => "SIZE",
            Kind::Time { .. } => "TIME",
            Kind::Number { max: 65_535, .. } => "PORT",
            Kind::Number { .. } => "NUMBER",
            Kind::Switch => "true|false",
            Kind::Text { .. } => "TEXT",
        }
    }

    /// A value as it may be shown.
    pub(super) fn shown<'v>(&self, value: &'v str) -> Cow<'v, str> {
        match self.secret {
            Secret::Nothing => domain::address::masked(value),
            Secret::Password => without_secrets(value),
            Secret::All => "…".into(),
        }
    }
}

/// An address without its password, wherever it stands: in front of the host, or in the query, as PostgreSQL takes it.
fn without_secrets(address: &str) -> Cow<'_, str> {
    let masked = domain::address::masked(address);
    let Some((front, query)) = masked.split_once('?') else { return masked };
    let names = ["password", "passfile", "sslkey", "auth_mechanism"];
    let kept: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if names.contains(&name.to_ascii_lowercase().as_str()) => format!("{name}=…"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{front}?{}", kept.join("&")).into()
}
