//! Raises the limit on file descriptors as far as the system allows.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The most that is asked for: a container's default limit may be a thousand times as high.
const ENOUGH: u64 = 1 << 16;

/// Raises this process's limit of open file descriptors as far as its hard limit allows, and returns the new limit.
pub fn raise() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1024 };
    let wanted = hard.min(ENOUGH);
    if soft >= wanted {
        return soft.min(ENOUGH);
    }
    match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files (nofile) stays at {soft}");
            soft
        }
    }
}
