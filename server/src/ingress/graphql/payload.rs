//! The payloads of mutations: the entity, or what is wrong with the input.

use async_graphql::{Error, SimpleObject};

use super::fail;
use super::object::{Build, Event, Function, Member, Run, Secret};
use crate::operations::{Problem, Refusal, Swept};

/// A problem with a request.
#[derive(Debug, SimpleObject)]
pub(super) struct UserError {
    /// A stable code for programs.
    code: &'static str,
    /// What is wrong, and what to do.
    message: String,
    /// The path in the input.
    field: Option<Vec<String>>,
}

/// The result of a command to a function.
#[derive(SimpleObject)]
pub(super) struct FunctionPayload {
    /// The function as it is now.
    function: Option<Function>,
    /// Why it was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The result of requesting a build.
#[derive(SimpleObject)]
pub(super) struct BuildPayload {
    /// The build as it is now.
    build: Option<Build>,
    /// Why it was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The result of a command to a run.
#[derive(SimpleObject)]
pub(super) struct RunPayload {
    /// The run as it is now.
    run: Option<Run>,
    /// Why it was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The result of redriving dead letters.
#[derive(SimpleObject)]
pub(super) struct RedrivenPayload {
    /// The number redriven.
    redriven: u64,
    /// The number still waiting.
    remaining: u64,
    /// Why some, or all, were not; `field` names the run.
    user_errors: Vec<UserError>,
}

/// The result of purging dead letters.
#[derive(SimpleObject)]
pub(super) struct PurgedPayload {
    /// The number purged.
    purged: u64,
    /// The number still waiting.
    remaining: u64,
    /// Why it was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The result of publishing an event.
#[derive(SimpleObject)]
pub(super) struct EventPayload {
    /// The event as it was first received.
    event: Option<Event>,
    /// Whether it is a duplicate; nothing was added then.
    duplicate: bool,
    /// Why it was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The result of setting or removing a secret.
#[derive(SimpleObject)]
pub(super) struct SecretPayload {
    /// The secret that was set; null when it was removed.
    secret: Option<Secret>,
    /// Why it was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The result of giving or removing a role.
#[derive(SimpleObject)]
pub(super) struct MemberPayload {
    /// The member as it is now; null if it was removed.
    member: Option<Member>,
    /// Why it was refused; empty on success.
    user_errors: Vec<UserError>,
}

impl From<Problem> for UserError {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code, message: problem.message, field: problem.field }
    }
}

/// What was made, or what the caller did wrong; a fault is an error.
fn split<T>(result: Result<T, Refusal>) -> Result<(Option<T>, Vec<UserError>), Error> {
    match result {
        Ok(made) => Ok((Some(made), Vec::new())),
        Err(Refusal::Refused(problems)) => Ok((None, problems.into_iter().map(UserError::from).collect())),
        Err(failed) => Err(fail(failed)),
    }
}

impl FunctionPayload {
    pub(super) fn of(result: Result<Function, Refusal>) -> Result<Self, Error> {
        split(result).map(|(function, user_errors)| Self { function, user_errors })
    }
}

impl BuildPayload {
    pub(super) fn of(result: Result<Build, Refusal>) -> Result<Self, Error> {
        split(result).map(|(build, user_errors)| Self { build, user_errors })
    }
}

impl RunPayload {
    pub(super) fn of(result: Result<Run, Refusal>) -> Result<Self, Error> {
        split(result).map(|(run, user_errors)| Self { run, user_errors })
    }
}

impl MemberPayload {
    pub(super) fn of(result: Result<Option<Member>, Refusal>) -> Result<Self, Error> {
        split(result).map(|(member, user_errors)| Self { member: member.flatten(), user_errors })
    }
}

impl RedrivenPayload {
    pub(super) fn of(result: Result<Swept, Refusal>) -> Result<Self, Error> {
        swept(result).map(|(redriven, remaining, user_errors)| Self { redriven, remaining, user_errors })
    }
}

impl PurgedPayload {
    pub(super) fn of(result: Result<Swept, Refusal>) -> Result<Self, Error> {
        swept(result).map(|(purged, remaining, user_errors)| Self { purged, remaining, user_errors })
    }
}

/// What was done, what remains, and why some of it was not done.
fn swept(result: Result<Swept, Refusal>) -> Result<(u64, u64, Vec<UserError>), Error> {
    split(result).map(|(swept, mut errors)| {
        let Swept { done, remaining, problems } =
            swept.unwrap_or(Swept { done: 0, remaining: 0, problems: Vec::new() });
        errors.extend(problems.into_iter().map(UserError::from));
        (done, remaining, errors)
    })
}

impl SecretPayload {
    pub(super) fn of(result: Result<Option<Secret>, Refusal>) -> Result<Self, Error> {
        split(result).map(|(secret, user_errors)| Self { secret: secret.flatten(), user_errors })
    }
}

impl EventPayload {
    pub(super) fn of(result: Result<(Event, bool), Refusal>) -> Result<Self, Error> {
        split(result).map(|(made, user_errors)| {
            let duplicate = made.as_ref().is_some_and(|(_, duplicate)| *duplicate);
            Self { event: made.map(|(event, _)| event), duplicate, user_errors }
        })
    }
}
