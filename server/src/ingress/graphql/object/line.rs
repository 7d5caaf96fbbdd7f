//! A line of a build or a run.

use async_graphql::{Enum, ID, SimpleObject};
use chrono::{DateTime, Utc};
use domain::function;

use crate::ingress::graphql::position::Position;
use crate::operations::{Problem, Refusal};
use crate::store::{LineRow, LineStream, LinesOf, Recent, View};

/// Lines of a page whose size nobody gave.
pub(in crate::ingress::graphql) const DEFAULT_LINES: u32 = 100;

/// The stream that a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::ingress::graphql) enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// EventFlow itself.
    System,
}

/// A line of a build or a run.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct LogLine {
    /// Its position among all lines.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `linePosition`")]
    position: u64,
    /// Its position among all lines; pass it as `afterLine` to continue from there.
    line_position: Position,
    /// When it was read.
    at: DateTime<Utc>,
    /// The stream it was written to.
    stream: LogStream,
    /// Its text.
    text: String,
    /// The run that wrote it, if known.
    run: Option<ID>,
    /// The instance that wrote it.
    instance: Option<String>,
}

impl From<LineRow> for LogLine {
    fn from(row: LineRow) -> Self {
        let LineRow { position, line } = row;
        Self {
            position,
            line_position: position.into(),
            at: line.at,
            stream: match line.stream {
                LineStream::Stdout => LogStream::Stdout,
                LineStream::Stderr => LogStream::Stderr,
                LineStream::System => LogStream::System,
            },
            text: line.text,
            run: line.run.map(ID::from),
            instance: line.instance,
        }
    }
}

/// Lines of a function that a look at its newest ones holds.
const MAX_NEWEST: i32 = 1_000;

/// The newest lines of a function's instances and runs, oldest first.
///
/// # Errors
/// `bad_page`, or when the log is away.
pub(in crate::ingress::graphql) async fn newest_lines(
    view: &View,
    function: function::Id,
    last: i32,
    before: Option<u64>,
) -> Result<Vec<LogLine>, Refusal> {
    let limit = match u32::try_from(last) {
        Ok(limit) if (1..=MAX_NEWEST).contains(&last) => limit,
        _ => {
            let message =
                format!("last is {last}; it must be 1 to {MAX_NEWEST}; go on with before: the first position");
            return Err(Problem::new("bad_page", message).at(["last"]).into());
        }
    };
    let which = Recent { since: None, before };
    let rows = view.recent_lines(LinesOf::Function(function), which, limit).await?;
    Ok(rows.into_iter().map(LogLine::from).collect())
}

/// Lines after a position, oldest first.
pub(in crate::ingress::graphql) async fn lines(
    view: &View,
    of: LinesOf,
    after: Option<u64>,
    first: u32,
) -> Result<Vec<LogLine>, Refusal> {
    let rows = view.lines(of, after.unwrap_or(0), first).await?;
    Ok(rows.into_iter().map(LogLine::from).collect())
}
