//! Builds images out of a Dockerfile: what is built, and the boundary to who does it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;

use super::dockerfile::{Arguments, Dockerfile};
use super::{Context, Image, OWN_HOST};
use crate::config::Registry;
use crate::executor::{Error, Lines, Login};

/// What an image is built from. Dropping the future of its build ends the build where it runs.
pub struct Recipe {
    /// The build's name: it becomes the image's tag.
    pub build: String,
    /// The function's namespace.
    pub namespace: String,
    /// The function's name.
    pub function: String,
    /// What is done.
    pub dockerfile: Dockerfile,
    /// The stage of it that becomes the image; the last one if there is none.
    pub target: Option<String>,
    /// The Dockerfile as it is written, below the context's folder.
    pub path: PathBuf,
    /// The files that it is done with.
    pub context: Context,
    /// The values of build arguments.
    pub arguments: Arguments,
    /// Secrets that the commands may read, by their names.
    pub secrets: BTreeMap<String, String>,
    /// The namespace's logins, by the hosts of registries, for those that the Dockerfile seems to use.
    pub logins: BTreeMap<String, Login>,
    /// Mebibytes of memory for each command.
    pub memory_mb: u64,
    /// Bytes of the image, where it passes through this host; and where the engine builds, what its commands write, and the image adds to
    /// the one that it is built from.
    pub max_bytes: u64,
    /// Whether the same files are to become the same image, as far as the builder can do that: times are left out of it.
    pub reproducible: bool,
    /// A folder for files of the build, which is not there yet and is removed after it.
    pub scratch: PathBuf,
}

/// Hides the values of what may be secret.
impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe")
            .field("build", &self.build)
            .field("namespace", &self.namespace)
            .field("function", &self.function)
            .field("arguments", &self.arguments.keys())
            .field("secrets", &self.secrets.keys())
            .finish_non_exhaustive()
    }
}

impl Recipe {
    /// The name of the image: in the registry for built images, or one that stays on the engine.
    pub fn repository(&self, registry: Option<&Registry>) -> String {
        let folder = folder(registry);
        format!("{folder}/{}/{}", self.namespace, self.function)
    }
}

/// The folder of built images. Nobody names an image below it: it may be another namespace's.
pub fn folder(registry: Option<&Registry>) -> String {
    match registry {
        Some(Registry { host, prefix, .. }) => format!("{host}/{prefix}"),
        None => OWN_HOST.to_owned(),
    }
}

/// The boundary to whatever builds images. Their base images are those that the namespace may have, by its own logins.
#[async_trait]
pub trait ImageBuilder: Send + Sync + 'static {
    /// Describes it, for people.
    fn describe(&self) -> String;

    /// Builds an image and puts it where functions are run from. Its steps, and how long each took, are lines.
    ///
    /// # Errors
    /// [`Error::Refused`] for what the author can change, with the line of the Dockerfile; [`Error::Io`] when the builder or the
    /// registry is away or its disk is full.
    async fn build(&self, recipe: Recipe, lines: Lines) -> Result<Image, Error>;
}
