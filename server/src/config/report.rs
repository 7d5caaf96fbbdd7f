//! The report of effective settings and their sources, and the reference page of all settings.

use std::fmt::Write;

use serde::Serialize;

use super::declared::SECTIONS;
use super::layers::{Error, Layers, Origin};
use super::setting::{Fallback, Secret, Setting};
use super::{Flags, Settings};

/// The effective value of a setting.
#[derive(Debug, Serialize)]
pub struct InForce {
    /// The variable.
    pub name: &'static str,
    /// The value, without what is secret of it; in brackets where only words describe it.
    pub value: String,
    /// Where it comes from.
    pub from: String,
    #[serde(skip)]
    section: &'static str,
}

/// Every setting as it is in force.
///
/// # Errors
/// When a value is not allowed: the server does not start with it either.
pub fn in_force(flags: &Flags) -> Result<Vec<InForce>, Error> {
    let layers = Layers::read(flags)?;
    Settings::from_layers(&layers)?;
    let of_section = |title, settings: &'static [Setting]| {
        let layers = &layers;
        settings.iter().map(move |setting| {
            let (_, text, origin) = layers.in_force(setting);
            let value = match (setting.default, origin) {
                (Fallback::Described(words), Origin::Default) => format!("({})", words.replace('`', "")),
                _ => setting.shown(text).into_owned(),
            };
            let from = match (setting.default, origin) {
                (Fallback::Dev { .. }, Origin::Default) if layers.dev() => "--dev".to_owned(),
                _ => origin.to_string(),
            };
            InForce { name: setting.name, value, from, section: title }
        })
    };
    Ok(SECTIONS.iter().flat_map(|section| of_section(section.title, section.settings)).collect())
}

/// The settings as a table for people.
pub fn table(settings: &[InForce]) -> String {
    let width = |of: fn(&InForce) -> &str| settings.iter().map(|one| of(one).chars().count()).max().unwrap_or(0);
    let (names, values) = (width(|one| one.name), width(|one| &one.value).min(48));
    let mut out = String::new();
    let mut section = "";
    for one in settings {
        if one.section != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}# {}", one.section);
            section = one.section;
        }
        let _ = writeln!(out, "{:names$}  {:values$}  {}", one.name, one.value, one.from);
    }
    out
}

/// docs/guide/settings.md.
pub fn page() -> String {
    let mut out = String::from(INTRODUCTION);
    for section in SECTIONS {
        let _ = writeln!(out, "\n## {}\n", section.title);
        out.push_str("| setting | kind | least | default | what it does |\n| --- | --- | --- | --- | --- |\n");
        for setting in section.settings {
            let default = match setting.default {
                Fallback::Value(value) => format!("`{value}`"),
                Fallback::Dev { usual, dev } => format!("`{usual}`; `{dev}` with `--dev`"),
                Fallback::Described(words) => words.to_owned(),
            };
            let flag = match setting.flag {
                true => format!("<br>`--{}`", setting.flag_name()),
                false => String::new(),
            };
            let allowed = match setting.kind_name() {
                "text" => format!(" Allowed: {}.", setting.allowed().replace('|', "\\|").replace('*', "\\*")),
                _ => String::new(),
            };
            let secret = if setting.secret == Secret::All { " Never shown." } else { "" };
            let mut what = setting.what.chars();
            let what: String = what.next().map(|c| c.to_uppercase().chain(what).collect()).unwrap_or_default();
            let _ = writeln!(
                out,
                "| `{}`{flag}<br>`{}` | {} | {} | {default} | {what}.{allowed}{secret} |",
                setting.name,
                setting.key(),
                setting.kind_name(),
                setting.minimum(),
            );
        }
    }
    out
}

const INTRODUCTION: &str = "\
# Settings

<!-- Made by `eventflow config --markdown`. Change server/src/config/declared.rs, then make it again. -->

Every setting can be given in three ways. The first of these that has it counts:

1. a flag on the command line: `--max-body 10MiB`
2. a variable: `EVENTFLOW_MAX_BODY=10MiB`
3. a key of the file `eventflow.toml` in the working directory: `max_body = \"10MiB\"`

```sh
eventflow config          # what is in force, and where each value comes from; secrets are masked
eventflow --help          # all flags
```

A value that is not allowed stops the start with one line that names the setting, where the value came from, and what is
allowed. So does a variable `EVENTFLOW_…` or a key that is not a setting, and so do settings that contradict each other.

* A **size** is a number of bytes, or has a unit: `256k`, `6MiB`, `10g`. All units are powers of 1024; `k`, `kB` and `KiB` are the same.
* A **time** is a number of seconds, or has units: `30s`, `10 s`, `90m`, `24h`, `7d`, `1w`, `1h 30m`, `1.5h`. Retention needs a unit.
* A **switch** is `true` or `false`.

`--dev` is a flag only: known credentials, loopback only, a demo function.
";
