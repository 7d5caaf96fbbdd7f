//! A version of a function.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Build;
use crate::ingress::graphql::{OrFail, loader};
use crate::store::VersionRow;

/// What a build made; it never changes.
pub(in crate::ingress::graphql) struct Version(VersionRow);

impl From<VersionRow> for Version {
    fn from(row: VersionRow) -> Self {
        Self(row)
    }
}

/// What a build made; it never changes.
#[Object]
impl Version {
    /// 1, 2, 3 …
    async fn number(&self) -> u32 {
        self.0.number
    }

    /// `sha256:…` over its files.
    async fn digest(&self) -> &str {
        &self.0.digest
    }

    /// The commit, for a Git source.
    async fn commit(&self) -> Option<&str> {
        self.0.commit.as_deref()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Bytes of the artifact.
    async fn size(&self) -> u64 {
        self.0.size
    }

    /// The manifest with every default filled in.
    async fn manifest(&self) -> Value {
        serde_json::to_value(&self.0.manifest).unwrap_or_default()
    }

    /// The build that made it.
    async fn build(&self, ctx: &Context<'_>) -> Result<Option<Build>> {
        Ok(loader(ctx).build(self.0.build).await.or_fail()?.map(Build::from))
    }
}
