//! Bounds that hold for every query, whatever the settings say.

/// Directives on one field, fragment, operation or variable.
pub(in crate::ingress::graphql) const MAX_DIRECTIVES: usize = 8;

/// Levels that the library walks down at all, those of fragments included.
pub(in crate::ingress::graphql) const MAX_RECURSION: usize = 64;
