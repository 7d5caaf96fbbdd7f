//! Queries for versions.

use domain::function;

use super::error::Error;
use super::listing::{Order, Where};
use super::log::Log;
use super::page::{Page, PageRequest};
use super::reader::KEYS;
use super::sql::Value;
use super::table::Stored;
use super::tables::{VERSIONS, VersionRow};

impl Log {
    /// A version of a function.
    pub async fn version(&self, function: function::Id, number: u32) -> Result<Option<VersionRow>, Error> {
        Ok(self.versions_by_key(&[(function, number)]).await?.pop())
    }

    /// Versions of functions, in any order; unknown ones are left out.
    pub async fn versions_by_key(&self, keys: &[(function::Id, u32)]) -> Result<Vec<VersionRow>, Error> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS) {
            let names = keys.iter().map(|(function, number)| format!("{function}/{number}")).collect();
            let sql = format!(
                "SELECT {} FROM {} JOIN versions v ON v.function = substr(t.value, 1, 36)
                 AND v.number = CAST(substr(t.value, 38) AS BIGINT)",
                VERSIONS.names("v."),
                self.reader.db.dialect().table(1)
            );
            found.extend(self.reader.select(&sql, &[Value::Texts(names)], VersionRow::read).await?);
        }
        Ok(found)
    }

    /// A page of a function's versions, newest first.
    pub async fn versions(&self, function: function::Id, page: &PageRequest) -> Result<Page<VersionRow>, Error> {
        let mut filter = Where::default();
        filter.and("function = {}", Value::Text(function.to_string()));
        self.reader
            .page(&VERSIONS, &VERSIONS.names(""), &Order::HIGHEST_NUMBER_FIRST, filter, page, VersionRow::read)
            .await
    }
}
