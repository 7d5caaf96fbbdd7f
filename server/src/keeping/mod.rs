//! Keeps the instances of functions: how many there are of each version, and which.
//!
//! [`Keeping`] works like a reconciler: given a function's id, it reads the desired state from the store, closes the
//! gap, and publishes the endpoints to [`leasing`](crate::leasing), where calls find them. Instances that are processes
//! ([`processes`]) are started, watched and ended by their server, and end with it. Instances kept by a [`Keeper`]
//! belong to no server: the leading server decides how many there are ([`lead`]), and every server, including that one,
//! only observes them ([`observed`]).
//!
//! Does not know who calls.

mod arms;
mod backoff;
mod broken;
mod context;
mod failures;
mod handle;
mod info;
mod inner;
mod keeper;
mod lead;
mod lines;
mod member;
mod meter;
mod observed;
mod order;
mod pool;
mod prewarm;
mod processes;
mod reconcile;
mod rollout;
mod secrets;
mod settings;
mod standby;
pub mod stored;
#[cfg(test)]
pub(crate) mod tests;
mod usage;
mod work;

pub use handle::{Keeping, Parts};
pub use info::InstanceInfo;
pub use keeper::Keeper;
pub use meter::LineLimits;
pub use order::{Found, Key, Need, Order};
pub use settings::Settings;
pub use usage::Usage;
pub use work::JobRun;
