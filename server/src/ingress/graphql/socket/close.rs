//! Why a socket is closed, or an operation on it refused: the codes that say it.

use async_graphql::ServerError;

/// A message is too long (RFC 6455, 7.4.1).
pub(super) const TOO_LONG: u16 = 1009;

/// Close codes of `graphql-transport-ws`.
pub(super) const BAD_MESSAGE: u16 = 4400;
pub(super) const UNAUTHORIZED: u16 = 4401;
pub(super) const FORBIDDEN: u16 = 4403;
pub(super) const INIT_TIMEOUT: u16 = 4408;
pub(super) const TAKEN: u16 = 4409;
pub(super) const TWICE: u16 = 4429;

/// An error with `extensions.code`.
pub(super) fn coded(code: &str, message: String) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.extensions.get_or_insert_default().set("code", code);
    error
}
