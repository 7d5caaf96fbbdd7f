//! What a table that is folded from the log keeps of each version of a function, and which of them is the current one.

use crate::function::Event;
use crate::manifest::Manifest;

/// The versions of a function, whether it runs, and with which of them.
#[derive(Debug, Clone)]
pub(crate) struct Versions<V> {
    all: Vec<V>,
    /// 0 while there is none.
    current: u32,
    running: bool,
}

impl<V> Default for Versions<V> {
    fn default() -> Self {
        Self { all: Vec::new(), current: 0, running: false }
    }
}

impl<V> Versions<V> {
    /// Takes in what happened to the function, with what is kept of a manifest; `false` when nothing here is changed by it.
    pub(crate) fn evolve(&mut self, event: &Event, of: impl FnOnce(&Manifest) -> V) -> bool {
        match event {
            Event::BuildSucceeded(e) => {
                self.all.push(of(&e.manifest));
                if self.current == 0 {
                    self.current = e.version;
                }
            }
            Event::VersionPromoted(e) => self.current = e.version,
            Event::Started(e) => {
                self.running = true;
                self.current = e.version;
            }
            Event::Stopped(_) => self.running = false,
            _ => return false,
        }
        true
    }

    /// Whether the function runs.
    pub(crate) fn are_running(&self) -> bool {
        self.running
    }

    /// The current one.
    pub(crate) fn current(&self) -> Option<&V> {
        self.of(self.current)
    }

    /// The one of this number.
    pub(crate) fn of(&self, number: u32) -> Option<&V> {
        self.all.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }
}
