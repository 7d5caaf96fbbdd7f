//! A function's log: as text, or as resumable server-sent events.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::described::{Name, NamespaceHeader};
use super::incoming::{duration, namespace, query, wrong_method};
use crate::edge::auth::Over;
use crate::edge::{HttpError, Services};
use crate::ingress::following::{self, PAST};
use crate::ingress::unsent;
use crate::store::{LineRow, LinesOf, Recent};
use crate::{clock, operations};

/// Lines read at a time.
const PAGE: u32 = 500;

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
    let slot = goes_on.then(|| following::slot(&services, viewer)).transpose()?;
    let last_known = request.headers().get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());

    // Read before the past lines: lines written meanwhile come by the feed, or come twice and are dropped there.
    let head = services.vitals().line_head().await?;
    let view = services.view(viewer);
    let past = match last_known {
        Some(after) => view.lines(of, after, PAGE).await?,
        None => view.recent_lines(of, Recent { since, before: None }, PAST).await?,
    };
    let render = if events { as_event } else { as_text };
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))).content_type(match events {
        true => "text/event-stream",
        false => "text/plain; charset=utf-8",
    });
    if !goes_on {
        return unsent::answer(response, past.iter().map(render).collect::<String>().into());
    }
    // Read again as the reader reads, so that nothing waits in memory.
    let before = past.first().map_or(head, |row| row.position - 1);
    let lines = services.follow_lines(viewer, of, last_known.unwrap_or(before));
    let last = if events { last_event } else { last_line };
    let lines = following::Following { lines, render, last, keep_alive: events.then_some(": still here\n\n") };
    Ok(response.streaming(lines.until_over(&services, session, &row.namespace, slot)))
}

fn last_event(over: Over) -> String {
    let data = json!({ "code": over.code(), "message": over.message() });
    format!("event: end\ndata: {data}\n\n")
}

fn last_line(over: Over) -> String {
    format!("-- {}\n", over.message())
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
