//! What is asked of whoever keeps instances for the whole cluster, and what it tells.

use std::time::Duration;

use domain::function;
use domain::manifest::Manifest;

use crate::executor;

/// Which version of which function.
pub type Key = (function::Id, u32);

/// A version whose instances the cluster keeps.
#[derive(Debug, Clone)]
pub struct Order {
    /// Which version.
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

/// What calls of one server need of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Which version.
    pub key: Key,
    /// So many instances.
    pub many: u32,
    /// For so long from now, unless it is said again.
    pub lasts: Duration,
}

/// An instance that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Names it: no other one is ever called so.
    pub id: String,
    /// Where it answers.
    pub address: executor::Address,
}
