//! How much what is installed takes, looked at while it grows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::text::bytes;

use crate::builder::cache::Shelf;
use crate::builder::files;
use crate::tree::{self, Usage};

/// How often the size of what a task has written is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// Ends when the function's package caches hold more than they may; says how much that is.
pub(super) async fn cache_grows_beyond(shelf: Option<&Shelf>) -> files::Usage {
    let Some(shelf) = shelf else { return std::future::pending().await };
    let (folder, limit) = shelf.limit();
    loop {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let folder = folder.clone();
        let usage = tokio::task::spawn_blocking(move || files::usage(&folder)).await;
        if usage.is_ok_and(|usage| usage.exceeds(limit)) {
            return limit;
        }
    }
}

/// Ends when the folder holds more than it may; says so.
pub(super) async fn grows_beyond(folder: PathBuf, room: Usage) -> String {
    loop {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let folder = folder.clone();
        if let Ok(Some(fault)) = tokio::task::spawn_blocking(move || over(&folder, room)).await {
            return fault;
        }
    }
}

/// What is too much in a folder.
pub(super) fn over(folder: &Path, room: Usage) -> Option<String> {
    match tree::usage(folder, room) {
        Ok(usage) if usage.bytes > room.bytes => Some(format!(
            "a build may have {} in its folder (EVENTFLOW_MAX_BUILD_DISK), and there is more",
            bytes(room.bytes)
        )),
        Ok(usage) if usage.entries > room.entries => {
            Some(format!("a build may have {} files in its folder, and there are more", room.entries))
        }
        Ok(_) => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        // What cannot be measured may hold anything.
        Err(error) => Some(tree::refusal(&error).unwrap_or_else(|| format!("its folder cannot be measured: {error}"))),
    }
}
