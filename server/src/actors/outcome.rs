//! The results of commands.

use domain::{function, run};

use super::writer::{Done, Error};

/// The result of a command to a function.
pub type FunctionResult = Result<Done<function::Aggregate>, Error<function::Error>>;

/// The result of a command to a run.
pub type RunResult = Result<Done<run::Aggregate>, Error<run::Error>>;
