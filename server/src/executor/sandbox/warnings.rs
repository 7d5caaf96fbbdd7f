//! What this host lacks, for the start-up lines.

use super::Sandbox;
use super::host::Identity;

impl Sandbox {
    /// Each with what to do about it.
    pub(super) fn missing_isolation(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(fault) = &self.home.host.bubblewrap_fault {
            warnings.push(format!(
                "FUNCTIONS ARE NOT ISOLATED: they run as ordinary processes and can read whatever this server can. {fault}"
            ));
        }
        if self.home.host.identity == Identity::Root {
            warnings.push(
                "Functions run as root in their sandbox, because no other user could be taken here. Run the server as an ordinary user.".into(),
            );
        }
        warnings.extend(self.networks.warning(&self.home.host));
        if self.isolated() && self.home.filters.is_empty() {
            warnings
                .push("Functions may make every system call: there is no seccomp filter for this architecture.".into());
        }
        let missing = self.home.cgroups.missing();
        if !missing.is_empty() {
            warnings.push(format!(
                "No control group for {}: functions are held only by rougher limits (memory and processes) or none (processor). \
                 Run as root, or as a systemd unit with Delegate=yes.",
                missing.join(", ")
            ));
        }
        let no_disk = match (self.home.cgroups.limits_disks(), self.disk.disks.is_empty()) {
            (false, _) => Some("there is no control group for them (`io`, or `blkio` in version 1)"),
            (true, true) => Some("the data folder is on none that the kernel can limit"),
            (true, false) => None,
        };
        if let Some(why) = no_disk {
            warnings.push(format!(
                "Nothing limits how much functions and builds read from the disks and write to them: {why}."
            ));
        }
        if !self.home.mounts {
            warnings.push(
                "What functions write to /run/eventflow is on the disk of the data folder, and looked at once a second: only a \
                 server that is root, and may mount, gives each a file system with a limit."
                    .into(),
            );
        }
        for (program, runtime) in [(&self.home.host.node, "node"), (&self.home.host.python, "python3")] {
            if program.is_none() {
                warnings.push(format!("There is no {runtime} in PATH: functions of that runtime cannot run."));
            }
        }
        warnings
    }
}
