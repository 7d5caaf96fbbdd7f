//! The close codes of sockets.

/// A message is too long (RFC 6455, 7.4.1).
pub(super) const TOO_LONG: u16 = 1009;

/// Close codes of `graphql-transport-ws`.
pub(super) const BAD_MESSAGE: u16 = 4400;
pub(super) const UNAUTHORIZED: u16 = 4401;
pub(super) const FORBIDDEN: u16 = 4403;
pub(super) const INIT_TIMEOUT: u16 = 4408;
pub(super) const TAKEN: u16 = 4409;
pub(super) const TWICE: u16 = 4429;
