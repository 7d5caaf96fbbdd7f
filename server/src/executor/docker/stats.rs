//! What a container uses, as the engine counts it.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{ContainerMemoryStats, ContainerStatsResponse};
use bollard::query_parameters::StatsOptionsBuilder;
use chrono::{DateTime, Utc};
use futures::StreamExt;

use super::super::Reading;
use super::engine::Engine;

/// What the kernel keeps of files only because there is room, in control groups of version 1 and 2. The first one that there is
/// counts: version 1 has both names, the second one without the groups below.
const SPARE: [&str; 2] = ["total_inactive_file", "inactive_file"];

/// Asks the engine once; it does not measure over a second, as it does for people. `None` if it does not answer, or the
/// container does not run.
pub(super) async fn reading(engine: &Engine, container: &str) -> Option<Reading> {
    let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
    let mut answers = std::pin::pin!(engine.client.stats(container, Some(options)));
    reading_of(&answers.next().await?.ok()?)
}

fn reading_of(stats: &ContainerStatsResponse) -> Option<Reading> {
    let at = stats.read.as_deref().and_then(time)?;
    let processor_time = stats.cpu_stats.as_ref().and_then(|cpu| cpu.cpu_usage.as_ref()?.total_usage);
    let memory = stats.memory_stats.as_ref();
    Some(Reading {
        at,
        processor_time: processor_time.map(Duration::from_nanos),
        memory: memory.and_then(held),
        memory_limit: memory.and_then(|memory| memory.limit).and_then(Reading::limit_of),
    })
}

/// The engine gives the first moment of its calendar for a container that does not run.
fn time(read: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(read).ok()?.to_utc();
    (at.timestamp() > 0).then_some(at)
}

fn held(memory: &ContainerMemoryStats) -> Option<u64> {
    let spare = |stats: &HashMap<String, u64>| SPARE.iter().find_map(|name| stats.get(*name).copied());
    Some(memory.usage?.saturating_sub(memory.stats.as_ref().and_then(spare).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerCpuStats, ContainerCpuUsage};

    use super::*;

    const READ: &str = "2026-09-21T14:13:25.123456789Z";

    fn stats(read: &str, details: &[(&str, u64)], limit: u64) -> ContainerStatsResponse {
        let cpu_usage = ContainerCpuUsage { total_usage: Some(2_000_000_000), ..ContainerCpuUsage::default() };
        ContainerStatsResponse {
            read: Some(read.to_owned()),
            cpu_stats: Some(ContainerCpuStats { cpu_usage: Some(cpu_usage), ..ContainerCpuStats::default() }),
            memory_stats: Some(ContainerMemoryStats {
                usage: Some(1_000),
                stats: Some(details.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes)).collect()),
                limit: Some(limit),
                ..ContainerMemoryStats::default()
            }),
            ..ContainerStatsResponse::default()
        }
    }

    #[test]
    fn what_the_kernel_keeps_of_files_is_not_held() {
        let reading = reading_of(&stats(READ, &[("inactive_file", 300)], 64 << 20)).unwrap();
        assert_eq!((reading.memory, reading.memory_limit), (Some(700), Some(64 << 20)));
        assert_eq!(reading.processor_time, Some(Duration::from_secs(2)));
        let of_version_1 = stats(READ, &[("inactive_file", 1), ("total_inactive_file", 400)], i64::MAX as u64);
        let reading = reading_of(&of_version_1).unwrap();
        assert_eq!((reading.memory, reading.memory_limit), (Some(600), None));
    }

    #[test]
    fn a_container_that_does_not_run_uses_nothing() {
        assert_eq!(reading_of(&stats("0001-01-01T00:00:00Z", &[], 0)), None);
        assert_eq!(reading_of(&ContainerStatsResponse::default()), None);
    }
}
