//! What is started for a function: its program, arguments and environment, as they are inside.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::{Error, OWN_NODE, Runtime, Spec};
use super::Sandbox;
use super::arguments::{APP, OWN, WRAPPERS};
use super::folder::Folder;

/// Percentage of the memory for Node's heap; the rest is for its buffers and Node itself.
const NODE_HEAP_PERCENT: u64 = 75;

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
        let node = || {
            let program = own_node.as_ref().or(self.home.host.node.as_ref());
            program.map(|path| path.display().to_string()).ok_or_else(|| missing("node"))
        };
        let python =
            || self.home.host.python.as_ref().map(|path| path.display().to_string()).ok_or_else(|| missing("python3"));
        Ok(match &spec.runtime {
            Runtime::Node { handler } => {
                let heap = (spec.limits.memory_mb * NODE_HEAP_PERCENT / 100).max(1);
                vec![node()?, format!("--max-old-space-size={heap}"), self.wrapper("node/wrapper.cjs"), handler.clone()]
            }
            Runtime::Python { handler } => vec![python()?, self.wrapper("python/wrapper.py"), handler.clone()],
            Runtime::PythonFlask => vec![python()?, self.wrapper("python-flask/wrapper.py")],
            Runtime::Command(command) if command.is_empty() => {
                return Err(Error::Refused(format!("the command of {} is empty", spec.function)));
            }
            Runtime::Command(command) => command.clone(),
        })
    }
}

/// Preloads a library into every program, before those that the function preloads itself.
pub(super) fn preload(env: &mut BTreeMap<String, String>, library: &str) {
    let libraries = env.entry("LD_PRELOAD".into()).or_default();
    *libraries = [library, libraries.as_str()].join(" ").trim_end().to_owned();
}

/// Node keeps its heap below the control group's limit, and ends itself when that is not enough.
pub(super) fn out_of_memory_words(runtime: &Runtime) -> Option<&'static str> {
    matches!(runtime, Runtime::Node { .. }).then_some("JavaScript heap out of memory")
}
