//! The images that versions are, and which of them are needed. Knows names and digests, not engines.

use domain::function;
use domain::function::event::Share;

use super::error::Error;
use super::log::Log;
use super::sql::Row;

/// A version that is an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUse {
    /// Its function.
    pub function: function::Id,
    /// The function's namespace.
    pub namespace: String,
    /// The version.
    pub number: u32,
    /// What was asked for.
    pub reference: String,
    /// `sha256:…` of the image.
    pub digest: String,
    /// Whether it takes calls, or is among the newest of a registered function.
    pub needed: bool,
}

impl Log {
    /// The versions that are images, by function, the newest version last. Needed are those that take calls, and those among each
    /// function's newest `versions` versions, as with artifacts: see [`Self::needed`].
    pub async fn image_uses(&self, versions: u32) -> Result<Vec<ImageUse>, Error> {
        let db = &self.reader.db;
        let sql = "SELECT function, namespace, number, image, digest, state, nth, current_version, traffic FROM (
                     SELECT v.function, f.namespace, v.number, v.image, v.digest, f.state, f.current_version, f.traffic,
                       row_number() OVER (PARTITION BY v.function ORDER BY v.number DESC) AS nth
                     FROM versions v JOIN functions f ON f.id = v.function) AS numbered
                   WHERE image IS NOT NULL ORDER BY function, number";
        let read = |row: &Row| {
            let mut cells = row.cells();
            let (function, namespace, number) = (cells.id()?, cells.text()?, cells.number::<u32>()?);
            let (reference, digest, state) = (cells.text()?, cells.text()?, cells.text()?);
            let nth = cells.number::<u64>()?;
            let (current, traffic) = (cells.opt_number::<u32>()?, cells.json::<Vec<Share>>()?);
            let takes_calls = current == Some(number) || traffic.iter().any(|share| share.version == number);
            let registered = state != function::Status::Deregistered.name();
            let needed = registered && (takes_calls || nth <= u64::from(versions));
            Ok::<_, Error>(ImageUse { function, namespace, number, reference, digest, needed })
        };
        db.fetch(sql, &[]).await?.iter().map(read).collect()
    }
}
