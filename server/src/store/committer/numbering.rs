//! Assigns versions, positions and hashes to appends.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::SubsecRound;
use domain::{Recorded, Stream};
use sha2::{Digest, Sha256};

use super::Committer;
use super::heads::{Head, head};
use super::work::{Waiting, Work};
use crate::store::append::{Append, Appended};
use crate::store::batch::Batch;
use crate::store::columns::Entry;
use crate::store::error::Error;
use crate::store::fault::Fault;
use crate::store::line::LineRow;
use crate::store::sql::Value;
use crate::store::tables::Row;

impl Committer {
    /// Numbers the appends that can be made. Impossible ones are answered; those that depend on this batch wait for the
    /// next.
    pub(super) async fn form(&mut self, work: &mut Work) -> Result<Batch, Fault> {
        let mut heads = self.heads_of(&work.appends).await?;
        let mut batch =
            Batch { after: self.position, line_after: self.line, removed: self.removed, ..Batch::default() };
        let mut touched: HashSet<Stream> = HashSet::new();
        let (mut later, mut kept) = (Vec::new(), Vec::with_capacity(work.appends.len()));
        work.appended.clear();
        for waiting in std::mem::take(&mut work.appends) {
            let append = &waiting.append;
            let head = heads.entry(append.stream.clone()).or_default();
            if append.expected == head.version {
                work.appended.push(self.number(append, head, &mut batch));
                touched.insert(append.stream.clone());
                kept.push(waiting);
            } else if touched.contains(&append.stream) {
                later.push(waiting);
            } else {
                let head = *head;
                match self.appended_before(&waiting.append, head).await {
                    Ok(result) => {
                        // The caller may have gone.
                        let _ = waiting.answer.send(result);
                    }
                    Err(fault) => {
                        kept.push(waiting);
                        work.appends = kept;
                        work.appends.extend(later);
                        return Err(fault);
                    }
                }
            }
        }
        work.appends = kept;
        for waiting in later.into_iter().rev() {
            self.waiting.push_front(waiting);
        }
        for lines in &work.lines {
            for line in &lines.0 {
                let position = batch.line_head() + 1;
                batch.lines.push(LineRow { position, line: line.clone() });
            }
        }
        Ok(batch)
    }

    /// Assigns positions to an append's events.
    fn number(&mut self, append: &Append, head: &mut Head, batch: &mut Batch) -> Appended {
        let mut content = Vec::with_capacity(512);
        let namespace = namespace(append);
        let first = batch.head() + 1;
        if head.version == 0 {
            head.first = first;
        }
        for (index, event) in append.events.iter().enumerate() {
            let at = event.at.trunc_subsecs(6);
            head.version += 1;
            content.clear();
            content.extend_from_slice(&head.hash);
            let (stream, version) = (&append.stream, head.version);
            domain::hash::content(&mut content, stream, version, event.id, event.kind, &event.data, at, &append.cause);
            head.hash = Sha256::digest(&content).into();
            let kind = self.kinds.entry(event.kind).or_insert_with(|| event.kind.into()).clone();
            batch.records.push(Recorded {
                position: batch.head() + 1,
                stream: stream.clone(),
                version,
                id: event.id,
                kind,
                data: event.data.as_slice().into(),
                at,
                cause: append.cause.clone(),
                hash: head.hash,
            });
            let following = append.events.len() - index - 1;
            batch
                .entries
                .push(Entry { namespace: namespace.clone(), following: u32::try_from(following).unwrap_or(u32::MAX) });
        }
        for row in &append.rows {
            batch.rows.put(row, head.first, batch.head());
        }
        Appended { position: batch.head(), version: head.version }
    }

    /// The heads of the appends' streams: cached ones, and one query for those that are neither cached nor new.
    async fn heads_of(&mut self, appends: &[Waiting]) -> Result<HashMap<Stream, Head>, Fault> {
        let mut heads: HashMap<Stream, Head> = HashMap::with_capacity(appends.len());
        let mut ask: HashSet<&Stream> = HashSet::new();
        for waiting in appends {
            let stream = &waiting.append.stream;
            if heads.contains_key(stream) || ask.contains(stream) {
                continue;
            }
            match self.heads.get(stream) {
                // The stream may have been removed.
                Some(head) if head.removed != self.removed && head.first <= self.cut => {
                    ask.insert(stream);
                }
                Some(head) if waiting.append.expected <= head.version => {
                    heads.insert(stream.clone(), *head);
                }
                None if waiting.append.expected == 0 && !waiting.look => {
                    heads.insert(stream.clone(), Head::default());
                }
                _ => {
                    ask.insert(stream);
                }
            }
        }
        if ask.is_empty() {
            return Ok(heads);
        }
        let sql = format!(
            "SELECT l.stream, l.version, l.hash, f.position FROM {}
             JOIN log l ON l.stream = t.value AND l.version = (SELECT max(m.version) FROM log m WHERE m.stream = t.value)
             JOIN log f ON f.stream = t.value AND f.version = 1",
            self.writer.dialect().table(1)
        );
        let streams = ask.iter().map(|stream| stream.as_str().to_owned()).collect();
        for stream in &ask {
            self.heads.pop(*stream);
        }
        for row in self.writer.fetch(&sql, &[Value::Texts(streams)]).await? {
            let (name, head) = head(&row, self.removed).map_err(|error| Fault::Refused(error.to_string()))?;
            if let Some(stream) = ask.iter().find(|stream| stream.as_str() == name) {
                self.heads.put((*stream).clone(), head);
                heads.insert((*stream).clone(), head);
            }
        }
        Ok(heads)
    }

    /// Whether a conflicting append is the repetition of an earlier one.
    async fn appended_before(&mut self, append: &Append, head: Head) -> Result<Result<Appended, Error>, Fault> {
        let actual = head.version;
        let conflict = Error::Conflict { stream: append.stream.clone(), expected: append.expected, actual };
        let last = append.expected + append.events.len() as u64;
        if last > actual {
            return Ok(Err(conflict));
        }
        let sql = "SELECT id, position FROM log WHERE stream = $1 AND version > $2 AND version <= $3 ORDER BY version";
        let stream = Value::Text(append.stream.as_str().to_owned());
        let range = [append.expected, last].map(|version| Value::Int(version.cast_signed()));
        let [from, to] = range;
        let rows = self.writer.fetch(sql, &[stream, from, to]).await?;
        if rows.len() < append.events.len() {
            // The cached stream is no longer in the log.
            self.heads.pop(&append.stream);
            return Err(Fault::Exists(format!("stream {} was removed meanwhile", append.stream)));
        }
        let mut position = 0;
        let mut same = rows.len() == append.events.len();
        for (row, event) in rows.iter().zip(&append.events) {
            let mut cells = row.cells();
            let refused = |error: Error| Fault::Refused(error.to_string());
            same &= cells.uuid().map_err(refused)? == event.id;
            position = cells.number().map_err(refused)?;
        }
        Ok(if same { Ok(Appended { position, version: last }) } else { Err(conflict) })
    }

    /// Caches the heads after a batch.
    pub(super) fn remember(&mut self, batch: &Batch) {
        for record in &batch.records {
            self.remember_record(record);
        }
    }

    pub(super) fn remember_record(&mut self, record: &Recorded) {
        let (version, hash, removed) = (record.version, record.hash, self.removed);
        if version == 1 {
            self.heads.put(record.stream.clone(), Head { version, hash, first: record.position, removed });
            return;
        }
        // If a stream's first position is not known, it is read when needed.
        if let Some(head) = self.heads.get_mut(&record.stream) {
            *head = Head { version, hash, first: head.first, removed };
        }
    }
}

/// The namespace of an append, from its rows or from the stream's name.
fn namespace(append: &Append) -> Arc<str> {
    let of_row = append.rows.iter().find_map(|row| match row {
        Row::Function(row) => Some(row.namespace.as_str()),
        Row::Build(row) => Some(row.namespace.as_str()),
        Row::Run(row) => Some(row.namespace.as_str()),
        Row::Event(row) => Some(row.namespace.as_str()),
        Row::Secret(row) => Some(row.namespace.as_str()),
        Row::Version(_) | Row::Payload(_) => None,
    });
    of_row.or_else(|| append.stream.as_str().strip_prefix("namespace-")).unwrap_or_default().into()
}
