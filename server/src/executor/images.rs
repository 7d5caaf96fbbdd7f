//! Learns what container images are, fetches them, and builds them, for functions that are images.

mod build;
mod context;
pub mod dockerfile;
mod ignored;
mod reference;
mod stored;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Error, Lines, Login};
pub use build::{ImageBuilder, Recipe, folder};
pub use context::{Context, DOCKERFILE, Extent};
pub use dockerfile::Dockerfile;
pub use ignored::Ignored;
pub use reference::{OWN_HOST, Reference};
pub use stored::{Fate, Stored, Wanted};

/// The longest time that one pull may take.
pub const PULL_WITHIN: Duration = Duration::from_secs(20 * 60);

/// The most layers of an image that are listed; the formats and storage drivers in use allow fewer.
pub const MAX_LAYERS: usize = 512;

/// What an image is, as its registry or engine tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The name and tag that it was asked for by: `registry.example/team/app:1`.
    pub reference: String,
    /// `sha256:…` of the manifest, by which it can be pulled again; for an image that exists only on the engine, its id.
    pub digest: String,
    /// The size of all layers, in bytes.
    pub size: u64,
    /// Its layers, lowest first; at most [`MAX_LAYERS`].
    pub layers: Vec<Layer>,
    /// The processor architecture that it is made for: `amd64`.
    pub architecture: String,
    /// The operating system that it is made for: `linux`.
    pub os: String,
    /// The lowest TCP port that it exposes.
    pub port: Option<u16>,
    /// Whether it says how to check its health.
    pub health: bool,
    /// The user that it names, as it writes it; empty if none.
    pub user: String,
    /// Its entry point and command.
    pub command: Vec<String>,
    /// When its pull ended, and how long it took; `None` if it was not pulled.
    pub pulled: Option<(DateTime<Utc>, Duration)>,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// `sha256:…` of its unpacked content.
    pub digest: String,
    /// Its size in bytes, where the engine tells it.
    pub size: u64,
}

/// The boundary between the builder and whatever holds images: a container engine. [`ImageBuilder`] is that of what makes them.
#[async_trait]
pub trait Images: Send + Sync + 'static {
    /// Pulls an image and tells what it is. Each layer's begin and end is a line. An image that was
    /// built or loaded on the engine is used when its registry cannot be reached, with a line that says so.
    ///
    /// # Errors
    /// [`Error::Refused`] for what the caller can correct: no such image, no right to pull it, another architecture;
    /// [`Error::Io`] when the engine is away or its disk is full, or the registry is away and the engine has no such image.
    async fn pull(&self, reference: &str, login: Option<Login>, lines: Lines) -> Result<Image, Error>;

    /// The images that were pulled for functions of this installation, and for nobody else before.
    ///
    /// # Errors
    /// [`Error::Io`] when the engine is away.
    async fn stored(&self) -> Result<Vec<Stored>, Error>;

    /// Notes that an image is needed now.
    ///
    /// # Errors
    /// [`Error::Io`] when the engine is away.
    async fn mark_needed(&self, image: &Stored) -> Result<(), Error>;

    /// Removes an image with its names, as far as nobody else has it. Returns false if somebody began to use it meanwhile: then it
    /// stays.
    ///
    /// # Errors
    /// [`Error::Io`] when the engine is away.
    async fn remove(&self, image: &Stored) -> Result<bool, Error>;
}
