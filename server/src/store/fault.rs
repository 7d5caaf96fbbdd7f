//! The results of a commit.

/// A successful commit, or one that only failed because of the head.
#[derive(Debug)]
pub(super) struct Written {
    /// The head had moved: nothing was written.
    pub moved: bool,
    /// How much each chore changed.
    pub chores: Vec<u64>,
}

/// A failed commit.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// Something is there already. Nothing was written.
    Exists(String),
    /// The database does not take this batch. Nothing was written.
    Refused(String),
    /// The database takes nothing now. Nothing was written.
    Unavailable(String),
    /// The connection is gone: nobody knows what was written.
    Lost(String),
}

impl Fault {
    pub fn message(self) -> String {
        match self {
            Self::Exists(message) | Self::Refused(message) | Self::Unavailable(message) | Self::Lost(message) => {
                message
            }
        }
    }
}
