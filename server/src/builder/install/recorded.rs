//! The commands of an installation that is not done here but while an image is built: what would be run is written down.

use parking_lot::Mutex;

/// A command that is to be run in the function's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::builder) struct Command {
    /// Program and arguments.
    pub(in crate::builder) words: Vec<String>,
    /// It as somebody would type it.
    pub(in crate::builder) shown: String,
    /// Its variables.
    pub(in crate::builder) env: Vec<(String, String)>,
    /// Whether what it makes follows from the lists of packages, and from no other file of the function's.
    pub(in crate::builder) by_lists: bool,
    /// Whether the build goes on when it fails.
    pub(in crate::builder) may_fail: bool,
}

/// Commands in their order.
#[derive(Debug, Default)]
pub(super) struct Recording(Mutex<Vec<Command>>);

impl Recording {
    pub(super) fn push(&self, words: &[&str], shown: &str, variables: &[(&str, &str)], may_fail: bool) {
        self.0.lock().push(Command {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            shown: shown.to_owned(),
            env: variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            by_lists: false,
            may_fail,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// The commands from this one on follow from the lists of packages.
    pub(super) fn are_by_lists(&self, from: usize) {
        self.0.lock().iter_mut().skip(from).for_each(|command| command.by_lists = true);
    }

    pub(super) fn into_commands(self) -> Vec<Command> {
        self.0.into_inner()
    }
}
