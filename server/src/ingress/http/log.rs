//! A function's log: as text, or as resumable server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use domain::access::Action;
use futures::stream::{self, BoxStream, StreamExt};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::described::{Name, NamespaceHeader};
use super::incoming::{duration, namespace, query, wrong_method};
use crate::edge::auth::Over;
use crate::edge::subscribers::{self, SubscriberSlot};
use crate::edge::{HttpError, Services};
use crate::store::{LineFeed, LineRow, LinesOf, Recent};
use crate::{clock, operations};

/// The most past lines that are sent.
const PAST: u32 = 1000;

/// Lines read at a time.
const PAGE: u32 = 500;

/// How often a stream without lines sends a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(
        web::resource("/v1/functions/{name}/logs").route(web::get().to(logs)).default_service(web::to(wrong_method)),
    );
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The function's namespace; by default that of the header `X-Namespace`, or else the default namespace.
    #[param(value_type = Option<Name>)]
    namespace: Option<String>,
    /// Whether to continue with lines that are written from now on.
    #[serde(default)]
    follow: bool,
    /// Only lines since a time (RFC 3339), or of the last `10m`, `1.5h`, `2d`.
    #[param(
        pattern = r"^([0-9]{1,6}(\.[0-9]+)?(ms|s|m|h|d)?|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))$"
    )]
    since: Option<String>,
    /// Only lines of this run.
    #[param(format = Uuid)]
    run: Option<String>,
}

/// Read the log of a function
///
/// The lines of a function's instances and runs. As text, or as server-sent events (`Accept: text/event-stream`) whose
/// ids
/// are positions: `Last-Event-ID` continues after one.
#[utoipa::path(get, path = "/v1/functions/{name}/logs", operation_id = "getFunctionLogs", tag = "functions",
    params(
        ("name" = Name, Path, description = "The function"), Which, NamespaceHeader,
        ("Last-Event-ID" = Option<u64>, Header, description = "Only lines after this position"),
    ),
    responses(
        (status = 200, description = "The lines", content((String = "text/plain"), (String = "text/event-stream"))),
        (status = 404, description = "`function_not_found` or `run_not_found`: there is no such function or run"),
        (status = 429, description = "`too_many_subscriptions`: the caller, or all callers together, have too many subscriptions"),
    ))]
pub(super) async fn logs(
    request: HttpRequest,
    name: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let session = services.auth.session(&request)?;
    let viewer = &session.viewer;
    let which: Which = query(&request)?;
    let namespace = namespace(which.namespace, &request, &services)?;
    let row = operations::named(&services, viewer, &namespace, &name).await?;
    let of = match &which.run {
        None => LinesOf::Function(row.id),
        Some(text) => {
            let run =
                text.parse().map_err(|_| HttpError::bad_request("bad_id", format!("run `{text}` is not a UUID")))?;
            let run = operations::visible_run(&services, viewer, run).await?;
            LinesOf::Run { function: row.id, run: run.id }
        }
    };
    let since = which.since.as_deref().map(time).transpose()?;
    let accepts = |kind: &str| {
        request
            .headers()
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains(kind))
    };
    let events = accepts("text/event-stream");
    let goes_on = which.follow || events;
    let slot = goes_on.then(|| services.subscribers.take(viewer)).transpose().map_err(too_many)?;
    let last_known = request.headers().get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());

    // Read before the past lines: lines written meanwhile come by the feed, or come twice and are dropped there.
    let head = services.vitals().line_head().await?;
    let view = services.view(viewer);
    let past = match last_known {
        Some(after) => view.lines(of, after, PAGE).await?,
        None => view.recent_lines(of, Recent { since, before: None }, PAST).await?,
    };
    let known = past.last().map(|row| row.position).or(last_known).unwrap_or(head);
    let render = if events { as_event } else { as_text };
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))).content_type(match events {
        true => "text/event-stream",
        false => "text/plain; charset=utf-8",
    });
    if !goes_on {
        return Ok(response.body(past.iter().map(render).collect::<Vec<_>>().concat()));
    }
    let past: Vec<_> = past.iter().map(|line| Ok(Bytes::from(render(line)))).collect();
    let lines = stream::iter(past).chain(rendered(services.follow_lines(viewer, of, known), render));
    let lines = lines.take_until(services.stopping.clone().cancelled_owned()).boxed();
    let lines = if events { alive(lines) } else { lines };
    let over = services.auth.clone().until_not(session, Action::View, row.namespace.as_str().into());
    Ok(response.streaming(until_over(lines, over, events, slot)))
}

fn too_many(why: &'static str) -> HttpError {
    HttpError::new(StatusCode::TOO_MANY_REQUESTS, subscribers::CODE, why).retry_after(1)
}

type Bodies = BoxStream<'static, Result<Bytes, Infallible>>;

fn rendered(lines: LineFeed, render: fn(&LineRow) -> String) -> Bodies {
    let lines = lines.filter_map(|lines| async move { lines.ok() });
    let texts = lines.map(move |lines| Ok(Bytes::from(lines.iter().map(render).collect::<Vec<_>>().concat())));
    texts
        .filter(|text: &Result<Bytes, _>| {
            let any = text.as_ref().is_ok_and(|text| !text.is_empty());
            async move { any }
        })
        .boxed()
}

/// Adds a comment when no line has come for a while: it makes proxies and browsers keep the connection open.
fn alive(lines: Bodies) -> Bodies {
    stream::unfold(lines, |mut lines| async move {
        match tokio::time::timeout(KEEP_ALIVE, lines.next()).await {
            Ok(next) => next.map(|next| (next, lines)),
            Err(_) => Some((Ok(Bytes::from_static(b": still here\n\n")), lines)),
        }
    })
    .boxed()
}

/// Ends the stream when the session is over, with an event or a last line that says so. It holds a slot until then.
fn until_over(
    lines: Bodies,
    over: impl Future<Output = Over> + Send + 'static,
    events: bool,
    slot: Option<SubscriberSlot>,
) -> Bodies {
    let last = move |over: Over| {
        let text = match events {
            true => {
                let data = json!({ "code": over.code(), "message": over.message() });
                format!("event: end\ndata: {data}\n\n")
            }
            false => format!("-- {}\n", over.message()),
        };
        Ok(Bytes::from(text))
    };
    let lines = stream::unfold((lines, Some(Box::pin(over)), slot), move |(mut lines, over, slot)| async move {
        let mut over = over?;
        tokio::select! {
            biased;
            why = &mut over => Some((last(why), (lines, None, slot))),
            line = lines.next() => line.map(|line| (line, (lines, Some(over), slot))),
        }
    });
    lines.boxed()
}

fn as_text(row: &LineRow) -> String {
    format!("{}\n", row.line.text)
}

fn as_event(row: &LineRow) -> String {
    let line = &row.line;
    let data = json!({
        "position": row.position, "at": line.at, "stream": line.stream, "text": line.text, "run": line.run, "instance": line.instance,
    });
    format!("id: {}\nevent: line\ndata: {data}\n\n", row.position)
}

fn time(text: &str) -> Result<DateTime<Utc>, HttpError> {
    let ago = || TimeDelta::from_std(duration(text).ok()?).ok().and_then(|ago| clock::now().checked_sub_signed(ago));
    let at = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    at().or_else(ago).ok_or_else(|| {
        HttpError::bad_request(
            "bad_query",
            format!("since `{text}` is neither a time such as 2026-01-31T12:00:00Z nor one ago such as 10m"),
        )
    })
}
