//! A cache for the answers of programs on the host. A query costs a sandbox and a start of an interpreter, and every
//! build needs the same ones.
//!
//! Knows queries and answers, but neither programs nor functions.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// An interpreter that is updated while the server runs is seen after this.
const KEPT: Duration = Duration::from_secs(60);

/// Questions whose answers are kept.
const MAX_QUESTIONS: usize = 64;

/// Cached answers by query.
#[derive(Default)]
pub(in crate::builder) struct Answers(Mutex<HashMap<Vec<String>, (Instant, String)>>);

impl Answers {
    /// The answer, if it was given lately.
    pub(super) fn known(&self, question: &[String]) -> Option<String> {
        self.known_at(Instant::now(), question)
    }

    fn known_at(&self, now: Instant, question: &[String]) -> Option<String> {
        let answers = self.0.lock();
        let (at, answer) = answers.get(question)?;
        (now.duration_since(*at) < KEPT).then(|| answer.clone())
    }

    /// Keeps an answer.
    pub(super) fn remember(&self, question: Vec<String>, answer: String) {
        let mut answers = self.0.lock();
        answers.retain(|_, (at, _)| at.elapsed() < KEPT);
        if answers.len() < MAX_QUESTIONS {
            answers.insert(question, (Instant::now(), answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_for_a_while_and_only_to_its_question() {
        let answers = Answers::default();
        let question = |text: &str| vec![text.to_owned()];
        answers.remember(question("node"), "v20".into());
        assert_eq!(answers.known(&question("node")).as_deref(), Some("v20"));
        assert_eq!(answers.known(&question("python3")), None);
        assert_eq!(answers.known_at(Instant::now() + KEPT, &question("node")), None);
        for number in 0..2 * MAX_QUESTIONS {
            answers.remember(question(&number.to_string()), String::new());
        }
        assert_eq!(answers.0.lock().len(), MAX_QUESTIONS);
    }
}
