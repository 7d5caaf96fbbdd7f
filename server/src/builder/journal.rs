//! The log of a build: the output of tools, up to a limit, and EventFlow's own lines, always.
//!
//! A line is plain text: anything that a terminal would interpret (colors, cursor movements, a new title, the writing
//! direction) is removed, so that a line can neither hide another one nor imitate EventFlow's own.
//!
//! Knows lines and their limit, but neither who prints nor who reads them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use domain::address::masked;
use domain::text::{self, bytes};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::concealed::Concealed;
use crate::clock;
use crate::executor::{Line, Lines, Stream};

/// Lines of a tool that wait to be passed on.
const BUFFERED_LINES: usize = 256;

/// Lines of tools in one log; the rest is left out. Each is a row of a table, however short it is.
const MAX_LINES: u64 = 50_000;

/// How long the rest of a tool's lines may take after the tool has ended.
const DRAIN: Duration = Duration::from_secs(30);

/// Lines that are kept for the message of a failure: what a package manager says first is often what counts.
const TAIL_LINES: usize = 120;

/// The log of one build.
pub(super) struct Journal {
    lines: Lines,
    limit: u64,
    drain: Duration,
    budget: Mutex<Budget>,
    concealed: Mutex<Concealed>,
}

struct Budget {
    left: u64,
    lines: u64,
    reported: bool,
}

impl Journal {
    /// Passes on at most `limit` bytes of what tools print, in at most [`MAX_LINES`].
    pub(super) fn new(lines: Lines, limit: u64) -> Self {
        let budget = Budget { left: limit, lines: MAX_LINES, reported: false };
        Self { lines, limit, drain: DRAIN, budget: Mutex::new(budget), concealed: Mutex::default() }
    }

    /// Shows this no more, whoever prints it.
    pub(super) fn conceal(&self, secret: &str) {
        self.concealed.lock().add(secret);
    }

    /// The text as a log may have it: without secrets, without credentials in addresses, and without terminal commands.
    fn shown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        // Commands within a secret would keep it from being found.
        let text = shown(text);
        self.concealed.lock().without(text)
    }

    /// EventFlow's own word.
    pub(super) async fn log(&self, text: impl Into<String>) {
        let text = text::bounded(self.shown(&text.into()).into_owned());
        let line = Line { at: clock::now(), stream: Stream::System, run: None, text };
        // Nobody reads any more: the build goes on.
        let _ = self.lines.send(line).await;
    }

    /// A tool's line.
    pub(super) async fn pass(&self, mut line: Line) {
        if let Cow::Owned(text) = self.shown(&line.text) {
            line.text = text;
        }
        let fits = {
            let mut budget = self.budget.lock();
            let cost = line.text.len() as u64 + 1;
            if !budget.reported && cost <= budget.left && budget.lines > 0 {
                budget.left -= cost;
                budget.lines -= 1;
                Some(true)
            } else {
                (!std::mem::replace(&mut budget.reported, true)).then_some(false)
            }
        };
        match fits {
            Some(true) => _ = self.lines.send(line).await,
            Some(false) => {
                self.log(format!(
                    "The log has reached its limit of {} and {MAX_LINES} lines: the rest is left out, the build goes on.",
                    bytes(self.limit)
                ))
                .await
            }
            None => {}
        }
    }

    /// Runs `work`, which prints to the lines that it is given. The last lines are returned beside its result.
    pub(super) async fn follow<T, F: Future<Output = T>>(&self, work: impl FnOnce(Lines) -> F) -> (T, Vec<String>) {
        let (sender, mut receiver) = mpsc::channel::<Line>(BUFFERED_LINES);
        let mut tail = VecDeque::with_capacity(TAIL_LINES);
        let result = {
            let mut work = pin!(work(sender));
            let mut forward = pin!(async {
                while let Some(line) = receiver.recv().await {
                    if line.stream != Stream::System && !line.text.trim().is_empty() {
                        if tail.len() == TAIL_LINES {
                            tail.pop_front();
                        }
                        tail.push_back(self.shown(&line.text).into_owned());
                    }
                    self.pass(line).await;
                }
            });
            // Both are driven at once: a reader that does not read holds up the tool, not its time limit.
            tokio::select! {
                result = &mut work => {
                    let _ = timeout(self.drain, forward).await;
                    result
                }
                () = &mut forward => work.await,
            }
        };
        (result, tail.into())
    }
}

/// The text without credentials in addresses, and without terminal commands.
fn shown(text: &str) -> Cow<'_, str> {
    match masked(text) {
        Cow::Borrowed(text) => plain(text),
        Cow::Owned(text) => Cow::Owned(plain(&text).into_owned()),
    }
}

/// The text without terminal commands: escape sequences are left out, other control characters are replaced.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => match rest.next() {
                // A control sequence ends with a letter or another character from `@` to `~` (ECMA-48, section 5.4).
                Some('[') => while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                // A command with a text, such as a title, ends with a bell or another escape.
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    while rest.next_if(|c| !matches!(c, '\u{7}' | '\u{1b}')).is_some() {}
                    rest.next_if_eq(&'\u{7}');
                }
                _ => {}
            },
            '\n' | '\r' => out.push(' '),
            c if is_command(c) => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether a character is none to be seen: a control character, or one that turns the direction of writing.
fn is_command(c: char) -> bool {
    c.is_control() && c != '\t'
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line { at: clock::now(), stream: Stream::Stdout, run: None, text: text.to_owned() }
    }

    #[tokio::test]
    async fn what_exceeds_the_limit_is_left_out_and_said_once() {
        let (sender, mut receiver) = mpsc::channel(100);
        let journal = Journal::new(sender, 8);
        for text in ["one", "two", "three", "x"] {
            journal.pass(line(text)).await;
        }
        journal.log("ours, of https://user:token@host/a").await;
        drop(journal);
        let mut texts = Vec::new();
        while let Some(line) = receiver.recv().await {
            texts.push(line.text);
        }
        assert_eq!(texts.len(), 4, "{texts:?}");
        let ours = "ours, of https://host/a";
        assert_eq!((texts[0].as_str(), texts[1].as_str(), texts[3].as_str()), ("one", "two", ours));
        assert!(texts[2].contains("limit of 8 bytes"), "{texts:?}");
    }

    #[tokio::test]
    async fn empty_lines_have_a_limit_as_well() {
        let (sender, mut receiver) = mpsc::channel(64);
        let journal = Journal::new(sender, u64::MAX);
        let print = async move {
            for _ in 0..MAX_LINES + 10 {
                journal.pass(line("")).await;
            }
        };
        let count = async {
            let mut count = 0;
            while receiver.recv().await.is_some() {
                count += 1;
            }
            count
        };
        // All that are allowed, and the word that there were more.
        assert_eq!(tokio::join!(print, count).1, MAX_LINES + 1);
    }

    #[test]
    fn a_line_holds_no_terminal_commands() {
        for (printed, expected) in [
            ("plain \u{e4} \t text", "plain \u{e4} \t text"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://a\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("real\rBuilt sha256:0", "real Built sha256:0"),
            ("a\u{8}\u{8}b\0\u{9b}2J", "a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}2J"),
            ("abc\u{202e}def", "abc\u{fffd}def"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(plain(printed), expected, "{printed:?}");
        }
    }

    #[tokio::test]
    async fn a_reader_who_does_not_read_does_not_hold_up_a_time_limit() {
        let (sender, _receiver) = mpsc::channel(1);
        let journal = Journal { drain: Duration::from_millis(1), ..Journal::new(sender, u64::MAX) };
        let work = |lines: Lines| async move {
            let print = async {
                loop {
                    let _ = lines.send(line("again")).await;
                }
            };
            timeout(Duration::from_millis(20), print).await.is_err()
        };
        let (timed_out, _) = timeout(Duration::from_secs(10), journal.follow(work)).await.expect("the work ends");
        assert!(timed_out);
    }

    #[tokio::test]
    async fn the_last_lines_are_kept_for_the_message() {
        let (sender, _receiver) = mpsc::channel(100);
        let journal = Journal::new(sender, 10);
        let (result, tail) = journal
            .follow(|lines| async move {
                for number in 0..200 {
                    lines.send(line(&number.to_string())).await.unwrap();
                }
                7
            })
            .await;
        assert_eq!(result, 7);
        assert_eq!(tail.last().map(String::as_str), Some("199"));
        assert_eq!(tail.len(), TAIL_LINES);
    }
}
