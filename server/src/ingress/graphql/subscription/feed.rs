//! Converts the store's feed into a subscription's stream.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::Recorded;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};

use crate::backoff::Backoff;
use crate::edge::Services;
use crate::operations::{Fault, Refusal};

/// The first pause before what could not be read is read again; doubles up to [`MAX_PAUSE`].
const PAUSE: Duration = Duration::from_millis(100);

/// Records whose rows are read at a time: what a commit of many of them is about need not be in memory together.
const AT_A_TIME: usize = 64;

const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Where to begin: after the given position, or now.
pub(super) async fn start(services: &Services, after: Option<u64>) -> Result<u64, Refusal> {
    match after {
        Some(after) => Ok(after),
        None => Ok(services.vitals().head().await?),
    }
}

/// The values that records lead to, in their order. `values_of` is called again until the store answers: a subscription
/// goes on after a fault of the store, and loses nothing by it.
pub(super) fn read<T, F, R>(services: &Services, after: u64, values_of: F) -> BoxStream<'static, T>
where
    T: Send + 'static,
    F: Fn(Arc<[Recorded]>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Vec<T>, Fault>> + Send + 'static,
{
    let values_of = Arc::new(values_of);
    let batches = services.follow(after).filter_map(|batch| async move { batch.ok() });
    let parts = batches.flat_map(|batch| stream::iter(parts(batch)));
    let values = parts.then(move |batch: Arc<[Recorded]>| {
        let values_of = values_of.clone();
        async move { patiently(|| values_of(batch.clone())).await }
    });
    values.flat_map(stream::iter).boxed()
}

fn parts(batch: Arc<[Recorded]>) -> Vec<Arc<[Recorded]>> {
    if batch.len() <= AT_A_TIME { vec![batch] } else { batch.chunks(AT_A_TIME).map(Arc::from).collect() }
}

async fn patiently<T, R: Future<Output = Result<T, Fault>>>(ask: impl Fn() -> R) -> T {
    let mut backoff = Backoff::new(PAUSE, MAX_PAUSE);
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(fault) => tracing::warn!(error = fault.message(), "a subscription waits for the store"),
        }
        backoff.pause().await;
    }
}

/// A stream that is boxed, so that the schema need not know how it is made.
pub(super) fn boxed<T: Send + 'static>(stream: impl Stream<Item = T> + Send + 'static) -> BoxStream<'static, T> {
    stream.boxed()
}
