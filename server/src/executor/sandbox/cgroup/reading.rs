//! What a group uses, for people.

use super::super::super::Reading;
use super::{Cgroup, Version, memory};
use crate::clock;

impl Cgroup {
    /// What its processes use together; `None` where nothing counts that, or the group is gone. Reads files of the kernel:
    /// call it where that may be waited for.
    pub(in super::super) fn reading(&self) -> Option<Reading> {
        let (processor_time, memory) = (self.processor_time(), self.memory_held());
        (processor_time.is_some() || memory.is_some()).then(|| Reading {
            at: clock::now(),
            processor_time,
            memory,
            memory_limit: self.memory_limit(),
        })
    }

    fn memory_limit(&self) -> Option<u64> {
        let (version, folder) = self.with("memory")?;
        let limit = memory::number(&folder.join(match version {
            Version::V1 => "memory.limit_in_bytes",
            Version::V2 => "memory.max",
        }))?;
        Reading::limit_of(limit)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::super::Cgroups;

    #[test]
    fn a_group_tells_what_it_uses_as_long_as_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
        let group = Cgroups::of_files(folder.path());
        assert_eq!(group.reading(), None);
        write("memory.current", "1000\n");
        write("memory.stat", "anon 500\ninactive_file 300\n");
        write("memory.max", "67108864\n");
        write("cpu.stat", "usage_usec 2500000\nuser_usec 2000000\n");
        let reading = group.reading().unwrap();
        assert_eq!((reading.memory, reading.memory_limit), (Some(700), Some(64 << 20)));
        assert_eq!(reading.processor_time, Some(Duration::from_micros(2_500_000)));
        write("memory.max", "max\n");
        assert_eq!(group.reading().unwrap().memory_limit, None);
    }
}
