//! Looks up the webhook for a delivery.

use std::time::Duration;

use domain::manifest::Reply;

use crate::ingress::proof::Demand;
use crate::store::FunctionRow;

/// The type of a webhook's events.
pub(super) const KIND: &str = "webhook.received";

/// A webhook of a function.
pub(super) struct Hook {
    pub(super) function: FunctionRow,
    /// The path of its address.
    pub(super) source: String,
    pub(super) demand: Demand,
    /// The name of the secret that proves deliveries.
    pub(super) secret: Option<String>,
    pub(super) reply: Reply,
    /// How long a run of the function may take.
    pub(super) timeout: Duration,
}
