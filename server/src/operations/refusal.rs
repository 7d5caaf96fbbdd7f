//! Why an operation failed, for all entrances: stable codes for programs, and messages for people.

use std::borrow::Cow;

use domain::{function, namespace, run};

use crate::{actors, leasing, store};

/// Maximum length of a problem's message in bytes. It may quote the caller, many times over.
const MAX_MESSAGE: usize = 8 << 10;

/// Why an operation failed.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// The caller's fault: every problem found, at least one.
    Refused(Vec<Problem>),
    /// Our fault.
    Failed(Fault),
}

/// One problem with the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable code for programs.
    pub code: &'static str,
    /// What is wrong, where, and what to do.
    pub message: String,
    /// The path in the input.
    pub field: Option<Vec<String>>,
}

/// The server failed; a retry may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The log is not available.
    Unavailable(String),
    /// Too many requests at once.
    Busy(String),
    /// Something is broken.
    Internal(String),
}

impl Problem {
    /// A problem with the whole request.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: fit_to_show(message.into()), field: None }
    }

    /// Sets the path in the input.
    #[must_use]
    pub fn at<S: Into<String>>(mut self, field: impl IntoIterator<Item = S>) -> Self {
        self.field = Some(field.into_iter().map(Into::into).collect());
        self
    }
}

/// Prepares a message, which may quote a caller, a database or a library.
pub(crate) fn fit_to_show(message: String) -> String {
    shortened(masked(message))
}

/// A caller's text may be quoted, but without credentials in addresses.
fn masked(message: String) -> String {
    match domain::address::masked(&message) {
        Cow::Borrowed(_) => message,
        Cow::Owned(masked) => masked,
    }
}

/// After masking credentials, which could not be recognized in a truncated address.
fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push('…');
    }
    message
}

impl Fault {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Busy(_) => "too_many_requests",
            Self::Internal(_) => "internal",
        }
    }

    /// The message, without credentials and truncated.
    pub fn message(&self) -> String {
        match self {
            Self::Unavailable(message) | Self::Busy(message) | Self::Internal(message) => fit_to_show(message.clone()),
        }
    }
}

impl Refusal {
    /// A refusal with one problem.
    pub fn problem(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused(vec![Problem::new(code, message)])
    }

    /// There is no such function, or the viewer may not see it.
    pub fn no_function(name: &str) -> Self {
        Self::problem(
            "function_not_found",
            format!("there is no function `{name}`; it may never have been registered, or be deregistered"),
        )
    }

    /// There is no such run, or the viewer may not see it.
    pub fn no_run() -> Self {
        run::Error::NotFound.into()
    }

    /// Sets the path in the input for problems without one.
    #[must_use]
    pub fn at(self, field: &[&str]) -> Self {
        match self {
            Self::Refused(problems) => Self::Refused(
                problems
                    .into_iter()
                    .map(|problem| match problem.field {
                        None => problem.at(field.iter().copied()),
                        Some(_) => problem,
                    })
                    .collect(),
            ),
            failed => failed,
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Refused(vec![problem])
    }
}

impl From<function::Error> for Refusal {
    fn from(error: function::Error) -> Self {
        Self::problem(error.code(), error.to_string())
    }
}

impl From<run::Error> for Refusal {
    fn from(error: run::Error) -> Self {
        Self::problem(error.code(), error.to_string())
    }
}

impl From<namespace::Error> for Refusal {
    fn from(error: namespace::Error) -> Self {
        Self::problem(error.code(), error.to_string())
    }
}

impl From<domain::event::Error> for Refusal {
    fn from(error: domain::event::Error) -> Self {
        Self::problem(error.code(), error.to_string())
    }
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Self {
        match &error {
            // A conflict after all retries: too many concurrent changes of the same thing.
            store::Error::Conflict { .. } => Self::Busy(error.to_string()),
            store::Error::Unavailable(_) | store::Error::Newer(_) => Self::Unavailable(error.to_string()),
            store::Error::Refused(message) | store::Error::Unfit(message) => Self::Internal(message.clone()),
            store::Error::Damaged(_) => {
                tracing::error!(%error, "log damaged");
                Self::Internal(error.to_string())
            }
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        match error {
            // An invalid cursor.
            store::Error::Refused(message) => Self::problem("bad_page", message),
            store::Error::Unfit(_) => Self::problem("bad_request", error.to_string()),
            error => Self::Failed(error.into()),
        }
    }
}

impl From<actors::Full> for Refusal {
    fn from(full: actors::Full) -> Self {
        Self::Failed(Fault::Busy(full.to_string()))
    }
}

impl<E: std::error::Error + Into<Refusal>> From<actors::Error<E>> for Refusal {
    fn from(error: actors::Error<E>) -> Self {
        match error {
            actors::Error::Refused(error) => error.into(),
            actors::Error::Busy => Self::Failed(Fault::Busy(actors::Error::<E>::Busy.to_string())),
            actors::Error::Full(full) => full.into(),
            actors::Error::Store(error) => error.into(),
        }
    }
}

impl From<leasing::Error> for Refusal {
    fn from(error: leasing::Error) -> Self {
        match error {
            leasing::Error::NotRunning { .. } => Self::problem("function_not_running", error.to_string()),
            leasing::Error::NoSuchVersion(_) => Self::problem("version_not_found", error.to_string()),
            leasing::Error::Overloaded { .. } => Self::Failed(Fault::Busy(error.to_string())),
            leasing::Error::TimedOut => Self::problem("timed_out", error.to_string()),
            leasing::Error::Unhealthy { .. } => Self::problem("function_unhealthy", error.to_string()),
            leasing::Error::Store(error) => error.into(),
        }
    }
}
