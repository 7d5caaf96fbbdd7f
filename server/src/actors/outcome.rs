//! What became of commands.

use domain::{function, run};

use super::writer::{Done, Error};

/// What became of a command to a function.
pub type FunctionResult = Result<Done<function::Aggregate>, Error<function::Error>>;

/// What became of a command to a run.
pub type RunResult = Result<Done<run::Aggregate>, Error<run::Error>>;
