//! The relay's progress in each namespace, for erasure and retention, neither of which waits for other namespaces.

use std::collections::BTreeMap;

/// The checkpoint of the follower that carries out what follows from records. Records that it has not seen are not
/// removed.
pub const RELAY: &str = "relay";

/// The relay's progress. It never moves back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relayed {
    /// The consequences of all records up to here are on their way.
    pub through: u64,
    /// Likewise up to here, except in the namespaces that lag behind.
    pub seen: u64,
    /// How far it has come in those.
    pub behind: BTreeMap<String, u64>,
}

impl Relayed {
    /// Whether the consequences of a namespace's record are on their way.
    pub fn is_past(&self, namespace: &str, position: u64) -> bool {
        let in_its_namespace = || self.behind.get(namespace).is_none_or(|behind| position <= *behind);
        position <= self.through || position <= self.seen && in_its_namespace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_is_behind_does_not_stand_for_the_others() {
        let behind = BTreeMap::from([("loud".to_owned(), 20)]);
        let relayed = Relayed { through: 10, seen: 100, behind };
        for (namespace, position, is_past) in [
            ("loud", 10, true),
            ("loud", 20, true),
            ("loud", 21, false),
            ("quiet", 21, true),
            ("quiet", 100, true),
            ("quiet", 101, false),
        ] {
            assert_eq!(relayed.is_past(namespace, position), is_past, "{namespace} {position}");
        }
    }

    #[test]
    fn what_was_seen_long_ago_does_not_hold_back_what_is_through() {
        let behind = BTreeMap::from([("loud".to_owned(), 2)]);
        let relayed = Relayed { through: 50, seen: 20, behind };
        assert!(relayed.is_past("loud", 50) && !relayed.is_past("quiet", 51));
    }
}
