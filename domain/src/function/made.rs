//! The result of a build.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The result of a build, which a version consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Made {
    /// Files, stored by EventFlow.
    Artifact {
        /// `sha256:…` over the files.
        digest: String,
        /// Total size of the files in bytes.
        size: u64,
    },
    /// A container image, stored by a registry.
    Image {
        /// The reference as requested, such as `registry.example/team/app:1`. Credentials are neither written nor read.
        #[serde(with = "crate::address")]
        reference: String,
        /// `sha256:…` of the image that the reference pointed to when the version was made.
        digest: String,
        /// What else the build learned of it; `None` in versions that were made before this was recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        facts: Option<ImageFacts>,
    },
}

/// What an image is, and how it came to the engine, as its build saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// The size of all its layers together, in bytes.
    pub size: u64,
    /// The number of its layers.
    pub layers: u32,
    /// `OS/ARCHITECTURE`, such as `linux/amd64`.
    pub platform: String,
    /// When its pull ended; `None` if it was not pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulled_at: Option<DateTime<Utc>>,
    /// The duration of the pull in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_ms: Option<u64>,
}

impl Made {
    /// Files with this digest and total size in bytes.
    pub fn artifact(digest: impl Into<String>, size: u64) -> Self {
        Self::Artifact { digest: digest.into(), size }
    }

    /// The `sha256:…` digest of the files or the image.
    pub fn digest(&self) -> &str {
        match self {
            Self::Artifact { digest, .. } | Self::Image { digest, .. } => digest,
        }
    }

    /// The size of the files in bytes; `None` for an image, whose layers other images may share.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Artifact { size, .. } => Some(*size),
            Self::Image { .. } => None,
        }
    }
}

/// Pins a reference to a digest: `registry.example/team/app@sha256:…`. The registry then always returns the same image,
/// whatever happens to the tag.
pub fn by_digest(reference: &str, digest: &str) -> String {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    // A colon before the last slash belongs to a port.
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let end = name[last..].find(':').map_or(name.len(), |colon| last + colon);
    format!("{}@{digest}", &name[..end])
}

/// Upcasts `BuildSucceeded` from version 1 to 2. In version 1 the result was always files, with digest and size in the
/// event itself.
pub(super) fn files_are_an_artifact(payload: &mut Value) {
    let Some(payload) = payload.as_object_mut() else { return };
    let mut made = Map::from_iter([("type".to_owned(), Value::from("artifact"))]);
    for name in ["digest", "size"] {
        made.extend(payload.remove(name).map(|value| (name.to_owned(), value)));
    }
    payload.insert("made".to_owned(), made.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_named_by_its_digest_whatever_its_tag() {
        let table = [
            ("nginx", "nginx"),
            ("nginx:1.27", "nginx"),
            ("localhost:5000/app", "localhost:5000/app"),
            ("localhost:5000/team/app:1", "localhost:5000/team/app"),
            ("registry.example/app:1@sha256:00", "registry.example/app"),
            ("registry.example/app@sha256:00", "registry.example/app"),
        ];
        for (reference, name) in table {
            assert_eq!(by_digest(reference, "sha256:ff"), format!("{name}@sha256:ff"));
        }
    }

    #[test]
    fn the_credentials_of_a_registry_are_not_written() {
        let made = Made::Image {
            reference: "https://user:password@registry.example/app:1".into(),
            digest: "d".into(),
            facts: None,
        };
        let text = serde_json::to_string(&made).unwrap();
        assert_eq!(text, r#"{"type":"image","reference":"https://registry.example/app:1","digest":"d"}"#);
        assert_eq!((made.digest(), made.size()), ("d", None));
        let made = Made::artifact("sha256:00", 7);
        assert_eq!((made.digest(), made.size()), ("sha256:00", Some(7)));
    }
}
