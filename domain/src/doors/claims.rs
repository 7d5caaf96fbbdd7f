//! The paths that functions claim, found by the path of a request, or by another path that overlaps with them.
//!
//! A change costs as much as the paths that change, however many others there are; a look-up as much as the path is long.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::function;
use crate::manifest::http::{MAX_PATH, Pattern};

/// The paths of all functions.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    /// By the path without `/*`, so that all below a path stand next to each other.
    by_base: BTreeMap<Box<str>, Vec<Claim>>,
}

/// A path that a function claims.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub function: function::Id,
    /// The path as the manifest writes it.
    pub path: Arc<str>,
    /// The change that brought it: of two claims, the one with the smaller number is the older.
    pub since: u64,
    /// Whether all below it belong to it.
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

    /// The claim that a path leads to: of the function that was first to claim it, the longest.
    pub(super) fn at(&self, path: &str) -> Option<&Claim> {
        let fitting = || self.above(path).filter(|claim| claim.deep || claim.path.len() == path.len());
        let owner = fitting().min_by_key(|claim| claim.since)?.function;
        // For `/shop`, the path `/shop` says more than `/shop/*` does.
        fitting().filter(|claim| claim.function == owner).max_by_key(|claim| (claim.base_length(), !claim.deep))
    }

    /// All claims to paths that belong to this pattern, too.
    pub(super) fn overlapping<'s>(&'s self, pattern: Pattern<'_>) -> impl Iterator<Item = &'s Claim> {
        let base = pattern.base();
        let above = self.above(base).filter(move |claim| claim.deep || claim.path.len() == base.len());
        let below = pattern.is_deep().then(|| self.below(base)).into_iter().flatten();
        above.chain(below)
    }

    /// The claims whose base is this path or stands above it, the shortest first.
    fn above<'s>(&'s self, path: &str) -> impl Iterator<Item = &'s Claim> {
        // No pattern is longer, so a longer part of a path has none, however long the path is.
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        let parts = ends.take_while(|end| *end <= MAX_PATH).filter_map(|end| path.get(..end));
        parts.filter_map(|part| self.by_base.get(part)).flatten()
    }

    /// The claims whose base stands below this path.
    fn below<'s>(&'s self, base: &str) -> impl Iterator<Item = &'s Claim> {
        let first = format!("{base}/");
        let range = self.by_base.range::<str, _>((Bound::Included(first.as_str()), Bound::Unbounded));
        range.take_while(move |(other, _)| other.starts_with(&first)).flat_map(|(_, claims)| claims)
    }
}
