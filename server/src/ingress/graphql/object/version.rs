//! A version of a function.

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Build;
use crate::builder::listing::{self, Listed};
use crate::ingress::error::{Fault, Refusal};
use crate::ingress::graphql::{OrFail, loader, services};
use crate::store::VersionRow;

/// What a build made; it never changes.
pub(in crate::ingress::graphql) struct Version(VersionRow);

impl From<VersionRow> for Version {
    fn from(row: VersionRow) -> Self {
        Self(row)
    }
}

/// A file of a version.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct File {
    /// Its path below the function's folder.
    path: String,
    /// Bytes.
    size: u64,
    /// The SHA-256 of its content, in hexadecimal.
    sha256: String,
    /// Its text; null when it is not UTF-8, or longer than 64 KiB.
    text: Option<String>,
}

impl From<Listed> for File {
    fn from(Listed { path, size, sha256, text }: Listed) -> Self {
        Self { path, size, sha256, text }
    }
}

impl Version {
    /// Its files, or the one at a path; `None` when its artifact is not on this server's disk.
    async fn listed(&self, ctx: &Context<'_>, only: Option<String>) -> Result<Option<Vec<File>>> {
        let Some(folder) = services(ctx).workshop.artifacts().artifact(&self.0.digest) else { return Ok(None) };
        let listed = tokio::task::spawn_blocking(move || listing::list(&folder, only.as_deref())).await;
        let failed = |error: &dyn std::fmt::Display| {
            Refusal::Failed(Fault::Internal(format!("the files of version {} cannot be read: {error}", self.0.number)))
        };
        let files = listed.map_err(|error| failed(&error)).and_then(|files| files.map_err(|error| failed(&error)));
        Ok(Some(files.or_fail()?.into_iter().map(File::from).collect()))
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

    /// The files of its code by path, without what was installed for it (`node_modules` …); 1000 at most. Null when its
    /// artifact is not on the server's disk: an image.
    async fn files(&self, ctx: &Context<'_>) -> Result<Option<Vec<File>>> {
        self.listed(ctx, None).await
    }

    /// One of these files by its path; null when there is none.
    async fn file(&self, ctx: &Context<'_>, path: String) -> Result<Option<File>> {
        Ok(self.listed(ctx, Some(path)).await?.and_then(|mut files| files.pop()))
    }
}
