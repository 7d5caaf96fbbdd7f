//! Where the code of a function, or of a build, comes from.

use async_graphql::SimpleObject;
use domain::function::event::Source;

/// The source of a function's code.
#[derive(SimpleObject)]
#[graphql(name = "Source")]
pub(in crate::ingress::graphql) struct SourceObject {
    /// `git`, `bundle` or `image`.
    #[graphql(name = "type")]
    kind: &'static str,
    /// The Git repository.
    url: Option<String>,
    /// Branch, tag or commit; the default branch if absent.
    #[graphql(name = "ref")]
    git_ref: Option<String>,
    /// The folder in the repository.
    path: Option<String>,
    /// The bundle's digest.
    digest: Option<String>,
    /// The container image.
    image: Option<String>,
    /// The command to run instead of the image's own.
    command: Option<Vec<String>>,
}

impl From<&Source> for SourceObject {
    fn from(source: &Source) -> Self {
        let none = Self { kind: "git", url: None, git_ref: None, path: None, digest: None, image: None, command: None };
        match source.clone() {
            Source::Git { url, git_ref, path } => Self { url: Some(url), git_ref, path, ..none },
            Source::Bundle { digest } => Self { kind: "bundle", digest: Some(digest), ..none },
            Source::Image { image, command } => Self { kind: "image", image: Some(image), command, ..none },
        }
    }
}
