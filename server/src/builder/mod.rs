//! Makes versions out of sources: a Git repository or an uploaded bundle becomes an artifact and a manifest.
//!
//! A build takes its source ([`source`]), reads or guesses its [`manifest`], installs what it depends on ([`install`])
//! on the executor's workbench, and puts the result among the [`Artifacts`]. It knows neither the log nor who asked:
//! whoever calls [`Workshop::build`] tells the log what came of it.

mod artifacts;
mod cache;
mod concealed;
mod credentials;
pub mod detect;
mod digest;
mod error;
mod files;
mod folders;
#[doc(hidden)]
pub mod fuzz;
pub mod inspect;
mod install;
mod journal;
mod leaks;
pub mod listing;
pub mod manifest;
mod portable;
mod scratch;
mod source;
mod stock;
mod survey;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trial;
mod unneeded;
mod workshop;

pub use artifacts::{Artifacts, MAX_BUNDLE_BYTES, Room};
pub use credentials::Credentials;
pub use error::Error;
pub use workshop::{Built, Order, Settings, Workshop};
