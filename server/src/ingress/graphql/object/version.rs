//! A version of a function.

use std::io;
use std::sync::LazyLock;

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::function::Made;
use domain::function::made::ImageFacts;
use serde_json::Value;

use super::entity::{Build, Version};
use crate::builder::listing::{self, Listed};
use crate::ingress::graphql::{OrFail, budget, loader, services, viewer};
use crate::operations::{Fault, Refusal};
use crate::turns::Turns;

/// Artifacts whose files are listed or read at the same time. Callers take turns, and of one caller the functions.
static LISTINGS: LazyLock<Turns> = LazyLock::new(|| Turns::new(2));

/// A file of a version.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct File {
    /// Its path below the function's folder.
    path: String,
    /// Its size in bytes.
    size: u64,
    /// The SHA-256 of its content, in hexadecimal.
    sha256: String,
    /// Its text; null if it is not UTF-8 or longer than 64 KiB.
    text: Option<String>,
}

impl From<Listed> for File {
    fn from(Listed { path, size, sha256, text }: Listed) -> Self {
        Self { path, size, sha256, text }
    }
}

/// The image that a version is.
pub(in crate::ingress::graphql) struct VersionImage {
    reference: String,
    digest: String,
    facts: Option<ImageFacts>,
}

/// The image that a version is, as its build found it. What older builds did not record is null.
#[Object]
impl VersionImage {
    /// What was asked for, such as `registry.example/team/app:1`.
    async fn reference(&self) -> &str {
        &self.reference
    }

    /// `sha256:…`, by which it runs, whatever the reference names later.
    async fn digest(&self) -> &str {
        &self.digest
    }

    /// Bytes of all its layers.
    async fn size(&self) -> Option<f64> {
        self.facts.as_ref().map(|facts| facts.size as f64)
    }

    /// The number of its layers.
    async fn layers(&self) -> Option<u32> {
        self.facts.as_ref().map(|facts| facts.layers)
    }

    /// `OS/ARCHITECTURE`, such as `linux/amd64`.
    async fn platform(&self) -> Option<&str> {
        self.facts.as_ref().map(|facts| facts.platform.as_str())
    }

    /// When it was pulled.
    async fn pulled_at(&self) -> Option<DateTime<Utc>> {
        self.facts.as_ref()?.pulled_at
    }

    /// The duration of the pull.
    async fn pull_duration_ms(&self) -> Option<f64> {
        self.facts.as_ref()?.pull_ms.map(|duration| duration as f64)
    }
}

impl Version {
    /// Its files, or the one at a path; `None` when its artifact is not on this server's disk. They are read only when
    /// somebody asked for what is in them, and when the answer can afford it.
    async fn listed(&self, ctx: &Context<'_>, only: Option<String>) -> Result<Option<Vec<File>>> {
        let Some(digest) = self.0.artifact() else { return Ok(None) };
        let files = services(ctx).builder.artifacts().get(digest).await;
        let Some(files) = files.map_err(|error| Fault::Unavailable(error.to_string())).or_fail()? else {
            return Ok(None);
        };
        let folder = files.path().to_owned();
        let _place = LISTINGS.take(&viewer(ctx)?.subject, &self.0.function.to_string()).await;
        let mut listed = {
            let folder = folder.clone();
            self.blocking(move || listing::list(&folder, only.as_deref())).await?
        };
        let asked = |field| ctx.look_ahead().field(field).exists();
        let wants_text = asked("text");
        if wants_text || asked("sha256") {
            let sum = |bytes: fn(&Listed) -> u64| usize::try_from(listed.iter().map(bytes).sum::<u64>());
            budget::afford_reading(ctx, sum(|file| file.size).unwrap_or(usize::MAX))?;
            budget::afford_bytes(ctx, sum(Listed::text_bytes).unwrap_or(usize::MAX))?;
            listed = self.blocking(move || listing::read(&folder, &mut listed).map(|()| listed)).await?;
        }
        Ok(Some(listed.into_iter().map(File::from).collect()))
    }

    /// Does what waits for the disk.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
        let failed = |error: &dyn std::fmt::Display| {
            Refusal::Failed(Fault::Internal(format!("the files of version {} cannot be read: {error}", self.0.number)))
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| failed(&error)).and_then(|done| done.map_err(|error| failed(&error))).or_fail()
    }
}

/// The immutable result of a build.
#[Object]
impl Version {
    /// 1, 2, 3 …
    async fn number(&self) -> u32 {
        self.0.number
    }

    /// `sha256:…` over its files, or of its image.
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

    /// Bytes of the artifact; null for an image.
    async fn size(&self) -> Option<u64> {
        self.0.made().size()
    }

    /// The image that it is; null if it is files.
    async fn image(&self) -> Option<VersionImage> {
        let Made::Image { reference, digest, facts } = self.0.made() else { return None };
        Some(VersionImage { reference, digest, facts })
    }

    /// The manifest with every default filled in.
    async fn manifest(&self, ctx: &Context<'_>) -> Result<Value> {
        budget::value(ctx, &self.0.manifest)
    }

    /// The build that made it.
    async fn build(&self, ctx: &Context<'_>) -> Result<Option<Build>> {
        Ok(budget::load(ctx, loader(ctx)?.build(self.0.build)).await?.map(Build::from))
    }

    /// The files of its code by path, without what was installed for it (`node_modules` …); 1000 at most. Null when its
    /// artifact is not on the server's disk: an image.
    async fn files(&self, ctx: &Context<'_>) -> Result<Option<Vec<File>>> {
        self.listed(ctx, None).await
    }

    /// One of these files by its path; null if there is none.
    async fn file(&self, ctx: &Context<'_>, path: String) -> Result<Option<File>> {
        Ok(self.listed(ctx, Some(path)).await?.and_then(|mut files| files.pop()))
    }
}
