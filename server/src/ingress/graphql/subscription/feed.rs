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

/// What a batch of records leads to, record by record. `tell` is asked again until the store answers: a subscription
/// goes on after a fault of the store, and loses nothing by it.
pub(super) fn tell<T, F, R>(services: &Services, after: u64, tell: F) -> BoxStream<'static, T>
where
    T: Send + 'static,
    F: Fn(Arc<[Recorded]>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Vec<T>, Fault>> + Send + 'static,
{
    let tell = Arc::new(tell);
    let batches = services.follow(after).filter_map(|batch| async move { batch.ok() });
    let parts = batches.flat_map(|batch| stream::iter(parts(batch)));
    let told = parts.then(move |batch: Arc<[Recorded]>| {
        let tell = tell.clone();
        async move { patiently(|| tell(batch.clone())).await }
    });
    told.flat_map(stream::iter).boxed()
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
