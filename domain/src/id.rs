//! Typed identifiers: a UUID that knows what it identifies, so that a run's id cannot be used as a function's.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The UUID namespace (RFC 9562, version 5) for ids that EventFlow derives from names.
const DERIVED: Uuid = Uuid::from_u128(0x6f4b_2f0e_52c5_5d0a_9a3e_0d6a_77c1_e5f1);

/// The UUID namespace for ids derived from values that a caller chose. Ids in [`DERIVED`] and random ids (version 7)
/// are out of a caller's reach: no input leads from one namespace into another.
const CHOSEN: Uuid = Uuid::from_u128(0x2d0c_7a5c_91f3_4c1e_8b57_33a4_c2f8_6e19);

/// The UUID of a `T`.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// Wraps a UUID that already identifies a `T`.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The plain UUID.
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// An id that depends on `parts` alone: the same parts give the same id on every server, permanently. Parts are
    /// separated by a zero byte, so that `("ab", "c")` and `("a", "bc")` differ. A zero byte inside a part is followed
    /// by `0xFF`, which no text contains, so a part cannot forge a separator.
    pub fn derive(kind: &str, parts: &[&str]) -> Self {
        Self::new(Uuid::new_v5(&DERIVED, &name(kind, parts)))
    }

    /// An id that depends on `parts` alone, at least one of which a caller chose. The other parts are the scope of that
    /// choice: the same choice in another scope gives another id.
    pub fn chosen(kind: &str, parts: &[&str]) -> Self {
        Self::new(Uuid::new_v5(&CHOSEN, &name(kind, parts)))
    }
}

/// Encodes parts unambiguously; see [`Id::derive`].
fn name(kind: &str, parts: &[&str]) -> Vec<u8> {
    let mut name = Vec::from(kind);
    for part in parts {
        name.push(0);
        for byte in part.bytes() {
            name.push(byte);
            if byte == 0 {
                name.push(0xFF);
            }
        }
    }
    name
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl<T> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self::new(uuid)
    }
}
impl<T> FromStr for Id<T> {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self::new)
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn derive(parts: &[&str]) -> Id<()> {
        Id::derive("event", parts)
    }

    #[test]
    fn the_same_parts_give_the_same_id_for_ever() {
        // A fixed value: if it changed, every event could be received a second time.
        assert_eq!(crate::event::id("default", "/shop", "1").to_string(), "0940342e-dbda-505e-8375-a98df7978dbf");
        assert_eq!(crate::function::id("default", "hello", 1).to_string(), "abf67827-d428-5838-bf89-26ea1cb892a8");
        let run = crate::run::id(crate::event::id("default", "/shop", "1"), crate::function::id("default", "hello", 1));
        assert_eq!(run.to_string(), "589cdfd4-9b8c-5358-ab6a-36ed21de3cf9");
        let delivered = crate::event::delivered("default", "/hooks/default/hello/github", "1");
        assert_eq!(delivered.to_string(), "45a5d729-a0ba-559c-b005-30a3dec90a6b");
        let called = crate::run::called(crate::function::id("default", "hello", 1), "my-call");
        assert_eq!(called.to_string(), "f761cd6d-de01-5508-90c2-2e6e13038569");
    }

    #[test]
    fn different_parts_give_different_ids() {
        let parts: [&[&str]; 9] = [
            &[],
            &[""],
            &["", ""],
            &["ab", "c"],
            &["a", "bc"],
            &["a\0b", "c"],
            &["a", "b\0c"],
            &["a", "b", "c"],
            &["a\0", "b\0c"],
        ];
        let ids: HashSet<_> = parts.iter().map(|parts| derive(parts)).collect();
        assert_eq!(ids.len(), parts.len());
        assert_ne!(Id::<()>::derive("run", &["a"]), Id::<()>::derive("event", &["a"]));
    }

    #[test]
    fn an_id_is_its_uuid_as_text_and_as_json() {
        let id = derive(&["a"]);
        assert_eq!(id.to_string().parse::<Id<()>>().unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{}\"", id.uuid()));
        assert_eq!(serde_json::from_str::<Id<()>>(&json).unwrap(), id);
    }
}
