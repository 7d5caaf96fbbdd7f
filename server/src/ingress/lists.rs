//! How many lists of functions are made at a time: each has the manifests of its functions in memory.

use std::sync::LazyLock;

use crate::turns::Turns;

/// The turns of all entrances together, and of each viewer.
pub(super) static LISTS: LazyLock<Turns> = LazyLock::new(|| Turns::with_shares(8, 2, 2));
