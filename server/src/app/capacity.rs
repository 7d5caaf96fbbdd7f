//! The host's capacity for functions, within the settings.

use domain::capacity::Capacity;

use crate::config::Limits;
use crate::executor;

/// One instance may use this fraction of the host's maximum number of processes and threads.
const PART_OF_PIDS: u64 = 8;

/// The capacity that manifests are checked against. A setting takes precedence over the host's figure.
pub(super) fn of_host(limits: &Limits) -> Capacity {
    let cpu = std::thread::available_parallelism().map_or(1, |count| count.get());
    // An unknown figure is no limit.
    let memory_mb = executor::capacity::memory().unwrap_or(u64::MAX) >> 20;
    Capacity {
        pids: executor::capacity::pids().unwrap_or(u64::MAX) / PART_OF_PIDS,
        memory_mb: limits.function_memory_mb.map_or(memory_mb, |limit| limit as u64),
        cpu: limits.function_cpu.map_or(cpu, |limit| limit) as f64,
        instances: u32::try_from(limits.instances).unwrap_or(u32::MAX),
        concurrency: u32::try_from(limits.concurrency).unwrap_or(u32::MAX),
        timeout: limits.function_timeout,
    }
}
