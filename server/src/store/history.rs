//! The log itself, as it is read.

use domain::Stream;

/// Which records of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only this stream.
    pub stream: Option<Stream>,
    /// Only of this type.
    pub kind: Option<String>,
    /// Only what belongs to these namespaces; `None`: all.
    pub namespaces: Option<Vec<String>>,
    /// The newest first instead of the oldest.
    pub newest_first: bool,
}
