//! Folders that strangers have filled: removing them, walking through them, measuring and copying them.
//!
//! What a function or an install script leaves behind may be nested a hundred thousand levels deep, have paths that no
//! system call accepts, be unreadable, or lead elsewhere by symbolic links. Everything here is iterative, works
//! relative to descriptors of folders, never follows a link, and holds a bounded number of descriptors.
//!
//! Knows folders and files, not what they are for. `tests/it/floors.rs` rejects `remove_dir_all` and `walkdir`
//! everywhere else.

mod background;
mod copy;
mod folder;
mod open;
mod remove;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;
mod walk;

pub use background::remove_later;
pub use copy::{copy, link_stays};
pub use open::open_to_all;
pub use remove::{LONGEST_REMOVAL, is_older_than, remove, remove_within};
pub use walk::{Bounds, Entry, Kind, MAX_DEPTH, MAX_ENTRIES, MAX_PATH_BYTES, Next, Usage, When, refusal, usage, walk};
