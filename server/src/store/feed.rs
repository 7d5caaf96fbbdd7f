//! Followers of the log: first what is stored, then what is being appended, without a seam.

use std::pin::Pin;
use std::sync::Arc;

use domain::Recorded;
use futures::Stream as Futures;

use super::{Error, LineRow};

/// Every record after a position, for ever. Records that were committed together come together.
/// An `Err` is not the end: the feed goes on trying, and goes on where it was.
pub type Feed = Pin<Box<dyn Futures<Item = Result<Arc<[Recorded]>, Error>> + Send>>;

/// Every line after a position, for ever.
pub type LineFeed = Pin<Box<dyn Futures<Item = Result<Vec<LineRow>, Error>> + Send>>;
