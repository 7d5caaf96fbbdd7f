//! What `buildctl --progress=plain` says, as lines for people.
//!
//! Knows its words alone.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::clock;
use crate::executor::{Line, Stream};

/// Steps that are remembered; a Dockerfile has fewer.
const MAX_STEPS: usize = 4096;

/// Lines of a command that its failure repeats, and how much of each.
const TAIL_LINES: usize = 3;
const MAX_TAIL_BYTES: usize = 300;

/// `#5 …`: a line of a step.
static STEP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^#(\d+) (.*)$").expect("it is one"));

/// `[build 2/4] RUN …`: what a step is.
static WHAT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\[([^\]]*\d+/\d+)\] (.+)$").expect("it is one"));

/// `0.123 …`: what a command printed, so long after it began.
static PRINTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\d+\.\d+ (.*)$").expect("it is one"));

/// `DONE 0.2s`.
static DONE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^DONE (\d+\.\d+)s$").expect("it is one"));

/// `Dockerfile:2`: where it failed.
static PLACE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[^ ]+:(\d+)$").expect("it is one"));

static EXIT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"process .* did not complete successfully: exit code: (\d+)").expect("it is one"));

static SYNTAX: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)dockerfile parse error on line (\d+): (.*)").expect("it is one"));

/// What is said when nobody listens at BuildKit's address.
const AWAY: [&str; 4] =
    ["connection refused", "no such file or directory", "failed to list workers: Unavailable", "no such host"];

/// What has been said so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The names of the Dockerfile's steps, by the numbers that they have here.
    steps: HashMap<u32, String>,
    /// What the last command printed last, with its number.
    tail: (u32, Vec<String>),
    /// The number of the step that failed.
    failed: Option<u32>,
    line: Option<String>,
    error: Option<String>,
    /// Whether it has begun to build: what does not answer then is something else.
    answers: bool,
}

impl Progress {
    /// The line for one that was said, if people need it.
    pub(super) fn take(&mut self, text: &str) -> Option<Line> {
        let Some(said) = STEP.captures(text) else {
            self.outside(text);
            return None;
        };
        self.answers = true;
        let (number, rest) = (said[1].parse().ok()?, said.get(2)?.as_str());
        if let Some(what) = WHAT.captures(rest) {
            if self.steps.contains_key(&number) || self.steps.len() >= MAX_STEPS {
                return None;
            }
            self.steps.insert(number, what[1].to_owned());
            return Some(line(Stream::System, format!("Step {} {}", &what[1], domain::text::shown(&what[2]))));
        }
        let step = self.steps.get(&number)?;
        if let Some(done) = DONE.captures(rest) {
            return Some(line(Stream::System, format!("Step {step} took {} s", &done[1])));
        }
        if rest == "CACHED" {
            return Some(line(Stream::System, format!("Step {step} was there from an earlier build")));
        }
        if rest.starts_with("ERROR: ") {
            self.failed = Some(number);
            return None;
        }
        let printed = PRINTED.captures(rest)?.get(1)?.as_str();
        if self.tail.0 != number {
            self.tail = (number, Vec::new());
        }
        if !printed.trim().is_empty() {
            if self.tail.1.len() == TAIL_LINES {
                self.tail.1.remove(0);
            }
            self.tail.1.push(printed[..printed.floor_char_boundary(MAX_TAIL_BYTES)].trim().to_owned());
        }
        Some(line(Stream::Stdout, printed.to_owned()))
    }

    /// What is said when all is over.
    fn outside(&mut self, text: &str) {
        if let Some(place) = PLACE.captures(text) {
            self.line.get_or_insert_with(|| place[1].to_owned());
        }
        if let Some(error) = text.strip_prefix("error: ").or_else(|| text.strip_prefix("ERROR: ")) {
            self.error = Some(error.strip_prefix("failed to solve: ").unwrap_or(error).to_owned());
        }
    }

    /// Whether there was nobody to build it.
    pub(super) fn is_away(&self) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        !self.answers && self.line.is_none() && AWAY.iter().any(|words| error.contains(words))
    }

    /// Why the build failed, for its author.
    pub(super) fn failure(&self) -> String {
        let error = self.error.as_deref().unwrap_or("BuildKit did not say why");
        if let Some(said) = SYNTAX.captures(error) {
            return format!("Dockerfile, line {}: {}", &said[1], &said[2]);
        }
        let why = match EXIT.captures(error) {
            Some(said) => {
                let tail = match &self.tail {
                    (number, lines) if Some(*number) == self.failed && !lines.is_empty() => {
                        format!("; its last lines: {}", lines.join(" / "))
                    }
                    _ => String::new(),
                };
                format!("it ended with exit code {}{tail}", &said[1])
            }
            None => error.to_owned(),
        };
        let step = self.failed.and_then(|number| self.steps.get(&number));
        let step = step.map(|step| format!(" (step {step})")).unwrap_or_default();
        match &self.line {
            Some(line) => format!("Dockerfile, line {line}{step}: {why}"),
            None => format!("the image cannot be built{step}: {why}"),
        }
    }
}

fn line(stream: Stream, text: String) -> Line {
    Line { at: clock::now(), stream, run: None, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (Progress, Vec<String>) {
        let mut progress = Progress::default();
        let lines = text.lines().filter_map(|line| progress.take(line)).map(|line| line.text).collect();
        (progress, lines)
    }

    #[test]
    fn steps_have_their_times_and_what_is_within_is_left_out() {
        let (_, lines) = told(
            "#1 [internal] load build definition from Dockerfile\n#1 transferring dockerfile: 120B done\n#1 DONE 0.0s\n\
             #4 [build 1/2] FROM docker.io/library/busybox\n#4 resolve docker.io/library/busybox done\n#4 CACHED\n\
             #5 [build 2/2] RUN echo hi\n#5 0.123 hi\n#5 ...\n#5 [build 2/2] RUN echo hi\n#5 DONE 0.2s\n\
             #8 exporting to docker image format\n#8 DONE 0.1s",
        );
        assert_eq!(
            lines,
            [
                "Step build 1/2 FROM docker.io/library/busybox",
                "Step build 1/2 was there from an earlier build",
                "Step build 2/2 RUN echo hi",
                "hi",
                "Step build 2/2 took 0.2 s"
            ]
        );
    }

    #[test]
    fn a_failure_names_the_line_and_what_was_said_last() {
        let (progress, _) = told(
            "#5 [2/2] RUN exit 3\n#5 0.1 no luck\n#5 ERROR: process \"/bin/sh -c exit 3\" did not complete successfully: exit code: 3\n\
             ------\n > [2/2] RUN exit 3:\n------\nDockerfile:2\n--------------------\n   2 | >>> RUN exit 3\n\
             error: failed to solve: process \"/bin/sh -c exit 3\" did not complete successfully: exit code: 3",
        );
        assert_eq!(
            progress.failure(),
            "Dockerfile, line 2 (step 2/2): it ended with exit code 3; its last lines: no luck"
        );
        let (progress, _) = told("error: failed to solve: dockerfile parse error on line 4: unknown flag: x");
        assert_eq!(progress.failure(), "Dockerfile, line 4: unknown flag: x");
        let (progress, _) = told(
            "error: failed to list workers: Unavailable: connection error: dial unix /x: connect: no such file or directory",
        );
        assert!(progress.is_away());
    }
}
