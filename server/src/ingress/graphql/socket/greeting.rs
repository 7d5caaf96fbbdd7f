//! Authenticates the client of a socket.

use std::sync::OnceLock;

use crate::edge::auth::Session;

/// How the first message went.
#[derive(Default)]
pub(super) struct Greeting {
    /// Whom the socket is for, once that is known.
    pub(super) session: OnceLock<Session>,
}
