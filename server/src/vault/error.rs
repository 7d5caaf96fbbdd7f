//! What can go wrong.

use std::path::PathBuf;

use crate::store;

/// What can go wrong. No message holds a value or a key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody has set it, or it was removed.
    #[error(
        "the secret `{name}` of the namespace `{namespace}` is not set; set it with the GraphQL mutation setSecret(namespace: \"{namespace}\", name: \"{name}\", value: …)"
    )]
    NotSet {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The server has another key now.
    #[error(
        "the secret `{name}` of the namespace `{namespace}` was sealed under another key (that one is {key_id}, this server's is {own}): set EVENTFLOW_SECRET_KEY to that one or set the secret again"
    )]
    OtherKey {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Names the key that it was sealed under.
        key_id: String,
        /// Names the key of this server.
        own: String,
    },
    /// What is stored is not what was sealed.
    #[error(
        "the secret `{name}` of the namespace `{namespace}` does not open: it was changed where it is stored; set it again"
    )]
    Damaged {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// It cannot be the value of a secret.
    #[error("{0}")]
    BadValue(&'static str),
    /// The file is no key.
    #[error(
        "{path} holds no key: it must be 32 bytes as 64 hexadecimal digits; without it, secrets that were set under the lost key have to be set again"
    )]
    BadKeyFile {
        /// Which file.
        path: PathBuf,
    },
    /// The disk refuses.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The key of the log's seals was sealed under another key, or was changed where it is stored.
    #[error(
        "the key of the log's seals does not open: it was sealed under the key {key_id}, and this one is {own}: set EVENTFLOW_SECRET_KEY to that one, or run `eventflow admin change-key`"
    )]
    OtherLogKey {
        /// Names the key that it was sealed under.
        key_id: String,
        /// Names the key that was tried.
        own: String,
    },
    /// The log is away.
    #[error(transparent)]
    Store(#[from] store::Error),
}
