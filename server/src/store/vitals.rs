//! How far the log is, and how the database does: what belongs to no namespace, and no row of any.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::function;

use super::Store;
use super::agreement;
use super::error::Error;
use super::functions::FunctionFilter;
use super::page::PageRequest;
use super::relayed::RELAY;
use super::runs::RunFilter;
use super::seal::Seal;
use super::stats::Stats;

/// The log without what is in it. Cloning it is cheap.
#[derive(Clone)]
pub struct Vitals(Store);

impl Vitals {
    /// Those of a log.
    pub fn new(log: Store) -> Self {
        Self(log)
    }

    /// As [`super::Log::ready`].
    pub async fn ready(&self) -> Result<(), Error> {
        self.0.ready().await
    }

    /// As [`super::Log::stats`].
    pub fn stats(&self) -> Arc<Stats> {
        self.0.stats()
    }

    /// As [`super::Log::head`].
    pub async fn head(&self) -> Result<u64, Error> {
        self.0.head().await
    }

    /// As [`super::Log::line_head`].
    pub async fn line_head(&self) -> Result<u64, Error> {
        self.0.line_head().await
    }

    /// How far the log is relayed.
    pub async fn relayed(&self) -> Result<u64, Error> {
        self.0.checkpoint(RELAY).await
    }

    /// As [`super::Log::holders`].
    pub async fn holders(&self, lease: &str) -> Result<Vec<(String, String)>, Error> {
        self.0.holders(lease).await
    }

    /// As [`super::Log::newest_seal`].
    pub async fn newest_seal(&self) -> Result<Option<Seal>, Error> {
        self.0.newest_seal().await
    }

    /// Why the servers on this database do not fit together.
    pub async fn differences(&self) -> Result<Vec<String>, Error> {
        agreement::differences(&self.0).await
    }

    /// How many functions run.
    pub async fn running_functions(&self) -> Result<u64, Error> {
        let running = FunctionFilter { state: Some(function::Status::Running), ..FunctionFilter::default() };
        Ok(self.0.functions(&running, &PageRequest::first(1).counted()).await?.total)
    }

    /// How many dead letters wait.
    pub async fn dead_letters(&self) -> Result<u64, Error> {
        let letters = RunFilter { dead_letters: true, ..RunFilter::default() };
        Ok(self.0.runs(&letters, &PageRequest::first(1).counted()).await?.total)
    }

    /// As [`super::Log::failed_builds`].
    pub async fn failed_builds(&self) -> Result<u64, Error> {
        self.0.failed_builds().await
    }

    /// As [`super::Log::oldest_queued`].
    pub async fn oldest_queued(&self) -> Result<Vec<(function::Id, DateTime<Utc>)>, Error> {
        self.0.oldest_queued().await
    }
}
