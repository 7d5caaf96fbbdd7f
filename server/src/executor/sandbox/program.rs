//! What is started for a function: its program, arguments and environment, as they are inside.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::wrapped::Place;
use super::super::{Error, OWN_NODE, Runtime, Spec};
use super::Sandbox;
use super::arguments::{APP, OWN, WRAPPERS};
use super::folder::Folder;

impl Sandbox {
    /// A path inside as the process must name it: without bubblewrap there is no inside.
    pub(super) fn own_path(&self, folder: &Folder, file: &str) -> String {
        match self.isolated() {
            true => format!("{OWN}/{file}"),
            false => folder.join("own").join(file).display().to_string(),
        }
    }

    pub(super) fn wrapper(&self, file: &str) -> String {
        match self.isolated() {
            true => format!("{WRAPPERS}/{file}"),
            false => self.home.wrappers.join(file).display().to_string(),
        }
    }

    /// The environment of a function whose files are in `artifact`.
    pub(super) fn env(&self, spec: &Spec, artifact: &Path) -> BTreeMap<String, String> {
        let mut env = self.basic_env();
        env.extend(spec.env.clone());
        let app = if self.isolated() { Path::new(APP) } else { artifact };
        if artifact.join(".python").is_dir() {
            env.entry("PYTHONPATH".into()).or_insert_with(|| app.join(".python").display().to_string());
        }
        // Programs of packages come before those of the host. A `PATH` that the function sets is left unchanged.
        let own_node = Path::new(OWN_NODE).parent().and_then(Path::to_str).unwrap_or_default();
        let folders = [own_node, "node_modules/.bin", ".python/bin"];
        let brought = folders.into_iter().filter(|folder| artifact.join(folder).is_dir());
        let brought: Vec<_> = brought.map(|folder| app.join(folder).display().to_string()).collect();
        if !brought.is_empty() && !spec.env.contains_key("PATH") {
            env.insert("PATH".into(), format!("{}:{}", brought.join(":"), self.home.host.path));
        }
        if !matches!(spec.runtime, Runtime::Node { .. }) {
            // Printed text becomes a log line at once, not when a buffer is full.
            env.entry("PYTHONUNBUFFERED".into()).or_insert_with(|| "1".into());
        }
        env.insert("PYTHONDONTWRITEBYTECODE".into(), "1".into());
        env.insert("EVENTFLOW_FUNCTION".into(), spec.function.clone());
        env.insert("EVENTFLOW_NAMESPACE".into(), spec.namespace.clone());
        env.insert("EVENTFLOW_VERSION".into(), spec.version.to_string());
        env.insert("EVENTFLOW_MEMORY_MB".into(), spec.limits.memory_mb.to_string());
        env
    }

    pub(super) fn basic_env(&self) -> BTreeMap<String, String> {
        let all = [("PATH", self.home.host.path.as_str()), ("HOME", "/tmp"), ("LANG", "C.UTF-8")];
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Program and arguments of a function whose files are in `artifact`, without the sandbox and the bridge.
    pub(super) fn command(&self, spec: &Spec, artifact: &Path) -> Result<Vec<String>, Error> {
        let missing =
            |what: &str| Error::Refused(format!("{} needs {what}, and this host has none in its PATH", spec.function));
        let app = if self.isolated() { Path::new(APP) } else { artifact };
        let own_node = artifact.join(OWN_NODE).is_file().then(|| app.join(OWN_NODE));
        let host = &self.home.host;
        let program = |name: &str| {
            let path = if name == "node" { own_node.as_ref().or(host.node.as_ref()) } else { host.python.as_ref() };
            path.map(|path| path.display().to_string()).ok_or_else(|| missing(name))
        };
        let place = Place { program, wrapper: &|file: &str| self.wrapper(file) };
        if let Some(command) = place.command(&spec.runtime, Some(spec.limits.memory_mb))? {
            return Ok(command);
        }
        match &spec.runtime {
            Runtime::Command(command) if !command.is_empty() => Ok(command.clone()),
            _ => Err(Error::Refused(format!("the command of {} is empty", spec.function))),
        }
    }
}

/// Preloads a library into every program, before those that the function preloads itself.
pub(super) fn preload(env: &mut BTreeMap<String, String>, library: &str) {
    let libraries = env.entry("LD_PRELOAD".into()).or_default();
    *libraries = [library, libraries.as_str()].join(" ").trim_end().to_owned();
}
