//! Wraps a program: the bubblewraps around it, the process of its network around these, and the limits of a shell. All of it is one
//! script, which the process that waits in a control group becomes.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::super::network::{self, VERB};
use super::super::{Error, Limits};
use super::arguments::{Arguments, View};
use super::error::io_error;
use super::files::write_private;
use super::script::Script;
use super::start::{OWN_PIDS, Plan};
use super::{Sandbox, folder, host};

/// The descriptor of the first seccomp filter in a sandbox's script; those before it hold bubblewrap's arguments.
const FIRST_FILTER: u8 = 5;

/// A program with everything around it.
pub(super) struct Wrapped {
    /// The file of the script.
    pub(super) script: PathBuf,
    /// The bubblewraps around the program.
    pub(super) layers: usize,
}

impl Sandbox {
    /// Writes what wraps a program into its folder. `limits` are those of everything in its control group, our own processes included.
    pub(super) fn wrap(
        &self,
        plan: &Plan,
        limits: &Limits,
        way_out: Option<&network::Plan>,
        user: Option<u32>,
    ) -> Result<Wrapped, Error> {
        let home = &self.home;
        let filters: Vec<u8> = (FIRST_FILTER..).take(home.filters.len()).collect();
        let arguments = self.arguments(plan, way_out, &filters);
        let inner = arguments.as_ref().map(|arguments| ("inner", &arguments.inner));
        let outer = arguments.as_ref().and_then(|arguments| Some(("outer", arguments.outer.as_ref()?)));
        let mut script = Script::default();
        for (descriptor, file) in [(3, inner), (4, outer)] {
            if let Some((name, content)) = file {
                script.open(descriptor, &write(plan, name, content)?);
            }
        }
        if arguments.is_some() {
            for (descriptor, path) in filters.iter().zip(&home.filters) {
                script.open(*descriptor, path);
            }
        }
        script.limit(plan.rough_limits());
        let mut command: Vec<OsString> = Vec::new();
        if let Some(way_out) = way_out {
            let json = serde_json::to_vec(way_out).map_err(io::Error::from).map_err(io_error("write JSON".into()))?;
            let path = write(plan, "network", &json)?;
            command.extend([self.bridge.clone().into(), VERB.into(), path.into(), "--".into()]);
        }
        command.extend(self.rlimits(limits));
        let layers = self.bubblewraps(&mut command, user.filter(|_| outer.is_some()));
        if layers == 0 {
            unwrapped(plan, &mut script, &mut command);
        }
        command.extend(plan.command.iter().map(OsString::from));
        let script = write(plan, "script", &script.become_program(&command, plan.stdin.is_empty()))?;
        Ok(Wrapped { script, layers })
    }

    /// What bubblewrap is told, where there is one.
    fn arguments(&self, plan: &Plan, way_out: Option<&network::Plan>, filters: &[u8]) -> Option<Arguments> {
        let home = &self.home;
        home.host.bubblewrap.as_ref()?;
        let resolver = home.wrappers.join("etc/resolv.conf");
        let own = plan.folder.join("own");
        let view = View {
            host: &home.host,
            wrappers: &home.wrappers,
            app: &plan.app,
            app_writable: plan.app_writable,
            own: &own,
            bridge: plan.bridge.as_deref(),
            caches: &plan.caches,
            readable: &plan.readable,
            env: &plan.env,
            network: self.networks.access(&resolver, way_out, &plan.limits.network),
            filters,
            tmp: plan.folder.tmp(),
            shm: plan.folder.shm(),
            tmp_bytes: folder::tmp_bytes(&plan.limits),
            shared_bytes: folder::shared_bytes(&plan.limits),
        };
        Some(view.arguments())
    }

    /// Adds the bubblewraps to a command: one, or two if one of them becomes `user`. Returns how many these are.
    fn bubblewraps(&self, command: &mut Vec<OsString>, user: Option<u32>) -> usize {
        let Some(bubblewrap) = &self.home.host.bubblewrap else { return 0 };
        let mut layers = 1;
        if let Some(user) = user {
            command.extend([bubblewrap.into(), "--args".into(), "4".into(), "--".into()]);
            command.extend(host::become_user(user).map(OsString::from));
            layers += 1;
        }
        command.extend([bubblewrap.into(), "--args".into(), "3".into(), "--".into()]);
        layers
    }

    /// Coarser limits that replace missing control groups.
    fn rlimits(&self, limits: &Limits) -> Vec<OsString> {
        let missing = self.home.cgroups.missing();
        let mut command: Vec<OsString> = Vec::new();
        if missing.contains(&"memory") {
            command.push(format!("--data={}", limits.memory_mb * 1024 * 1024).into());
        }
        if missing.contains(&"pids") {
            command.push(format!("--nproc={}", limits.pids + OWN_PIDS).into());
        }
        if command.is_empty() {
            return command;
        }
        command.insert(0, "prlimit".into());
        command
    }
}

/// Sets up a program that no bubblewrap is around.
fn unwrapped(plan: &Plan, script: &mut Script, command: &mut Vec<OsString>) {
    script.change_to(&plan.app);
    // Variables may be secrets, so they are passed in the script, which only the server can read, and not as
    // arguments. The shell's own variables are kept out.
    command.push("env".into());
    for own in ["PWD", "OLDPWD", "SHLVL", "_"].into_iter().filter(|own| !plan.env.contains_key(*own)) {
        command.extend(["-u".into(), own.into()]);
    }
    for (name, value) in &plan.env {
        if !script.export(name, value) {
            command.push(format!("{name}={value}").into());
        }
    }
}

/// Writes a file into the folder of the process.
fn write(plan: &Plan, name: &str, content: &[u8]) -> Result<PathBuf, Error> {
    let path: PathBuf = plan.folder.join(name);
    let written: &Path = &path;
    write_private(written, content).map_err(io_error(format!("write {}", written.display())))?;
    Ok(path)
}
