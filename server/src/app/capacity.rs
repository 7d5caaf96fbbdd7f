//! What this host has for functions, and what the settings allow of it.

use std::fs;
use std::path::Path;

use domain::capacity::Capacity;

use crate::config::Limits;

/// What a manifest is measured against. A setting beats what the host has.
pub(super) fn of_host(limits: &Limits) -> Capacity {
    let cpu = std::thread::available_parallelism().map_or(1, |count| count.get());
    Capacity {
        memory_mb: limits.function_memory_mb.map_or_else(memory_mb, |limit| limit as u64),
        cpu: limits.function_cpu.map_or(cpu, |limit| limit) as f64,
        instances: u32::try_from(limits.instances).unwrap_or(u32::MAX),
        concurrency: u32::try_from(limits.concurrency).unwrap_or(u32::MAX),
        timeout: limits.function_timeout,
    }
}

/// Mebibytes of memory that this server may use: the host's, or those of a control group around it.
fn memory_mb() -> u64 {
    let host = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_kb(&text)).map(|kb| kb * 1024);
    let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let group = files.iter().filter_map(|file| fs::read_to_string(Path::new(file)).ok()?.trim().parse::<u64>().ok());
    // What cannot be found out limits nothing.
    group.chain(host).min().map_or(u64::MAX >> 20, |bytes| bytes >> 20)
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
        assert!(memory_mb() > 64);
    }
}
