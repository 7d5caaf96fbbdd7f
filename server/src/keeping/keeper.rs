//! The wall between EventFlow and whatever keeps instances for the whole cluster.

use async_trait::async_trait;
use domain::manifest::Manifest;

use super::order::{Found, Key, Need, Order};

/// Keeps instances that belong to no server, such as pods. They are there before a server comes and after it went: no handle
/// ends them, and every server finds the same ones.
///
/// What it is told are levels, not steps: so many are wanted, and being told twice changes nothing. Messages are for people.
#[async_trait]
pub trait Keeper: Send + Sync + 'static {
    /// Whether it keeps the instances of such a version. Those of all others are processes of each server.
    fn keeps(&self, manifest: &Manifest) -> bool;

    /// Lets there be so many instances of a version. Only the server that leads says so, again and again.
    ///
    /// # Errors
    /// Why that cannot be.
    async fn keep(&self, order: &Order, many: u32) -> Result<(), String>;

    /// Ends all instances of a version. Only the server that leads says so.
    ///
    /// # Errors
    /// Why that cannot be.
    async fn end(&self, key: Key) -> Result<(), String>;

    /// The versions of which there may be instances, whoever asked for them.
    ///
    /// # Errors
    /// Why that is not known.
    async fn kept(&self) -> Result<Vec<Key>, String>;

    /// The instances of a version that answer, whoever asked for them.
    ///
    /// # Errors
    /// Why that is not known.
    async fn find(&self, key: Key) -> Result<Vec<Found>, String>;

    /// Has the server that leads know what calls of this server need.
    ///
    /// # Errors
    /// Why it does not.
    async fn need(&self, need: Need) -> Result<(), String>;

    /// What calls of all servers need now: of a version that several need, the largest.
    ///
    /// # Errors
    /// Why that is not known.
    async fn needs(&self) -> Result<Vec<(Key, u32)>, String>;

    /// An instance does not answer: another one is to take its place.
    ///
    /// # Errors
    /// Why that cannot be.
    async fn replace(&self, instance: &str) -> Result<(), String>;
}
