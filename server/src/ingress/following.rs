//! Following a log over HTTP, in any format: lines until the session is over, or the role that shows them.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::StatusCode;
use bytes::Bytes;
use domain::access::Action;
use futures::stream::{self, BoxStream, StreamExt};

use crate::edge::auth::{Over, Session};
use crate::edge::subscribers::{self, SubscriberSlot};
use crate::edge::{HttpError, Services};
use crate::operations::Viewer;
use crate::store::{LineFeed, LineRow};

/// The most past lines that are sent.
pub(super) const PAST: u32 = 1000;

/// How often a stream without lines sends a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A slot for a log that is followed.
///
/// # Errors
/// 429 if the viewer, or all of them together, have too many.
pub(super) fn slot(services: &Services, viewer: &Viewer) -> Result<SubscriberSlot, HttpError> {
    services
        .subscribers
        .take(viewer)
        .map_err(|why| HttpError::new(StatusCode::TOO_MANY_REQUESTS, subscribers::CODE, why).retry_after(1))
}

/// A log that is followed, in some format.
pub(super) struct Following<R, L> {
    /// What was written before, in that format.
    pub past: Vec<Bytes>,
    /// What is written from now on.
    pub lines: LineFeed,
    /// The text of a line; an empty one is left out.
    pub render: R,
    /// The text that says why there is no more.
    pub last: L,
    /// A text without a meaning, for when no line has come for a while: it makes proxies and clients keep the connection open.
    pub keep_alive: Option<&'static str>,
}

type Bodies = BoxStream<'static, Result<Bytes, Infallible>>;

impl<R, L> Following<R, L>
where
    R: Fn(&LineRow) -> String + Send + Sync + 'static,
    L: Fn(Over) -> String + Send + 'static,
{
    /// The body of the answer, which ends with the session, with the role in the namespace, and when the server stops. It holds the
    /// slot until then.
    pub(super) fn until_over(
        self,
        services: &Services,
        session: Session,
        namespace: &str,
        slot: Option<SubscriberSlot>,
    ) -> Bodies {
        let Self { past, lines, render, last, keep_alive } = self;
        let lines = stream::iter(past.into_iter().map(Ok)).chain(rendered(lines, render));
        let lines = lines.take_until(services.stopping.clone().cancelled_owned()).boxed();
        let lines = match keep_alive {
            Some(text) => alive(lines, text),
            None => lines,
        };
        let over = services.auth.clone().until_not(session, Action::View, namespace.into());
        until(lines, over, last, slot)
    }
}

fn rendered(lines: LineFeed, render: impl Fn(&LineRow) -> String + Send + Sync + 'static) -> Bodies {
    let lines = lines.filter_map(|lines| async move { lines.ok() });
    let texts = lines.map(move |lines| Ok(Bytes::from(lines.iter().map(&render).collect::<Vec<_>>().concat())));
    texts
        .filter(|text: &Result<Bytes, _>| {
            let any = text.as_ref().is_ok_and(|text| !text.is_empty());
            async move { any }
        })
        .boxed()
}

fn alive(lines: Bodies, text: &'static str) -> Bodies {
    stream::unfold(lines, move |mut lines| async move {
        match tokio::time::timeout(KEEP_ALIVE, lines.next()).await {
            Ok(next) => next.map(|next| (next, lines)),
            Err(_) => Some((Ok(Bytes::from_static(text.as_bytes())), lines)),
        }
    })
    .boxed()
}

/// Ends the stream when the session is over, with a text that says so.
fn until(
    lines: Bodies,
    over: impl Future<Output = Over> + Send + 'static,
    last: impl Fn(Over) -> String + Send + 'static,
    slot: Option<SubscriberSlot>,
) -> Bodies {
    let begin = (lines, Some(Box::pin(over)), last, slot);
    let lines = stream::unfold(begin, |(mut lines, over, last, slot)| async move {
        let mut over = over?;
        tokio::select! {
            biased;
            why = &mut over => Some((Ok(Bytes::from(last(why))), (lines, None, last, slot))),
            line = lines.next() => line.map(|line| (line, (lines, Some(over), last, slot))),
        }
    });
    lines.boxed()
}
