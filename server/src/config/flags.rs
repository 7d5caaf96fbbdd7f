//! The command line flags, generated from the declarations of the settings.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::declared::{self, SECTIONS};
use super::setting::{Fallback, Setting};

/// The flags given on the command line.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// Development: known credentials, loopback only, a demo function.
    pub dev: bool,
    /// Values by the names of their variables.
    pub(super) values: BTreeMap<&'static str, String>,
}

/// What clap keeps for as long as the process lives: names of flags, by the names of their variables.
static NAMES: LazyLock<BTreeMap<&'static str, String>> =
    LazyLock::new(|| declared::all().map(|setting| (setting.name, setting.flag_name())).collect());

/// What stands beside a flag in `--help`.
fn help(setting: &Setting) -> String {
    let default = match setting.default {
        Fallback::Value(value) => value.to_owned(),
        Fallback::Dev { usual, dev } => format!("{usual}; {dev} with --dev"),
        Fallback::Described(words) => words.replace('`', ""),
    };
    format!("{} [{}; default: {default}]", plain(setting.what), setting.name)
}

/// Markdown without its links and quotes, from the first letter in upper case.
fn plain(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once("](") {
        out.push_str(&before.replacen('[', "", 1));
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    let out = out.replace('`', "");
    let mut letters = out.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        let dev =
            Arg::new("dev").long("dev").global(true).action(ArgAction::SetTrue).help(
                "Development: admin/admin and the token `dev-token` are good, loopback only, with a demo function",
            );
        let mut command = command.arg(dev);
        for section in SECTIONS {
            for setting in section.settings.iter().filter(|setting| setting.flag) {
                let name: &'static str = &NAMES[setting.name];
                let flag = Arg::new(setting.name)
                    .long(name)
                    .global(true)
                    .value_name(setting.value_name())
                    .help(help(setting))
                    .help_heading(section.title)
                    .hide_short_help(!setting.common);
                command = command.arg(flag);
            }
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = declared::all()
            .filter(|setting| setting.flag)
            .filter_map(|setting| Some((setting.name, matches.get_one::<String>(setting.name)?.clone())));
        Ok(Self { dev: matches.get_flag("dev"), values: given.collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = <Self as clap::FromArgMatches>::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_is_plain_text() {
        assert_eq!(plain("what [secrets](secrets.md) are, `x`"), "What secrets are, x");
        assert_eq!(plain("[a](b) and [c](d)"), "A and c");
    }
}
