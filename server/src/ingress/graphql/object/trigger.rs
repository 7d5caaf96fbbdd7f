//! What starts a run.

use async_graphql::SimpleObject;
use domain::manifest::{Trigger as Wanted, WebhookScheme};
use serde_json::Value;

/// What starts a run. What does not belong to its type is null.
#[derive(Default, SimpleObject)]
pub(in crate::ingress::graphql) struct Trigger {
    /// `http`, `event`, `schedule` or `webhook`.
    #[graphql(name = "type")]
    kind: &'static str,
    /// The types of events, for `event`.
    pattern: Option<String>,
    /// What an event must contain, for `event`.
    filter: Option<Value>,
    /// When, for `schedule`.
    cron: Option<String>,
    /// Where `cron` is read, for `schedule`.
    timezone: Option<String>,
    /// The last part of the address, for `webhook`.
    name: Option<String>,
    /// How a delivery proves where it is from, for `webhook`.
    scheme: Option<String>,
    /// Where it is called, for `http` and `webhook`.
    url: Option<String>,
}

impl Trigger {
    pub(super) fn new(wanted: Wanted, url: Option<String>) -> Self {
        match wanted {
            Wanted::Http {} => Self { kind: "http", url, ..Self::default() },
            Wanted::Event { pattern, filter } => {
                let filter = (!filter.is_empty()).then_some(Value::Object(filter));
                Self { kind: "event", pattern: Some(pattern), filter, ..Self::default() }
            }
            Wanted::Schedule { cron, timezone } => {
                Self { kind: "schedule", cron: Some(cron), timezone: Some(timezone), ..Self::default() }
            }
            Wanted::Webhook { name, scheme, .. } => {
                Self { kind: "webhook", name: Some(name), scheme: Some(named(scheme)), url, ..Self::default() }
            }
        }
    }
}

fn named(scheme: WebhookScheme) -> String {
    let name = serde_json::to_value(scheme).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}
