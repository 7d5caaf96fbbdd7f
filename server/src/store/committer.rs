//! The one task that writes a log: it numbers the records itself and commits what waits in one transaction.
//!
//! A batch forms while the one before it is made durable; there is no timer. The committer alone knows the head of the
//! log, so it alone pushes into the rings that followers are fed from: what it wrote itself, and what it finds that other
//! servers wrote. As long as the compare-and-swap on the head succeeds, nobody else wrote, and the heads of streams that
//! it remembers are true.

use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use chrono::SubsecRound;
use domain::{Recorded, Stream};
use lru::LruCache;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::append::{Append, Appended};
use super::batch::{Batch, Chore};
use super::columns::{self, Entry};
use super::error::Error;
use super::fault::{Fault, Written};
use super::line::{LineRow, NewLine};
use super::listing::Bounded;
use super::ring::Ring;
use super::sql::{self, Value};
use super::stats::Stats;
use super::table::Stored;
use super::tables::Row;
use super::writer::Writer;

/// Events of one batch at most.
const MAX_EVENTS: usize = 4096;

/// Bytes of payload of one batch at most, unless one append alone has more.
const MAX_BYTES: usize = 8 << 20;

/// How often the committer looks for more before it commits, as long as more comes.
const LOOKS: usize = 8;

/// Lines of one batch at most: they share the commit with the events and must not delay it.
pub(super) const MAX_LINES: usize = 2000;

/// Requests that wait at most; more callers wait for room.
pub(super) const QUEUE: usize = 8192;

/// Streams whose heads are remembered.
const HEADS: usize = 32_768;

/// How long an append waits for a database that is gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// Records read at a time from what other servers wrote.
const PAGE: usize = 2048;

/// More than this behind, what other servers wrote is not read but left to the followers.
const CATCH_UP: u64 = 32_768;

/// After a lost compare-and-swap this many batches take the head's lock first, so that a busy server cannot starve another.
const POLITE_BATCHES: u32 = 64;

/// What is asked of the committer.
pub(super) enum Request {
    Append(Box<Append>, oneshot::Sender<Result<Appended, Error>>),
    Chore(Chore, oneshot::Sender<Result<u64, Error>>),
}

/// Lines to write, and who waits for it.
pub(super) struct Lines(pub Vec<NewLine>, pub oneshot::Sender<Result<(), Error>>);

/// The newest record of a stream.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    version: u64,
    hash: [u8; 32],
    /// The position of the stream's first record.
    first: u64,
    /// How many records of the log were removed when this was true.
    removed: u64,
}

struct Waiting {
    append: Box<Append>,
    answer: oneshot::Sender<Result<Appended, Error>>,
    /// The stream may be there although nobody remembers it.
    look: bool,
}

/// See the module.
pub(super) struct Committer {
    writer: Writer,
    requests: mpsc::Receiver<Request>,
    line_requests: mpsc::Receiver<Lines>,
    records: Arc<Ring<Recorded>>,
    lines: Arc<Ring<LineRow>>,
    stats: Arc<Stats>,
    /// Somebody else wrote, perhaps.
    wake: Arc<Notify>,
    heads: LruCache<Stream, Head>,
    kinds: HashMap<&'static str, Arc<str>>,
    position: u64,
    line: u64,
    /// Up to here there may be holes in the log: records were removed.
    cut: u64,
    /// How many were removed.
    removed: u64,
    waiting: VecDeque<Waiting>,
    waiting_lines: VecDeque<Lines>,
    chores: Vec<Chore>,
    chore_answers: Vec<oneshot::Sender<Result<u64, Error>>>,
    started: bool,
    /// The last commit failed.
    faulty: bool,
    /// What is known of the head may be out of date, and the connection may be gone.
    stale: bool,
    /// The database was gone when last asked: nobody waits for it again.
    down: bool,
    /// Batches that take the lock first.
    polite: u32,
}

/// What the committer is told, and by whom it is asked.
pub(super) struct Inbox {
    pub requests: mpsc::Receiver<Request>,
    pub lines: mpsc::Receiver<Lines>,
    pub wake: Arc<Notify>,
}

impl Committer {
    pub fn new(
        writer: Writer,
        inbox: Inbox,
        records: Arc<Ring<Recorded>>,
        lines: Arc<Ring<LineRow>>,
        stats: Arc<Stats>,
    ) -> Self {
        Self {
            writer,
            requests: inbox.requests,
            line_requests: inbox.lines,
            wake: inbox.wake,
            records,
            lines,
            stats,
            heads: LruCache::new(NonZeroUsize::new(HEADS).expect("not zero")),
            kinds: HashMap::new(),
            position: 0,
            line: 0,
            cut: 0,
            removed: 0,
            waiting: VecDeque::new(),
            waiting_lines: VecDeque::new(),
            chores: Vec::new(),
            chore_answers: Vec::new(),
            started: false,
            faulty: false,
            stale: true,
            down: false,
            polite: 0,
        }
    }

    /// Connects and reads the head.
    pub async fn start(&mut self) -> Result<(), Error> {
        self.refresh().await.map_err(|fault| Error::Unavailable(fault.message()))
    }

    /// Runs until nobody can ask any more and everything is written.
    pub async fn run(mut self) {
        let mut requests = Vec::with_capacity(QUEUE);
        let mut open = true;
        while open || !self.is_idle() {
            if self.is_idle() {
                tokio::select! {
                    count = self.requests.recv_many(&mut requests, QUEUE) => open = count > 0,
                    Some(lines) = self.line_requests.recv() => self.waiting_lines.push_back(lines),
                    () = self.wake.notified() => self.look_for_others().await,
                }
            }
            self.take_what_waits(&mut requests);
            if !self.is_idle() {
                self.let_others_ask(&mut requests).await;
                self.commit().await;
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.waiting_lines.is_empty() && self.chores.is_empty()
    }

    /// Whoever was answered just now may have the next append ready as soon as it runs: with it in this batch, two
    /// halves of the callers do not take turns waiting for each other's commit. It is no timer: it costs a look.
    async fn let_others_ask(&mut self, requests: &mut Vec<Request>) {
        for _ in 0..LOOKS {
            let before = self.waiting.len();
            tokio::task::yield_now().await;
            self.take_what_waits(requests);
            if self.waiting.len() == before {
                break;
            }
        }
    }

    fn take_what_waits(&mut self, requests: &mut Vec<Request>) {
        while self.waiting.len() + requests.len() < MAX_EVENTS {
            let Ok(request) = self.requests.try_recv() else { break };
            requests.push(request);
        }
        for request in requests.drain(..) {
            match request {
                Request::Append(append, answer) => self.waiting.push_back(Waiting { append, answer, look: false }),
                Request::Chore(chore, answer) => {
                    self.chores.push(chore);
                    self.chore_answers.push(answer);
                }
            }
        }
        let mut count: usize = self.waiting_lines.iter().map(|lines| lines.0.len()).sum();
        while count < MAX_LINES {
            let Ok(lines) = self.line_requests.try_recv() else { break };
            count += lines.0.len();
            self.waiting_lines.push_back(lines);
        }
    }

    /// The next appends, up to a batch's limits.
    fn take_appends(&mut self) -> Vec<Waiting> {
        let (mut taken, mut events, mut bytes) = (Vec::with_capacity(self.waiting.len()), 0, 0);
        while let Some(next) = self.waiting.front() {
            events += next.append.events.len();
            bytes += next.append.events.iter().map(|event| event.data.len()).sum::<usize>();
            if !taken.is_empty() && (events > MAX_EVENTS || bytes > MAX_BYTES) {
                break;
            }
            taken.extend(self.waiting.pop_front());
        }
        taken
    }

    fn take_lines(&mut self) -> Vec<Lines> {
        let mut taken = Vec::new();
        let mut count = 0;
        while let Some(next) = self.waiting_lines.front() {
            count += next.0.len();
            if !taken.is_empty() && count > MAX_LINES {
                break;
            }
            taken.extend(self.waiting_lines.pop_front());
        }
        taken
    }

    /// Commits one batch of what waits, and answers everyone in it.
    async fn commit(&mut self) {
        let (appends, lines) = (self.take_appends(), self.take_lines());
        let (chores, chore_answers) = (std::mem::take(&mut self.chores), std::mem::take(&mut self.chore_answers));
        let work = Work { appends, lines, chores, chore_answers, ..Work::default() };
        // A batch was refused for something in it: each part is tried alone, so that only the culprit's caller is told.
        if let Some((work, _)) = self.drive(work).await {
            for part in work.parts() {
                if let Some((part, message)) = self.drive(part).await {
                    part.fail(&Error::Refused(message));
                }
            }
        }
    }

    /// Tries until everyone is answered, or until the database refuses the batch: then it comes back.
    async fn drive(&mut self, mut work: Work) -> Option<(Work, String)> {
        let since = Instant::now();
        let mut looked = false;
        loop {
            let fault = match self.attempt(&mut work).await {
                Ok(true) => return None,
                Ok(false) => continue,
                Err(fault) => fault,
            };
            self.writer.unlock().await;
            match fault {
                Fault::Exists(_) if !looked => {
                    looked = true;
                    for waiting in &mut work.appends {
                        waiting.look = true;
                    }
                }
                Fault::Exists(message) | Fault::Refused(message) => return Some((work, message)),
                Fault::Unavailable(message) => {
                    tracing::warn!(error = %message, appends = work.appends.len(), "the event log takes no appends");
                    self.stale = true;
                    self.faulty = true;
                    self.stats.set_fault(Some(message.clone()));
                    work.fail(&Error::Unavailable(message));
                    return None;
                }
                Fault::Lost(message) => {
                    self.stale = true;
                    if self.down || since.elapsed() > PATIENCE {
                        tracing::warn!(error = %message, appends = work.appends.len(), "the database is gone");
                        self.down = true;
                        self.faulty = true;
                        self.stats.set_fault(Some(message.clone()));
                        work.fail(&Error::Unavailable(message));
                        return None;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    /// One try; `Ok(true)` when everyone is answered, `Ok(false)` when another server was faster.
    async fn attempt(&mut self, work: &mut Work) -> Result<bool, Fault> {
        if self.stale {
            self.refresh().await?;
        }
        if let Some(batch) = work.unknown.take() {
            match self.landed(&batch).await {
                // The answer was lost, not the commit; refreshing has told the followers.
                Ok(true) => {
                    let chores = vec![1; work.chores.len()];
                    work.answer(&chores);
                    return Ok(true);
                }
                Ok(false) => {}
                Err(fault) => {
                    work.unknown = Some(batch);
                    return Err(fault);
                }
            }
        }
        if self.polite > 0 {
            self.polite -= 1;
            self.writer.lock().await?;
            self.catch_up().await?;
        }
        let batch = self.form(work).await?;
        if batch.is_empty() && work.chores.is_empty() {
            self.writer.unlock().await;
            return Ok(true);
        }
        match self.writer.write(&batch, &work.chores).await {
            Ok(Written { moved: false, chores }) => {
                self.stats.add_commit();
                if std::mem::take(&mut self.faulty) {
                    self.stats.set_fault(None);
                }
                self.remember(&batch);
                self.publish(batch);
                // What was removed has to be known before the next append.
                self.stale |= work.chores.iter().any(|chore| matches!(chore, Chore::Cut(_)));
                work.answer(&chores);
                Ok(true)
            }
            Ok(Written { moved: true, .. }) => {
                let before = (self.position, self.line);
                self.catch_up().await?;
                // Records may have been removed, and nobody else wrote.
                if before != (self.position, self.line) {
                    self.stats.add_moved();
                    self.polite = POLITE_BATCHES;
                }
                Ok(false)
            }
            Err(fault) => {
                if matches!(fault, Fault::Lost(_)) {
                    work.unknown = Some(batch);
                }
                Err(fault)
            }
        }
    }

    /// Numbers what can be appended. What cannot is answered; what depends on the batch itself waits for the next one.
    async fn form(&mut self, work: &mut Work) -> Result<Batch, Fault> {
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
                match self.told_before(&waiting.append, head).await {
                    Ok(result) => {
                        // Whoever asked may have gone.
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

    /// Gives an append's events their places.
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

    /// The heads of the appends' streams: remembered ones, and in one query those that are not and are not new.
    async fn heads_of(&mut self, appends: &[Waiting]) -> Result<HashMap<Stream, Head>, Fault> {
        let mut heads: HashMap<Stream, Head> = HashMap::with_capacity(appends.len());
        let mut ask: HashSet<&Stream> = HashSet::new();
        for waiting in appends {
            let stream = &waiting.append.stream;
            if heads.contains_key(stream) || ask.contains(stream) {
                continue;
            }
            match self.heads.get(stream) {
                // It may be gone.
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

    /// Whether an append that does not fit is one that was made before.
    async fn told_before(&mut self, append: &Append, head: Head) -> Result<Result<Appended, Error>, Fault> {
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
            // What is remembered of the stream is gone from the log.
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

    /// Keeps the heads that a batch led to.
    fn remember(&mut self, batch: &Batch) {
        for record in &batch.records {
            self.remember_record(record);
        }
    }

    fn remember_record(&mut self, record: &Recorded) {
        let (version, hash, removed) = (record.version, record.hash, self.removed);
        if version == 1 {
            self.heads.put(record.stream.clone(), Head { version, hash, first: record.position, removed });
            return;
        }
        // A stream whose first position is not known is looked up when it is needed.
        if let Some(head) = self.heads.get_mut(&record.stream) {
            *head = Head { version, hash, first: head.first, removed };
        }
    }

    /// Hands a batch to the followers.
    fn publish(&mut self, batch: Batch) {
        self.position = batch.head();
        self.line = batch.line_head();
        self.stats.set_position(self.position);
        self.stats.set_line(self.line);
        let erases = batch.records.iter().any(is_erasure);
        self.records.push(batch.records.into());
        self.lines.push(batch.lines.into());
        if erases {
            self.forget();
        }
    }

    /// Lets followers read from the database what they would have got from memory: it may have been erased.
    fn forget(&mut self) {
        self.records.reset(self.position);
        self.lines.reset(self.line);
    }

    /// Whether a batch whose answer was lost is in the log: it is there as a whole, at its place, or not at all.
    async fn landed(&mut self, batch: &Batch) -> Result<bool, Fault> {
        let refused = |error: Error| Fault::Refused(error.to_string());
        if let Some(first) = batch.records.first() {
            let sql = "SELECT id FROM log WHERE position = $1";
            let rows = self.writer.fetch(sql, &[Value::Int(first.position.cast_signed())]).await?;
            let Some(row) = rows.first() else { return Ok(false) };
            return Ok(row.cells().uuid().map_err(refused)? == first.id);
        }
        let Some(first) = batch.lines.first() else { return Ok(false) };
        let sql = format!("SELECT {} FROM lines WHERE position = $1", columns::LINES.names(""));
        let rows = self.writer.fetch(&sql, &[Value::Int(first.position.cast_signed())]).await?;
        let Some(row) = rows.first() else { return Ok(false) };
        let line = LineRow::read(row).map_err(refused)?.line;
        Ok(line.text == sql::without_zero(&first.line.text) && line.function == first.line.function)
    }

    /// Connects if need be and learns what others wrote meanwhile.
    async fn refresh(&mut self) -> Result<(), Fault> {
        self.writer.connect().await?;
        self.catch_up().await?;
        self.stale = false;
        self.down = false;
        Ok(())
    }

    /// Learns what other servers wrote, and tells the followers.
    async fn catch_up(&mut self) -> Result<(), Fault> {
        let refused = |error: Error| Fault::Refused(error.to_string());
        let rows = self.writer.fetch("SELECT position, line, cut, removed FROM head WHERE one = 1", &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| Fault::Unavailable("the log has no head row: run `eventflow migrate`".into()))?;
        let mut cells = row.cells();
        let (head, line): (u64, u64) = (cells.number().map_err(refused)?, cells.number().map_err(refused)?);
        self.cut = cells.number().map_err(refused)?;
        self.removed = cells.number().map_err(refused)?;
        if !self.started || head < self.position || head - self.position > CATCH_UP {
            self.heads.clear();
            self.records.reset(head);
            self.position = head;
        }
        if !self.started || line < self.line || line - self.line > CATCH_UP {
            self.lines.reset(line);
            self.line = line;
        }
        self.started = true;
        let mut erases = false;
        while self.position < head {
            let (between, limit) = ("WHERE position > $1 AND position <= $2", PAGE.to_string());
            let page = Bounded::by_position("log", columns::RECORD_NAMES, between, &limit);
            let range = [self.position, head].map(|position| Value::Int(position.cast_signed()));
            let rows = self.writer.fetch(&page.sql(""), &range).await?;
            let records = rows.iter().map(columns::record).collect::<Result<Vec<_>, _>>().map_err(refused)?;
            let Some(last) = records.last() else { break };
            let hole = holes(self.position, records.iter().map(|record| record.position));
            erases |= records.iter().any(is_erasure);
            self.position = last.position;
            for record in &records {
                self.remember_record(record);
            }
            match hole {
                // What was removed before it was seen is not told: followers read on from the log.
                Some(hole) if hole <= self.cut => self.records.reset(self.position),
                _ => self.records.push(records.into()),
            }
        }
        if self.records.tail() < head && head <= self.cut {
            self.records.reset(head);
        }
        while self.line < line {
            let (names, limit) = (columns::LINES.names(""), PAGE.to_string());
            let page = Bounded::by_position("lines", &names, "WHERE position > $1 AND position <= $2", &limit);
            let range = [self.line, line].map(|position| Value::Int(position.cast_signed()));
            let rows = self.writer.fetch(&page.sql(""), &range).await?;
            let lines = rows.iter().map(LineRow::read).collect::<Result<Vec<_>, _>>().map_err(refused)?;
            let Some(last) = lines.last() else { break };
            let hole = holes(self.line, lines.iter().map(|line| line.position));
            self.line = last.position;
            match hole {
                Some(_) => self.lines.reset(self.line),
                None => self.lines.push(lines.into()),
            }
        }
        if self.lines.tail() < line {
            self.lines.reset(line);
        }
        self.position = head;
        self.line = line;
        if erases {
            self.forget();
        }
        self.stats.set_position(self.position);
        self.stats.set_line(self.line);
        Ok(())
    }

    /// Nothing is to be written: has somebody else written?
    async fn look_for_others(&mut self) {
        if let Err(fault) = self.refresh().await {
            if !self.stale {
                tracing::warn!(error = fault.message(), "the database is gone");
            }
            self.stale = true;
        }
    }
}

/// What goes into one commit, and who waits for it.
#[derive(Default)]
struct Work {
    appends: Vec<Waiting>,
    /// What is answered to each append when the batch is written.
    appended: Vec<Appended>,
    lines: Vec<Lines>,
    chores: Vec<Chore>,
    chore_answers: Vec<oneshot::Sender<Result<u64, Error>>>,
    /// A batch of it whose outcome nobody knows.
    unknown: Option<Batch>,
}

impl Work {
    /// Tells everyone that it is written. Whoever asked may have gone.
    fn answer(&mut self, chores: &[u64]) {
        for (waiting, appended) in self.appends.drain(..).zip(&self.appended) {
            let _ = waiting.answer.send(Ok(*appended));
        }
        for lines in self.lines.drain(..) {
            let _ = lines.1.send(Ok(()));
        }
        for (answer, done) in self.chore_answers.drain(..).zip(chores) {
            let _ = answer.send(Ok(*done));
        }
    }

    fn fail(self, error: &Error) {
        for waiting in self.appends {
            let _ = waiting.answer.send(Err(error.clone()));
        }
        for lines in self.lines {
            let _ = lines.1.send(Err(error.clone()));
        }
        for answer in self.chore_answers {
            let _ = answer.send(Err(error.clone()));
        }
    }

    /// Each part alone.
    fn parts(self) -> Vec<Self> {
        let mut parts = Vec::new();
        for waiting in self.appends {
            parts.push(Self { appends: vec![waiting], ..Self::default() });
        }
        for lines in self.lines {
            parts.push(Self { lines: vec![lines], ..Self::default() });
        }
        for (chore, answer) in self.chores.into_iter().zip(self.chore_answers) {
            parts.push(Self { chores: vec![chore], chore_answers: vec![answer], ..Self::default() });
        }
        parts
    }
}

/// The namespace that an append belongs to: its rows know it, or the stream's name.
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

/// Whether earlier records were written over with this one.
fn is_erasure(record: &Recorded) -> bool {
    &*record.kind == "Erased"
}

/// The last position before one of these, after a position, that is not among them.
fn holes(after: u64, positions: impl Iterator<Item = u64>) -> Option<u64> {
    let (mut last, mut hole) = (after, None);
    for position in positions {
        if position != last + 1 {
            hole = Some(position - 1);
        }
        last = position;
    }
    hole
}

fn head(row: &sql::Row, removed: u64) -> Result<(String, Head), Error> {
    let mut cells = row.cells();
    let (stream, version) = (cells.text()?, cells.number()?);
    let damaged = |_| Error::Damaged(format!("stream {stream}, version {version}: its hash is not 32 bytes long"));
    let hash = cells.bytes()?.try_into().map_err(damaged)?;
    let first = cells.number()?;
    Ok((stream, Head { version, hash, first, removed }))
}
