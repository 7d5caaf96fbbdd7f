//! A hold on a process for those who only watch it: they can end it and see its end, without keeping it alive.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::unistd::Pid;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use uuid::Uuid;

use super::super::handle::Order;
use super::super::{Exit, Line, Lines, Stream};
use super::family::{descendant, is_first};
use crate::clock;

/// How long a line that nobody takes may delay the end of its process.
const REPORTED_WITHIN: Duration = Duration::from_secs(1);

/// Where the first process of the innermost sandbox is found: so many generations below the process that was started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inside {
    pub(super) outer: Pid,
    pub(super) generations: usize,
}

/// A weak handle that can end a process and see its end, but does not keep it alive.
#[derive(Debug)]
pub(super) struct Leash {
    pub(super) orders: mpsc::WeakUnboundedSender<Order>,
    pub(super) exit: watch::Receiver<Option<Exit>>,
    pub(super) why: Arc<OnceLock<String>>,
    pub(super) inside: Option<Inside>,
    /// The process that was found there: with its end all others end.
    pub(super) first: OnceLock<Pid>,
}

impl Leash {
    /// Reports why, in a line and with the process's exit, and kills it.
    pub(super) async fn end(&self, why: String, run: Option<Uuid>, lines: Option<Lines>) {
        let text = format!("The process was ended: {why}.");
        let line = Line { at: clock::now(), stream: Stream::System, run, text };
        // It may take a while to end, and the reason is reported once.
        if self.why.set(why).is_ok()
            && let Some(lines) = lines
        {
            let _ = timeout(REPORTED_WITHIN, lines.send(line)).await;
        }
        if let Some(orders) = self.orders.upgrade() {
            let _ = orders.send(Order::Kill);
        }
    }

    /// Returns when the process is gone.
    pub(super) async fn ended(&self) {
        let _ = self.exit.clone().wait_for(Option::is_some).await;
    }

    /// Whether the process is gone.
    pub(super) fn is_over(&self) -> bool {
        self.exit.borrow().is_some() || self.exit.has_changed().is_err()
    }

    /// The first process in the sandbox, which is in all of its namespaces; `None` as long as there is none.
    pub(super) fn inside(&self) -> Option<Pid> {
        let Inside { outer, generations } = self.inside?;
        match self.first.get() {
            Some(first) => Some(*first),
            // While the sandbox is set up, other processes may be at this place.
            None => {
                let first = descendant(outer, generations).filter(|pid| is_first(*pid))?;
                Some(*self.first.get_or_init(|| first))
            }
        }
    }
}
