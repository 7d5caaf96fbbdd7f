//! An index of the paths that functions claim, searched by request path or by overlapping path.
//!
//! An update costs as much as the paths it changes, regardless of how many others exist; a lookup costs as much as the
//! length of the path.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::function;
use crate::manifest::http::{MAX_PATH, Pattern};

/// The claimed paths of all functions.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    /// Claims by their path without `/*`, so that everything below a path is adjacent.
    by_base: BTreeMap<Box<str>, Vec<Claim>>,
}

/// A function's claim to a path.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub function: function::Id,
    /// The path as written in the manifest.
    pub path: Arc<str>,
    /// The number of the change that brought the claim: the smaller number is the older claim.
    pub since: u64,
    /// Whether the claim includes everything below the path.
    deep: bool,
}

impl Claim {
    fn base_length(&self) -> usize {
        if self.deep { self.path.len() - "/*".len() } else { self.path.len() }
    }
}

impl Claims {
    pub(super) fn add(&mut self, function: function::Id, path: &Arc<str>, since: u64) {
        let Some(pattern) = Pattern::of(path) else { return };
        let claim = Claim { function, path: path.clone(), since, deep: pattern.is_deep() };
        self.by_base.entry(pattern.base().into()).or_default().push(claim);
    }

    pub(super) fn remove(&mut self, function: function::Id, path: &str) {
        let Some(pattern) = Pattern::of(path) else { return };
        let Some(claims) = self.by_base.get_mut(pattern.base()) else { return };
        claims.retain(|claim| claim.function != function || *claim.path != *path);
        if claims.is_empty() {
            self.by_base.remove(pattern.base());
        }
    }

    /// The claim that serves a path: the longest claim of the function that claimed it first.
    pub(super) fn at(&self, path: &str) -> Option<&Claim> {
        let fitting = || self.above(path).filter(|claim| claim.deep || claim.path.len() == path.len());
        let owner = fitting().min_by_key(|claim| claim.since)?.function;
        // For the request `/shop`, the claim `/shop` is more specific than `/shop/*`.
        fitting().filter(|claim| claim.function == owner).max_by_key(|claim| (claim.base_length(), !claim.deep))
    }

    /// All claims that share at least one path with this pattern.
    pub(super) fn overlapping<'s>(&'s self, pattern: Pattern<'_>) -> impl Iterator<Item = &'s Claim> {
        let base = pattern.base();
        let above = self.above(base).filter(move |claim| claim.deep || claim.path.len() == base.len());
        let below = pattern.is_deep().then(|| self.below(base)).into_iter().flatten();
        above.chain(below)
    }

    /// The claims whose base is this path or an ancestor of it, shortest first.
    fn above<'s>(&'s self, path: &str) -> impl Iterator<Item = &'s Claim> {
        // No pattern is longer than this, so longer prefixes need no lookup, however long the path is.
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        let parts = ends.take_while(|end| *end <= MAX_PATH).filter_map(|end| path.get(..end));
        parts.filter_map(|part| self.by_base.get(part)).flatten()
    }

    /// The claims whose base is below this path.
    fn below<'s>(&'s self, base: &str) -> impl Iterator<Item = &'s Claim> {
        let first = format!("{base}/");
        let range = self.by_base.range::<str, _>((Bound::Included(first.as_str()), Bound::Unbounded));
        range.take_while(move |(other, _)| other.starts_with(&first)).flat_map(|(_, claims)| claims)
    }
}
