//! Detects servers on one database that are not configured alike: each announces its configuration in the name of a
//! lease, which expires with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::Error;
use super::lease::{KEYS_LEASE, NODE_LEASE};
use super::log::Log;

/// The name, among what servers have in common, of the oldest format that reads what is in the database, see
/// [`agreement::FORMAT`]: servers of an older one do not start on it.
pub const OLDEST_READER: &str = "oldest_reader";

/// Letters of a fingerprint: enough to tell keys apart, and nothing to find a key with.
const LETTERS: usize = 12;

/// Servers that are named where all are counted.
const NAMED: usize = 4;

/// The format of servers that understand seals over the log, and erased payloads.
pub const SEALS: u32 = 1;

/// The format of servers that understand what a build made (`BuildSucceeded` of version 2): to older ones the function would not
/// be built.
pub const MADE: u32 = 2;

/// What this server understands of what is in a database. It counts up when servers begin to write what older ones would do
/// wrong by.
pub const FORMAT: u32 = MADE;

/// The announced configuration of one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Having {
    /// Tells the key that sessions are signed with.
    pub session_key: String,
    /// Tells the key that secrets are sealed with.
    pub secret_key: String,
    /// Tells the folder of artifacts.
    pub artifacts: String,
    /// What it understands, see [`FORMAT`]; servers that do not say it are from before there was something to say.
    #[serde(default)]
    pub format: u32,
}

/// Tells a key from another one, and nothing of it.
pub fn fingerprint(key: &[u8]) -> String {
    let digest = Sha256::new().chain_update(b"eventflow fingerprint\0").chain_update(key).finalize();
    hex::encode(digest)[..LETTERS].to_owned()
}

impl Having {
    /// As the holder of a lease.
    pub fn to_holder(&self) -> String {
        serde_json::to_string(self).expect("texts serialise")
    }
}

/// What the servers that are alive do not have in common, for people: the same on each of them. Nothing where they agree.
///
/// # Errors
/// When the database is away.
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

/// Keeps servers off the database from now on that are older than a format, where all that are alive understand it. Returns
/// whether that is so: then it may be written.
///
/// # Errors
/// When the database is away.
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

/// Whether every server that is alive understands a format.
///
/// # Errors
/// When the database is away.
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
