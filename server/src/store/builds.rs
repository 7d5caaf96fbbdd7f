//! Queries for builds.

use domain::function;

use super::error::Error;
use super::listing::{Order, Where};
use super::log::Log;
use super::page::{Page, PageRequest};
use super::sql::Value;
use super::table::Stored;
use super::tables::{BUILD_IS_OPEN, BUILDS, BuildRow, OpenBuild};

impl Log {
    /// Builds by id, in any order; unknown ids are left out.
    pub async fn builds_by_id(&self, ids: &[function::BuildId]) -> Result<Vec<BuildRow>, Error> {
        self.reader.by_id(ids).await
    }

    /// A page of a function's builds, newest first.
    pub async fn builds(&self, function: function::Id, page: &PageRequest) -> Result<Page<BuildRow>, Error> {
        let mut filter = Where::default();
        filter.and("function = {}", Value::Text(function.to_string()));
        self.reader.page(&BUILDS, &BUILDS.names(""), &Order::NEWEST_CREATED_FIRST, filter, page, BuildRow::read).await
    }

    /// The newest build of each function that has any.
    pub async fn newest_builds(&self, functions: &[function::Id]) -> Result<Vec<BuildRow>, Error> {
        self.reader.newest(functions).await
    }

    /// Every build that is QUEUED or RUNNING.
    pub async fn open_builds(&self) -> Result<Vec<OpenBuild>, Error> {
        let sql = format!("SELECT id, function, node FROM builds WHERE {BUILD_IS_OPEN} ORDER BY created_position");
        self.reader
            .select(&sql, &[], |row| {
                let mut cells = row.cells();
                Ok(OpenBuild { id: cells.id()?, function: cells.id()?, node: cells.opt_text()? })
            })
            .await
    }

    /// The number of functions whose newest build failed.
    pub async fn failed_builds(&self) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM builds AS failed JOIN functions ON functions.id = failed.function
                   WHERE failed.state = 'FAILED' AND functions.state <> 'DEREGISTERED' AND NOT EXISTS (SELECT 1 FROM builds AS newer
                   WHERE newer.function = failed.function AND newer.created_position > failed.created_position)";
        let rows = self.reader.select(sql, &[], |row| row.cells().number()).await?;
        Ok(rows.first().copied().unwrap_or_default())
    }
}
