//! Splits the output of a process into lines.
//!
//! Knows bytes and the wrappers' run marks, but neither processes nor the readers of the lines.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock;

use super::{Line, Lines, MAX_LINE_BYTES, Rate, Stream};

/// Lines of standard error kept for the message of a failure.
pub(super) const TAIL_LINES: usize = 50;

/// Wrappers start a line with this, the run's UUID and [`MARK_END`].
const MARK_START: u8 = 0x1e;
const MARK_END: u8 = 0x1f;
/// Start, 36 characters of UUID, end.
const MARK_BYTES: usize = 38;

/// Space for the note that says how much was cut.
const CUT_NOTE_BYTES: usize = 64;

const READ_BYTES: usize = 64 * 1024;

/// Bytes a second that are read of one process's output, and at once after a silence. A process that writes more waits:
/// reading costs the server time even for what is thrown away.
const READ_BYTES_PER_SECOND: f64 = 4.0 * MIB;

/// Bytes a second that are read of all processes together, on top of [`OWN_BYTES_PER_SECOND`] of each: however many
/// flood
/// the server, reading takes no more time than this.
const ALL_BYTES_PER_SECOND: f64 = 8.0 * MIB;

/// Bytes a second that are read of each process's output, whatever the others write.
const OWN_BYTES_PER_SECOND: f64 = 0.125 * MIB;

/// A process that writes more than its own part is read after at least this pause, so that a few large pieces come
/// together instead of many small ones.
const GATHER: Duration = Duration::from_millis(5);

const MIB: f64 = 1024.0 * 1024.0;

/// A token bucket for bytes: one second's worth at once, then refilled over time.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    /// Bytes that may be taken, and since when.
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    fn new(per_second: f64) -> Self {
        Self { per_second, state: Mutex::new((per_second, Instant::now())) }
    }

    fn refill(&self, state: &mut (f64, Instant), now: Instant) {
        let refilled = state.0 + now.saturating_duration_since(state.1).as_secs_f64() * self.per_second;
        *state = (refilled.min(self.per_second), now);
    }

    /// Takes the bytes if they are available.
    fn try_take(&self, bytes: f64, now: Instant) -> bool {
        let mut state = self.state.lock();
        self.refill(&mut state, now);
        let enough = state.0 >= bytes;
        if enough {
            state.0 -= bytes;
        }
        enough
    }

    /// Takes the bytes; returns how long to wait until they are available.
    fn take(&self, bytes: f64, now: Instant) -> Duration {
        let mut state = self.state.lock();
        self.refill(&mut state, now);
        state.0 -= bytes;
        Duration::from_secs_f64((-state.0).max(0.0) / self.per_second)
    }
}

/// The rate limit for all processes together.
#[derive(Debug)]
pub(super) struct Flood(Bucket);

impl Default for Flood {
    fn default() -> Self {
        Self(Bucket::new(ALL_BYTES_PER_SECOND))
    }
}

/// The rate limits of one process: lines and bytes.
#[derive(Debug)]
pub(super) struct Gate {
    rate: Rate,
    most: Bucket,
    own: Bucket,
    all: Arc<Flood>,
}

impl Gate {
    pub(super) fn new(lines_per_second: u32, all: Arc<Flood>) -> Self {
        let (most, own) = (Bucket::new(READ_BYTES_PER_SECOND), Bucket::new(OWN_BYTES_PER_SECOND));
        Self { rate: Rate::new(lines_per_second), most, own, all }
    }

    /// How long to wait after reading so much. Meanwhile the pipe fills, and the process waits.
    fn pause_after(&self, read: usize, now: Instant) -> Option<Duration> {
        let bytes = read as f64;
        let pause = self.most.take(bytes, now);
        let pause = match self.own.try_take(bytes, now) {
            true => pause,
            false => pause.max(self.all.0.take(bytes, now)).max(GATHER),
        };
        (!pause.is_zero()).then_some(pause)
    }

    /// Returns when a report of left-out lines is due.
    async fn report_due(&self) {
        match self.rate.report_at() {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

/// The last lines of a process's standard error.
#[derive(Debug, Default)]
pub(super) struct Tail(Mutex<VecDeque<String>>);

impl Tail {
    /// Adds a line, and drops the oldest if there are too many.
    pub(super) fn push(&self, line: &str) {
        let mut lines = self.0.lock();
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    /// The lines, oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }
}

/// Reads `source` to its end and sends each line on, as far as the gate lets it; reports how many lines it does not.
/// Waits while the receiver is busy; once the receiver is gone it reads on and discards the lines, so that a closed log
/// does
/// not block the process.
pub(super) async fn pump(
    mut source: impl AsyncRead + Unpin,
    stream: Stream,
    run: Option<Uuid>,
    tail: Option<Arc<Tail>>,
    lines: Lines,
    gate: Arc<Gate>,
) {
    let mut splitter = Splitter::new(stream, run);
    let mut buffer = vec![0; READ_BYTES];
    let mut wanted = true;
    loop {
        let read = tokio::select! {
            read = source.read(&mut buffer) => match read {
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            },
            () = gate.report_due() => 0,
        };
        let mut rest = &buffer[..read];
        while !rest.is_empty() {
            if !gate.rate.is_open(Instant::now()) {
                gate.rate.leave_out(splitter.skip(&mut rest, tail.as_deref()), Instant::now());
            } else if let Some(line) = splitter.next(&mut rest) {
                gate.rate.take(line.text.len());
                pass_on(line, tail.as_deref(), &lines, &mut wanted).await;
            }
        }
        report(&gate, false, run, &lines, &mut wanted).await;
        if let Some(pause) = gate.pause_after(read, Instant::now()) {
            tokio::time::sleep(pause).await;
        }
    }
    while let Some(line) = splitter.finish() {
        pass_on(line, tail.as_deref(), &lines, &mut wanted).await;
    }
    report(&gate, true, run, &lines, &mut wanted).await;
}

/// Reports left-out lines, if a report is due.
async fn report(gate: &Gate, last: bool, run: Option<Uuid>, lines: &Lines, wanted: &mut bool) {
    if let Some(text) = gate.rate.report(last, Instant::now()) {
        let line = Line { at: clock::now(), stream: Stream::System, run, text };
        pass_on(line, None, lines, wanted).await;
    }
}

async fn pass_on(line: Line, tail: Option<&Tail>, lines: &Lines, wanted: &mut bool) {
    if let Some(tail) = tail {
        tail.push(&line.text);
    }
    if *wanted {
        *wanted = lines.send(line).await.is_ok();
    }
}

/// Collects one line at a time. A wrapper writes whole lines, but a process that it started may have written a part of a line
/// to the same output before: the line is then that of the mark, and the part waits for its end. Holds at most [`MAX_LINE_BYTES`] and a mark.
struct Splitter {
    stream: Stream,
    run: Option<Uuid>,
    line: Vec<u8>,
    /// Bytes of the line that were not kept.
    dropped: usize,
}

impl Splitter {
    fn new(stream: Stream, run: Option<Uuid>) -> Self {
        Splitter { stream, run, line: Vec::new(), dropped: 0 }
    }

    /// Takes bytes from `rest` up to and including the next line ending; `None` if it has none.
    fn next(&mut self, rest: &mut &[u8]) -> Option<Line> {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            self.keep(rest);
            *rest = &[];
            return None;
        };
        self.keep(&rest[..end]);
        *rest = &rest[end + 1..];
        Some(self.take())
    }

    /// Takes all bytes from `rest` and counts the lines that end in them. Cheap: only the last lines are decoded, and
    /// only
    /// for the tail.
    fn skip(&mut self, rest: &mut &[u8], tail: Option<&Tail>) -> u64 {
        let is_end = |byte: &u8| *byte == b'\n';
        let ends = rest.iter().filter(|byte| is_end(byte)).count();
        let kept = if tail.is_some() { TAIL_LINES } else { 0 };
        if ends > kept {
            // Cuts after the line ending that precedes the kept lines.
            let cut = (0..=kept).try_fold(rest.len(), |end, _| rest[..end].iter().rposition(is_end));
            *rest = &rest[cut.map_or(0, |at| at + 1)..];
            self.line.clear();
            self.dropped = 0;
        }
        while let Some(line) = self.next(rest) {
            if let Some(tail) = tail {
                tail.push(&line.text);
            }
        }
        ends as u64
    }

    /// The last line, if it had no line ending; the line that it interrupted follows.
    fn finish(&mut self) -> Option<Line> {
        (!self.line.is_empty()).then(|| self.take())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = (MAX_LINE_BYTES + MARK_BYTES).saturating_sub(self.line.len());
        let kept = bytes.len().min(room);
        self.line.extend_from_slice(&bytes[..kept]);
        self.dropped += bytes.len() - kept;
    }

    fn take(&mut self) -> Line {
        let begin = interruption(&self.line).unwrap_or(0);
        let (marked, text) = split_mark(&self.line[begin..]);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let line =
            Line { at: clock::now(), stream: self.stream, run: marked.or(self.run), text: cut(text, self.dropped) };
        self.line.truncate(begin);
        self.dropped = 0;
        line
    }
}

/// The lines of an output that is read in pieces of this size.
pub(super) fn in_pieces(output: &[u8], size: usize) -> Vec<Line> {
    let mut splitter = Splitter::new(Stream::Stdout, None);
    let mut lines = Vec::new();
    for mut piece in output.chunks(size.max(1)) {
        while !piece.is_empty() {
            lines.extend(splitter.next(&mut piece));
        }
    }
    while let Some(line) = splitter.finish() {
        lines.push(line);
    }
    lines
}

/// Where a marked line starts in the middle of an unmarked one.
fn interruption(line: &[u8]) -> Option<usize> {
    let is_mark = |at: &usize| line[*at] == MARK_START && split_mark(&line[*at..]).0.is_some();
    (0..line.len()).find(is_mark).filter(|at| *at > 0)
}

/// The run that a wrapper marked the line with, and the line without the mark.
fn split_mark(line: &[u8]) -> (Option<Uuid>, &[u8]) {
    if line.len() < MARK_BYTES || line[0] != MARK_START || line[MARK_BYTES - 1] != MARK_END {
        return (None, line);
    }
    match Uuid::try_parse_ascii(&line[1..MARK_BYTES - 1]) {
        Ok(run) => (Some(run), &line[MARK_BYTES..]),
        Err(_) => (None, line),
    }
}

/// The text, made valid UTF-8 and cut to the limit, with a note of how many bytes are missing.
fn cut(bytes: &[u8], dropped: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    if dropped == 0 && text.len() <= MAX_LINE_BYTES {
        return text.into_owned();
    }
    let end = text.floor_char_boundary(MAX_LINE_BYTES - CUT_NOTE_BYTES);
    let missing = text.len() - end + dropped;
    format!("{} … [line cut: {missing} bytes more]", &text[..end])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    fn gate(lines_per_second: u32) -> Arc<Gate> {
        Arc::new(Gate::new(lines_per_second, Arc::default()))
    }

    async fn read(input: &[u8]) -> Vec<Line> {
        let (lines, mut received) = mpsc::channel(10_000);
        pump(input, Stream::Stdout, None, None, lines, gate(1000)).await;
        let mut all = Vec::new();
        while let Some(line) = received.recv().await {
            all.push(line);
        }
        all
    }

    fn texts(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[tokio::test]
    async fn lines_are_split_at_line_ends_and_the_last_needs_none() {
        assert_eq!(texts(&read(b"one\n\ntwo\r\nthree").await), ["one", "", "two", "three"]);
    }

    #[tokio::test]
    async fn a_marked_line_names_its_run_and_loses_the_mark() {
        let run = Uuid::now_v7();
        let lines = read(format!("\x1e{run}\x1fhello\nplain\n").as_bytes()).await;
        assert_eq!(texts(&lines), ["hello", "plain"]);
        assert_eq!((lines[0].run, lines[1].run), (Some(run), None));
    }

    #[test]
    fn characters_that_are_split_across_reads_are_put_together() {
        let output = "ä€😀\nü".as_bytes();
        for size in 1..=output.len() {
            assert_eq!(texts(&in_pieces(output, size)), ["ä€😀", "ü"], "in pieces of {size}");
        }
    }

    #[test]
    fn a_part_of_a_line_of_a_child_process_waits_for_its_end() {
        let run = Uuid::now_v7();
        let child = "half ä".as_bytes();
        // The child has written the first half of a character when the wrapper writes a line.
        let mut output = child[..child.len() - 1].to_vec();
        output.extend_from_slice(format!("\x1e{run}\x1fof the run\n\x1e{run}\x1fanother\n").as_bytes());
        output.extend_from_slice(&child[child.len() - 1..]);
        output.extend_from_slice(b", whole\nlast");
        for size in [1, 7, output.len()] {
            let lines = in_pieces(&output, size);
            assert_eq!(texts(&lines), ["of the run", "another", "half ä, whole", "last"], "in pieces of {size}");
            assert_eq!(lines.iter().map(|line| line.run).collect::<Vec<_>>(), [Some(run), Some(run), None, None]);
        }
    }

    #[test]
    fn a_mark_within_a_marked_line_is_text() {
        let run = Uuid::now_v7();
        let lines = in_pieces(format!("\x1e{run}\x1fa\x1e{}\x1fb\n", Uuid::now_v7()).as_bytes(), 64);
        assert_eq!((lines.len(), lines[0].run), (1, Some(run)));
    }

    #[test]
    fn a_process_that_ends_within_two_lines_has_written_both() {
        let run = Uuid::now_v7();
        assert_eq!(texts(&in_pieces(format!("half\x1e{run}\x1fcut").as_bytes(), 64)), ["cut", "half"]);
    }

    #[tokio::test]
    async fn a_false_mark_is_text() {
        let lines = read(b"\x1enot-a-uuid-but-thirty-six-characters\x1fx\n").await;
        assert_eq!(lines[0].run, None);
        assert!(lines[0].text.ends_with('x'));
    }

    async fn flood(input: &[u8], tail: Option<Arc<Tail>>) -> Vec<Line> {
        let (lines, mut received) = mpsc::channel(10_000);
        pump(input, Stream::Stderr, None, tail, lines, gate(10)).await;
        let mut all = Vec::new();
        while let Some(line) = received.recv().await {
            all.push(line);
        }
        all
    }

    #[tokio::test]
    async fn a_flood_is_counted_and_said_and_not_passed_on() {
        let input: String = (0..100_000).map(|number| format!("line {number}\n")).collect();
        let tail = Arc::new(Tail::default());
        let lines = flood(input.as_bytes(), Some(tail.clone())).await;
        assert!(lines.len() < 100, "{}", lines.len());
        assert_eq!(lines[0].text, "line 0");
        let reports: Vec<_> = lines.iter().filter(|line| line.stream == Stream::System).collect();
        let count = |line: &&Line| line.text.split(' ').next().unwrap().replace(',', "").parse::<usize>().unwrap();
        let passed = lines.len() - reports.len();
        assert_eq!(reports.iter().map(count).sum::<usize>(), 100_000 - passed, "{reports:?}");
        // Its last lines are what it failed with.
        assert_eq!(tail.lines().last().unwrap(), "line 99999");
        assert_eq!(tail.lines().len(), TAIL_LINES);
    }

    #[tokio::test]
    async fn a_flood_without_line_ends_is_read_no_faster_than_its_rate() {
        let input = vec![b'x'; 8 << 20];
        let before = Instant::now();
        let lines = flood(&input, None).await;
        assert!(before.elapsed() >= Duration::from_millis(900), "{:?}", before.elapsed());
        assert_eq!(lines.len(), 1);
        assert!(lines[0].text.contains("line cut"));
    }

    #[test]
    fn a_hundred_floods_are_read_no_faster_than_a_few_and_hold_up_nobody_else() {
        let all = Arc::<Flood>::default();
        let began = Instant::now();
        let mut floods: Vec<_> = (0..100).map(|_| (Gate::new(1000, all.clone()), began, 0)).collect();
        let quiet = Gate::new(1000, all);
        // Ten seconds, in which each reads whenever it may.
        for millisecond in 0..10_000 {
            let now = began + Duration::from_millis(millisecond);
            for (gate, next, read) in floods.iter_mut().filter(|(_, next, _)| *next <= now) {
                *read += READ_BYTES;
                *next = now + gate.pause_after(READ_BYTES, now).unwrap_or_default();
            }
            if millisecond % 100 == 0 {
                assert_eq!(quiet.pause_after(1000, now), None);
            }
        }
        let most = (ALL_BYTES_PER_SECOND + 100.0 * OWN_BYTES_PER_SECOND) * 12.0;
        let total: usize = floods.iter().map(|(.., read)| read).sum();
        assert!(total as f64 <= most, "{total} bytes were read, more than {most}");
        // Each of them had its turn.
        assert!(floods.iter().all(|(.., read)| *read as f64 >= OWN_BYTES_PER_SECOND * 5.0));
    }

    #[tokio::test]
    async fn invalid_utf8_is_replaced() {
        assert_eq!(texts(&read(b"a\xffb\n").await), ["a\u{fffd}b"]);
    }

    #[tokio::test]
    async fn a_long_line_is_cut_says_so_and_does_not_swallow_the_next() {
        let mut input = vec![b'x'; 1024 * 1024];
        input.extend_from_slice(b"\nnext\n");
        let lines = read(&input).await;
        assert_eq!(lines.len(), 2);
        assert!(lines[0].text.len() <= MAX_LINE_BYTES);
        let kept = lines[0].text.bytes().filter(|byte| *byte == b'x').count();
        assert!(
            lines[0].text.ends_with(&format!("[line cut: {} bytes more]", 1024 * 1024 - kept)),
            "{}",
            lines[0].text
        );
        assert_eq!(lines[1].text, "next");
    }

    #[tokio::test]
    async fn a_line_of_invalid_bytes_that_grows_by_replacement_still_fits() {
        let lines = read(&vec![0xff; MAX_LINE_BYTES]).await;
        assert!(lines[0].text.len() <= MAX_LINE_BYTES);
    }

    #[test]
    fn the_tail_keeps_the_last_lines() {
        let tail = Tail::default();
        for number in 0..TAIL_LINES + 5 {
            tail.push(&number.to_string());
        }
        assert_eq!(tail.lines().len(), TAIL_LINES);
        assert_eq!(tail.lines()[0], "5");
    }
}
