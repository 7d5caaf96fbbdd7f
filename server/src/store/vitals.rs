//! The state of the log and the health of the database: figures that belong to no namespace.

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

/// Figures about the log, without its content. Cheap to clone.
#[derive(Clone)]
pub struct Vitals(Store);

impl Vitals {
    /// The figures of a log.
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

    /// The position up to which the log has been relayed.
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

    /// The settings in which the servers on this database disagree.
    pub async fn differences(&self) -> Result<Vec<String>, Error> {
        agreement::differences(&self.0).await
    }

    /// The number of running functions.
    pub async fn running_functions(&self) -> Result<u64, Error> {
        let running = FunctionFilter { state: Some(function::Status::Running), ..FunctionFilter::default() };
        Ok(self.0.functions(&running, &PageRequest::first(1).counted()).await?.total)
    }

    /// The number of waiting dead letters.
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
