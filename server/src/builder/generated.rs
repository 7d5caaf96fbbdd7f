//! The Dockerfile of functions that come as files and become images: as if the source had one.
//!
//! Knows the words of Dockerfiles and of shells; which commands install a function is not decided here.

use std::fmt::Write as _;

use domain::manifest::Manifest;

use super::install::Command;
use crate::executor::{IMAGE_APP, IMAGE_WRAPPERS, Runtime, in_image};

/// The folder of the context with the function's files.
pub(super) const APP: &str = "app";

/// That with the wrappers.
pub(super) const WRAPPERS: &str = "eventflow";

/// Files that name packages, from which packages can be installed before the other files are there.
pub(super) const LISTS: [&str; 13] = [
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    "bunfig.toml",
    "requirements.txt",
    ".eventflow/requirements.txt",
    ".eventflow/constraints.txt",
];

/// The home of commands: caches and logs of package managers, which are no part of the image.
const BUILD_HOME: &str = "/tmp/build";

/// Nobody, as whom functions run.
const NOBODY: &str = "65534:65534";

/// The secret that is npm's settings, and the one that lets into npm's registry.
const NPMRC: &str = "NPMRC";
const NPM_TOKEN: &str = "NPM_TOKEN";
const NETRC: &str = "NETRC";

/// What a Dockerfile is made from.
pub(super) struct Parts<'p> {
    /// The name of the base image.
    pub(super) base: &'p str,
    pub(super) runtime: &'p Runtime,
    pub(super) manifest: &'p Manifest,
    pub(super) commands: &'p [Command],
    /// Those of [`LISTS`] that are there.
    pub(super) lists: &'p [&'p str],
    /// Whether the repository says itself what `NPM_TOKEN` is for.
    pub(super) says_token: bool,
}

impl Parts<'_> {
    /// The Dockerfile.
    pub(super) fn dockerfile(&self) -> String {
        let mut text = format!("FROM {}\nWORKDIR {IMAGE_APP}\nARG HOME={BUILD_HOME}\n", self.base);
        for name in self.manifest.build.env.keys().filter(|name| is_variable(name)) {
            let _ = writeln!(text, "ARG {name}");
        }
        // What follows from the lists alone need not be done again when another file has changed.
        let first = self.commands.iter().take_while(|command| command.by_lists).count();
        let (first, then) = self.commands.split_at(if self.lists.is_empty() { 0 } else { first });
        if !first.is_empty() {
            self.copy_lists(&mut text);
            first.iter().for_each(|command| self.run(&mut text, command));
        }
        let _ = writeln!(text, "COPY {APP} {IMAGE_APP}/");
        then.iter().for_each(|command| self.run(&mut text, command));
        let _ = writeln!(text, "COPY {WRAPPERS} {IMAGE_WRAPPERS}/");
        text.push_str("ENV LANG=C.UTF-8 EVENTFLOW_HOST=0.0.0.0\n");
        text.push_str(match self.runtime {
            Runtime::Python { .. } | Runtime::PythonFlask => {
                "ENV PATH=/app/.python/bin:$PATH PYTHONPATH=/app/.python PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1\n"
            }
            _ => "ENV PATH=/app/node_modules/.bin:$PATH\n",
        });
        let program = in_image(self.runtime, None).unwrap_or_default();
        let _ = writeln!(text, "HEALTHCHECK NONE\nUSER {NOBODY}\nENTRYPOINT {}", json(&program));
        text
    }

    fn copy_lists(&self, text: &mut String) {
        let (own, provided): (Vec<&str>, Vec<&str>) = self.lists.iter().copied().partition(|name| !name.contains('/'));
        for (names, folder) in [(own, format!("{IMAGE_APP}/")), (provided, format!("{IMAGE_APP}/.eventflow/"))] {
            if !names.is_empty() {
                let mut words: Vec<String> = names.into_iter().map(|name| format!("{APP}/{name}")).collect();
                words.push(folder);
                let _ = writeln!(text, "COPY {}", json(&words));
            }
        }
    }

    fn run(&self, text: &mut String, command: &Command) {
        let mut line = String::new();
        for (name, value) in &command.env {
            let _ = write!(line, "{name}={} ", word(value));
        }
        line.push_str(&command.words.iter().map(|text| word(text)).collect::<Vec<_>>().join(" "));
        if command.may_fail {
            line = format!("({line} || echo 'It failed, and the build goes on without it')");
        }
        let line = format!("{}{line} && rm -rf {BUILD_HOME}", self.given());
        let mounts = self.manifest.build.secrets.iter().map(|name| format!("--mount=type=secret,id={name} "));
        let mounts: String = mounts.collect();
        // Builders take lines after `<<` for its input, and a new line for the next instruction.
        let shown = match line.contains("<<") || line.contains(['\n', '\r']) {
            true => json(&["/bin/sh".to_owned(), "-c".to_owned(), line]).replace('<', "\\u003c"),
            false => line,
        };
        let _ = writeln!(text, "RUN {mounts}{shown}");
    }

    /// Gives the secrets of the build to a command, which BuildKit shows as files.
    fn given(&self) -> String {
        let secrets = &self.manifest.build.secrets;
        let has = |name: &str| secrets.iter().any(|secret| secret == name);
        let mut text = String::new();
        for name in secrets.iter().filter(|name| is_variable(name)) {
            let _ = match name.as_str() {
                NPMRC => write!(text, "export NPM_CONFIG_USERCONFIG=/run/secrets/{NPMRC} && "),
                NETRC => write!(text, "export NETRC=/run/secrets/{NETRC} && "),
                name => write!(text, "{name}=\"$(cat /run/secrets/{name})\" && export {name} && "),
            };
        }
        if has(NPM_TOKEN) {
            let _ = write!(text, "export YARN_NPM_AUTH_TOKEN=\"${NPM_TOKEN}\" BUN_CONFIG_TOKEN=\"${NPM_TOKEN}\" && ");
            if !has(NPMRC) && !self.says_token {
                let _ = write!(
                    text,
                    "mkdir -p {BUILD_HOME} && echo '//registry.npmjs.org/:_authToken=${{{NPM_TOKEN}}}' > {BUILD_HOME}/.npmrc && "
                );
            }
        }
        text
    }
}

/// A name that shells and builders take for a variable's.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A word of a shell, whatever is in it.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

fn json(words: &[String]) -> String {
    serde_json::Value::from(words).to_string()
}

#[cfg(test)]
mod tests {
    use domain::manifest;

    use super::*;
    use crate::executor::images::Dockerfile;

    fn command(words: &[&str], by_lists: bool) -> Command {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        Command { shown: words.join(" "), words, env: Vec::new(), by_lists, may_fail: false }
    }

    fn made(manifest: &Manifest, commands: &[Command], lists: &[&str]) -> String {
        let runtime = match manifest.runtime {
            manifest::Runtime::Node => Runtime::Node { handler: "index.handler".into() },
            _ => Runtime::Python { handler: "main.handler".into() },
        };
        let parts = Parts { base: "base:1", runtime: &runtime, manifest, commands, lists, says_token: false };
        let text = parts.dockerfile();
        Dockerfile::parse(text.as_bytes()).unwrap();
        text
    }

    #[test]
    fn what_follows_from_the_lists_comes_before_the_other_files() {
        let manifest = Manifest::of(manifest::Runtime::Node);
        let commands = [command(&["npm", "ci"], true), command(&["npm", "run", "build"], false)];
        let text = made(&manifest, &commands, &["package.json", "package-lock.json"]);
        let expected = "FROM base:1\nWORKDIR /app\nARG HOME=/tmp/build\nCOPY [\"app/package.json\",\"app/package-lock.json\",\"/app/\"]\n\
            RUN npm ci && rm -rf /tmp/build\nCOPY app /app/\nRUN npm run build && rm -rf /tmp/build\nCOPY eventflow /opt/eventflow/\n\
            ENV LANG=C.UTF-8 EVENTFLOW_HOST=0.0.0.0\nENV PATH=/app/node_modules/.bin:$PATH\nHEALTHCHECK NONE\nUSER 65534:65534\n\
            ENTRYPOINT [\"node\",\"/opt/eventflow/node/wrapper.cjs\",\"index.handler\"]\n";
        assert_eq!(text, expected);
        let commands = [command(&["npm", "install"], false)];
        let text = made(&manifest, &commands, &["package.json"]);
        assert!(text.find("COPY app /app/") < text.find("RUN npm install"), "{text}");
    }

    #[test]
    fn words_stay_words_and_no_line_begins_another_instruction() {
        let manifest = Manifest::of(manifest::Runtime::Python);
        let mut strange = command(&["sh", "-c", "echo '$A' <<EOF\nUSER 0", ""], false);
        strange.env.push(("A".into(), "b c".into()));
        let text = made(&manifest, &[strange], &[]);
        let line = text.lines().find(|line| line.starts_with("RUN ")).unwrap();
        assert!(line.starts_with(r#"RUN ["/bin/sh","-c","A='b c' sh -c 'echo "#) && !line.contains('<'), "{line}");
        assert!(line.contains("\\nUSER 0' '' && rm -rf") && !text.contains("\nUSER 0"), "{text}");
    }

    #[test]
    fn secrets_are_read_where_a_command_runs_and_named_nowhere_else() {
        let mut manifest = Manifest::of(manifest::Runtime::Node);
        manifest.build.secrets = vec!["NPM_TOKEN".into(), "KEY".into()];
        manifest.build.env.insert("LEVEL".into(), "high".into());
        let text = made(&manifest, &[command(&["npm", "ci"], true)], &["package.json"]);
        assert!(text.contains("ARG LEVEL\n") && !text.contains("high"), "{text}");
        let run = text.lines().find(|line| line.starts_with("RUN ")).unwrap();
        assert!(run.starts_with("RUN --mount=type=secret,id=NPM_TOKEN --mount=type=secret,id=KEY "), "{run}");
        assert!(run.contains("KEY=\"$(cat /run/secrets/KEY)\" && export KEY && "), "{run}");
        assert!(run.contains("_authToken=${NPM_TOKEN}' > /tmp/build/.npmrc && npm ci && rm -rf /tmp/build"), "{run}");
    }
}
