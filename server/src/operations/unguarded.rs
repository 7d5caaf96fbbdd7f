//! Reads without an access check: for metrics over all namespaces, and for the GraphQL loader, which batches over all callers and
//! then filters the rows for each of them.

use std::ops::Deref;

use domain::event::Received;
use domain::run::Run;
use domain::{Stream, event, run};

use super::refusal::Fault;
use crate::actors::Writer;
use crate::store::{Log, Store};

/// Unrestricted access to the log and its tables.
#[derive(Clone)]
pub struct Unguarded {
    store: Store,
    writer: Writer,
}

impl Unguarded {
    pub(super) fn new(store: Store, writer: Writer) -> Self {
        Self { store, writer }
    }

    /// A run with its input and output.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn whole_run(&self, id: run::Id) -> Result<Option<Run>, Fault> {
        Ok(self.writer.load::<run::Aggregate>(&Stream::run(id)).await?.state)
    }

    /// A trigger event with its content.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn whole_event(&self, id: event::Id) -> Result<Option<Received>, Fault> {
        Ok(self.writer.load::<event::Aggregate>(&Stream::event(id)).await?.state)
    }
}

impl Deref for Unguarded {
    type Target = Log;

    fn deref(&self) -> &Log {
        &self.store
    }
}
