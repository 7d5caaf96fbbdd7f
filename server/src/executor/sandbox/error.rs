//! I/O errors of the sandbox.

use std::io;

use super::super::Error;
use crate::tree;

/// A folder beyond the limits is the fault of whoever filled it.
pub(super) fn io_error(what: String) -> impl FnOnce(io::Error) -> Error {
    move |source| match tree::refusal(&source) {
        Some(refusal) => Error::Refused(refusal),
        None => Error::Io { what, source },
    }
}
