//! The contents of one commit, and who waits for it.

use tokio::sync::oneshot;

use crate::store::append::{Append, Appended};
use crate::store::batch::{Batch, Chore};
use crate::store::error::Error;
use crate::store::line::NewLine;

/// Lines to write, with the channel for the result.
pub(in crate::store) struct Lines(pub Vec<NewLine>, pub oneshot::Sender<Result<(), Error>>);

/// An append that is not committed yet.
pub(super) struct Waiting {
    pub append: Box<Append>,
    pub answer: oneshot::Sender<Result<Appended, Error>>,
    /// The stream may exist although it is not cached.
    pub look: bool,
}

/// See the module.
#[derive(Default)]
pub(super) struct Work {
    pub appends: Vec<Waiting>,
    /// The answers to the appends, sent once the batch is written.
    pub appended: Vec<Appended>,
    pub lines: Vec<Lines>,
    pub chores: Vec<Chore>,
    pub chore_answers: Vec<oneshot::Sender<Result<u64, Error>>>,
    /// A batch of it whose outcome is unknown.
    pub unknown: Option<Batch>,
}

impl Work {
    /// Answers everybody that it is written. A caller may have gone.
    pub fn answer(&mut self, chores: &[u64]) {
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

    pub fn fail(self, error: &Error) {
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

    /// Splits it into its parts.
    pub fn parts(self) -> Vec<Self> {
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
