//! Secrets of functions: given to an instance at its start, and renewed when they change.
//!
//! There is no notification: each server checks periodically when the secrets were last set, whichever server set them.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::manifest::Manifest;

use super::context::Context;
use super::pool::{Pool, Revision};
use crate::executor::images::Reference;
use crate::executor::{self, Code, Spec};

/// Adds the secrets that a manifest names to a process's environment, and the login for its image's registry.
///
/// # Errors
/// If one is not set or cannot be decrypted: the process must not start then.
pub(super) async fn put_into(
    spec: &mut Spec,
    context: &Context,
    manifest: &Manifest,
) -> Result<Revision, executor::Error> {
    let secrets = context.vault.secrets(&spec.namespace, &manifest.secrets).await;
    let secrets = secrets.map_err(|error| executor::Error::Refused(error.to_string()))?;
    if let Code::Image(image) = &spec.code {
        let reference = Reference::parse(image).map_err(executor::Error::Refused)?;
        // An engine that has the image needs no login, so that a bad one keeps nothing from starting.
        spec.login = context.vault.login(&spec.namespace, &reference.registry).await.unwrap_or_else(|error| {
            tracing::warn!(%error, function = %spec.function, "the login for the registry of an image is not used");
            None
        });
    }
    let mut revision = Revision::with_capacity(secrets.len());
    for secret in secrets {
        spec.env.insert(secret.name.clone(), secret.value.to_string());
        revision.push((secret.name, secret.set_at));
    }
    Ok(revision)
}

/// Lets the versions whose secrets changed replace their instances.
pub(super) async fn renew(context: &Context, pools: &[Arc<dyn Pool>]) {
    let needy: Vec<_> = pools.iter().filter_map(|pool| Some((pool, pool.needs()?))).collect();
    if needy.is_empty() {
        return;
    }
    let namespaces: BTreeSet<_> = needy.iter().map(|(_, (namespace, _))| (*namespace).to_owned()).collect();
    let namespaces: Vec<_> = namespaces.into_iter().collect();
    let infos = match context.store.secret_infos(Some(&namespaces)).await {
        Ok(infos) => infos,
        // The next check will show.
        Err(error) => return tracing::debug!(%error, "secrets not checked"),
    };
    for (pool, (namespace, names)) in needy {
        let mine = infos.iter().filter(|info| info.namespace == namespace && names.contains(&info.name));
        pool.clone().renew(mine.map(|info| (info.name.clone(), info.set_at)).collect());
    }
}
