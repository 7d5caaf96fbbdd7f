//! The answers of one viewer take turns on a worker.
//!
//! A worker polls what is ready in the order in which it became ready. A viewer who asks hundreds of costly queries at once has
//! hundreds of answers ready, and whatever else comes to that worker, be it a health check, would wait for a step of each of them.
//! So a worker goes round: in each round it takes one step of one answer of each viewer. Nobody holds anything while an answer waits
//! for the database, or for a client that does not read.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::task::yield_now;

/// Those who had their step in this round, and what waits for the next one.
type Round = Arc<Mutex<HashMap<String, Vec<Waker>>>>;

thread_local! {
    static ROUND: Round = Round::default();
}

/// Runs a future one step in each round of its viewer's.
pub(super) async fn sliced<F: Future>(viewer: &str, future: F) -> F::Output {
    Sliced { viewer, future: Box::pin(future) }.await
}

struct Sliced<'v, F> {
    viewer: &'v str,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Sliced<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match is_turn(self.viewer, cx) {
            true => self.future.as_mut().poll(cx),
            false => Poll::Pending,
        }
    }
}

/// Whether something of a viewer's may take a step now. If not, its task is woken for the next round.
pub(super) fn is_turn(viewer: &str, cx: &Context<'_>) -> bool {
    let round = ROUND.with(Arc::clone);
    {
        let mut round = round.lock();
        if let Some(waiting) = round.get_mut(viewer) {
            waiting.push(cx.waker().clone());
            return false;
        }
        round.insert(viewer.to_owned(), Vec::new());
    }
    let viewer = viewer.to_owned();
    // The next round comes after what is ready now. Everyone is woken: nobody knows who is still there, and the first goes on.
    tokio::spawn(async move {
        yield_now().await;
        let waiting = round.lock().remove(&viewer);
        waiting.into_iter().flatten().for_each(Waker::wake);
    });
    true
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// A task of three steps, each of which is noted.
    fn started(order: &Arc<Mutex<Vec<&'static str>>>, who: &'static str) -> tokio::task::JoinHandle<()> {
        let order = order.clone();
        tokio::spawn(sliced(who, async move {
            for _ in 0..3 {
                order.lock().push(who);
                yield_now().await;
            }
        }))
    }

    #[tokio::test]
    async fn many_answers_of_one_viewer_hold_up_another_by_one_step() {
        let order = Arc::default();
        let mut tasks: Vec<_> = (0..50).map(|_| started(&order, "loud")).collect();
        tasks.push(started(&order, "quiet"));
        for task in tasks {
            task.await.unwrap();
        }
        let order = std::mem::take(&mut *order.lock());
        assert_eq!(order.len(), 51 * 3, "all come to their end");
        let last = order.iter().rposition(|who| *who == "quiet").unwrap();
        assert!(last < 15, "{order:?}");
        let last_round = async {
            while ROUND.with(|round| !round.lock().is_empty()) {
                yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), last_round).await.expect("nothing is remembered");
    }

    #[tokio::test]
    async fn what_nobody_polls_any_more_holds_up_nobody() {
        let (sender, receiver) = tokio::sync::oneshot::channel::<u32>();
        let mut waits = Box::pin(sliced("a", receiver));
        assert!(waits.as_mut().now_or_never().is_none());
        let mut stalled = Box::pin(sliced("a", async { 7 }));
        assert!(stalled.as_mut().now_or_never().is_none(), "it waits for the next round");
        assert_eq!(tokio::spawn(sliced("a", async { 8 })).await.unwrap(), 8);
        sender.send(9).unwrap();
        assert_eq!((waits.await, stalled.await), (Ok(9), 7));
    }
}
