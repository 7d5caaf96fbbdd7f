//! Raises the limit on file descriptors as far as the system allows.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// More are not asked for: what a container allows by default may be a thousand times that.
const ENOUGH: u64 = 1 << 16;

/// Raises the number of descriptors that this process may open as far as its own limit allows; how many it may open then.
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
