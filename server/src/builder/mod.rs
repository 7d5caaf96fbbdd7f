//! Makes versions out of sources: a Git repository or an uploaded bundle becomes an artifact and a manifest.
//!
//! A build takes its source ([`source`]), reads or guesses its [`manifest`], installs what it depends on ([`install`])
//! on the executor's workbench, and puts the result among the [`artifacts`](crate::artifacts). It knows neither the log nor who asked:
//! whoever calls [`Builder::build`] records what came of it.

mod cache;
mod concealed;
mod credentials;
pub mod detect;
mod dockerfile;
mod error;
mod files;
mod folders;
#[doc(hidden)]
pub mod fuzz;
mod generated;
mod image;
pub mod inspect;
mod install;
mod journal;
mod leaks;
pub mod listing;
pub mod manifest;
mod order;
mod packed;
mod pipeline;
pub mod restored;
mod scratch;
mod settings;
mod source;
mod survey;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trial;

pub use credentials::Credentials;
pub use error::Error;
pub use order::{Built, Order};
pub use pipeline::Builder;
pub use settings::{Bases, Settings};
