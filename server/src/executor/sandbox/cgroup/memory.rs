//! Memory that groups hold, as it counts when it runs short.

use std::fs;
use std::path::Path;

use super::{Cgroup, Cgroups, Version};

/// What the kernel keeps of files only because there is room for it, and gives back by itself.
const SPARE: [&str; 2] = ["active_file", "inactive_file"];

/// A group is at its limit when so little is left: more is asked for at a time.
const LAST_BYTES: u64 = 4 << 20;

impl Cgroups {
    /// What all groups hold together, and what they may; `None` where nothing counts it.
    pub(in super::super) fn memory_together(&self) -> Option<(u64, u64)> {
        let hierarchy = self.hierarchies.iter().find(|hierarchy| hierarchy.controllers.contains(&"memory"))?;
        let most = number(&hierarchy.base.join(match hierarchy.version {
            Version::V1 => "memory.limit_in_bytes",
            Version::V2 => "memory.max",
        }))?;
        Some((held(hierarchy.version, &hierarchy.base, most / 2)?, most))
    }
}

impl Cgroup {
    /// Bytes that its processes hold.
    pub(in super::super) fn memory_held(&self) -> Option<u64> {
        let (version, folder) = self.with("memory")?;
        held(version, folder, 0)
    }

    /// Whether it came to its own limit. When a process of a group that did not was killed for memory, it was for that of all
    /// groups together, or the host's.
    pub(in super::super) fn met_its_limit(&self) -> bool {
        match self.with("memory") {
            // Newer kernels do not count refusals (`memory.failcnt`) any more.
            Some((Version::V1, folder)) => {
                let (most, limit) = ("memory.max_usage_in_bytes", "memory.limit_in_bytes");
                let [most, limit] = [most, limit].map(|file| number(&folder.join(file)));
                most.zip(limit).is_none_or(|(most, limit)| most + LAST_BYTES >= limit)
            }
            Some((Version::V2, folder)) => {
                let events = fs::read_to_string(folder.join("memory.events")).unwrap_or_default();
                field(&events, "oom").is_none_or(|count| count > 0)
            }
            None => true,
        }
    }
}

/// Not the whole story is read, which takes its time, where there are no more than `few` bytes.
fn held(version: Version, folder: &Path, few: u64) -> Option<u64> {
    let used = number(&folder.join(match version {
        Version::V1 => "memory.usage_in_bytes",
        Version::V2 => "memory.current",
    }))?;
    if used <= few {
        return Some(used);
    }
    let prefix = if version == Version::V1 { "total_" } else { "" };
    let stat = fs::read_to_string(folder.join("memory.stat")).ok()?;
    let spare: u64 = SPARE.iter().filter_map(|name| field(&stat, &format!("{prefix}{name}"))).sum();
    Some(used.saturating_sub(spare))
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

pub(super) fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_files_is_not_held() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
        write("memory.current", "1000\n");
        write("memory.stat", "anon 500\nactive_file 100\ninactive_file 200\n");
        assert_eq!(
            (held(Version::V2, folder.path(), 0), held(Version::V2, folder.path(), 1000)),
            (Some(700), Some(1000))
        );
        write("memory.usage_in_bytes", "1000\n");
        write("memory.stat", "active_file 1\ntotal_active_file 30\ntotal_inactive_file 20\n");
        assert_eq!(held(Version::V1, folder.path(), 0), Some(950));
        let group = Cgroup::new(vec![(Version::V1, vec!["memory"], folder.path().to_owned())]);
        write("memory.limit_in_bytes", "67108864\n");
        write("memory.max_usage_in_bytes", "50000000\n");
        assert!(!group.met_its_limit());
        write("memory.max_usage_in_bytes", "67000000\n");
        assert!(group.met_its_limit());
        let group = Cgroups::of_files(folder.path());
        write("memory.events", "low 0\nmax 3\noom 0\noom_kill 1\n");
        assert!(group.out_of_memory() && !group.met_its_limit());
        write("memory.events", "oom 1\noom_kill 1\n");
        assert!(group.met_its_limit());
    }
}
