//! The one place that asks what time it is and makes ids. The log keeps microseconds, so time is cut to these.

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// Now, to the microsecond.
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// A new id (RFC 9562, version 7): later ones sort after earlier ones.
pub fn new_id<T>() -> domain::Id<T> {
    domain::Id::new(Uuid::now_v7())
}

/// A random number in 0..1.
pub fn chance() -> f64 {
    rand::random()
}
