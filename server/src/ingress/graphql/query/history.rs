//! The log itself.

use async_graphql::{Context, ID, Object, Result};
use domain::Stream;
use uuid::Uuid;

use crate::ingress::graphql::object::RecordedEvent;
use crate::ingress::graphql::relay::{Connection, PageArguments, page};
use crate::ingress::graphql::{OrFail, services, viewer};
use crate::operations::{Problem, Refusal};
use crate::store::{HistoryFilter, View};

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "HistoryQuery")]
impl Query {
    /// The log itself, oldest first: who did what, when and why.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A stream such as `function-…`, or the id of a function, a run or a trigger event.")]
        stream: Option<ID>,
        #[graphql(name = "type")] kind: Option<String>,
        #[graphql(default, desc = "Newest first instead.")] newest_first: bool,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<RecordedEvent>> {
        let request = page(ctx, PageArguments { first, after, last, before }).or_fail()?;
        let view = services(ctx).view(viewer(ctx)?);
        let stream = match stream {
            Some(text) => Some(named_stream(&view, &text).await.or_fail()?),
            None => None,
        };
        let filter = HistoryFilter { stream, kind, newest_first, ..HistoryFilter::default() };
        let found = view.history(&filter, &request).await.or_fail()?;
        Ok(Connection::of(found, RecordedEvent::from))
    }
}

/// The stream that a text names: by its name, or by the id of what it is about, as far as that is seen.
///
/// # Errors
/// `bad_id`, or when the log is away.
pub(in crate::ingress::graphql) async fn named_stream(view: &View, text: &str) -> Result<Stream, Refusal> {
    if let Ok(stream) = text.parse::<Stream>() {
        return Ok(stream);
    }
    let Ok(id) = Uuid::parse_str(text) else {
        let message = format!("`{text}` is neither a stream (function-…, run-…, event-…, namespace-…) nor an id");
        return Err(Problem::new("bad_id", message).at(["stream"]).into());
    };
    if !view.runs_by_id(&[id.into()]).await?.is_empty() {
        return Ok(Stream::run(id.into()));
    }
    if !view.events_by_id(&[id.into()]).await?.is_empty() {
        return Ok(Stream::event(id.into()));
    }
    // What is not there yet may come: a function's stream is as good as any.
    Ok(Stream::function(id.into()))
}
