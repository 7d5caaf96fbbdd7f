//! Starting a function as soon as it can be started.

use domain::aggregate::Payload;
use domain::function::{self, BuildId, Event};
use futures::StreamExt;

use super::{Caller, Services, start};

/// Starts a function when a build of it has succeeded; returns when that build is over. `after`: a position of the log before the
/// build's end.
pub async fn start_when_built(services: Services, caller: Caller, id: function::Id, build: BuildId, after: u64) {
    let stream = domain::Stream::function(id);
    let mut feed = services.follow(after);
    while let Some(batch) = feed.next().await {
        let Ok(batch) = batch else { continue };
        for record in batch.iter().filter(|record| record.stream == stream) {
            match Event::decode(&record.kind, &record.data) {
                Ok(Event::BuildSucceeded(e)) if e.build == build => {
                    if let Err(refusal) = start(&services, &caller, id).await {
                        tracing::warn!(function = %id, error = ?refusal, "not started after its build");
                    }
                    return;
                }
                Ok(Event::BuildFailed(e)) if e.build == build => return,
                Ok(Event::BuildCancelled(e)) if e.build == build => return,
                Ok(Event::Deregistered(_)) => return,
                _ => {}
            }
        }
    }
}
