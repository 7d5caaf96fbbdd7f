//! Runs, as they are found.

use chrono::{DateTime, Utc};
use domain::{event, function, run};

/// Runs of one function that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRuns {
    /// The function.
    pub function: function::Id,
    /// Its namespace.
    pub namespace: String,
    /// Those that could begin: they are QUEUED.
    pub queued: u64,
    /// Those and the ones whose next attempt is due later (RETRYING).
    pub all: u64,
}

/// Which runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only in these namespaces; `None`: in all.
    pub namespaces: Option<Vec<String>>,
    /// Only this function's.
    pub function: Option<function::Id>,
    /// Only in this state.
    pub state: Option<run::Status>,
    /// Only asked for at or after this.
    pub since: Option<DateTime<Utc>>,
    /// Only asked for before this.
    pub until: Option<DateTime<Utc>>,
    /// Only those that this trigger event caused.
    pub event: Option<event::Id>,
    /// Only those whose trigger is of this type (`http.invoke`).
    pub trigger: Option<String>,
    /// Only those of this version of their function.
    pub version: Option<u32>,
    /// Only those that repeat this run.
    pub replayed_from: Option<run::Id>,
    /// Only dead letters that wait for somebody to look at them.
    pub dead_letters: bool,
    /// Only those that a trigger event asked for by itself, and not those that somebody asked for later.
    pub routed: bool,
    /// Only those whose ids begin with this: hexadecimal digits in lower case, and hyphens. Of very many, only the last
    /// [`MAX_BY_PREFIX`] by their ids are looked at.
    pub id_prefix: Option<String>,
}

/// Runs that are looked at for the beginning of their ids: a short beginning may be that of every run.
pub const MAX_BY_PREFIX: u32 = 1_000;
