//! Limits by control groups, version 1 or 2, for each controller that is available and writable.
//!
//! Knows the kernel's files, but nothing of functions or of bubblewrap.

mod disk;
mod memory;
mod reading;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::super::{Limits, Network};
use super::together::Together;
use crate::backoff::Backoff;
pub(super) use disk::{DiskLimits, disks_of};

/// One accounting period of the processor limit, in microseconds.
const CPU_PERIOD_US: u64 = 100_000;

/// The longest delay until the end of a process is reported, even if others of its group are still dying: that can take
/// long when processors are short.
const EMPTY_WITHIN: Duration = Duration::from_secs(5);

/// The longest pause between two checks whether a group is empty.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The version of control groups used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// A folder in which groups are created, and the controllers available to them.
#[derive(Debug, Clone)]
struct Hierarchy {
    version: Version,
    base: PathBuf,
    controllers: Vec<&'static str>,
}

/// The controllers that functions need.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// The controller of disks, in version 2 and in version 1.
const DISK_CONTROLLERS: [&str; 2] = ["io", "blkio"];

/// Counts processor time in version 1, where the `cpu` controller does not.
const ACCOUNTING: &str = "cpuacct";

/// Converts a weight of version 2 to version 1, whose default is 1,024 instead of 100.
const SHARES_PER_WEIGHT: f64 = 1024.0 / 100.0;

/// The server's weight next to that of its functions, with a default of 100: answering comes first.
const SERVERS_WEIGHT: &str = "1000";

/// All controllers that are used, including the optional ones.
fn used() -> impl Iterator<Item = &'static str> {
    CONTROLLERS.into_iter().chain([ACCOUNTING]).chain(DISK_CONTROLLERS)
}

/// All hierarchies that this server may use.
#[derive(Debug)]
pub(super) struct Cgroups {
    hierarchies: Vec<Hierarchy>,
}

impl Cgroups {
    /// Finds writable hierarchies and creates a folder `name` in each. Controllers that no hierarchy offers are missing
    /// afterwards, see [`Cgroups::missing`].
    pub(super) fn detect(name: &str) -> Cgroups {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut hierarchies = Vec::new();
        for mount in mounts.lines().filter_map(Mount::parse) {
            let wanted = mount.controllers();
            let taken = |controller: &&str| {
                hierarchies.iter().any(|hierarchy: &Hierarchy| hierarchy.controllers.contains(controller))
            };
            let wanted: Vec<_> = wanted.into_iter().filter(|controller| !taken(controller)).collect();
            if wanted.is_empty() {
                continue;
            }
            let places = mount.places(&own);
            if let Some(hierarchy) = places.iter().find_map(|place| claim(mount.version, place, name, &wanted)) {
                hierarchies.push(hierarchy);
            }
        }
        Cgroups { hierarchies }
    }

    /// The controllers that are not available here.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let there =
            |controller: &&&str| self.hierarchies.iter().any(|hierarchy| hierarchy.controllers.contains(controller));
        CONTROLLERS.iter().filter(|controller| !there(controller)).copied().collect()
    }

    /// `cgroup v1`, `cgroup v2`, or both; `None` if there is neither.
    pub(super) fn describe(&self) -> Option<String> {
        let v1 = self.hierarchies.iter().any(|hierarchy| hierarchy.version == Version::V1);
        let v2 = self.hierarchies.iter().any(|hierarchy| hierarchy.version == Version::V2);
        match (v1, v2) {
            (false, false) => None,
            (true, false) => Some("cgroup v1".into()),
            (false, true) => Some("cgroup v2".into()),
            (true, true) => Some("cgroup v1 and v2".into()),
        }
    }

    /// The folders that hold this server's groups; they are written down so that the next start can clear them.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        self.hierarchies.iter().map(|hierarchy| hierarchy.base.clone()).collect()
    }

    /// One of them that no longer exists.
    pub(super) fn missing_base(&self) -> Option<PathBuf> {
        self.hierarchies.iter().map(|hierarchy| &hierarchy.base).find(|base| !base.is_dir()).cloned()
    }

    /// Restores those that no longer exist.
    pub(super) fn restore(&self) -> io::Result<()> {
        for Hierarchy { version, base, controllers } in self.hierarchies.iter().filter(|one| !one.base.is_dir()) {
            fs::create_dir(base)?;
            if *version == Version::V2 && !enable(base, controllers) {
                return Err(io::Error::other(format!("{} has no controllers any more", base.display())));
            }
        }
        Ok(())
    }

    /// A group of version 2 whose files are plain files in this folder.
    #[cfg(test)]
    pub(super) fn of_files(folder: &Path) -> Cgroup {
        Cgroup::new(vec![(Version::V2, CONTROLLERS.to_vec(), folder.to_owned())])
    }

    /// Limits everything that is or will be in any of the groups.
    pub(super) fn limit_together(&self, limits: Together) -> io::Result<()> {
        for Hierarchy { version, base, controllers } in &self.hierarchies {
            let write = |file: &str, value: u64| fs::write(base.join(file), value.to_string());
            if let Some(memory) = limits.memory.filter(|_| controllers.contains(&"memory")) {
                match version {
                    Version::V1 => {
                        // Newer kernels always do this, and have no file for it.
                        let _ = write("memory.use_hierarchy", 1);
                        write("memory.limit_in_bytes", memory)?;
                    }
                    Version::V2 => {
                        write("memory.max", memory)?;
                        // Above this, who allocates more is slowed down, so that there is time to end somebody.
                        let _ = write("memory.high", memory - memory / 32);
                    }
                }
            }
            if let Some(pids) = limits.pids.filter(|_| controllers.contains(&"pids")) {
                write("pids.max", pids)?;
            }
        }
        Ok(())
    }

    /// Creates a group, without limits yet.
    pub(super) fn create(&self, name: &str) -> io::Result<Cgroup> {
        let mut group = Cgroup::new(Vec::new());
        for hierarchy in &self.hierarchies {
            let folder = hierarchy.base.join(name);
            fs::create_dir(&folder)?;
            group.folders.push((hierarchy.version, hierarchy.controllers.clone(), folder));
        }
        Ok(group)
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for folder in self.folders() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The limits of one process and all its children. Removed by [`Cgroup::clear`], or when dropped.
#[derive(Debug)]
pub(super) struct Cgroup {
    folders: Vec<(Version, Vec<&'static str>, PathBuf)>,
    /// Whether its folders have been removed.
    gone: AtomicBool,
}

impl Cgroup {
    fn new(folders: Vec<(Version, Vec<&'static str>, PathBuf)>) -> Cgroup {
        Cgroup { folders, gone: AtomicBool::new(false) }
    }

    /// A process that writes `0` to each of these enters the group.
    pub(super) fn doors(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|(_, _, folder)| folder.join("cgroup.procs")).collect()
    }

    fn with(&self, controller: &str) -> Option<(Version, &Path)> {
        for (version, controllers, folder) in &self.folders {
            if controllers.contains(&controller) {
                return Some((*version, folder));
            }
        }
        None
    }

    /// Limits memory and processes. The processor limit is set separately: see [`Cgroup::limit_cpu`].
    pub(super) fn limit(&self, limits: &Limits) -> io::Result<()> {
        let memory = (limits.memory_mb * 1024 * 1024).to_string();
        match self.with("memory") {
            Some((Version::V1, folder)) => {
                fs::write(folder.join("memory.limit_in_bytes"), &memory)?;
                // Absent if the kernel does not account swap; then there is nothing to forbid.
                let _ = fs::write(folder.join("memory.memsw.limit_in_bytes"), &memory);
                let _ = fs::write(folder.join("memory.swappiness"), "0");
                // Version 1 counts the memory of TCP sockets separately, and only once there is a limit; version 2
                // counts it as memory.
                // Absent if the kernel does not count it at all.
                let _ = fs::write(folder.join("memory.kmem.tcp.limit_in_bytes"), &memory);
            }
            Some((Version::V2, folder)) => {
                fs::write(folder.join("memory.max"), &memory)?;
                let _ = fs::write(folder.join("memory.swap.max"), "0");
            }
            None => {}
        }
        if let Some((_, folder)) = self.with("pids") {
            fs::write(folder.join("pids.max"), limits.pids.to_string())?;
        }
        Ok(())
    }

    /// Sets the processor limit. It is separate from the other limits, so that a start may use what is free: an
    /// interpreter
    /// that needs 50 ms to start would otherwise wait for its next period.
    pub(super) fn limit_cpu(&self, cpu: f64) -> io::Result<()> {
        // At least a hundredth of a processor: the kernel refuses less than one millisecond.
        let quota = (cpu.max(0.01) * CPU_PERIOD_US as f64) as u64;
        match self.with("cpu") {
            Some((Version::V1, folder)) => {
                fs::write(folder.join("cpu.cfs_period_us"), CPU_PERIOD_US.to_string())?;
                fs::write(folder.join("cpu.cfs_quota_us"), quota.to_string())
            }
            Some((Version::V2, folder)) => fs::write(folder.join("cpu.max"), format!("{quota} {CPU_PERIOD_US}")),
            None => Ok(()),
        }
    }

    /// Sets the group's weight against its neighbours for the case that they want more than all processors. The default
    /// is
    /// 100, the maximum 10,000.
    pub(super) fn weigh(&self, weight: u32) -> io::Result<()> {
        match self.with("cpu") {
            Some((Version::V1, folder)) => {
                let shares = (f64::from(weight) * SHARES_PER_WEIGHT) as u64;
                fs::write(folder.join("cpu.shares"), shares.max(2).to_string())
            }
            Some((Version::V2, folder)) => fs::write(folder.join("cpu.weight"), weight.clamp(1, 10_000).to_string()),
            None => Ok(()),
        }
    }

    /// Processor time that the group's processes have used together; `None` if nothing counts it.
    pub(super) fn processor_time(&self) -> Option<Duration> {
        if let Some((Version::V1, folder)) = self.with(ACCOUNTING) {
            let used = fs::read_to_string(folder.join("cpuacct.usage")).ok()?;
            return used.trim().parse().ok().map(Duration::from_nanos);
        }
        let (Version::V2, folder) = self.with("cpu")? else { return None };
        let stat = fs::read_to_string(folder.join("cpu.stat")).ok()?;
        let used = stat.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
        used.trim().parse().ok().map(Duration::from_micros)
    }

    /// Whether the memory limit has killed a process of the group.
    pub(super) fn out_of_memory(&self) -> bool {
        let (file, key) = match self.with("memory") {
            Some((Version::V1, folder)) => (folder.join("memory.oom_control"), "oom_kill "),
            Some((Version::V2, folder)) => (folder.join("memory.events"), "oom_kill "),
            None => return false,
        };
        let text = fs::read_to_string(file).unwrap_or_default();
        let count = text.lines().find_map(|line| line.strip_prefix(key));
        count.is_some_and(|count| count.trim() != "0")
    }

    /// Kills whatever is left in the group, waits until it is empty, and removes it. If that takes too long it
    /// continues in
    /// the background: nobody else would ever do it.
    pub(super) async fn clear(self: &Arc<Self>) {
        let this = self.clone();
        let cleared = tokio::spawn(async move {
            let mut backoff = Backoff::new(Duration::from_millis(1), LONGEST_PAUSE);
            loop {
                let group = this.clone();
                let removal = move || {
                    let gone = group.remove_folders();
                    if !gone {
                        group.kill_all();
                    }
                    gone
                };
                // The kernel delays the removal of a group while others are created or entered, by up to a second.
                if tokio::task::spawn_blocking(removal).await.unwrap_or(false) {
                    return;
                }
                backoff.pause().await;
            }
        });
        if tokio::time::timeout(EMPTY_WITHIN, cleared).await.is_err() {
            tracing::debug!(groups = ?self.doors(), "the processes of a control group take long to end");
        }
    }

    fn kill_all(&self) {
        for (_, _, folder) in &self.folders {
            kill_members(folder);
        }
    }

    /// True if nothing is left of the group.
    fn remove_folders(&self) -> bool {
        let gone = |folder: &Path| match fs::remove_dir(folder) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        let all_gone = self.folders.iter().filter(|(_, _, folder)| !gone(folder)).count() == 0;
        self.gone.store(all_gone, Ordering::Release);
        all_gone
    }
}

impl Drop for Cgroup {
    /// Anything is left here only after a fault, or when the executor itself goes. Whoever drops the last handle may be
    /// answering calls, and even looking up a removed group waits for others being created and removed.
    fn drop(&mut self) {
        if *self.gone.get_mut() {
            return;
        }
        for _ in 0..50 {
            if self.remove_folders() {
                return;
            }
            self.kill_all();
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Kills and removes the groups of a server that is gone. Waits for them, so call it before anything starts.
pub(super) fn remove_leftovers(base: &Path) {
    for _ in 0..200 {
        if !base.exists() {
            return;
        }
        let groups = fs::read_dir(base).into_iter().flatten().flatten();
        for group in groups.map(|entry| entry.path()).filter(|path| path.is_dir()) {
            kill_members(&group);
            let _ = fs::remove_dir(group);
        }
        if fs::remove_dir(base).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    tracing::warn!(folder = %base.display(), "a control group of an earlier server could not be removed");
}

fn kill_members(folder: &Path) {
    let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    for pid in members.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 0) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// A control group mount of this host.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    version: Version,
    /// The part of the hierarchy that is mounted.
    root: String,
    point: PathBuf,
    options: Vec<String>,
}

impl Mount {
    /// Parses a line of `/proc/self/mountinfo`; `None` if it is not a control group's.
    fn parse(line: &str) -> Option<Mount> {
        let (place, kind) = line.split_once(" - ")?;
        let place: Vec<_> = place.split(' ').collect();
        let kind: Vec<_> = kind.split(' ').collect();
        let version = match *kind.first()? {
            "cgroup" => Version::V1,
            "cgroup2" => Version::V2,
            _ => return None,
        };
        Some(Mount {
            version,
            root: (*place.get(3)?).to_owned(),
            point: PathBuf::from(place.get(4)?),
            options: kind.get(2)?.split(',').map(str::to_owned).collect(),
        })
    }

    fn controllers(&self) -> Vec<&'static str> {
        let offered: Vec<String> = match self.version {
            Version::V1 => self.options.clone(),
            Version::V2 => {
                let text = fs::read_to_string(self.point.join("cgroup.controllers")).unwrap_or_default();
                text.split_whitespace().map(str::to_owned).collect()
            }
        };
        used().filter(|controller| offered.iter().any(|one| one == controller)).collect()
    }

    /// Where groups might be created, best first: below the server's own group, so that a limit on the server also
    /// applies
    /// to its functions; else at the top.
    fn places(&self, own: &str) -> Vec<PathBuf> {
        let mut places = Vec::new();
        if let Some(path) = self.own_path(own) {
            places.push(self.point.join(path.trim_start_matches('/')));
        }
        if !places.contains(&self.point.join("")) {
            places.push(self.point.clone());
        }
        places
    }

    /// This process's group in the hierarchy, as a path below the mount.
    fn own_path(&self, own: &str) -> Option<String> {
        let line = own.lines().find(|line| {
            let mut parts = line.splitn(3, ':');
            let (number, controllers) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            match self.version {
                Version::V2 => number == "0" && controllers.is_empty(),
                Version::V1 => controllers.split(',').any(|one| {
                    used().any(|controller| controller == one) && self.options.iter().any(|option| option == one)
                }),
            }
        })?;
        let path = line.splitn(3, ':').nth(2)?;
        match path.strip_prefix(&self.root) {
            Some(below) => Some(below.to_owned()),
            None => Some(path.to_owned()),
        }
    }
}

/// Creates `place/name` and tests whether groups with limits can be created in it.
fn claim(version: Version, place: &Path, name: &str, wanted: &[&'static str]) -> Option<Hierarchy> {
    if version == Version::V2 && !delegate(place, wanted) {
        return None;
    }
    let base = place.join(name);
    fs::create_dir(&base).ok()?;
    let hierarchy = Hierarchy { version, base: base.clone(), controllers: wanted.to_vec() };
    if version == Version::V2 && !enable(&base, wanted) {
        let _ = fs::remove_dir(&base);
        return None;
    }
    let limits = Limits { memory_mb: 64, cpu: 1.0, pids: 16, network: Network::None };
    let usable = Cgroups::trial(&hierarchy, &limits);
    if !usable {
        let _ = fs::remove_dir(&base);
    }
    usable.then_some(hierarchy)
}

impl Cgroups {
    fn trial(hierarchy: &Hierarchy, limits: &Limits) -> bool {
        let folder = hierarchy.base.join("trial");
        if fs::create_dir(&folder).is_err() {
            return false;
        }
        let group = Cgroup::new(vec![(hierarchy.version, hierarchy.controllers.clone(), folder)]);
        group.limit(limits).and_then(|()| group.limit_cpu(limits.cpu)).is_ok()
    }
}

/// Version 2 gives controllers only to children of a group without processes of its own. If the server is alone in its
/// group, it moves into a child, as a delegated systemd unit should.
fn delegate(place: &Path, wanted: &[&'static str]) -> bool {
    if enable(place, wanted) {
        return true;
    }
    let members = fs::read_to_string(place.join("cgroup.procs")).unwrap_or_default();
    let own = std::process::id().to_string();
    if members.trim() != own {
        return false;
    }
    let leaf = place.join("eventflow-server");
    let _ = fs::create_dir(&leaf);
    let moved = fs::write(leaf.join("cgroup.procs"), &own).is_ok() && enable(place, wanted);
    if moved {
        let _ = fs::write(leaf.join("cpu.weight"), SERVERS_WEIGHT);
    }
    moved
}

fn enable(place: &Path, wanted: &[&'static str]) -> bool {
    let enabled = fs::read_to_string(place.join("cgroup.subtree_control")).unwrap_or_default();
    let missing: Vec<_> = wanted.iter().filter(|one| !enabled.split_whitespace().any(|there| there == **one)).collect();
    let text: Vec<String> = missing.iter().map(|controller| format!("+{controller}")).collect();
    text.is_empty() || fs::write(place.join("cgroup.subtree_control"), text.join(" ")).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const V1_MEMORY: &str = "31 24 0:27 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory";
    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";

    #[test]
    fn mounts_of_both_versions_are_recognised_and_others_are_not() {
        let v1 = Mount::parse(V1_MEMORY).unwrap();
        assert_eq!((v1.version, v1.controllers()), (Version::V1, vec!["memory"]));
        assert_eq!(Mount::parse(V2).unwrap().version, Version::V2);
        assert_eq!(Mount::parse("22 1 8:1 / / rw - ext4 /dev/sda rw"), None);
    }

    #[test]
    fn the_servers_own_group_comes_before_the_top() {
        let own = "4:memory:/system.slice/eventflow.service\n0::/user.slice\n";
        let v1 = Mount::parse(V1_MEMORY).unwrap().places(own);
        assert_eq!(v1[0], Path::new("/sys/fs/cgroup/memory/system.slice/eventflow.service"));
        let v2 = Mount::parse(V2).unwrap().places(own);
        assert_eq!(v2[0], Path::new("/sys/fs/cgroup/user.slice"));
        assert_eq!(v2.last().unwrap(), Path::new("/sys/fs/cgroup"));
    }

    #[test]
    fn inside_a_container_the_mounted_part_is_not_repeated() {
        let line = "31 24 0:27 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
        let places = Mount::parse(line).unwrap().places("4:memory:/docker/abc\n");
        assert_eq!(places[0], Path::new("/sys/fs/cgroup/memory/"));
    }

    /// The kernel's files cannot be had in both versions on one host: a folder of plain files shows what is written.
    #[test]
    fn version_2_limits_are_written_to_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let group = Cgroups::of_files(folder.path());
        let limits = Limits { memory_mb: 128, cpu: 0.5, pids: 32, network: Network::None };
        group.limit(&limits).unwrap();
        group.limit_cpu(limits.cpu).unwrap();
        group.weigh(50).unwrap();
        let read = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap();
        assert_eq!(read("memory.max"), "134217728");
        assert_eq!(read("memory.swap.max"), "0");
        assert_eq!(read("pids.max"), "32");
        assert_eq!(read("cpu.max"), "50000 100000");
        assert_eq!(read("cpu.weight"), "50");
        assert_eq!(group.processor_time(), None);
        fs::write(folder.path().join("cpu.stat"), "usage_usec 1500000\nuser_usec 1\n").unwrap();
        assert_eq!(group.processor_time(), Some(Duration::from_millis(1500)));
        assert!(!group.out_of_memory());
        fs::write(folder.path().join("memory.events"), "low 0\noom 1\noom_kill 1\n").unwrap();
        assert!(group.out_of_memory());
    }

    #[tokio::test]
    async fn a_group_that_was_removed_is_left_alone_when_its_last_handle_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("group");
        fs::create_dir(&path).unwrap();
        let group = Arc::new(Cgroups::of_files(&path));
        group.clear().await;
        assert!(!path.exists());
        fs::create_dir(&path).unwrap();
        drop(group);
        assert!(path.exists(), "a look for it would have removed it");
    }

    #[test]
    fn version_1_weights_are_shares_and_time_is_counted_by_a_controller_of_its_own() {
        let (cpu, accounting) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [("cpu", cpu.path()), (ACCOUNTING, accounting.path())];
        let folders = folders.map(|(controller, folder)| (Version::V1, vec![controller], folder.to_owned()));
        let group = Cgroup::new(folders.to_vec());
        group.weigh(100).unwrap();
        assert_eq!(fs::read_to_string(cpu.path().join("cpu.shares")).unwrap(), "1024");
        fs::write(accounting.path().join("cpuacct.usage"), "2000000000\n").unwrap();
        assert_eq!(group.processor_time(), Some(Duration::from_secs(2)));
        let accounting = Mount::parse("33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct").unwrap();
        assert_eq!(accounting.controllers(), vec![ACCOUNTING]);
    }
}
