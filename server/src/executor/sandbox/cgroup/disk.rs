//! How much a group reads from the host's disks and writes to them, in a second.
//!
//! Version 1 counts only what is written past the cache or at once (`fsync`); version 2 also what the kernel writes later, on
//! file systems that record whose it is (ext4, btrfs, xfs).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::{major, minor};

use super::{Cgroup, Cgroups, DISK_CONTROLLERS, Version};

/// As many operations are allowed as there are of these in the bytes: small ones cost a disk as much as large ones.
const BYTES_OF_OPERATION: u64 = 32 << 10;

/// What an instance, or a command of a build, may ask of the disks.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct DiskLimits {
    /// The disks, as `major:minor`.
    pub(in super::super) disks: BTreeSet<String>,
    /// Bytes a second.
    pub(in super::super) read: Option<u64>,
    pub(in super::super) write: Option<u64>,
}

/// The disks that these files are on. None where a file system is not on one that the kernel can limit, as a container's own
/// layer, or one over the network.
pub(in super::super) fn disks_of(files: &[&Path]) -> BTreeSet<String> {
    files.iter().filter_map(|file| disk_of(fs::metadata(file).ok()?.dev(), Path::new("/sys/dev/block"))).collect()
}

/// The disk that a device is or is a part of.
fn disk_of(device: u64, devices: &Path) -> Option<String> {
    let folder = fs::canonicalize(devices.join(format!("{}:{}", major(device), minor(device)))).ok()?;
    let disk = if folder.join("partition").exists() { folder.parent()? } else { &folder };
    Some(fs::read_to_string(disk.join("dev")).ok()?.trim().to_owned())
}

impl Cgroups {
    /// Whether disks can be limited.
    pub(in super::super) fn limits_disks(&self) -> bool {
        self.hierarchies.iter().any(|hierarchy| DISK_CONTROLLERS.iter().any(|one| hierarchy.controllers.contains(one)))
    }
}

impl Cgroup {
    /// Limits what the group asks of the disks, where that can be.
    pub(in super::super) fn limit_disks(&self, limits: &DiskLimits) -> io::Result<()> {
        let Some((version, folder)) = DISK_CONTROLLERS.iter().find_map(|controller| self.with(controller)) else {
            return Ok(());
        };
        let operations = |bytes: u64| (bytes / BYTES_OF_OPERATION).max(1);
        for disk in &limits.disks {
            match version {
                Version::V1 => {
                    for (verb, bytes) in [("read", limits.read), ("write", limits.write)] {
                        let Some(bytes) = bytes else { continue };
                        let write = |what: &str, value: u64| {
                            fs::write(
                                folder.join(format!("blkio.throttle.{verb}_{what}_device")),
                                format!("{disk} {value}"),
                            )
                        };
                        write("bps", bytes)?;
                        write("iops", operations(bytes))?;
                    }
                }
                Version::V2 => {
                    let most = |name: &str, bytes: Option<u64>| {
                        bytes
                            .map(|bytes| format!(" {name}bps={bytes} {name}iops={}", operations(bytes)))
                            .unwrap_or_default()
                    };
                    let (read, write) = (most("r", limits.read), most("w", limits.write));
                    fs::write(folder.join("io.max"), format!("{disk}{read}{write}"))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn limits() -> DiskLimits {
        DiskLimits { disks: ["8:0".to_owned()].into(), read: Some(1 << 20), write: Some(64 << 10) }
    }

    #[test]
    fn both_versions_get_bytes_and_operations() {
        let folder = tempfile::tempdir().unwrap();
        let group = |version, controller| Cgroup::new(vec![(version, vec![controller], folder.path().to_owned())]);
        let read = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap();
        group(Version::V2, "io").limit_disks(&limits()).unwrap();
        assert_eq!(read("io.max"), "8:0 rbps=1048576 riops=32 wbps=65536 wiops=2");
        group(Version::V1, "blkio").limit_disks(&limits()).unwrap();
        assert_eq!(read("blkio.throttle.read_bps_device"), "8:0 1048576");
        assert_eq!(read("blkio.throttle.write_iops_device"), "8:0 2");
        group(Version::V2, "memory").limit_disks(&limits()).unwrap();
    }

    #[test]
    fn a_partition_is_limited_as_its_disk() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("sda/sda1");
        fs::create_dir_all(&part).unwrap();
        fs::write(folder.path().join("sda/dev"), "8:0\n").unwrap();
        fs::write(part.join("partition"), "1\n").unwrap();
        fs::write(part.join("dev"), "8:1\n").unwrap();
        std::os::unix::fs::symlink(&part, folder.path().join("8:1")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("sda"), folder.path().join("8:0")).unwrap();
        let of = |minor| disk_of(nix::sys::stat::makedev(8, minor), folder.path());
        assert_eq!((of(1), of(0), of(9)), (Some("8:0".into()), Some("8:0".into()), None));
    }
}
