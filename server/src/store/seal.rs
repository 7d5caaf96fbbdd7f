//! Seals over the log: what only who has a key can make, so that whoever may write to the database cannot change what was
//! sealed and nobody notice.
//!
//! The hashes of the log need no key: whoever changes a record can make them again. A seal covers the positions and the
//! hashes of a stretch of the log, and the seal before it. It is made aside from the appends, so that these cost what they
//! did; what is not sealed yet is the tail, which is as long as [`SEGMENT`] and the time between two rounds let it be.
//!
//! A seal says two things. Its `hash` says what was there when it was made, and never changes: kept outside of the
//! database, it is an [`Anchor`] of everything before it. Its `present` says what is there now: when old records are
//! removed, the seal is found to be good first, and `present` is made again for what is left.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::Error;
use super::log_key::LogKeyRow;
use super::sql::{Conn, Dialect, On, Row, Value};

/// Records under one seal at most: so many are read again when some of them are removed.
pub(super) const SEGMENT: u64 = 2048;

/// Seals that are read at a time.
const PAGE: usize = 500;

type Bytes32 = [u8; 32];

/// The key that seals are made with. It is not shown.
#[derive(Clone)]
pub struct SealKey(Zeroizing<Bytes32>);

impl SealKey {
    /// A key of these bytes.
    pub fn new(bytes: Bytes32) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &Bytes32 {
        &self.0
    }

    fn mac(&self, purpose: &[u8], parts: &[&[u8]]) -> Bytes32 {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("a key of any length will do");
        // All parts but the last have one length each: no two lists of parts are the same bytes.
        mac.update(purpose);
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// The newest seal at some time, as it is kept outside of the database: `HASH@POSITION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Up to which position of the log it goes.
    pub position: u64,
    /// The seal's hash.
    pub hash: Bytes32,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", hex::encode(self.hash), self.position)
    }
}

impl FromStr for Anchor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no anchor: it is 64 hexadecimal digits, `@`, and a position");
        let (hash, position) = text.trim().split_once('@').ok_or_else(wrong)?;
        let hash = hex::decode(hash).ok().and_then(|hash| hash.try_into().ok()).ok_or_else(wrong)?;
        Ok(Self { position: position.parse().map_err(|_| wrong())?, hash })
    }
}

/// A seal, for who asks how far the log is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// What to keep outside of the database.
    pub anchor: Anchor,
    /// When it was made.
    pub at: DateTime<Utc>,
}

/// What a log's seals prove, as `verify` found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Every seal was looked at with the key.
    Sealed {
        /// The newest one.
        newest: Seal,
        /// What stood in the log up to here was there before sealing began: that it was not changed earlier is not proved.
        since: u64,
        /// When sealing began.
        began: DateTime<Utc>,
        /// Records that came after the newest seal.
        unsealed: u64,
    },
    /// Nothing is proved, for this reason.
    Nothing(String),
}

impl Default for Proof {
    fn default() -> Self {
        Self::Nothing(String::new())
    }
}

/// Rows of the table.
struct SealRow {
    position: u64,
    first: u64,
    count: u64,
    content: Bytes32,
    at: DateTime<Utc>,
    hash: Bytes32,
    present: Bytes32,
}

const NAMES: &str = "position, first, count, content, at, hash, present";

impl SealRow {
    fn read(row: &Row) -> Result<Self, Error> {
        let mut cells = row.cells();
        let position = cells.number()?;
        let bytes = |bytes: &[u8]| {
            bytes
                .try_into()
                .map_err(|_| Error::Damaged(format!("the seal at position {position} is not 32 bytes long")))
        };
        Ok(Self {
            position,
            first: cells.number()?,
            count: cells.number()?,
            content: bytes(cells.bytes()?)?,
            at: cells.time()?,
            hash: bytes(cells.bytes()?)?,
            present: bytes(cells.bytes()?)?,
        })
    }

    fn seal(&self) -> Seal {
        Seal { anchor: Anchor { position: self.position, hash: self.hash }, at: self.at }
    }

    /// The hash that it must have after the one before it.
    fn linked(&self, key: &SealKey, before: &Bytes32) -> Bytes32 {
        let at = self.at.timestamp_micros().to_be_bytes();
        let numbers = [self.first, self.position, self.count].map(u64::to_be_bytes).concat();
        key.mac(b"eventflow seal\0", &[before, &numbers, &at, &self.content])
    }
}

/// What a seal covers of records: their places and hashes, in order.
#[derive(Default)]
struct List {
    bytes: Vec<u8>,
    count: u64,
}

impl List {
    fn push(&mut self, position: u64, hash: &[u8]) {
        self.bytes.extend_from_slice(&position.to_be_bytes());
        self.bytes.extend_from_slice(hash);
        self.count += 1;
    }

    fn digest(&self) -> Bytes32 {
        Sha256::digest(&self.bytes).into()
    }

    fn present(&self, key: &SealKey, seal: &Bytes32) -> Bytes32 {
        key.mac(b"eventflow present\0", &[seal, &self.bytes])
    }
}

fn int(number: u64) -> Value {
    Value::Int(number.cast_signed())
}

fn decoding(error: Error) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

/// Holds off whoever else seals or removes records until the transaction ends. False: nothing is sealed here.
async fn hold(on: &mut On<'_>) -> Result<bool, sqlx::Error> {
    let text = match on.dialect() {
        Dialect::Sqlite => "SELECT one FROM log_key WHERE one = 1",
        Dialect::Postgres => "SELECT one FROM log_key WHERE one = 1 FOR UPDATE",
    };
    Ok(!on.fetch(text, &[]).await?.is_empty())
}

/// The records between two positions, as they are now.
async fn records(on: &mut On<'_>, first: u64, last: u64) -> Result<Vec<(u64, Vec<u8>)>, sqlx::Error> {
    let text = "SELECT position, hash FROM log WHERE position >= $1 AND position <= $2 ORDER BY position";
    let rows = on.fetch(text, &[int(first), int(last)]).await?;
    let read = |row: &Row| {
        let mut cells = row.cells();
        Ok((cells.number()?, cells.bytes()?.to_vec()))
    };
    rows.iter().map(|row| read(row).map_err(decoding)).collect()
}

/// Seals the next stretch of the log, within a transaction. `None`: all of it is sealed, or nothing is sealed here.
pub(super) async fn step(on: &mut On<'_>, key: &SealKey, at: i64) -> Result<Option<Seal>, sqlx::Error> {
    if !hold(on).await? {
        return Ok(None);
    }
    let text = format!("SELECT {NAMES} FROM seals ORDER BY position DESC LIMIT 1");
    let newest = on.fetch(&text, &[]).await?.first().map(SealRow::read).transpose().map_err(decoding)?;
    let (sealed, before) = newest.map_or((0, [0; 32]), |seal| (seal.position, seal.hash));
    // The head comes first: what it counts is there.
    let head = on.fetch("SELECT position FROM head WHERE one = 1", &[]).await?;
    let head: u64 = head.first().map_or(Ok(0), |row| row.cells().number()).map_err(decoding)?;
    let (first, last) = (sealed + 1, head.min(sealed + SEGMENT));
    if first > last {
        return Ok(None);
    }
    let mut list = List::default();
    for (position, hash) in records(on, first, last).await? {
        list.push(position, &hash);
    }
    let at = DateTime::from_timestamp_micros(at).unwrap_or_default();
    let mut seal = SealRow {
        position: last,
        first,
        count: list.count,
        content: list.digest(),
        at,
        hash: [0; 32],
        present: [0; 32],
    };
    seal.hash = seal.linked(key, &before);
    seal.present = list.present(key, &seal.hash);
    let bytes = |bytes: Bytes32| Value::Bytes(bytes.to_vec());
    let values = [
        int(seal.position),
        int(seal.first),
        int(seal.count),
        bytes(seal.content),
        Value::Int(seal.at.timestamp_micros()),
        bytes(seal.hash),
        bytes(seal.present),
    ];
    let text = format!("INSERT INTO seals ({NAMES}) VALUES ($1, $2, $3, $4, $5, $6, $7)");
    on.execute(&text, &values).await?;
    Ok(Some(seal.seal()))
}

/// Makes the seals again that cover records which this transaction has removed: their positions and hashes. A seal that
/// is not good is left as it is, for `verify` to find.
pub(super) async fn removed(on: &mut On<'_>, key: &SealKey, mut gone: Vec<(u64, Vec<u8>)>) -> Result<(), sqlx::Error> {
    gone.sort_unstable();
    if gone.is_empty() || !hold(on).await? {
        return Ok(());
    }
    let mut gone = gone.into_iter().peekable();
    while let Some((next, _)) = gone.peek() {
        let text = format!("SELECT {NAMES} FROM seals WHERE position >= $1 ORDER BY position LIMIT 1");
        let rows = on.fetch(&text, &[int(*next)]).await?;
        let Some(seal) = rows.first().map(SealRow::read).transpose().map_err(decoding)? else { return Ok(()) };
        let left = records(on, seal.first, seal.position).await?;
        let mut before: Vec<_> = left.clone();
        while let Some(record) = gone.next_if(|(position, _)| *position <= seal.position) {
            before.push(record);
        }
        before.sort_unstable();
        let list = |records: &[(u64, Vec<u8>)]| {
            let mut list = List::default();
            records.iter().for_each(|(position, hash)| list.push(*position, hash));
            list
        };
        if list(&before).present(key, &seal.hash) != seal.present {
            tracing::error!(
                position = seal.position,
                "a stretch of the log that ends here, of {} positions, is not as it was sealed: run `eventflow verify`",
                seal.position - seal.first + 1
            );
            continue;
        }
        let present = list(&left).present(key, &seal.hash).to_vec();
        let values = [Value::Bytes(present), int(seal.position)];
        on.execute("UPDATE seals SET present = $1 WHERE position = $2", &values).await?;
    }
    Ok(())
}

/// Looks at every seal while the log is read from its beginning.
pub(super) struct Check {
    key: Option<SealKey>,
    log_key: Option<LogKeyRow>,
    /// Seals that were read and not reached yet.
    ahead: VecDeque<SealRow>,
    /// Up to which position they were read.
    read: u64,
    all_read: bool,
    newest: Option<Seal>,
    list: List,
    anchors: HashMap<u64, Anchor>,
    /// What is wrong.
    pub faults: Vec<String>,
}

impl Check {
    /// With the key, where it is known, and with what was kept outside of the database.
    pub(super) async fn new(conn: &mut Conn, key: Option<SealKey>, anchors: &[Anchor]) -> Result<Self, Error> {
        let rows = conn.fetch(LogKeyRow::SELECT, &[]).await?;
        let log_key = rows.first().map(LogKeyRow::read).transpose()?;
        Ok(Self {
            key,
            log_key,
            ahead: VecDeque::new(),
            read: 0,
            all_read: false,
            newest: None,
            list: List::default(),
            anchors: anchors.iter().map(|anchor| (anchor.position, *anchor)).collect(),
            faults: Vec::new(),
        })
    }

    /// The next record of the log.
    pub(super) async fn take(&mut self, conn: &mut Conn, position: u64, hash: &Bytes32) -> Result<(), Error> {
        self.close(conn, position).await?;
        if self.ahead.front().is_some_and(|seal| seal.first <= position) {
            self.list.push(position, hash);
        }
        Ok(())
    }

    /// The end of the log. What is proved, as far as nothing is wrong.
    pub(super) async fn finish(&mut self, conn: &mut Conn, head: u64) -> Result<Proof, Error> {
        self.close(conn, u64::MAX).await?;
        for (position, anchor) in std::mem::take(&mut self.anchors) {
            self.faults.push(format!(
                "anchor {anchor}: the log has no seal at position {position}: its end was cut off, or an older copy of the \
                 database stands in its place"
            ));
        }
        let Some(newest) = self.newest else {
            return Ok(Proof::Nothing("the log has no seals; a server makes them while it runs".into()));
        };
        if newest.anchor.position > head {
            let end = newest.anchor.position;
            self.faults
                .push(format!("the log is sealed up to position {end}, and its head is {head}: its end is missing"));
        }
        let Some(log_key) = &self.log_key else {
            self.faults.push("the log has seals, and the key that they were made with was removed".into());
            return Ok(Proof::Nothing("the key of the seals is not in the database".into()));
        };
        if self.key.is_none() {
            return Ok(Proof::Nothing("the key of the seals is not known here".into()));
        }
        let unsealed = head.saturating_sub(newest.anchor.position);
        Ok(Proof::Sealed { newest, since: log_key.since, began: log_key.made_at, unsealed })
    }

    /// Compares every seal that ends before a position with the records that were taken.
    async fn close(&mut self, conn: &mut Conn, position: u64) -> Result<(), Error> {
        loop {
            if self.ahead.is_empty() && !self.all_read {
                let text = format!("SELECT {NAMES} FROM seals WHERE position > $1 ORDER BY position LIMIT {PAGE}");
                let rows = conn.fetch(&text, &[int(self.read)]).await?;
                self.all_read = rows.len() < PAGE;
                self.ahead = rows.iter().map(SealRow::read).collect::<Result<_, _>>()?;
                self.read = self.ahead.back().map_or(self.read, |seal| seal.position);
            }
            match self.ahead.front() {
                Some(seal) if seal.position < position => {}
                _ => return Ok(()),
            }
            if let Some(seal) = self.ahead.pop_front() {
                let list = std::mem::take(&mut self.list);
                self.compare(&seal, &list);
            }
        }
    }

    fn compare(&mut self, seal: &SealRow, list: &List) {
        let named = format!("seal of positions {} to {}", seal.first, seal.position);
        let (sealed, before) = self.newest.map_or((0, [0; 32]), |seal| (seal.anchor.position, seal.anchor.hash));
        if seal.first != sealed + 1 {
            self.faults.push(format!("{named}: the one before it ends at position {sealed}"));
        }
        let whole = list.count == seal.count;
        match &self.key {
            Some(key) if seal.hash != seal.linked(key, &before) => {
                self.faults
                    .push(format!("{named}: it was not made with the log's key, or not after the one before it"));
            }
            Some(key) if seal.present != list.present(key, &seal.hash) => {
                self.faults.push(format!("{named}: the records there are not those that were sealed"));
            }
            _ if whole && seal.content != list.digest() => {
                self.faults.push(format!("{named}: the records there are not those that were sealed"));
            }
            _ if list.count > seal.count => {
                self.faults.push(format!("{named}: there are more records than were sealed"));
            }
            _ => {}
        }
        if let Some(anchor) = self.anchors.remove(&seal.position)
            && anchor.hash != seal.hash
        {
            self.faults.push(format!("anchor {anchor}: the seal there is {}", seal.seal().anchor));
        }
        self.newest = Some(seal.seal());
    }
}
