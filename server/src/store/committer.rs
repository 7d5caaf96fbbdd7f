//! The task that writes the log: it numbers the records and commits waiting appends in one transaction.
//!
//! A batch forms while the previous one is made durable; there is no timer. Only the committer knows the head of the
//! log, so only it pushes into the rings that feed followers: its own records, and those it finds from other servers.
//! As long as the compare-and-swap on the head succeeds, nobody else wrote, so the heads of streams that it remembers
//! are valid.

mod feeding;
mod heads;
mod numbering;
mod work;

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use domain::{Recorded, Stream};
use lru::LruCache;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::append::{Append, Appended};
use super::batch::Chore;
use super::error::Error;
use super::fault::{Fault, Written};
use super::line::LineRow;
use super::ring::Ring;
use super::stats::Stats;
use super::writer::Writer;
use heads::Head;
pub(super) use work::Lines;
use work::{Waiting, Work};

/// The most events in one batch.
const MAX_EVENTS: usize = 4096;

/// The most bytes of payloads in one batch, unless a single append has more.
const MAX_BYTES: usize = 8 << 20;

/// How often the committer checks for further appends before it commits, as long as it finds some.
const LOOKS: usize = 8;

/// The most lines in one batch: they share the commit with the events and must not delay it.
pub(super) const MAX_LINES: usize = 2000;

/// The most requests that wait; further callers wait for room.
pub(super) const QUEUE: usize = 8192;

/// Streams whose heads are cached.
const HEADS: usize = 32_768;

/// How long an append waits for an unavailable database.
const PATIENCE: Duration = Duration::from_secs(5);

/// After losing a compare-and-swap, so many batches take the head's lock first, so that a busy server cannot starve
/// another.
const POLITE_BATCHES: u32 = 64;

/// A request to the committer.
pub(super) enum Request {
    Append(Box<Append>, oneshot::Sender<Result<Appended, Error>>),
    Chore(Chore, oneshot::Sender<Result<u64, Error>>),
}

/// See the module.
pub(super) struct Committer {
    writer: Writer,
    requests: mpsc::Receiver<Request>,
    line_requests: mpsc::Receiver<Lines>,
    records: Arc<Ring<Recorded>>,
    lines: Arc<Ring<LineRow>>,
    stats: Arc<Stats>,
    /// Wakes the committer when somebody else may have written.
    wake: Arc<Notify>,
    heads: LruCache<Stream, Head>,
    kinds: HashMap<&'static str, Arc<str>>,
    position: u64,
    line: u64,
    /// Records up to this position may have been removed.
    cut: u64,
    /// How many records were removed.
    removed: u64,
    waiting: VecDeque<Waiting>,
    waiting_lines: VecDeque<Lines>,
    chores: Vec<Chore>,
    chore_answers: Vec<oneshot::Sender<Result<u64, Error>>>,
    started: bool,
    /// Whether the last commit failed.
    faulty: bool,
    /// The cached head may be out of date, and the connection may be lost.
    stale: bool,
    /// The database was unavailable the last time: no further append waits for it.
    down: bool,
    /// Batches that still take the lock first.
    polite: u32,
}

/// The committer's channels.
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

    /// Connects, and reads the head.
    pub async fn start(&mut self) -> Result<(), Error> {
        self.refresh().await.map_err(|fault| Error::Unavailable(fault.message()))
    }

    /// Runs until no caller is left and everything is written.
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

    /// A caller that was just answered may have its next append ready as soon as it runs. With that in this batch, two
    /// halves of the callers do not take turns waiting for each other's commit. There is no timer: it costs one check.
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

    /// The next appends, up to the limits of a batch.
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

    /// Commits one batch of what waits, and answers all its callers.
    async fn commit(&mut self) {
        let (appends, lines) = (self.take_appends(), self.take_lines());
        let (chores, chore_answers) = (std::mem::take(&mut self.chores), std::mem::take(&mut self.chore_answers));
        let work = Work { appends, lines, chores, chore_answers, ..Work::default() };
        // The database refused something in the batch. Each part is tried alone, so that only the caller at fault gets
        // an error.
        if let Some((work, _)) = self.drive(work).await {
            for part in work.parts() {
                if let Some((part, message)) = self.drive(part).await {
                    part.fail(&Error::Refused(message));
                }
            }
        }
    }

    /// Tries until everybody is answered, or returns the batch if the database refuses it.
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

    /// A single try: `Ok(true)` when everybody is answered, `Ok(false)` when another server was faster.
    async fn attempt(&mut self, work: &mut Work) -> Result<bool, Fault> {
        if self.stale {
            self.refresh().await?;
        }
        if let Some(batch) = work.unknown.take() {
            match self.landed(&batch).await {
                // The commit succeeded, only its answer was lost; refreshing has informed the followers.
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
                // The next append must know what was removed.
                self.stale |= work.chores.iter().any(|chore| matches!(chore, Chore::Cut(_)));
                work.answer(&chores);
                Ok(true)
            }
            Ok(Written { moved: true, .. }) => {
                let before = (self.position, self.line);
                self.catch_up().await?;
                // Records may have been removed although nobody else wrote.
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
}
