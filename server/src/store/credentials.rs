//! Credentials in the addresses of sources, as earlier versions wrote them into the tables.
//!
//! What is read through [`Source`] no longer contains any; here they are found and overwritten. The log itself stays
//! unchanged, because its hash chain covers what was written.

use domain::address;
use domain::function::{self, event::Source};
use zeroize::Zeroizing;

use super::error::Error;
use super::log::Log;
use super::sql::{Row, Value};

/// The address of a repository with credentials, as an earlier version wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenCredentials {
    /// The function with this source.
    pub function: function::Id,
    /// The function's namespace.
    pub namespace: String,
    /// The whole address, with its credentials.
    pub url: Zeroizing<String>,
}

/// Selects addresses with an `@`; most of them hold no credentials.
const CANDIDATES: &str = "source LIKE '%://%@%'";

impl Log {
    /// Credentials that an earlier server left in the tables, of functions that are not deregistered.
    pub async fn open_credentials(&self) -> Result<Vec<OpenCredentials>, Error> {
        let db = &self.unhurried();
        let sql = format!(
            "SELECT id, namespace, source FROM functions WHERE state <> 'DEREGISTERED' AND {CANDIDATES} ORDER BY id"
        );
        let mut found = Vec::new();
        for row in db.fetch(&sql, &[]).await? {
            let mut cells = row.cells();
            let (function, namespace, source) = (cells.id()?, cells.text()?, cells.text()?);
            let source: serde_json::Value = serde_json::from_str(&source).map_err(damaged)?;
            let url = source["url"].as_str().filter(|url| address::credentials(url).is_some());
            found.extend(url.map(|url| OpenCredentials { function, namespace, url: url.to_owned().into() }));
        }
        Ok(found)
    }

    /// Masks them in the tables. Records in the log stay unchanged.
    pub async fn mask_credentials(&self) -> Result<(), Error> {
        let db = &self.writing().await?;
        for table in ["functions", "builds"] {
            let found = db.fetch(&format!("SELECT DISTINCT source FROM {table} WHERE {CANDIDATES}"), &[]).await?;
            for row in &found {
                if let Some((written, masked)) = pair(row)? {
                    let sql = format!("UPDATE {table} SET source = $1 WHERE source = $2");
                    db.execute(&sql, &[Value::Text(masked), Value::Text(written)]).await?;
                }
            }
        }
        Ok(())
    }
}

/// The stored source and the one it should be, if they differ.
fn pair(row: &Row) -> Result<Option<(String, String)>, Error> {
    let written = row.cells().text()?;
    let source: Source = serde_json::from_str(&written).map_err(damaged)?;
    let masked = serde_json::to_string(&source).expect("rows serialise");
    Ok((masked != written).then_some((written, masked)))
}

fn damaged(error: serde_json::Error) -> Error {
    Error::Damaged(format!("a function's source: {error}"))
}
