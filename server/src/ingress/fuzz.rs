//! Entry points for fuzzing: each function passes untrusted bytes to one parser of this room, and panics if an
//! invariant is violated. `fuzz/` drives them with random bytes, `tests/it/corpora.rs` with earlier findings.

use actix_web::web;
use domain::manifest::{SignatureEncoding, WebhookScheme};
use serde_json::value::RawValue;

use crate::config::Limits;
use crate::edge::fuzz::head_and_body;
use crate::ingress::cloudevent::{self, CloudEvent, Mode};
use crate::ingress::proof::{Demand, Sent};
use crate::ingress::{amqp, graphql};
use crate::queue::rabbit::Message;

/// Checks what every API guarantees of an event that it accepts.
fn holds(event: &CloudEvent) {
    for (name, text) in [("id", &event.id), ("source", &event.source), ("type", &event.kind)] {
        assert!(!text.is_empty(), "`{name}` is empty");
        assert!(text.len() <= 1024, "`{name}` has {} bytes", text.len());
        assert!(!text.chars().any(char::is_control), "`{name}` holds control characters: {text:?}");
    }
}

/// Also checks that the event can be sent on unchanged: it claims nothing that is reserved for EventFlow.
fn holds_again(event: &CloudEvent) {
    holds(event);
    let again = cloudevent::structured(event.json.get()).expect("an event that was taken is an event");
    assert_eq!(&again, event, "an event that was taken is the same when it is read again");
}

/// CloudEvents in the binary, structured and batch modes of their HTTP binding.
pub fn cloudevents(data: &[u8]) {
    let (headers, body) = head_and_body(data);
    match cloudevent::mode(&headers) {
        Ok(Mode::Binary) => match cloudevent::binary(&headers, body) {
            Ok(event) => holds_again(&event),
            Err(problems) => assert!(!problems.is_empty()),
        },
        Ok(Mode::Structured) => structured(std::str::from_utf8(body).unwrap_or_default()),
        Ok(Mode::Batch) => {
            let values = serde_json::from_slice::<Vec<&RawValue>>(body).unwrap_or_default();
            values.into_iter().for_each(|value| structured(value.get()));
        }
        Err(problem) => assert!(!problem.message.is_empty()),
    }
}

fn structured(text: &str) {
    match cloudevent::structured(text) {
        Ok(event) => holds_again(&event),
        Err(problems) => assert!(!problems.is_empty()),
    }
}

/// Messages of other programs by AMQP: the input's headers are the message's headers, `content-type` and `message-id`
/// its
/// properties.
pub fn amqp_message(data: &[u8]) {
    let (headers, body) = head_and_body(data);
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let message = Message {
        exchange: "eventflow.ingress".to_owned(),
        routing_key: text("routing-key").unwrap_or_default(),
        id: text("message-id"),
        content_type: text("content-type"),
        user: text("user-id"),
        headers: headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect(),
        body: body.to_vec(),
    };
    match amqp::read(&message, "default", &Limits::default()) {
        Ok(publications) => publications.iter().for_each(|publication| holds(&publication.event)),
        Err(problems) => assert!(!problems.is_empty()),
    }
}

/// Deliveries to webhooks by a sender without the secret: none may pass.
pub fn webhook_signature(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let schemes = [
        WebhookScheme::Github,
        WebhookScheme::StandardWebhooks,
        WebhookScheme::HmacSha256,
        WebhookScheme::Token,
        WebhookScheme::Stripe,
        WebhookScheme::Slack,
        WebhookScheme::Twilio,
    ];
    let (headers, body) = head_and_body(data);
    let demand = Demand {
        // The first four keep their numbers, for the sake of the corpus.
        scheme: schemes[usize::from(choice & 3) + if choice & 32 != 0 { 3 } else { 0 }],
        header: (choice & 4 != 0).then(|| "x-signature".to_owned()),
        encoding: if choice & 8 != 0 { SignatureEncoding::Base64 } else { SignatureEncoding::Hex },
        prefix: if choice & 16 != 0 { "v0=".to_owned() } else { String::new() },
        delivery_header: (choice & 64 != 0).then(|| "x-id".to_owned()),
        delivery_headers: &[],
    };
    // 32 bytes in base64; no corpus holds a signature made with it.
    let secret = "whsec_c2VjcmV0IHRoYXQgbm9ib2R5IGNhbiBndWVzcyE=";
    let sent = Sent { url: "https://flow.example.com/hooks/default/f/w", headers: &headers, body };
    assert!(demand.check(secret, sent, 1_700_000_000).is_err(), "a delivery passed without the secret");
    if let Ok(Some(id)) = demand.delivery_id(&headers, body) {
        assert!(!id.is_empty() && id.len() <= 256);
    }
    let _ = (demand.is_ping(&headers), demand.challenge(body));
}

/// The query of a URL, and the page that it asks for.
pub fn page_query(data: &[u8]) {
    #[derive(serde::Deserialize)]
    #[allow(dead_code)] // read to see whether reading fails well
    struct Asked {
        namespace: Option<String>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        since: Option<String>,
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(asked) = web::Query::<Asked>::from_query(text).map(web::Query::into_inner) else { return };
    let cursors = [asked.after.clone(), asked.before.clone()];
    let asked_for =
        graphql::PageArguments { first: asked.first, after: asked.after, last: asked.last, before: asked.before };
    if let Ok(request) = asked_for.request() {
        assert!((1..=crate::store::page::MAX_PAGE).contains(&request.rows));
        assert!(asked.first.is_none() || asked.last.is_none(), "a page has one end");
    }
    for cursor in cursors.into_iter().flatten() {
        let _ = crate::store::page::key(&cursor);
    }
    if let Some(since) = asked.since {
        let _ = crate::ingress::http::duration(&since);
    }
}

/// A GraphQL query, and after an empty line its variables as JSON: measured and checked, but not executed.
pub fn graphql_query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (query, variables) = text.split_once("\n\n").map_or((text, None), |(query, rest)| (query, Some(rest)));
    graphql::fuzz::query(query, variables);
}

/// A message on a WebSocket of `/graphql`, in both protocols.
pub fn graphql_message(data: &[u8]) {
    graphql::fuzz::message(data);
}
