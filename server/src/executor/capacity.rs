//! The memory and process ids available on the host, or in the control group of this server.

use std::fs;
use std::path::Path;

/// The part of the host's memory that is left to others, but at least [`MIN_RESERVE`] unless that is more than half.
const RESERVED_PART: u64 = 8;
const MIN_RESERVE: u64 = 512 << 20;

/// The host's memory in bytes; `None` if unknown.
pub fn memory() -> Option<u64> {
    let host = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_kb(&text)).map(|kb| kb * 1024);
    number("/sys/fs/cgroup/memory.max")
        .into_iter()
        .chain(number("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
        .chain(host)
        .min()
}

/// What functions may have of so much memory of a host: the server itself, its database and the host's administrators need some of it
/// as well.
pub fn without_reserve(memory: u64) -> u64 {
    memory - (memory / RESERVED_PART).max(MIN_RESERVE.min(memory / 2))
}

/// The most processes and threads at a time; `None` if unknown.
pub fn pids() -> Option<u64> {
    let files = ["/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max", "/sys/fs/cgroup/pids.max"];
    files.into_iter().filter_map(number).min()
}

fn number(file: &str) -> Option<u64> {
    fs::read_to_string(Path::new(file)).ok()?.trim().parse().ok()
}

fn total_kb(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_memory_is_read() {
        assert_eq!(total_kb("MemFree:  1 kB\nMemTotal:       24684084 kB\n"), Some(24_684_084));
        assert_eq!(total_kb("nothing"), None);
        assert!(memory().is_some_and(|bytes| bytes > 64 << 20) && pids().is_some_and(|pids| pids > 1000));
    }
}
