//! Inputs of mutations.

use async_graphql::{ID, InputObject, OneofObject};
use domain::function::event::Source;
use serde_json::Value;

/// A function to register.
#[derive(InputObject)]
pub(super) struct RegisterFunctionInput {
    /// Where it belongs.
    #[graphql(default_with = "default_namespace()")]
    pub namespace: Option<String>,
    /// Unique in its namespace.
    pub name: String,
    /// Where its code comes from.
    pub source: SourceInput,
    /// What `function.json` would say; beats the file in the source.
    pub manifest: Option<Value>,
}

/// What changes in a function's next build.
#[derive(InputObject)]
pub(super) struct UpdateFunctionInput {
    /// Which function.
    pub id: ID,
    /// Where its code comes from; as before when absent.
    pub source: Option<SourceInput>,
    /// What `function.json` would say; as before when absent.
    pub manifest: Option<Value>,
}

/// Where a function's code comes from.
#[derive(OneofObject)]
pub(super) enum SourceInput {
    /// A Git repository.
    Git(GitSourceInput),
    /// An archive that was uploaded.
    Bundle(BundleSourceInput),
    /// A container image.
    Image(ImageSourceInput),
}

/// A Git repository.
#[derive(InputObject)]
pub(super) struct GitSourceInput {
    /// `https://…`, `ssh://…`, `git@host:path`, or a path on the server's disk.
    pub url: String,
    /// Branch, tag or commit; the default branch when absent.
    #[graphql(name = "ref")]
    pub git_ref: Option<String>,
    /// The folder in the repository; its root when absent.
    pub path: Option<String>,
}

/// An archive that was uploaded.
#[derive(InputObject)]
pub(super) struct BundleSourceInput {
    /// What `POST /v1/bundles` answered.
    pub digest: String,
}

/// A container image.
#[derive(InputObject)]
pub(super) struct ImageSourceInput {
    /// Its reference.
    pub image: String,
    /// Its command, when not its own.
    pub command: Option<Vec<String>>,
}

/// An event to publish.
#[derive(InputObject)]
pub(super) struct PublishEventInput {
    /// Where it is sent to.
    #[graphql(default_with = "default_namespace()")]
    pub namespace: Option<String>,
    /// What happened: `file.uploaded`.
    #[graphql(name = "type")]
    pub kind: String,
    /// Who says so; `/graphql` when absent.
    pub source: Option<String>,
    /// Names it at its source; the same again is the same event. A new one when absent.
    pub id: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// Its content.
    pub data: Option<Value>,
}

fn default_namespace() -> Option<String> {
    Some("default".to_owned())
}

impl From<SourceInput> for Source {
    fn from(input: SourceInput) -> Self {
        match input {
            SourceInput::Git(git) => Self::Git { url: git.url, git_ref: git.git_ref, path: git.path },
            SourceInput::Bundle(bundle) => Self::Bundle { digest: bundle.digest },
            SourceInput::Image(image) => Self::Image { image: image.image, command: image.command },
        }
    }
}
