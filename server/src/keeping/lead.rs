//! The part of the leading server: decides how many instances there are of the versions that belong to no server.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::inner::{Inner, TICK};
use super::keeper::Keeper;
use super::order::{Key, Order};
use crate::leasing::Error;
use crate::store::RunningFunction;

/// What to keep for each version, cached because a version never changes; `None` for versions that run as processes.
type Orders = HashMap<Key, Option<Order>>;

/// Repeats [`once`] until dropped, which is safe at any point: whatever was begun continues without it.
pub(super) async fn forever(inner: Arc<Inner>) {
    let Some(keeper) = inner.keeper.clone() else { return std::future::pending().await };
    let mut orders = Orders::new();
    let mut timer = tokio::time::interval(TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        if let Err(error) = once(&inner, &*keeper, &mut orders).await {
            tracing::warn!(error, "shared instances not reconciled; retrying");
        }
    }
}

/// Reads the desired state and passes it to the keeper.
///
/// # Errors
/// What is not available, as a message: in that case no instances are ended.
async fn once(inner: &Inner, keeper: &dyn Keeper, orders: &mut Orders) -> Result<(), String> {
    let needs: HashMap<Key, u32> = keeper.needs().await?.into_iter().collect();
    let running = inner.context.store.running_functions().await.map_err(|error| error.to_string())?;
    let (mut wanted, mut seen) = (HashSet::new(), HashSet::new());
    for row in &running {
        for version in versions(row, &needs) {
            let key = (row.id, version);
            seen.insert(key);
            let known = match orders.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let order = order(inner, row, version).await.map_err(|error| error.to_string())?;
                    new.insert(order.filter(|order| keeper.keeps(&order.manifest)))
                }
            };
            let Some(order) = known else { continue };
            wanted.insert(key);
            let scaling = &order.manifest.scaling;
            let min = if row.takes_calls(version) { scaling.min } else { 0 };
            let needed = needs.get(&key).copied().unwrap_or_default();
            // A version that cannot be kept does not hold up the others.
            if let Err(error) = keeper.keep(order, needed.max(min).min(scaling.max.max(1))).await {
                tracing::warn!(function = %row.id, version, error, "instances not kept");
            }
        }
    }
    orders.retain(|key, _| seen.contains(key));
    for key in keeper.versions().await?.into_iter().filter(|key| !wanted.contains(key)) {
        if let Err(error) = keeper.end(key).await {
            tracing::warn!(function = %key.0, version = key.1, error, "unneeded instances not ended");
        }
    }
    Ok(())
}

/// The versions of a function that may have instances: those that take calls, and those that calls need.
fn versions(row: &RunningFunction, needs: &HashMap<Key, u32>) -> Vec<u32> {
    let mut versions = row.versions();
    versions.retain(|version| row.takes_calls(*version));
    for (function, version) in needs.keys() {
        if *function == row.id && !versions.contains(version) {
            versions.push(*version);
        }
    }
    versions
}

async fn order(inner: &Inner, row: &RunningFunction, version: u32) -> Result<Option<Order>, Error> {
    let Some(made) = inner.context.store.version(row.id, version).await? else { return Ok(None) };
    let manifest = made.manifest()?;
    let RunningFunction { id, namespace, name, .. } = row;
    let (namespace, name) = (namespace.clone(), name.clone());
    Ok(Some(Order { key: (*id, version), namespace, name, digest: made.digest, manifest }))
}
