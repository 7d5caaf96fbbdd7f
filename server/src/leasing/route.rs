//! The route of a running function: the versions that take its calls.

use std::sync::Arc;

use domain::function::event::Share;
use domain::manifest::Manifest;
use domain::{function, run, traffic};

use super::endpoints::Endpoints;

/// A running function: the versions that take its calls, with their shares.
#[derive(Debug)]
pub struct Route {
    /// The function.
    pub function: function::Id,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    current: Arc<Arm>,
    /// The shares of the versions; if empty, the current version takes all calls.
    split: Vec<Share>,
    /// The versions named in the split.
    arms: Vec<Arc<Arm>>,
}

/// A version of a function, and what takes its calls.
#[derive(Debug)]
pub struct Arm {
    /// The function.
    pub function: function::Id,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The version.
    pub version: u32,
    /// Its manifest.
    pub manifest: Arc<Manifest>,
    /// What takes its calls.
    pub backend: Backend,
}

/// What takes a version's calls.
#[derive(Debug)]
pub enum Backend {
    /// Instances, which serve many calls.
    Service(Arc<Endpoints>),
    /// A process for each call.
    Job,
}

impl Route {
    /// The route of a function whose current version takes all calls.
    pub fn new(current: Arc<Arm>) -> Self {
        Self::divided(current, Vec::new(), Vec::new())
    }

    /// The route of a function whose calls are divided by `split` among `arms`. Shares of versions that are not among
    /// the arms go to the current version.
    pub fn divided(current: Arc<Arm>, split: Vec<Share>, arms: Vec<Arc<Arm>>) -> Self {
        let Arm { function, namespace, name, .. } = &*current;
        Self { function: *function, namespace: namespace.clone(), name: name.clone(), current, split, arms }
    }

    /// The current version. It determines the function's triggers, paths and limits.
    pub fn current(&self) -> &Arc<Arm> {
        &self.current
    }

    /// The version that takes a run. Always the same for the same run, as long as the split does not change.
    pub fn choose(&self, run: run::Id) -> &Arc<Arm> {
        let chosen = traffic::choose(&self.split, run);
        chosen.and_then(|version| self.arm(version)).unwrap_or(&self.current)
    }

    /// The shares of the versions; if empty, the current version takes all calls.
    pub fn split(&self) -> &[Share] {
        &self.split
    }

    /// A version that takes calls.
    pub fn arm(&self, version: u32) -> Option<&Arc<Arm>> {
        self.arms.iter().find(|arm| arm.version == version)
    }

    /// The versions that take calls, each with its percentage.
    pub fn shares(&self) -> impl Iterator<Item = (&Arc<Arm>, u32)> {
        let all = self.split.is_empty().then_some((&self.current, 100));
        all.into_iter().chain(self.split.iter().filter_map(|share| Some((self.arm(share.version)?, share.percent))))
    }
}

impl Arm {
    /// The endpoints of a service; `None` for a job.
    pub fn endpoints(&self) -> Option<&Arc<Endpoints>> {
        match &self.backend {
            Backend::Service(endpoints) => Some(endpoints),
            Backend::Job => None,
        }
    }

    /// Concurrent calls per process.
    pub fn calls_at_once(&self) -> u32 {
        match &self.backend {
            Backend::Service(_) => self.manifest.scaling.concurrency.max(1),
            Backend::Job => 1,
        }
    }
}
