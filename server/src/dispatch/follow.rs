//! Extracts reactions ([`domain::react`]) from records, for those who perform them: for the
//! [per_server](super::per_server) those of every server; for the [relay](super::relay) those performed once in the
//! cluster, of which the [schedule](super::schedule) uses the changes of functions, too.

use domain::react::{Everywhere, InOrder, Once};
use domain::{Recorded, function, react, upcast};

use crate::store::{self, Stats, Store};

/// Records of functions read at a time.
const PAGE: u32 = 4096;

/// The reactions of every server to these records, in order.
pub(super) fn everywhere(records: &[Recorded], stats: &Stats) -> impl Iterator<Item = Everywhere> {
    records.iter().flat_map(move |recorded| read(recorded, react::everywhere(recorded), stats))
}

/// The reactions performed once in the cluster, in order, each with its record.
pub(super) fn once<'r>(
    records: impl IntoIterator<Item = &'r Recorded>,
    stats: &Stats,
) -> impl Iterator<Item = (&'r Recorded, Once)> {
    let of = move |recorded: &'r Recorded| {
        read(recorded, react::once(recorded), stats).into_iter().map(move |reaction| (recorded, reaction))
    };
    records.into_iter().flat_map(of)
}

/// The reaction to a record that must be performed in log order, if there is one.
pub(super) fn in_order(recorded: &Recorded, stats: &Stats) -> Option<InOrder> {
    once([recorded], stats).find_map(|(_, reaction)| match reaction {
        Once::InOrder(reaction) => Some(reaction),
        Once::RollOut { .. } | Once::DeliverAt { .. } | Once::Redrive { .. } => None,
    })
}

/// The events that changed functions, from the beginning of the log up to a position.
///
/// # Errors
/// If the log cannot be read.
pub(super) async fn changes(
    store: &Store,
    through: u64,
    mut take: impl FnMut(function::Id, &function::Event),
) -> Result<(), store::Error> {
    let (mut after, stats) = (0, store.stats());
    loop {
        let page = store.log_of("function", after, through, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        for recorded in &page {
            if let Some(InOrder::Change(id, event)) = in_order(recorded, &stats) {
                take(id, &event);
            }
        }
    }
}

/// Skips what a newer server wrote, and logs that.
fn read<T>(recorded: &Recorded, found: Result<Vec<T>, upcast::Error>, stats: &Stats) -> Vec<T> {
    found.unwrap_or_else(|error| {
        tracing::error!(position = recorded.position, %error, "record cannot be read; skipped");
        stats.note_unreadable(recorded, &error);
        Vec::new()
    })
}
