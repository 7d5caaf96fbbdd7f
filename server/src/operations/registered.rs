//! The registration times of functions.

use domain::{Stream, function};

use super::refusal::Refusal;
use super::services::Services;
use crate::store::{HistoryFilter, PageRequest};

/// The log position where a function was registered.
pub(super) async fn first_position(services: &Services, id: function::Id) -> Result<u64, Refusal> {
    let filter = HistoryFilter { stream: Some(Stream::function(id)), ..HistoryFilter::default() };
    let page = PageRequest::first(1);
    let first = services.guarded.store.history(&filter, &page).await?.rows.pop();
    Ok(first.map_or(u64::MAX, |(_, record)| record.position))
}
