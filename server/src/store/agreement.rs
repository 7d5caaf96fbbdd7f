//! Detects servers on one database that are not configured alike: each announces its configuration in the name of a
//! lease, which expires with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::Error;
use super::lease::{KEYS_LEASE, NODE_LEASE};
use super::log::Log;

/// Name of the shared value that holds the oldest format which can read what is in the database, see
/// [`agreement::FORMAT`]. Servers of an older format do not start on it.
pub const OLDEST_READER: &str = "oldest_reader";

/// Letters of a fingerprint: enough to distinguish keys, too few to find one.
const LETTERS: usize = 12;

/// The most servers that a message names.
const NAMED: usize = 4;

/// The first format that understands seals over the log, and erased payloads.
pub const SEALS: u32 = 1;

/// The first format that understands what a build made (`BuildSucceeded` version 2): to older servers the function
/// would
/// seem not to be built.
pub const MADE: u32 = 2;

/// The format that this server understands. It is increased whenever servers start to write something that older ones
/// would mishandle.
pub const FORMAT: u32 = MADE;

/// The announced configuration of one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Having {
    /// Fingerprint of the key that signs sessions.
    pub session_key: String,
    /// Fingerprint of the key that seals secrets.
    pub secret_key: String,
    /// Identifies the folder of artifacts.
    pub artifacts: String,
    /// The format that it understands, see [`FORMAT`]; servers that announce none are older than formats.
    #[serde(default)]
    pub format: u32,
}

/// Distinguishes a key from others without revealing anything of it.
pub fn fingerprint(key: &[u8]) -> String {
    let digest = Sha256::new().chain_update(b"eventflow fingerprint\0").chain_update(key).finalize();
    hex::encode(digest)[..LETTERS].to_owned()
}

impl Having {
    /// Encodes it as the holder of a lease.
    pub fn to_holder(&self) -> String {
        serde_json::to_string(self).expect("texts serialise")
    }
}

/// How the configurations of the live servers differ, for people; the same text on each server. Empty if they agree.
///
/// # Errors
/// When the database is unavailable.
pub async fn differences(store: &Log) -> Result<Vec<String>, Error> {
    if !store.is_shared() {
        return Ok(Vec::new());
    }
    Ok(compare(&announced(store).await?))
}

async fn announced(store: &Log) -> Result<Vec<(String, Having)>, Error> {
    let announced = store.holders(KEYS_LEASE).await?.into_iter();
    let read = |(name, holder): (String, String)| {
        Some((name.strip_prefix(KEYS_LEASE)?.to_owned(), serde_json::from_str(&holder).ok()?))
    };
    Ok(announced.filter_map(read).collect())
}

/// If all live servers understand `format`, keeps servers of older formats off the database from now on. Returns
/// whether
/// they do; the new format may then be written.
///
/// # Errors
/// When the database is unavailable.
pub async fn leave_older_servers(store: &Log, format: u32) -> Result<bool, Error> {
    let known = store.common(OLDEST_READER).await?.and_then(|text| text.parse::<u32>().ok()).unwrap_or_default();
    if known >= format {
        return Ok(true);
    }
    if !all_understand(store, format).await? {
        return Ok(false);
    }
    store.raise_common(OLDEST_READER, format).await?;
    Ok(true)
}

/// Whether every live server understands a format.
///
/// # Errors
/// When the database is unavailable.
pub async fn all_understand(store: &Log, format: u32) -> Result<bool, Error> {
    if !store.is_shared() {
        return Ok(true);
    }
    let announced = announced(store).await?;
    let silent = store.holders(NODE_LEASE).await?.len().saturating_sub(announced.len());
    Ok(silent == 0 && announced.iter().all(|(_, having)| having.format >= format))
}

fn compare(all: &[(String, Having)]) -> Vec<String> {
    type Part = fn(&Having) -> &str;
    let parts: [(Part, &str); 3] = [
        (|having| &having.session_key, "sign sessions with different keys: set one JWT_SECRET on all of them"),
        (|having| &having.secret_key, "seal secrets under different keys: set one EVENTFLOW_SECRET_KEY on all of them"),
        (
            |having| &having.artifacts,
            "keep artifacts in different folders: set EVENTFLOW_ARTIFACTS to one that all of them share",
        ),
    ];
    let mut found = Vec::new();
    for (part, what) in parts {
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (node, having) in all {
            groups.entry(part(having)).or_default().push(node);
        }
        if groups.len() > 1 {
            let named: Vec<_> =
                groups.iter().take(NAMED).map(|(id, nodes)| format!("{id}: {}", nodes.join(", "))).collect();
            found.push(format!("the servers on this database {what} ({})", named.join("; ")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_differ_are_told_in_what_and_others_are_not() {
        let having = |session: &str, secret: &str, artifacts: &str| Having {
            session_key: session.into(),
            secret_key: secret.into(),
            artifacts: artifacts.into(),
            format: FORMAT,
        };
        let named = |name: &str, having| (name.to_owned(), having);
        assert!(compare(&[]).is_empty());
        assert!(compare(&[named("a", having("1", "2", "3")), named("b", having("1", "2", "3"))]).is_empty());
        let announced = compare(&[named("a", having("1", "2", "3")), named("b", having("x", "2", "y"))]);
        assert_eq!(announced.len(), 2);
        assert!(announced[0].contains("JWT_SECRET") && announced[0].contains("1: a; x: b"), "{}", announced[0]);
        assert!(announced[1].contains("EVENTFLOW_ARTIFACTS"), "{}", announced[1]);
    }

    #[test]
    fn a_fingerprint_tells_keys_apart() {
        assert_eq!(fingerprint(b"one"), fingerprint(b"one"));
        assert_ne!(fingerprint(b"one"), fingerprint(b"two"));
        assert_eq!(fingerprint(b"one").len(), LETTERS);
    }
}
