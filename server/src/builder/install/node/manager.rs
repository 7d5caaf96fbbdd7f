//! Chooses a project's package manager, and how it is called.
//!
//! All except npm come from the registry, in a fixed version or in the one named by `packageManager`.

use serde_json::Value;

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Npm,
    Pnpm,
    /// Version 1.
    YarnClassic,
    /// Version 2 and newer.
    YarnBerry,
    Bun,
}

/// The package manager of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manager {
    pub(super) kind: Kind,
    /// What the registry calls it, with its version; nothing for npm, which is there.
    pub(super) package: String,
}

/// What is used where `packageManager` names no version.
const PNPM: &str = "9.15.9";
const PNPM_8: &str = "8.15.9";
const PNPM_7: &str = "7.33.7";
const YARN_CLASSIC: &str = "1.22.22";
const YARN_BERRY: &str = "4.9.4";
const BUN: &str = "1.2.23";

/// Nothing that asks, advertises or draws.
const QUIET: [&str; 4] = ["--no-audit", "--no-fund", "--no-progress", "--no-update-notifier"];

/// By `packageManager` in `package.json`, or by the lock file.
///
/// # Errors
/// The name of a package manager that is not supported.
pub(super) fn of(
    package: &Value,
    text: &dyn Fn(&str) -> Option<String>,
    has: &dyn Fn(&str) -> bool,
) -> Result<Manager, String> {
    let named = package["packageManager"].as_str().map(|named| {
        let (name, version) = named.split_once('@').unwrap_or((named, ""));
        (name.to_owned(), version.split('+').next().unwrap_or_default().to_owned())
    });
    let is_version =
        |version: &str| !version.is_empty() && version.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    let chosen = |version: Option<&String>, default: &str| {
        version.filter(|version| is_version(version)).cloned().unwrap_or_else(|| default.to_owned())
    };
    let make = |kind: Kind, version: Option<&String>| {
        let package = match kind {
            Kind::Npm => String::new(),
            Kind::Pnpm => format!("pnpm@{}", chosen(version, pnpm_for(text("pnpm-lock.yaml").as_deref()))),
            Kind::YarnClassic => format!("yarn@{}", chosen(version, YARN_CLASSIC)),
            Kind::YarnBerry => format!("@yarnpkg/cli-dist@{}", chosen(version, YARN_BERRY)),
            Kind::Bun => format!("bun@{}", chosen(version, BUN)),
        };
        Manager { kind, package }
    };
    if let Some((name, version)) = &named {
        let classic = version.starts_with("1.") || version == "1";
        let kind = match name.as_str() {
            "npm" => Kind::Npm,
            "pnpm" => Kind::Pnpm,
            "yarn" if classic => Kind::YarnClassic,
            "yarn" => Kind::YarnBerry,
            "bun" => Kind::Bun,
            other => {
                let shown: String = other.chars().take(40).collect();
                return Err(format!(
                    "package.json asks for the package manager `{shown}`, which is not supported: npm, pnpm, yarn and bun are"
                ));
            }
        };
        return Ok(make(kind, Some(version)));
    }
    let kind = if has("package-lock.json") || has("npm-shrinkwrap.json") {
        Kind::Npm
    } else if has("pnpm-lock.yaml") {
        Kind::Pnpm
    } else if has("yarn.lock") {
        let berry = text("yarn.lock").is_some_and(|lock| lock.contains("__metadata:")) || has(".yarnrc.yml");
        if berry { Kind::YarnBerry } else { Kind::YarnClassic }
    } else if has("bun.lock") || has("bun.lockb") {
        Kind::Bun
    } else {
        Kind::Npm
    };
    Ok(make(kind, None))
}

/// The version of pnpm that reads a lock file.
fn pnpm_for(lock: Option<&str>) -> &'static str {
    let version = lock.and_then(|lock| lock.lines().find_map(|line| line.strip_prefix("lockfileVersion:")));
    match version.map(|version| version.trim().trim_matches(['\'', '"'])) {
        Some(version) if version.starts_with("5.") => PNPM_7,
        Some(version) if version.starts_with("6.") => PNPM_8,
        _ => PNPM,
    }
}

impl Manager {
    /// The lock file that it reads.
    pub(super) fn locks(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Npm => &["npm-shrinkwrap.json", "package-lock.json"],
            Kind::Pnpm => &["pnpm-lock.yaml"],
            Kind::YarnClassic | Kind::YarnBerry => &["yarn.lock"],
            Kind::Bun => &["bun.lock", "bun.lockb"],
        }
    }

    /// Program and arguments.
    pub(super) fn command<'c>(&'c self, arguments: &[&'c str]) -> Vec<&'c str> {
        let program = match self.kind {
            Kind::Npm => return ["npm"].iter().chain(arguments).copied().collect(),
            Kind::Pnpm => "pnpm",
            Kind::YarnClassic | Kind::YarnBerry => "yarn",
            Kind::Bun => "bun",
        };
        let by_npm = ["npm", "exec", "--yes", "--no-update-notifier", "--package", &self.package, "--", program];
        by_npm.iter().chain(arguments).copied().collect()
    }

    /// Installs; without what is for development when `production`.
    pub(super) fn install(&self, locked: bool, production: bool) -> Vec<&str> {
        let mut arguments = vec!["install"];
        match self.kind {
            Kind::Npm => {
                arguments = if locked { vec!["ci"] } else { vec!["install", "--no-package-lock"] };
                arguments.extend(production.then_some("--omit=dev"));
                arguments.push("--foreground-scripts");
                arguments.extend(QUIET);
            }
            Kind::Pnpm => {
                arguments.push(if locked { "--frozen-lockfile" } else { "--no-lockfile" });
                // A link into the cache is none of the artifact's.
                arguments.extend([
                    "--config.package-import-method=copy",
                    "--config.update-notifier=false",
                    "--reporter=append-only",
                ]);
                arguments.extend(production.then_some("--prod"));
            }
            Kind::YarnClassic => {
                arguments.extend(["--non-interactive", "--no-progress"]);
                arguments.push(if locked { "--frozen-lockfile" } else { "--no-lockfile" });
                arguments.extend(production.then_some("--production"));
            }
            Kind::YarnBerry if production => arguments = vec!["workspaces", "focus", "--production"],
            Kind::YarnBerry => arguments.extend(locked.then_some("--immutable")),
            Kind::Bun => {
                arguments.extend(locked.then_some("--frozen-lockfile"));
                arguments.extend(["--no-progress"]);
                arguments.extend(production.then_some("--production"));
            }
        }
        self.command(&arguments)
    }

    /// Takes away what is for development.
    pub(super) fn prune(&self, locked: bool) -> Vec<&str> {
        match self.kind {
            Kind::Pnpm => self.command(&["prune", "--prod", "--ignore-scripts"]),
            Kind::YarnClassic => {
                self.command(&["install", "--production", "--ignore-scripts", "--non-interactive", "--no-progress"])
            }
            Kind::YarnBerry => self.command(&["workspaces", "focus", "--production"]),
            Kind::Bun => self.command(&["install", "--production", "--no-progress"]),
            Kind::Npm => {
                let mut arguments = vec!["prune", "--omit=dev", "--ignore-scripts"];
                arguments.extend((!locked).then_some("--no-package-lock"));
                arguments.extend(QUIET);
                self.command(&arguments)
            }
        }
    }

    /// Runs a script of `package.json`.
    pub(super) fn script<'c>(&'c self, name: &'c str) -> Vec<&'c str> {
        match self.kind {
            Kind::Npm => vec!["npm", "run", name, "--no-update-notifier"],
            _ => self.command(&["run", name]),
        }
    }

    /// A command as somebody would type it who has the package manager.
    pub(super) fn shown(&self, command: &[&str]) -> String {
        let begin =
            command.iter().position(|word| *word == "--").filter(|_| self.kind != Kind::Npm).map_or(0, |at| at + 1);
        let version = if begin > 0 { format!(" ({})", self.package) } else { String::new() };
        format!("{}{version}", command[begin..].join(" "))
    }

    /// Variables that it needs to put packages where Node finds them, and to stay silent.
    pub(super) fn variables(&self) -> &'static [(&'static str, &'static str)] {
        match self.kind {
            Kind::YarnBerry => &[
                ("YARN_NODE_LINKER", "node-modules"),
                ("YARN_ENABLE_TELEMETRY", "0"),
                ("YARN_ENABLE_GLOBAL_CACHE", "true"),
                ("YARN_ENABLE_PROGRESS_BARS", "false"),
                ("YARN_NM_MODE", "classic"),
            ],
            Kind::Pnpm => &[("CI", "true")],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_package_manager_is_the_one_that_is_named_or_whose_lock_file_is_there() {
        const BERRY: &str = "__metadata:\n  version: 8\n";
        type Row = (Value, &'static [(&'static str, &'static str)], Kind, &'static str);
        let table: [Row; 10] = [
            (json!({}), &[], Kind::Npm, ""),
            (json!({}), &[("package-lock.json", ""), ("yarn.lock", "")], Kind::Npm, ""),
            (json!({}), &[("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")], Kind::Pnpm, "pnpm@9.15.9"),
            (json!({}), &[("pnpm-lock.yaml", "lockfileVersion: '6.0'\n")], Kind::Pnpm, "pnpm@8.15.9"),
            (json!({}), &[("pnpm-lock.yaml", "lockfileVersion: 5.4\n")], Kind::Pnpm, "pnpm@7.33.7"),
            (json!({}), &[("yarn.lock", "# yarn lockfile v1\n")], Kind::YarnClassic, "yarn@1.22.22"),
            (json!({}), &[("yarn.lock", BERRY)], Kind::YarnBerry, "@yarnpkg/cli-dist@4.9.4"),
            (json!({}), &[("bun.lock", "")], Kind::Bun, "bun@1.2.23"),
            (json!({ "packageManager": "pnpm@10.1.0+sha512.abc" }), &[("yarn.lock", "")], Kind::Pnpm, "pnpm@10.1.0"),
            (json!({ "packageManager": "yarn@3.6.0; rm" }), &[], Kind::YarnBerry, "@yarnpkg/cli-dist@4.9.4"),
        ];
        for (package, files, kind, name) in table {
            let text =
                |wanted: &str| files.iter().find(|(name, _)| *name == wanted).map(|(_, text)| (*text).to_owned());
            let has = |wanted: &str| files.iter().any(|(name, _)| *name == wanted);
            let manager = of(&package, &text, &has).unwrap();
            assert_eq!((manager.kind, manager.package.as_str()), (kind, name), "{package} {files:?}");
        }
        let error = of(&json!({ "packageManager": "vlt@1.0" }), &|_| None, &|_| false).unwrap_err();
        assert!(error.contains("`vlt`"), "{error}");
    }

    #[test]
    fn all_but_npm_come_from_the_registry() {
        let manager = of(&json!({ "packageManager": "pnpm@9.0.0" }), &|_| None, &|_| false).unwrap();
        let command = manager.install(true, true).join(" ");
        assert!(
            command.starts_with(
                "npm exec --yes --no-update-notifier --package pnpm@9.0.0 -- pnpm install --frozen-lockfile"
            ),
            "{command}"
        );
        assert!(command.ends_with("--prod"), "{command}");
    }
}
