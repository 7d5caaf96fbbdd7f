//! Functions as they were.

use std::sync::LazyLock;

use domain::{Recorded, Stream, function};

use super::{Fault, Services, Viewer};
use crate::turns::Turns;

/// Histories that are folded at a time for one viewer. One takes up to tens of megabytes meanwhile, and a query may ask for many.
pub(super) const HISTORIES: usize = 4;

/// Those of all viewers together.
static TURNS: LazyLock<Turns> = LazyLock::new(|| Turns::with_shares(2 * HISTORIES, HISTORIES, HISTORIES));

/// A function as it was after the last of its records for which `was` holds, and that record. `None` where there was none, or
/// the viewer does not see its namespace.
///
/// # Errors
/// When the log is away.
pub async fn function_as_of(
    services: &Services,
    viewer: &Viewer,
    id: function::Id,
    was: impl Fn(&Recorded) -> bool + Send + Sync,
) -> Result<Option<(function::Function, Recorded)>, Fault> {
    let _turn = TURNS.take(&viewer.subject, "").await;
    let found =
        services.guarded.commands.writer().load_as_of::<function::Aggregate>(&Stream::function(id), was).await?;
    let found = found.and_then(|(loaded, last)| Some((loaded.state?, last)));
    Ok(found.filter(|(state, _)| viewer.sees(&state.namespace)))
}

/// Whether a generation of a name had been registered then; one whose first records were removed had been. `false` where the
/// viewer does not see the namespace.
///
/// # Errors
/// When the log is away.
pub async fn was_registered(
    services: &Services,
    viewer: &Viewer,
    (namespace, name, generation): (&str, &str, u32),
    was: impl Fn(&Recorded) -> bool,
) -> Result<bool, Fault> {
    if !viewer.sees(namespace) {
        return Ok(false);
    }
    let stream = Stream::function(function::id(namespace, name, generation));
    let first = services.guarded.store.stream(&stream, 0, 1).await?;
    Ok(first.first().is_none_or(was))
}
