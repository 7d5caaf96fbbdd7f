//! The credentials of a repository, and the address that they are for.

use std::fmt;

use domain::address;
use zeroize::Zeroizing;

/// The original address of a repository including its credentials. They are valid for that address only: a build of
/// another one does not send them there.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(Zeroizing<String>);

impl Credentials {
    /// Of an address.
    pub fn new(url: impl Into<Zeroizing<String>>) -> Self {
        Self(url.into())
    }

    /// `user:password`, as it is written in the address, when `url` is that address without it.
    pub(super) fn of(&self, url: &str) -> Option<&str> {
        (address::masked(&self.0) == url).then(|| address::credentials(&self.0))?
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}
