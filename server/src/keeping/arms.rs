//! Builds a function's route: the versions that take its calls, as the log says.

use std::sync::Arc;

use domain::function::Status;
use domain::manifest::{Manifest, Mode};

use super::backoff;
use super::inner::Inner;
use super::observed::Observed;
use super::pool::Pool;
use super::processes::Processes;
use super::work::Recipe;
use crate::leasing::{Arm, Backend, Endpoints, Error, Route, Terms};
use crate::store::{FunctionRow, VersionRow};

impl Inner {
    /// The route of a running function with this current version, and whether all of its versions can take calls here.
    ///
    /// # Errors
    /// If the current version cannot.
    pub(super) async fn make_route(&self, row: &FunctionRow, version: u32) -> Result<(Arc<Route>, bool), Error> {
        let current = self.make_arm(row, version).await?;
        if row.traffic.is_empty() {
            return Ok((Arc::new(Route::new(current)), true));
        }
        let (mut arms, mut whole) = (Vec::with_capacity(row.traffic.len()), true);
        for share in &row.traffic {
            let arm = match share.version == version {
                true => Ok(current.clone()),
                false => self.make_arm(row, share.version).await,
            };
            let arm = match arm {
                Ok(arm) => arm,
                Err(error @ Error::Store(_)) => return Err(error),
                // The calls meant for this version fail; the others do not.
                Err(error) => {
                    whole = false;
                    tracing::debug!(function = %row.id, version = share.version, %error, "version with a share of the calls cannot take them");
                    let Some(arm) = self.refusing_arm(row, share.version, error).await? else { continue };
                    arm
                }
            };
            arms.push(arm);
        }
        Ok((Arc::new(Route::divided(current, row.traffic.clone(), arms)), whole))
    }

    /// A version of a function, whether it takes ordinary calls or not.
    ///
    /// # Errors
    /// [`Error::NoSuchVersion`], or [`Error::Unhealthy`] if something it needs is not on this server.
    pub(super) async fn make_arm(&self, row: &FunctionRow, version: u32) -> Result<Arc<Arm>, Error> {
        let made = self.context.store.version(row.id, version).await?.ok_or(Error::NoSuchVersion(version))?;
        let manifest = Arc::new(made.manifest()?);
        let shares = || row.traffic.iter().any(|share| share.version == version);
        if row.state == Status::Running && (row.current_version == Some(version) || shares()) {
            self.broken.look(&self.context.artifacts, &row.namespace, &row.name, &made).await;
        }
        let backend = match manifest.mode {
            Mode::Job => Backend::Job,
            Mode::Service => {
                let pool = self.pool_of(row, &made, &manifest).await?;
                if row.reason.is_some() {
                    pool.is_ailing();
                }
                Backend::Service(pool.endpoints().clone())
            }
        };
        Ok(arm(row, version, manifest, backend))
    }

    /// Who keeps a version's instances; if nobody does yet, somebody begins to.
    async fn pool_of(
        &self,
        row: &FunctionRow,
        made: &VersionRow,
        manifest: &Arc<Manifest>,
    ) -> Result<Arc<dyn Pool>, Error> {
        let key = (row.id, made.number);
        let waiting = self.leasing.waiting();
        if let Some(keeper) = self.keeper.as_ref().filter(|keeper| keeper.keeps(manifest)) {
            let new = || -> Arc<dyn Pool> {
                Observed::new(self.context.clone(), keeper.clone(), key, manifest.clone(), waiting)
            };
            return Ok(self.pools.lock().entry(key).or_insert_with(new).clone());
        }
        let recipe = Recipe::of(&self.context, &row.namespace, &row.name, made).await;
        let recipe = recipe.map_err(|error| Error::Unhealthy {
            message: error.to_string(),
            stderr_tail: Vec::new(),
            retry_in: backoff::LONGEST,
        })?;
        let new =
            || -> Arc<dyn Pool> { Processes::new(self.context.clone(), row.id, recipe, manifest.clone(), waiting) };
        Ok(self.pools.lock().entry(key).or_insert_with(new).clone())
    }

    /// A version that refuses every call with this error; `None` if the log does not have the version.
    async fn refusing_arm(&self, row: &FunctionRow, version: u32, why: Error) -> Result<Option<Arc<Arm>>, Error> {
        let Some(made) = self.context.store.version(row.id, version).await? else { return Ok(None) };
        let manifest = Arc::new(made.manifest()?);
        let terms = Terms {
            function: row.id,
            version,
            concurrency: manifest.scaling.concurrency,
            timeout: manifest.resources.timeout(),
            waiting: 0,
            runtime: self.context.runtime.clone(),
        };
        let backend = Backend::Service(Arc::new(Endpoints::never(terms, why)));
        Ok(Some(arm(row, version, manifest, backend)))
    }
}

fn arm(row: &FunctionRow, version: u32, manifest: Arc<Manifest>, backend: Backend) -> Arc<Arm> {
    Arc::new(Arm {
        function: row.id,
        namespace: row.namespace.as_str().into(),
        name: row.name.as_str().into(),
        version,
        manifest,
        backend,
    })
}
