//! The only source of time and ids. The log stores microseconds, so times are truncated to these.

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// The current time, with microsecond precision.
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// A new id (RFC 9562, version 7). Later ones sort after earlier ones.
pub fn new_id<T>() -> domain::Id<T> {
    domain::Id::new(Uuid::now_v7())
}

/// A random number in 0..1.
pub fn chance() -> f64 {
    rand::random()
}
