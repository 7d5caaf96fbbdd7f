//! What starts a run.

use async_graphql::SimpleObject;
use domain::manifest::Trigger as Wanted;
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
    /// The name of the secret that it is proved with, for `webhook`.
    secret: Option<String>,
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
            Wanted::Webhook { name, scheme, secret, .. } => {
                let scheme = Some(scheme.as_str().to_owned());
                Self { kind: "webhook", name: Some(name), scheme, secret, url, ..Self::default() }
            }
        }
    }
}
