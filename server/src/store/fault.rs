//! The results of a commit.

/// A successful commit, or one that only failed because of the head.
#[derive(Debug)]
pub(super) struct Written {
    /// The head had moved; nothing was written.
    pub moved: bool,
    /// How many rows each chore changed.
    pub chores: Vec<u64>,
}

/// A failed commit.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// A row exists already. Nothing was written.
    Exists(String),
    /// The database refuses this batch. Nothing was written.
    Refused(String),
    /// The database accepts nothing at present. Nothing was written.
    Unavailable(String),
    /// The connection is lost: whether anything was written is unknown.
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
