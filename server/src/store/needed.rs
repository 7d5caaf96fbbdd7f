//! The artifacts and bundles that registered functions need. Knows digests, not where anything is stored.

use std::collections::HashSet;

use domain::function::event::{Share, Source};

use super::error::Error;
use super::log::Log;
use super::sql::{Row, Value};

/// Digests that must be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needed {
    /// Digests of artifacts.
    pub artifacts: HashSet<String>,
    /// Digests of bundles.
    pub bundles: HashSet<String>,
}

impl Log {
    /// The artifacts and bundles that are needed: those of each function's newest `versions` versions, and of the
    /// versions that
    /// take calls. Images count among the versions, but are stored elsewhere.
    pub async fn needed(&self, versions: u32) -> Result<Needed, Error> {
        let db = &self.reader.db;
        let sql = "SELECT digest, number, nth, current_version, traffic FROM (
                     SELECT v.digest, v.image, v.number, f.current_version, f.traffic,
                       row_number() OVER (PARTITION BY v.function ORDER BY v.number DESC) AS nth
                     FROM versions v JOIN functions f ON f.id = v.function WHERE f.state <> 'DEREGISTERED') AS numbered
                   WHERE image IS NULL AND (nth <= $1 OR number = current_version OR traffic <> '[]')";
        let read = |row: &Row| {
            let mut cells = row.cells();
            let (digest, number, nth) = (cells.text()?, cells.number::<u64>()?, cells.number::<u64>()?);
            let (current, traffic) = (cells.opt_number::<u64>()?, cells.json::<Vec<Share>>()?);
            let takes_calls = current == Some(number) || traffic.iter().any(|share| u64::from(share.version) == number);
            Ok::<_, Error>((takes_calls || nth <= u64::from(versions)).then_some(digest))
        };
        let rows = db.fetch(sql, &[Value::Int(versions.into())]).await?;
        let artifacts = rows.iter().filter_map(|row| read(row).transpose()).collect::<Result<_, _>>()?;
        let sql = "SELECT source FROM functions WHERE state <> 'DEREGISTERED'
                   UNION SELECT source FROM builds WHERE state IN ('QUEUED', 'RUNNING')";
        let mut bundles = HashSet::new();
        for row in db.fetch(sql, &[]).await? {
            if let Source::Bundle { digest } = row.cells().json()? {
                bundles.insert(digest);
            }
        }
        Ok(Needed { artifacts, bundles })
    }
}
