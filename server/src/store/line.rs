//! Log lines of builds and runs.

use chrono::{DateTime, Utc};
use domain::{function, run};
use serde::{Deserialize, Serialize};

/// A new line of a build or a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    /// The function that it belongs to.
    pub function: function::Id,
    /// Its namespace.
    pub namespace: String,
    /// The build that wrote it.
    pub build: Option<function::BuildId>,
    /// The run that wrote it, if known.
    pub run: Option<run::Id>,
    /// The instance that wrote it.
    pub instance: Option<String>,
    /// The output that it was written to.
    pub stream: LineStream,
    /// When it was read.
    pub at: DateTime<Utc>,
    /// The text without its line ending.
    pub text: String,
}

/// The stream that a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LineStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// EventFlow's own messages.
    System,
}

/// A stored line. `position` counts all lines of this log from 1 without gaps, until old ones are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRow {
    /// Its position among all lines.
    pub position: u64,
    /// The line.
    pub line: NewLine,
}

/// The owner of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinesOf {
    /// All of a function's instances and runs (not its builds).
    Function(function::Id),
    /// The lines of a run that its own function wrote: a process names the run that a line belongs to, and might name
    /// another function's.
    Run {
        /// The run's function.
        function: function::Id,
        /// The run.
        run: run::Id,
    },
    /// A build's.
    Build(function::BuildId),
}

/// A selection of the newest lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recent {
    /// Only at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Only before this position.
    pub before: Option<u64>,
}

impl LinesOf {
    /// Whether a line belongs to this selection.
    pub fn has(&self, line: &NewLine) -> bool {
        match self {
            Self::Function(id) => line.function == *id && line.build.is_none(),
            Self::Run { function, run } => line.run == Some(*run) && line.function == *function,
            Self::Build(id) => line.build == Some(*id),
        }
    }
}
