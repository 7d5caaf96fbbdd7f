//! The folders that a failed build offers: free names for them, and which of them are functions already.

use std::collections::HashSet;

use domain::function::{self, OfferedFolder, event::Source, offer};

use super::{Refusal, Services, ambiguity};
use crate::store::BuildRow;

/// A free name for each folder that a build offers; `None` if all names derived from the folder are taken.
///
/// # Errors
/// If the log is not available.
pub async fn suggested_names(services: &Services, build: &BuildRow) -> Result<Vec<Option<String>>, Refusal> {
    if build.offered.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = build.offered.iter().flat_map(OfferedFolder::names).collect();
    let mut taken: HashSet<String> =
        services.guarded.store.names_taken(&build.namespace, &names).await?.into_iter().collect();
    taken.extend(ambiguity::unusable(services, &build.namespace, &names).await?);
    Ok(offer::suggested(&build.offered, &taken))
}

/// For each folder that a build offers, the function of its namespace that already has it: from the same repository at
/// the same ref.
///
/// # Errors
/// If the log is not available.
pub async fn functions_of_offers(services: &Services, build: &BuildRow) -> Result<Vec<Option<function::Id>>, Refusal> {
    let Source::Git { url, git_ref, .. } = &build.source else { return Ok(Vec::new()) };
    let source_of = |offer: &OfferedFolder| Source::Git {
        url: url.clone(),
        git_ref: git_ref.clone(),
        path: Some(offer.path.clone()),
    };
    let sources: Vec<_> = build.offered.iter().map(source_of).collect();
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let found = services.guarded.store.functions_from(&build.namespace, &sources).await?;
    let of = |source: &Source| found.iter().find(|(found, _)| found == source).map(|(_, id)| *id);
    Ok(sources.iter().map(of).collect())
}
