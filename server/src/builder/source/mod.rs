//! Fetches the code: a folder of a Git repository, or an archive.
//!
//! Knows Git and archives, but neither manifests nor dependencies.

mod bundle;
mod git;
mod remote;
mod route;
mod taken;

use std::io;

use domain::function::event::Source;

pub(super) use bundle::unpack;
pub(super) use git::Git;
pub(super) use remote::Policy;
pub(super) use taken::{Limits, Taken};

use super::cache::Shelf;
use super::inspect::{self, Question, Unpacked};
use super::journal::Journal;
use super::scratch::Scratch;
use super::{Error, Order};
use crate::artifacts::Artifacts;

/// Takes the order's source into the scratch folder.
pub(super) async fn take(
    order: &Order,
    git: &Git,
    artifacts: &Artifacts,
    shelf: Option<&Shelf>,
    scratch: &Scratch,
    limits: Limits,
    journal: &Journal,
) -> Result<Taken, Error> {
    match &order.source {
        Source::Git { url, git_ref, path } => {
            let build = order.build.to_string();
            let asks = |field: &str| order.manifest.as_ref().and_then(|manifest| manifest.value()[field].as_bool());
            let wanted = git::Wanted {
                url,
                credentials: order.credentials.as_ref(),
                git_ref: git_ref.as_deref(),
                path: path.as_deref(),
                build: &build,
                function: order.function.uuid(),
                submodules: asks("submodules"),
                lfs: asks("lfs"),
            };
            git.take(wanted, shelf, scratch, limits, journal).await
        }
        Source::Bundle { digest } => {
            let archive = artifacts.bundle(digest).await.ok_or_else(|| {
                Error::Refused(format!(
                    "there is no bundle `{digest}`; upload it with `POST /v1/bundles`, and use the digest of the answer"
                ))
            })?;
            journal.log(format!("Unpacking bundle {digest}")).await;
            let folder = scratch.path("source");
            let Limits { max_bytes, max_files, .. } = limits;
            match inspect::ask(Question::Unpack { archive, folder, max_bytes, max_files }).await? {
                Unpacked::Folder(folder) => Ok(Taken { folder, commit: None }),
                Unpacked::Failed(why) => Err(Error::failed("unpack the bundle")(io::Error::other(why))),
            }
        }
        // It has no files here: it is pulled (`builder/image`).
        Source::Image { image, .. } => Err(Error::Refused(format!("the image `{image}` is no folder of files"))),
    }
}
