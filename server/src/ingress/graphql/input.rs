//! Inputs of mutations.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use async_graphql::{ID, InputObject, OneofObject};
use domain::function::event::Source;
use serde_json::map::Entry;
use serde_json::{Value, json};

use crate::edge::capture;
use crate::operations::{Problem, Refusal};

/// A function to register.
#[derive(InputObject)]
pub(super) struct RegisterFunctionInput {
    /// The namespace; defaults to the header `X-Namespace`, or else to the server's default.
    pub namespace: Option<String>,
    /// Unique in its namespace.
    pub name: String,
    /// Its source.
    pub source: SourceInput,
    /// A manifest that overrides the file in the source.
    pub manifest: Option<Value>,
    /// A function of the same namespace and repository: where the address of the repository was given to it with credentials, this one
    /// gets them, too, unless its own address has some.
    pub credentials_of: Option<ID>,
}

/// Changes for a function's next build.
#[derive(InputObject)]
pub(super) struct UpdateFunctionInput {
    /// The function.
    pub id: ID,
    /// Its source; unchanged if absent.
    pub source: Option<SourceInput>,
    /// A manifest that overrides the file in the source; unchanged if absent.
    pub manifest: Option<Value>,
    /// Removes the overriding manifest, so that the file in the source applies again; not together with a manifest.
    #[graphql(default)]
    pub drop_manifest: bool,
}

/// The source of a function's code.
#[derive(OneofObject)]
pub(super) enum SourceInput {
    /// A Git repository.
    Git(GitSourceInput),
    /// An uploaded archive.
    Bundle(BundleSourceInput),
    /// A container image.
    Image(ImageSourceInput),
}

/// A Git repository.
#[derive(InputObject)]
pub(super) struct GitSourceInput {
    /// `https://…`, `ssh://…`, `git@host:path`, or a path on the server's disk.
    pub url: String,
    /// Branch, tag or commit; the default branch if absent.
    #[graphql(name = "ref")]
    pub git_ref: Option<String>,
    /// The folder in the repository; the root if absent.
    pub path: Option<String>,
}

/// An uploaded archive.
#[derive(InputObject)]
pub(super) struct BundleSourceInput {
    /// The digest returned by `POST /v1/bundles`.
    pub digest: String,
}

/// A container image.
#[derive(InputObject)]
pub(super) struct ImageSourceInput {
    /// Its reference.
    pub image: String,
    /// The command to run instead of the image's own.
    pub command: Option<Vec<String>>,
}

/// An event to publish.
#[derive(InputObject)]
pub(super) struct PublishEventInput {
    /// The namespace; defaults to the header `X-Namespace`, or else to the server's default.
    pub namespace: Option<String>,
    /// What happened: `file.uploaded`.
    #[graphql(name = "type")]
    pub kind: String,
    /// Its source; `/graphql` if absent.
    pub source: Option<String>,
    /// Its id within its source; the same id is the same event. Generated if absent.
    pub id: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// Its content.
    pub data: Option<Value>,
}

/// The HTTP part of an invocation: `event.http` of the event that the function gets.
#[derive(InputObject)]
pub(super) struct HttpInput {
    /// The method.
    #[graphql(default_with = "\"POST\".to_owned()")]
    pub method: String,
    /// The path below the function's address.
    #[graphql(default_with = "\"/\".to_owned()")]
    pub path: String,
    /// The query, without the question mark.
    #[graphql(default)]
    pub query: String,
    /// The headers.
    #[graphql(default)]
    pub headers: Vec<HeaderInput>,
}

/// A header of an invocation.
#[derive(InputObject)]
pub(super) struct HeaderInput {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl HttpInput {
    /// What it says, in the shape of `event.http`.
    ///
    /// # Errors
    /// `bad_request` where it is no HTTP, or names a header that a call does not hand on.
    pub(super) fn checked(self) -> Result<Value, Refusal> {
        let wrong = |field: &'static str, message: String| {
            Refusal::from(Problem::new("bad_request", message).at(["http", field]))
        };
        let method = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| wrong("method", format!("`{}` is no HTTP method; write GET, POST …", self.method)))?;
        let path = if self.path.starts_with('/') { self.path } else { format!("/{}", self.path) };
        if path.contains(['?', '#']) || path.parse::<Uri>().is_err() {
            return Err(wrong("path", format!("`{path}` is no path; write special characters as %20")));
        }
        let mut headers = serde_json::Map::new();
        for HeaderInput { name, value } in self.headers {
            let (Ok(parsed), true) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value).is_ok()) else {
                return Err(wrong("headers", format!("`{name}: {value}` is no header")));
            };
            if !capture::is_captured(parsed.as_str()) {
                let message = format!(
                    "the header `{name}` is not handed on: it belongs to the connection, or would stand in the log \
                     for everyone who reads it; call the function's address instead"
                );
                return Err(wrong("headers", message));
            }
            // Values of one that comes more than once are joined (RFC 9110, section 5.3).
            match headers.entry(parsed.as_str()) {
                Entry::Vacant(entry) => _ = entry.insert(Value::String(value)),
                Entry::Occupied(mut entry) => {
                    let joined = format!("{}, {value}", entry.get().as_str().unwrap_or_default());
                    entry.insert(Value::String(joined));
                }
            }
        }
        let query = capture::query(self.query.trim_start_matches('?'));
        Ok(json!({ "method": method.as_str(), "path": path, "query": query, "headers": headers }))
    }
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
