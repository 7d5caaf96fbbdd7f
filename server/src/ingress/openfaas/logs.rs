//! The log of a function, as one JSON object a line.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::caller::{called_by, namespace, query};
use super::types::Message;
use crate::clock;
use crate::edge::auth::Over;
use crate::edge::{HttpError, Services};
use crate::ingress::following::{self, Following, PAST};
use crate::ingress::unsent;
use crate::operations;
use crate::store::{LineRow, LinesOf, Recent};

/// Which lines.
#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    /// Only those of one instance.
    #[serde(default)]
    instance: String,
    /// Only those since a time.
    #[serde(default)]
    since: Option<DateTime<Utc>>,
    /// The most past ones; as many as there may be at all if it is not more than 0.
    #[serde(default)]
    tail: i64,
    /// Whether to go on with lines that are written from now on.
    #[serde(default)]
    follow: Option<String>,
}

/// What a line belongs to, and whose lines are wanted.
struct Of {
    name: String,
    namespace: String,
    instance: String,
}

pub(super) async fn show(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    let session = services.auth.program_or_basic(&request)?;
    let caller = called_by(&request, &session);
    let which: Which = query(&request)?;
    let namespace = namespace(which.namespace, &request, &services)?;
    let row = operations::named(&services, &caller.viewer, &namespace, &which.name).await?;
    // As Go's programs write it.
    let follow = which.follow.is_some_and(|text| ["1", "t", "T", "true", "TRUE", "True"].contains(&text.as_str()));
    let slot = follow.then(|| following::slot(&services, &caller.viewer)).transpose()?;
    let lines = LinesOf::Function(row.id);
    // Read before the past lines: what is written meanwhile comes by the feed.
    let head = services.vitals().line_head().await?;
    let most = u32::try_from(which.tail).ok().filter(|tail| *tail > 0).unwrap_or(PAST).min(PAST);
    let recent = Recent { since: which.since, before: None };
    let past = services.view(&caller.viewer).recent_lines(lines, recent, most).await?;
    let before = past.first().map_or(head, |row| row.position - 1);
    let of = Of { name: row.name, namespace: row.namespace, instance: which.instance };
    let mut response = HttpResponse::Ok();
    response.insert_header(("cache-control", "no-cache")).content_type("application/x-ndjson");
    let past = past.iter().map(|line| of.text(line));
    if !follow {
        return unsent::answer(response, past.collect::<String>().into());
    }
    drop(past);
    // Read again as the reader reads, so that nothing waits in memory.
    let lines = services.follow_lines(&caller.viewer, lines, before);
    let (name, namespace) = (of.name.clone(), of.namespace.clone());
    let within = of.namespace.clone();
    let last = move |over: Over| {
        let message =
            Message { name: &name, namespace: &namespace, instance: "", timestamp: clock::now(), text: over.message() };
        written(&message)
    };
    // An empty line is no value of JSON, and none is expected there.
    let lines = Following { lines, render: move |line: &LineRow| of.text(line), last, keep_alive: Some("\n") };
    Ok(response.streaming(lines.until_over(&services, session, &within, slot)))
}

impl Of {
    /// A line; nothing if it is another instance's.
    fn text(&self, row: &LineRow) -> String {
        let instance = row.line.instance.as_deref().unwrap_or_default();
        if !self.instance.is_empty() && self.instance != instance {
            return String::new();
        }
        let (name, namespace, timestamp) = (&self.name, &self.namespace, row.line.at);
        written(&Message { name, namespace, instance, timestamp, text: &row.line.text })
    }
}

fn written(message: &Message<'_>) -> String {
    serde_json::to_string(message).map(|text| text + "\n").unwrap_or_default()
}
