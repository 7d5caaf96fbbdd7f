//! Errors of the vault.

use std::path::PathBuf;

use crate::store;

/// An error of the vault. No message contains a secret's value or a key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The secret was never set, or was removed.
    #[error(
        "the secret `{name}` of the namespace `{namespace}` is not set; set it with the GraphQL mutation setSecret(namespace: \"{namespace}\", name: \"{name}\", value: …)"
    )]
    NotSet {
        /// The secret's namespace.
        namespace: String,
        /// The secret's name.
        name: String,
    },
    /// The secret was sealed under a different key.
    #[error(
        "the secret `{name}` of the namespace `{namespace}` was sealed under another key (that one is {key_id}, this server's is {own}): set EVENTFLOW_SECRET_KEY to that one or set the secret again"
    )]
    OtherKey {
        /// The secret's namespace.
        namespace: String,
        /// The secret's name.
        name: String,
        /// The id of the key that it was sealed under.
        key_id: String,
        /// The id of this server's key.
        own: String,
    },
    /// The stored value is not the one that was sealed.
    #[error(
        "the secret `{name}` of the namespace `{namespace}` does not open: it was changed where it is stored; set it again"
    )]
    Damaged {
        /// The secret's namespace.
        namespace: String,
        /// The secret's name.
        name: String,
    },
    /// The value is not valid for a secret.
    #[error("{0}")]
    BadValue(&'static str),
    /// The secret of a registry holds something else than a login.
    #[error("the secret `{name}` is no login: set it to `USER:PASSWORD`, or `USER:TOKEN`")]
    NoLogin {
        /// The secret's name.
        name: String,
    },
    /// The file does not contain a key.
    #[error(
        "{path} holds no key: it must be 32 bytes as 64 hexadecimal digits; without it, secrets that were set under the lost key have to be set again"
    )]
    BadKeyFile {
        /// The file.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The key of the log's seals was sealed under a different key, or its row was changed.
    #[error(
        "the key of the log's seals does not open: it was sealed under the key {key_id}, and this one is {own}: set EVENTFLOW_SECRET_KEY to that one, or run `eventflow admin change-key`"
    )]
    OtherLogKey {
        /// The id of the key that it was sealed under.
        key_id: String,
        /// The id of the key that was tried.
        own: String,
    },
    /// The log is not available.
    #[error(transparent)]
    Store(#[from] store::Error),
}
