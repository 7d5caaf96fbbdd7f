//! The messages exchanged with a [`Keeper`](super::Keeper).

use std::time::Duration;

use domain::function;
use domain::manifest::Manifest;

use crate::executor;

/// A version of a function.
pub type Key = (function::Id, u32);

/// A version whose instances the cluster keeps.
#[derive(Debug, Clone)]
pub struct Order {
    /// The version.
    pub key: Key,
    /// The function's namespace.
    pub namespace: String,
    /// The function's name.
    pub name: String,
    /// The version's artifact.
    pub digest: String,
    /// The version's manifest.
    pub manifest: Manifest,
}

/// The demand of one server's calls for a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The version.
    pub key: Key,
    /// The number of instances.
    pub many: u32,
    /// How long the demand lasts from now, unless it is renewed.
    pub lasts: Duration,
}

/// An instance that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id, which is never used for another instance.
    pub id: String,
    /// The address where it answers.
    pub address: executor::Address,
}
