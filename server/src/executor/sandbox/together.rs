//! Limits on what all functions and builds of a server may take of its host together, whatever each is allowed
//! individually: the server itself, its database and the host's administrators need some of it as well.

use super::super::capacity;

/// The total limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Together {
    /// Bytes of memory.
    pub(super) memory: Option<u64>,
    /// Processes and threads.
    pub(super) pids: Option<u64>,
}

impl Together {
    /// What this host can provide.
    pub(super) fn of_host() -> Self {
        Self::of(capacity::memory(), capacity::pids())
    }

    fn of(memory: Option<u64>, pids: Option<u64>) -> Self {
        Self { memory: memory.map(capacity::without_reserve), pids: pids.map(|all| all / 4 * 3) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_left_to_others() {
        let gib = 1 << 30;
        for (all, functions) in [(gib, gib / 2), (8 * gib, 7 * gib), (64 * gib, 56 * gib)] {
            assert_eq!(Together::of(Some(all), None).memory, Some(functions), "{all}");
        }
        assert_eq!(Together::of(None, Some(32_768)), Together { memory: None, pids: Some(24_576) });
        let host = Together::of_host();
        assert!(
            host.memory.is_some_and(|memory| memory > 64 << 20) && host.pids.is_some_and(|pids| pids > 1000),
            "{host:?}"
        );
    }
}
