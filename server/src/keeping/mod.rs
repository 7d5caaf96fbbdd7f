//! Keeps instances: how many there are of each version, and which.
//!
//! [`Keeping`] takes no input but a function's id: it reads what should be, closes the gap, and tells [`leasing`](crate::leasing) where
//! calls find what there is. What runs as a process of this server ([`processes`]) is started, watched and ended by each server for
//! itself, and ends with it. What a [`Keeper`] keeps belongs to no server: the one that leads says how many there are to be
//! ([`lead`]), and all others, too, only learn of them ([`learned`]).
//!
//! Does not know who calls.

mod arms;
mod backoff;
mod broken;
mod crew;
mod handle;
mod info;
mod inner;
mod keeper;
mod lead;
mod learned;
mod lines;
mod means;
mod member;
mod meter;
mod order;
mod processes;
mod reconcile;
mod rollout;
mod secrets;
mod settings;
pub mod stored;
#[cfg(test)]
pub(crate) mod tests;
mod trouble;
mod work;

pub use handle::{Keeping, Parts};
pub use info::InstanceInfo;
pub use keeper::Keeper;
pub use meter::LineLimits;
pub use order::{Found, Key, Need, Order};
pub use settings::Settings;
pub use work::JobRun;
