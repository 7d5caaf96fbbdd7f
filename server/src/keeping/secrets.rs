//! Secrets of functions: given to an instance at its start, and given anew when they were set anew.
//!
//! Nobody tells: the fleet of each server looks at when the secrets were set, whoever set them on whichever server.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::manifest::Manifest;

use super::{Inner, Pool};
use crate::executor::{self, Spec};

/// How often it is looked at when secrets were set.
const TICK: Duration = Duration::from_millis(500);

/// Which settings of secrets an instance has: names, in order, and when each was set.
pub(super) type Revision = Vec<(String, DateTime<Utc>)>;

/// Adds the secrets that a manifest names to a process's variables.
///
/// # Errors
/// When one is not set or does not open: then the process must not start.
pub(super) async fn put_into(spec: &mut Spec, fleet: &Inner, manifest: &Manifest) -> Result<Revision, executor::Error> {
    let secrets = fleet.vault.secrets(&spec.namespace, &manifest.secrets).await;
    let secrets = secrets.map_err(|error| executor::Error::Refused(error.to_string()))?;
    let mut revision = Revision::with_capacity(secrets.len());
    for secret in secrets {
        spec.env.insert(secret.name.clone(), secret.value.to_string());
        revision.push((secret.name, secret.set_at));
    }
    Ok(revision)
}

/// Looks at the secrets of all pools again and again, until the fleet is gone.
pub(super) async fn tick(fleet: Weak<Inner>) {
    let mut timer = tokio::time::interval(TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let Some(fleet) = fleet.upgrade() else { return };
        let pools: Vec<_> = fleet.pools.lock().values().cloned().collect();
        renew(&fleet, &pools).await;
    }
}

/// Has the pools whose secrets were set anew replace their instances.
async fn renew(fleet: &Inner, pools: &[Arc<Pool>]) {
    let needy: Vec<_> = pools.iter().filter_map(|pool| Some((pool, pool.needs()?))).collect();
    if needy.is_empty() {
        return;
    }
    let namespaces: BTreeSet<_> = needy.iter().map(|(_, (namespace, _))| (*namespace).to_owned()).collect();
    let namespaces: Vec<_> = namespaces.into_iter().collect();
    let infos = match fleet.store.secret_infos(Some(&namespaces)).await {
        Ok(infos) => infos,
        // The next look will tell.
        Err(error) => return tracing::debug!(%error, "secrets not looked at"),
    };
    for (pool, (namespace, names)) in needy {
        let mine = infos.iter().filter(|info| info.namespace == namespace && names.contains(&info.name));
        pool.renew(mine.map(|info| (info.name.clone(), info.set_at)).collect());
    }
}
