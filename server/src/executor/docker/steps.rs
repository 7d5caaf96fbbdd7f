//! What an engine's own builder says, as lines for people: its steps as the author wrote them, how long each took, and what
//! their commands print.
//!
//! Knows the words of the engine, and neither the engine nor images.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use tokio::time::Instant;

use super::super::images::Dockerfile;
use super::super::images::dockerfile::Rewritten;
use super::super::{Line, MAX_LINE_BYTES, Stream};
use crate::clock;

/// Lines of a command that its failure repeats, and how much of each.
const TAIL_LINES: usize = 3;
const MAX_TAIL_BYTES: usize = 300;

/// The exit code of a process that was killed.
const KILLED: &str = "137";

/// What the engine puts around each piece of standard error.
const COLOURS: [&str; 2] = ["\x1b[91m", "\x1b[0m"];

static STEP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^Step (\d+)/\d+ : ").expect("it is one"));

/// What only says which containers and images the engine makes meanwhile.
static NOISE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?: ---> (?:Running in )?[0-9a-f]{12}| ---> Using cache|Removing intermediate container [0-9a-f]{12}|Successfully built [0-9a-f]{12})$",
    )
    .expect("it is one")
});

static SYNTAX: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?is)dockerfile parse error (?:on )?line (\d+): (.*)").expect("it is one"));

static EXIT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)^The command '.*' returned a non-zero code: (\d+)$").expect("it is one"));

/// A line without the colours that the engine begins it with.
fn plain(mut text: &str) -> &str {
    while let Some(rest) = COLOURS.iter().find_map(|colour| text.strip_prefix(colour)) {
        text = rest;
    }
    text
}

/// The steps of one build.
pub(super) struct Steps<'f> {
    file: &'f Dockerfile,
    rewritten: &'f Rewritten,
    memory_mb: u64,
    /// What came of a line so far.
    partial: String,
    current: Option<Current>,
    tail: VecDeque<String>,
}

/// The step that is done.
struct Current {
    /// As the engine counts, from 1.
    number: usize,
    /// The instruction, from 0; `None` for one that the author did not write.
    instruction: Option<usize>,
    began: Instant,
    cached: bool,
}

impl<'f> Steps<'f> {
    /// Those of a Dockerfile that the engine got as `rewritten`.
    pub(super) fn new(file: &'f Dockerfile, rewritten: &'f Rewritten, memory_mb: u64) -> Self {
        Self { file, rewritten, memory_mb, partial: String::new(), current: None, tail: VecDeque::new() }
    }

    /// The lines of what the engine says next.
    pub(super) fn take(&mut self, text: &str, now: Instant) -> Vec<Line> {
        let mut lines = Vec::new();
        for piece in text.split_inclusive('\n') {
            self.partial.push_str(piece);
            if piece.ends_with('\n') || self.partial.len() >= MAX_LINE_BYTES {
                let mut whole = std::mem::take(&mut self.partial);
                whole.truncate(whole.floor_char_boundary(MAX_LINE_BYTES));
                self.whole(whole.trim_end_matches(['\n', '\r']), now, &mut lines);
            }
        }
        lines
    }

    /// The last lines.
    pub(super) fn end(&mut self, now: Instant) -> Vec<Line> {
        let mut lines = Vec::new();
        let partial = std::mem::take(&mut self.partial);
        if !partial.is_empty() {
            self.whole(&partial, now, &mut lines);
        }
        self.close(now, &mut lines);
        lines
    }

    fn whole(&mut self, text: &str, now: Instant, lines: &mut Vec<Line>) {
        let is_blank = text.is_empty();
        let text = plain(text);
        if text.is_empty() && !is_blank {
            return;
        }
        let next = self.current.as_ref().map_or(1, |current| current.number + 1);
        let said = STEP.captures(text).and_then(|said| said[1].parse::<usize>().ok());
        if said == Some(next) {
            self.close(now, lines);
            let instruction = self.rewritten.step(next);
            if let Some(shown) = instruction.and_then(|index| self.shown(index)) {
                lines.push(line(Stream::System, shown));
            }
            self.current = Some(Current { number: next, instruction, began: now, cached: false });
            self.tail.clear();
            return;
        }
        if NOISE.is_match(text) {
            if let Some(current) = self.current.as_mut().filter(|_| text.ends_with("Using cache")) {
                current.cached = true;
            }
            return;
        }
        if !text.trim().is_empty() {
            if self.tail.len() == TAIL_LINES {
                self.tail.pop_front();
            }
            self.tail.push_back(text[..text.floor_char_boundary(MAX_TAIL_BYTES)].trim().to_owned());
        }
        lines.push(line(Stream::Stdout, text.to_owned()));
    }

    /// Says how long the step took that is done.
    fn close(&mut self, now: Instant, lines: &mut Vec<Line>) {
        let Some(current) = &self.current else { return };
        let Some(number) = current.instruction else { return };
        let took = match current.cached {
            true => "was there from an earlier build".to_owned(),
            false => format!("took {}", time(now.saturating_duration_since(current.began))),
        };
        lines.push(line(Stream::System, format!("Step {}/{} {took}", number + 1, self.file.steps())));
    }

    fn shown(&self, index: usize) -> Option<String> {
        let shown = self.file.instruction(index)?.shown();
        Some(format!("Step {}/{} {shown}", index + 1, self.file.steps()))
    }

    /// Why a build failed, for its author, from the engine's words.
    pub(super) fn failure(&self, says: &str) -> String {
        let hint = match says.contains("requires BuildKit") {
            true => ". Have images built by one: EVENTFLOW_BUILDKIT",
            false => "",
        };
        if let Some(said) = SYNTAX.captures(says) {
            let line = said[1].parse().ok().and_then(|line| self.rewritten.line(line));
            let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
            return format!("Dockerfile{line}: {}{hint}", said[2].trim());
        }
        let why = match EXIT.captures(says) {
            Some(said) if &said[1] == KILLED => {
                format!("it was killed (exit code {KILLED}): commands of a build get {} MiB of memory", self.memory_mb)
            }
            Some(said) => format!("it ended with exit code {}", &said[1]),
            None => format!("{says}{hint}"),
        };
        let current = self.current.as_ref().and_then(|current| current.instruction);
        let Some((index, instruction)) = current.and_then(|index| Some((index, self.file.instruction(index)?))) else {
            return format!("the image cannot be built: {why}");
        };
        let tail = match EXIT.is_match(says) && !self.tail.is_empty() {
            true => {
                let lines: Vec<&str> = self.tail.iter().map(String::as_str).collect();
                format!("; its last lines: {}", lines.join(" / "))
            }
            false => String::new(),
        };
        format!(
            "Dockerfile, line {} (step {}/{}, `{}`): {why}{tail}",
            instruction.line,
            index + 1,
            self.file.steps(),
            instruction.shown()
        )
    }
}

/// A time, for people.
fn time(time: Duration) -> String {
    match time.as_millis() {
        millis @ ..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

fn line(stream: Stream, text: String) -> Line {
    Line { at: clock::now(), stream, run: None, text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::super::images::dockerfile::Known;
    use super::*;

    fn file() -> (Dockerfile, Rewritten) {
        let file = Dockerfile::parse(b"FROM a\n\nRUN one && \\\n two\nCMD x\n").unwrap();
        let known = Known { id: "sha256:aa".to_owned(), ..Known::default() };
        let images = BTreeMap::from([("a".to_owned(), known)]);
        let rewritten = file.rewritten(&images, &BTreeMap::new(), ("l", "v"), "linux/amd64").unwrap();
        (file, rewritten)
    }

    fn texts(lines: Vec<Line>) -> Vec<(Stream, String)> {
        lines.into_iter().map(|line| (line.stream, line.text)).collect()
    }

    #[test]
    fn steps_are_those_of_the_author_with_their_times() {
        let (file, rewritten) = file();
        let mut steps = Steps::new(&file, &rewritten, 64);
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let system = |text: &str| (Stream::System, text.to_owned());
        assert_eq!(texts(steps.take("Step 1/4 : FROM sha256:aa\n", at(0))), [system("Step 1/3 FROM a")]);
        assert_eq!(texts(steps.take(" ---> 0123456789ab\n", at(1))), []);
        assert_eq!(texts(steps.take("Step 2/4 : LABEL l=v\n", at(20))), [system("Step 1/3 took 20 ms")]);
        assert_eq!(texts(steps.take(" ---> Using cache\n ---> 0123456789ab\n", at(20))), []);
        assert_eq!(texts(steps.take("Step 3/4 : RUN one &&  two\n", at(30))), [system("Step 2/3 RUN one && two")]);
        let coloured = "\u{1b}[91mRemoving\u{1b}[0m\u{1b}[0mRemoving intermediate container 0123456789ab\n";
        let coloured = coloured.replacen("Removing", "red\n", 1);
        assert_eq!(texts(steps.take(&coloured, at(35))), [(Stream::Stdout, "red".to_owned())]);
        assert_eq!(texts(steps.take(" ---> Running in 0123456789ab\nhel", at(40))), []);
        let printed = (Stream::Stdout, "hello".to_owned());
        let no_step = (Stream::Stdout, "Step 9/9 : RUN rm".to_owned());
        assert_eq!(texts(steps.take("lo\nStep 9/9 : RUN rm\nlast", at(50))), [printed, no_step]);
        let last = (Stream::Stdout, "last".to_owned());
        assert_eq!(texts(steps.end(at(1530))), [last, system("Step 2/3 took 1.5 s")]);
    }

    #[test]
    fn a_failure_names_the_line_and_what_was_said_last() {
        let (file, rewritten) = file();
        let mut steps = Steps::new(&file, &rewritten, 64);
        let now = Instant::now();
        assert_eq!(steps.failure("dockerfile parse error line 3: no"), "Dockerfile, line 3: no");
        assert_eq!(steps.failure("something"), "the image cannot be built: something");
        for text in ["Step 1/4 : x\n", "Step 2/4 : x\n", "Step 3/4 : x\n", "a\nb\nc\nd\n"] {
            steps.take(text, now);
        }
        assert_eq!(
            steps.failure("The command '/bin/sh -c one &&  two' returned a non-zero code: 3"),
            "Dockerfile, line 3 (step 2/3, `RUN one && two`): it ended with exit code 3; its last lines: b / c / d"
        );
        let killed = steps.failure("The command '/bin/sh -c x' returned a non-zero code: 137");
        assert!(killed.contains("get 64 MiB of memory"), "{killed}");
        let mount = steps.failure("the --mount option requires BuildKit. Refer to");
        assert!(mount.contains("EVENTFLOW_BUILDKIT"), "{mount}");
    }

    #[test]
    fn the_engines_colours_hide_none_of_its_words() {
        assert_eq!(
            plain("\x1b[0mRemoving intermediate container 161b360f5439"),
            "Removing intermediate container 161b360f5439"
        );
        assert_eq!(plain("\x1b[0m\x1b[91mdd: no space"), "dd: no space");
        assert_eq!((plain("\x1b[0m"), plain("\x1b[1mown")), ("", "\x1b[1mown"));
    }
}
