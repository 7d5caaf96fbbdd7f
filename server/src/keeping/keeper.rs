//! The boundary between EventFlow and whatever keeps instances for the whole cluster, such as Kubernetes.

use async_trait::async_trait;
use domain::manifest::Manifest;

use super::order::{Found, Key, Need, Order};

/// Keeps instances that belong to no server, such as pods. They outlive servers: no handle ends them, and every server
/// finds the same ones.
///
/// Calls state levels, not steps: "this many are wanted". Repeating a call changes nothing. Error texts are for people.
#[async_trait]
pub trait Keeper: Send + Sync + 'static {
    /// Whether it keeps the instances of such a version. All other versions run as processes on each server.
    fn keeps(&self, manifest: &Manifest) -> bool;

    /// Sets the number of instances of a version. Called by the leading server only, periodically.
    ///
    /// # Errors
    /// Why this is not possible.
    async fn keep(&self, order: &Order, many: u32) -> Result<(), String>;

    /// Ends all instances of a version. Called by the leading server only.
    ///
    /// # Errors
    /// Why this is not possible.
    async fn end(&self, key: Key) -> Result<(), String>;

    /// The versions that may have instances, whoever asked for them.
    ///
    /// # Errors
    /// Why they are not known.
    async fn versions(&self) -> Result<Vec<Key>, String>;

    /// The instances of a version that answer, whoever asked for them.
    ///
    /// # Errors
    /// Why they are not known.
    async fn find(&self, key: Key) -> Result<Vec<Found>, String>;

    /// Passes the needs of this server's calls to the leading server.
    ///
    /// # Errors
    /// Why this is not possible.
    async fn need(&self, need: Need) -> Result<(), String>;

    /// The current needs of all servers' calls: for each version the largest one.
    ///
    /// # Errors
    /// Why they are not known.
    async fn needs(&self) -> Result<Vec<(Key, u32)>, String>;

    /// Replaces an instance that does not answer.
    ///
    /// # Errors
    /// Why this is not possible.
    async fn replace(&self, instance: &str) -> Result<(), String>;
}
