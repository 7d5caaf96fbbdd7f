//! Following a log over HTTP, in any format: lines until the session is over, or the role that shows them.

use std::convert::Infallible;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use bytes::Bytes;
use domain::access::Action;
use futures::stream::{self, BoxStream, StreamExt};

use crate::edge::auth::{Over, Session};
use crate::edge::subscribers::{self, FollowerSlot};
use crate::edge::{HttpError, Services};
use crate::operations::Viewer;
use crate::store::{LineFeed, LineRow};

/// The most past lines that are sent.
pub(super) const PAST: u32 = 1000;

/// Bytes of a log that are made at a time; a line may exceed them.
const PIECE: usize = 16 << 10;

/// How often a stream without lines sends a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A slot for a log that is followed.
///
/// # Errors
/// 429 if the viewer, or all of them together, have too many.
pub(super) fn slot(services: &Services, viewer: &Viewer) -> Result<FollowerSlot, HttpError> {
    let slot = services.subscribers.follow(viewer);
    slot.map_err(|why| HttpError::new(StatusCode::TOO_MANY_REQUESTS, subscribers::CODE, why).retry_after(1))
}

/// A log that is followed, in some format. What was written before is read as its reader reads.
pub(super) struct Following<R, L> {
    /// The lines, from the first one that is wanted on.
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
        slot: Option<FollowerSlot>,
    ) -> Bodies {
        let Self { lines, render, last, keep_alive } = self;
        let lines = rendered(lines, render).take_until(services.stopping.clone().cancelled_owned()).boxed();
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
    let render = Arc::new(render);
    lines.flat_map(move |lines| stream::iter(pieces(lines, render.clone()).map(Ok))).boxed()
}

/// The texts of lines, in pieces that are made one after the other.
fn pieces(lines: Vec<LineRow>, render: Arc<impl Fn(&LineRow) -> String>) -> impl Iterator<Item = Bytes> {
    let mut lines = lines.into_iter();
    iter::from_fn(move || {
        let mut piece = String::new();
        for line in lines.by_ref() {
            piece.push_str(&render(&line));
            if piece.len() >= PIECE {
                break;
            }
        }
        (!piece.is_empty()).then(|| Bytes::from(piece))
    })
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
    slot: Option<FollowerSlot>,
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
