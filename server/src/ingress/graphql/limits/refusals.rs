//! Refusals of queries: errors with a code and limited length.

use async_graphql::ServerError;

use super::bounds::MAX_RECURSION;

/// Bytes of a fault's message.
const MAX_MESSAGE: usize = 1 << 10;

/// The message about a query that is too deep; `depth`: how deep it is, where that was found out.
pub(super) fn too_deep(limit: usize, depth: Option<usize>) -> String {
    let depth = depth.map_or_else(|| format!("more than {MAX_RECURSION}"), |depth| depth.to_string());
    format!("the query is {depth} levels deep, the most that is taken is {limit}; split it into several")
}

/// An error with a code.
pub(in crate::ingress::graphql) fn coded(name: &str, message: String) -> ServerError {
    code(ServerError::new(message, None), name)
}

/// An error with a code, if it has none yet, and with a message of bounded length.
pub(in crate::ingress::graphql) fn code(mut error: ServerError, name: &str) -> ServerError {
    if error.message.len() > MAX_MESSAGE {
        let end = (0..=MAX_MESSAGE).rev().find(|end| error.message.is_char_boundary(*end)).unwrap_or(0);
        error.message.truncate(end);
        error.message.push('…');
    }
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", name);
    }
    error
}
