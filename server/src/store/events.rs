//! Queries for trigger events.

use domain::{Stream, event, trigger};

use super::error::Error;
use super::listing::{Order, Where, check_kind};
use super::log::Log;
use super::page::{Page, PageRequest};
use super::sql::Value;
use super::table::Stored;
use super::tables::{EVENTS, EventRow};

/// A filter for trigger events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only in these namespaces; `None` is all.
    pub namespaces: Option<Vec<String>>,
    /// Only of this type, or of types that this pattern matches (see [`domain::trigger::matches`]).
    pub kind: Option<String>,
}

impl Log {
    /// Trigger events by id, in any order; unknown ids are left out.
    pub async fn events_by_id(&self, ids: &[event::Id]) -> Result<Vec<EventRow>, Error> {
        let streams: Vec<_> = ids.iter().map(|id| Stream::event(*id).as_str().to_owned()).collect();
        self.reader.by_stream("position", &streams).await
    }

    /// A page of trigger events, newest first.
    pub async fn events(&self, filter: &EventFilter, page: &PageRequest) -> Result<Page<EventRow>, Error> {
        let mut conditions = Where::default();
        if let Some(namespaces) = &filter.namespaces {
            conditions.and_any(&self.reader.db, "namespace", namespaces);
        }
        if let Some(kind) = &filter.kind {
            check_kind(kind)?;
            match trigger::regex(kind) {
                None => conditions.and("type = {}", Value::Text(kind.clone())),
                Some(regex) => {
                    conditions.values.push(Value::Text(regex));
                    let fits = self.reader.db.dialect().fits("type", conditions.values.len());
                    conditions.and_always(&fits);
                }
            }
        }
        self.reader.page(&EVENTS, &EVENTS.names(""), &Order::NEWEST_FIRST, conditions, page, EventRow::read).await
    }
}
