//! Installs a function's dependencies into its own folder, on the executor's workbench.
//!
//! | found | action |
//! | --- | --- |
//! | `package-lock.json` or `npm-shrinkwrap.json` | `npm ci` |
//! | `pnpm-lock.yaml`, `yarn.lock`, `bun.lock`, `packageManager` | that package manager, from the registry |
//! | `package.json` with dependencies | `npm install --no-package-lock`, and a warning |
//! | the result of detection | its [`Step`]s |
//! | a `build` script in `package.json` | install development dependencies for it, `npm run build`, `npm prune` |
//! | `requirements.txt` | `pip install --target .python`, compiled |
//! | `pyproject.toml`, `Pipfile` | the same, with the versions of the lock file |
//!
//! Knows package managers and their files, but neither where the source came from nor where the result goes.

mod answers;
mod explain;
mod given;
mod growth;
mod node;
mod python;
mod recorded;
mod site;
mod steps;

use std::path::Path;
use std::sync::Arc;

use domain::manifest::Runtime;
use tokio::time::Instant;
use uuid::Uuid;

pub(super) use answers::Answers;
pub(super) use explain::explained;
pub(super) use given::Given;
pub(super) use node::Nodes;
pub(super) use python::project::project_of;
pub(super) use recorded::Command;
pub(super) use site::{Tools, is_taken};

use super::Error;
use super::cache::Shelf;
use super::detect::Step;
use super::journal::Journal;
use super::scratch::Scratch;
use recorded::Recording;
use site::Site;

/// Installs by what is in the folder.
pub(super) async fn install(
    tools: &Tools,
    folder: &Path,
    (runtime, steps, given): (Runtime, &[Step], Given),
    (shelf, build, function): (Option<Arc<Shelf>>, &str, Uuid),
    scratch: &Scratch,
    journal: &Journal,
) -> Result<(), Error> {
    let deadline = Instant::now() + tools.timeout;
    let mut site = Site {
        tools,
        folder: folder.to_owned(),
        shelf,
        build,
        function,
        scratch,
        journal,
        given,
        node: None,
        deadline,
        recording: None,
    };
    site.install(runtime, steps).await
}

/// What would be run to install by what is in the folder. What is no command is done.
pub(super) async fn plan(
    tools: &Tools,
    folder: &Path,
    (runtime, steps): (Runtime, &[Step]),
    (build, function): (&str, Uuid),
    scratch: &Scratch,
    journal: &Journal,
) -> Result<Vec<Command>, Error> {
    let mut site = Site {
        tools,
        folder: folder.to_owned(),
        shelf: None,
        build,
        function,
        scratch,
        journal,
        given: Given::default(),
        node: None,
        deadline: Instant::now() + tools.timeout,
        recording: Some(Recording::default()),
    };
    site.install(runtime, steps).await?;
    Ok(site.recording.map(Recording::into_commands).unwrap_or_default())
}

impl Site<'_> {
    async fn install(&mut self, runtime: Runtime, steps: &[Step]) -> Result<(), Error> {
        if matches!(runtime, Runtime::Node | Runtime::Command) {
            if self.recording.is_none() {
                self.node = node::choose(self).await?;
            }
            node::install(self, steps.contains(&Step::KeepDevelopment)).await?;
        }
        if matches!(runtime, Runtime::Python | Runtime::PythonFlask | Runtime::Command) {
            let packages = steps.iter().filter_map(|step| match step {
                Step::PythonPackage(package) => Some(package.as_str()),
                _ => None,
            });
            python::install(self, &packages.collect::<Vec<_>>()).await?;
        }
        steps::carry_out(self, steps).await?;
        let (folder, node) = (self.folder.clone(), self.node.as_ref().map(node::Node::program));
        let brought = self.scratch.block(move |_| Ok(steps::bring_node(&folder, node.as_deref()))).await?;
        brought.map_err(Error::failed("put Node into what was built"))
    }
}
