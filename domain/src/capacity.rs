//! Checks whether a host has the resources that a manifest asks for. The caller supplies the host's figures.

use std::time::Duration;

use crate::manifest::Manifest;

/// All instances of a function together may ask for this many times the host's memory, since few of them use all they
/// ask for, and seldom at the same time.
pub const MAX_OVERCOMMIT: u64 = 8;

/// The resources available to one function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    /// Memory, in MiB.
    pub memory_mb: u64,
    /// CPUs.
    pub cpu: f64,
    /// Processes and threads per instance.
    pub pids: u64,
    /// Number of instances.
    pub instances: u32,
    /// Concurrent calls per instance.
    pub concurrency: u32,
    /// The maximum duration of a call or a run.
    pub timeout: Duration,
}

/// A request in a manifest that exceeds the available resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// The JSON pointer of the offending member.
    pub pointer: &'static str,
    /// What is asked for and what is available, as a message.
    pub message: String,
}

impl Capacity {
    /// Every request in the manifest that exceeds this capacity.
    pub fn excesses(&self, manifest: &Manifest) -> Vec<Excess> {
        let (resources, scaling) = (&manifest.resources, &manifest.scaling);
        let mut found = Vec::new();
        let mut report = |pointer, message: String| found.push(Excess { pointer, message });
        if resources.memory_mb > self.memory_mb {
            let message = format!(
                "{} MiB are more than one instance may have on this host: {} MiB",
                resources.memory_mb, self.memory_mb
            );
            report("/resources/memory_mb", message);
        }
        if resources.cpu > self.cpu {
            let message =
                format!("{} processors are more than one instance may have on this host: {}", resources.cpu, self.cpu);
            report("/resources/cpu", message);
        }
        if resources.pids > self.pids {
            let message =
                format!("{} processes are more than one instance may have on this host: {}", resources.pids, self.pids);
            report("/resources/pids", message);
        }
        if resources.timeout_s > self.timeout.as_secs_f64() {
            let message = format!(
                "{} s are more than the {} s that are allowed",
                resources.timeout_s,
                self.timeout.as_secs_f64()
            );
            report("/resources/timeout_s", message);
        }
        if scaling.concurrency > self.concurrency {
            let message = format!("{} are more than the {} that are allowed", scaling.concurrency, self.concurrency);
            report("/scaling/concurrency", message);
        }
        if scaling.max > self.instances {
            let message = format!("{} instances are more than the {} that are allowed", scaling.max, self.instances);
            report("/scaling/max", message);
        }
        let together = |instances: u32| u64::from(instances).saturating_mul(resources.memory_mb);
        if resources.memory_mb <= self.memory_mb {
            let rules = [
                ("/scaling/min", scaling.min, self.memory_mb),
                ("/scaling/prewarm", if scaling.prewarm > 0 { scaling.without_calls() } else { 0 }, self.memory_mb),
                ("/scaling/max", scaling.max, self.memory_mb.saturating_mul(MAX_OVERCOMMIT)),
            ];
            for (pointer, instances, limit) in rules {
                if together(instances) > limit {
                    let message = format!(
                        "{instances} instances of {} MiB are {} MiB; this host has {} MiB of memory, and allows {limit} MiB here",
                        resources.memory_mb,
                        together(instances),
                        self.memory_mb
                    );
                    report(pointer, message);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Resources, Runtime, Scaling};

    const HOST: Capacity = Capacity {
        memory_mb: 8192,
        cpu: 4.0,
        pids: 4096,
        instances: 100,
        concurrency: 1000,
        timeout: Duration::from_secs(3600),
    };

    #[test]
    fn an_instance_cannot_have_all_process_ids_of_the_host() {
        let found = found(Resources { pids: 32_768, ..Resources::default() }, Scaling::default());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "/resources/pids");
    }

    fn found(resources: Resources, scaling: Scaling) -> Vec<(&'static str, String)> {
        let manifest = Manifest { resources, scaling, ..Manifest::of(Runtime::Node) };
        HOST.excesses(&manifest).into_iter().map(|excess| (excess.pointer, excess.message)).collect()
    }

    #[test]
    fn a_thousand_instances_of_a_tebibyte_are_refused_with_what_the_host_has() {
        let resources = Resources { memory_mb: 1 << 20, cpu: 1024.0, timeout_s: 86_400.0, ..Resources::default() };
        let found = found(resources, Scaling { min: 0, max: 1000, concurrency: 10_000, idle_s: 1, prewarm: 0 });
        let pointers: Vec<_> = found.iter().map(|(pointer, _)| *pointer).collect();
        assert_eq!(
            pointers,
            ["/resources/memory_mb", "/resources/cpu", "/resources/timeout_s", "/scaling/concurrency", "/scaling/max"]
        );
        assert!(found[0].1.contains("8192 MiB"), "{found:?}");
    }

    #[test]
    fn instances_together_may_ask_for_more_than_there_is_but_not_for_any_number() {
        let memory = |memory_mb| Resources { memory_mb, ..Resources::default() };
        let scaling = |min, max| Scaling { min, max, ..Scaling::default() };
        assert_eq!(found(memory(1024), scaling(8, 64)), []);
        let kept = found(memory(1024), scaling(9, 64));
        assert_eq!((kept.len(), kept[0].0), (1, "/scaling/min"));
        let standby = found(memory(1024), Scaling { prewarm: 5, ..scaling(4, 64) });
        assert_eq!((standby.len(), standby[0].0), (1, "/scaling/prewarm"));
        let most = found(memory(1024), scaling(0, 65));
        assert_eq!((most.len(), most[0].0), (1, "/scaling/max"));
        assert!(most[0].1.contains("this host has 8192 MiB"), "{most:?}");
    }

    #[test]
    fn the_defaults_fit_a_small_host() {
        let small = Capacity { memory_mb: 512, cpu: 1.0, ..HOST };
        assert_eq!(small.excesses(&Manifest::of(Runtime::Python)), []);
    }
}
