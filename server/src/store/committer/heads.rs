//! A cache of the newest record of each stream.

use crate::store::error::Error;
use crate::store::sql::Row;

/// The newest record of a stream.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Head {
    pub version: u64,
    pub hash: [u8; 32],
    /// The position of the stream's first record.
    pub first: u64,
    /// How many records had been removed from the log when this was read.
    pub removed: u64,
}

/// Decodes a stream and its newest record.
pub(super) fn head(row: &Row, removed: u64) -> Result<(String, Head), Error> {
    let mut cells = row.cells();
    let (stream, version) = (cells.text()?, cells.number()?);
    let damaged = |_| Error::Damaged(format!("stream {stream}, version {version}: its hash is not 32 bytes long"));
    let hash = cells.bytes()?.try_into().map_err(damaged)?;
    let first = cells.number()?;
    Ok((stream, Head { version, hash, first, removed }))
}
