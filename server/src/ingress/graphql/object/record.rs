//! A record of the log itself.

use std::borrow::Cow;

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{Recorded, address};
use serde_json::Value;

use crate::ingress::graphql::budget;
use crate::ingress::graphql::position::Position;

/// A record of the log: who did what, when and why.
#[derive(Clone)]
pub(in crate::ingress::graphql) struct RecordedEvent(pub Recorded);

impl From<Recorded> for RecordedEvent {
    fn from(recorded: Recorded) -> Self {
        Self(recorded)
    }
}

/// A record of the log: who did what, when and why.
#[Object]
impl RecordedEvent {
    /// Its position in the log, from 1 without gaps.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `logPosition`")]
    async fn position(&self) -> u64 {
        self.0.position
    }

    /// Its position in the log, from 1 without gaps.
    async fn log_position(&self) -> Position {
        self.0.position.into()
    }

    /// The stream that it belongs to: `function-…`, `run-…`, `event-…`, `namespace-…`.
    async fn stream(&self) -> &str {
        self.0.stream.as_str()
    }

    /// Its version, which is the position in its stream, from 1 without gaps.
    async fn version(&self) -> u64 {
        self.0.version
    }

    /// Its own id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What happened: `BuildStarted`.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The stored payload; `v` is the version of its schema.
    async fn data(&self, ctx: &Context<'_>) -> Result<Value> {
        budget::afford(ctx, &self.0.data)?;
        let mut data = serde_json::from_slice(&self.0.data).unwrap_or_default();
        // An older server stored credentials in the address of a source as well.
        if self.0.stream.kind() == "function" {
            mask(&mut data);
        }
        Ok(data)
    }

    /// When it happened.
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// The actor: `user:…`, `token:…`, `server:…`.
    async fn actor(&self) -> Option<&str> {
        self.0.cause.actor.as_deref()
    }

    /// The record that it follows from.
    async fn causation_id(&self) -> Option<ID> {
        self.0.cause.causation.map(ID::from)
    }

    /// Shared by everything that follows from one original cause.
    async fn correlation_id(&self) -> Option<ID> {
        self.0.cause.correlation.map(ID::from)
    }
}

/// Leaves credentials out of the texts that may hold an address.
fn mask(data: &mut Value) {
    for place in ["/source/url", "/source/image", "/error"] {
        if let Some(Value::String(text)) = data.pointer_mut(place)
            && let Cow::Owned(masked) = address::masked(text)
        {
            *text = masked;
        }
    }
}
