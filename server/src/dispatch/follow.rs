//! What follows from records of the log ([`domain::react`]), for those who do it: what every server has to do for the
//! [attendant](super::attendant); what is done once in the cluster for the [relay](super::relay), and of that what is folded into
//! the plan of schedules for the [schedule](super::schedule), too.

use domain::react::{Everywhere, InOrder, Once};
use domain::{Recorded, function, react, upcast};

use crate::store::{self, Stats, Store};

/// Records of functions read at a time.
const PAGE: u32 = 4096;

/// What every server has to do because of records, in their order.
pub(super) fn everywhere(records: &[Recorded], stats: &Stats) -> impl Iterator<Item = Everywhere> {
    records.iter().flat_map(move |recorded| read(recorded, react::everywhere(recorded), stats))
}

/// What is to be done once because of records, in their order, each with its record.
pub(super) fn once<'r>(
    records: impl IntoIterator<Item = &'r Recorded>,
    stats: &Stats,
) -> impl Iterator<Item = (&'r Recorded, Once)> {
    let of = move |recorded: &'r Recorded| {
        read(recorded, react::once(recorded), stats).into_iter().map(move |reaction| (recorded, reaction))
    };
    records.into_iter().flat_map(of)
}

/// What is to be done because of a record in the order of the log, if anything is.
pub(super) fn in_order(recorded: &Recorded, stats: &Stats) -> Option<InOrder> {
    once([recorded], stats).find_map(|(_, reaction)| match reaction {
        Once::InOrder(reaction) => Some(reaction),
        Once::RollOut { .. } | Once::DeliverAt { .. } | Once::Redrive { .. } => None,
    })
}

/// What changed functions, from the beginning of the log up to a position.
///
/// # Errors
/// When the log cannot be read.
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

/// What a newer server wrote is passed over, and said.
fn read<T>(recorded: &Recorded, found: Result<Vec<T>, upcast::Error>, stats: &Stats) -> Vec<T> {
    found.unwrap_or_else(|error| {
        tracing::error!(position = recorded.position, %error, "a record cannot be read; it is passed over");
        stats.note_unreadable(recorded, &error);
        Vec::new()
    })
}
