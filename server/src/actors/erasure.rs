//! Erases payloads: overwrites them in the log, in the same transaction that records the erasure.

use chrono::{DateTime, Utc};
use domain::aggregate::Payload;
use domain::{Cause, Stream, erasure, event, run};
use sha2::{Digest, Sha256};

use super::writer::{Loaded, MAX_TRIES, Tabled, evolve};
use super::{Commands, Error};
use crate::store::{self, PayloadRow, Row};

/// Records read from the log at a time.
const PAGE: u32 = 1024;

impl Commands {
    /// Erases a run's input, outcome and log lines. Returns whether there was anything to erase.
    ///
    /// # Errors
    /// If the run is not over, its callback is still due, or the log is not available.
    pub async fn erase_run(&self, id: run::Id, at: DateTime<Utc>, cause: Cause) -> Result<bool, Error<run::Error>> {
        let command = |payloads| run::Command::Erase { payloads, at };
        let erased = self.erase::<run::Aggregate>(Stream::run(id), erasure::of_run, command, cause).await?;
        if !erased {
            // Lines that were stored after the erasure, if any.
            self.writer.store().remove_lines(id).await?;
        }
        Ok(erased)
    }

    /// Erases the content of a trigger event. Returns whether there was anything to erase.
    ///
    /// # Errors
    /// If there is no such event, or the log is not available.
    pub async fn erase_event(
        &self,
        id: event::Id,
        at: DateTime<Utc>,
        cause: Cause,
    ) -> Result<bool, Error<event::Error>> {
        let command = |payloads| event::Command::Erase { payloads, at };
        let left = |event: &event::Event| erasure::of_event(event, at);
        self.erase::<event::Aggregate>(Stream::event(id), left, command, cause).await
    }

    async fn erase<A: Tabled>(
        &self,
        stream: Stream,
        left: impl Fn(&A::Event) -> Option<A::Event>,
        command: impl Fn(Vec<erasure::Payload>) -> A::Command,
        cause: Cause,
    ) -> Result<bool, Error<A::Error>> {
        let mut tries = 0;
        loop {
            let (loaded, payloads, rows) = self.to_erase::<A>(&stream, &left).await?;
            let done = self.writer.execute_on(&stream, &loaded, command(payloads), cause.clone(), rows).await;
            match done {
                // Whatever was appended in the meantime, such as the run's result, has to be erased as well.
                Err(Error::Store(store::Error::Conflict { .. })) if tries < MAX_TRIES => tries += 1,
                done => return Ok(done?.changed()),
            }
        }
    }

    /// The current state of the aggregate, and the payloads that replace those to be erased.
    async fn to_erase<A: Tabled>(
        &self,
        stream: &Stream,
        left: impl Fn(&A::Event) -> Option<A::Event>,
    ) -> Result<(Loaded<A>, Vec<erasure::Payload>, Vec<Row>), store::Error> {
        let (mut loaded, mut payloads, mut rows) = (Loaded::<A>::absent(), Vec::new(), Vec::new());
        loop {
            let page = self.writer.store().stream(stream, loaded.version, PAGE).await?;
            let is_last = store::page::is_last(&page, PAGE);
            for recorded in &page {
                loaded = evolve(loaded, recorded)?;
                let version = recorded.version;
                let event = A::Event::decode(&recorded.kind, &recorded.data)
                    .map_err(|error| store::Error::Damaged(format!("stream {stream}, version {version}: {error}")))?;
                let Some(data) = left(&event).map(|event| event.encode()) else { continue };
                payloads.push(erasure::Payload { version, digest: hex::encode(Sha256::digest(&data)) });
                rows.push(Row::Payload(Box::new(PayloadRow { stream: stream.clone(), version, data })));
            }
            if is_last {
                return Ok((loaded, payloads, rows));
            }
        }
    }
}
