//! Why something was not done, in one shape for REST and GraphQL: codes that programs can rely on, and words for people.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use domain::{function, namespace, run};
use serde::Serialize;
use utoipa::ToSchema;

use super::codes;
use crate::{actors, leasing, store};

/// Seconds after which a client may try again what failed because of the server.
const RETRY_AFTER_S: u64 = 1;

/// Bytes of one problem's message. A caller's own words may be in it, and be answered many times over.
const MAX_MESSAGE: usize = 8 << 10;

/// Something was not done.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// The caller's matter: every problem that was found, at least one.
    Refused(Vec<Problem>),
    /// Ours.
    Failed(Fault),
}

/// One thing that is wrong with what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A short name that programs can rely on.
    pub code: &'static str,
    /// What is wrong, where, and what to do.
    pub message: String,
    /// Where in the input.
    pub field: Option<Vec<String>>,
}

/// The server could not do it; another try may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The log is away.
    Unavailable(String),
    /// Too much at once.
    Busy(String),
    /// Something is broken.
    Internal(String),
}

impl Problem {
    /// A problem with the whole of what was asked.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: fit_to_show(message.into()), field: None }
    }

    /// The same, at a place in the input.
    #[must_use]
    pub fn at<S: Into<String>>(mut self, field: impl IntoIterator<Item = S>) -> Self {
        self.field = Some(field.into_iter().map(Into::into).collect());
        self
    }
}

/// A text that is about to be answered, whoever's words are in it: a caller's, a database's, a library's.
fn fit_to_show(message: String) -> String {
    shortened(masked(message))
}

/// What a caller wrote may be repeated to them, but for credentials in an address.
fn masked(message: String) -> String {
    match domain::address::masked(&message) {
        Cow::Borrowed(_) => message,
        Cow::Owned(masked) => masked,
    }
}

/// After the credentials are out: half an address does not show where they are.
fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push('…');
    }
    message
}

impl Fault {
    /// A short name that programs can rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Busy(_) => "too_many_requests",
            Self::Internal(_) => "internal",
        }
    }

    /// For people: without credentials, and no longer than anybody reads.
    pub fn message(&self) -> String {
        match self {
            Self::Unavailable(message) | Self::Busy(message) | Self::Internal(message) => fit_to_show(message.clone()),
        }
    }
}

impl Refusal {
    /// One problem.
    pub fn problem(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused(vec![Problem::new(code, message)])
    }

    /// There is no such function, or none that the viewer may see.
    pub fn no_function(name: &str) -> Self {
        Self::problem(
            "function_not_found",
            format!("there is no function `{name}`; it may never have been registered, or be deregistered"),
        )
    }

    /// There is no such run, or none that the viewer may see.
    pub fn no_run() -> Self {
        run::Error::NotFound.into()
    }

    /// Names where in the input the problems are, where they do not say it themselves.
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
            // A conflict that outlasted all tries: too many at the same place.
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
            // A cursor that no page came with.
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

/// The body of every answer that is an error.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct ErrorBody<'a> {
    error: ErrorDetails<'a>,
}

/// What is wrong.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorDetails<'a> {
    /// A short name that programs can rely on.
    code: &'a str,
    /// What is wrong, where, and what to do.
    message: &'a str,
    /// Names the request, in the server's log and in the header `X-Request-Id`.
    request_id: &'a str,
    /// Every problem, when there is more than one, or one that has a place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemBody>,
}

/// One thing that is wrong with what was asked.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// A short name that programs can rely on.
    code: &'static str,
    /// What is wrong, where, and what to do.
    message: String,
    /// Where in the input, from the outside in; `null` when it is the whole of it.
    field: Option<Vec<String>>,
}

impl From<Problem> for ProblemBody {
    fn from(Problem { code, message, field }: Problem) -> Self {
        Self { code, message, field }
    }
}

/// An answer that is an error: `{"error":{"code","message","request_id"}}`, the id being filled in on the way out.
#[derive(Debug, Clone)]
pub struct HttpError {
    /// The status of the answer.
    pub status: StatusCode,
    /// A short name that programs can rely on.
    pub code: &'static str,
    /// What is wrong, where, and what to do.
    pub message: String,
    /// Every problem, when there is more than one, or one that has a place.
    pub problems: Vec<Problem>,
    /// Seconds after which another try may help.
    pub retry_after: Option<u64>,
}

impl HttpError {
    /// An error with a status and a code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: fit_to_show(message.into()), problems: Vec::new(), retry_after: None }
    }

    /// 400.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 401: who are you?
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", message)
    }

    /// 413: longer than `limit` bytes.
    pub fn too_large(what: &str, limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            format!("{what} is larger than {limit} bytes, the most that is taken"),
        )
    }

    /// With a `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The answer, with the request's id.
    pub fn response(&self, request_id: &str) -> HttpResponse {
        self.head().json(self.body(request_id))
    }

    /// The answer's body, with the request's id.
    pub(super) fn body<'a>(&'a self, request_id: &'a str) -> ErrorBody<'a> {
        let problems = self.problems.iter().cloned().map(ProblemBody::from).collect();
        ErrorBody { error: ErrorDetails { code: self.code, message: &self.message, request_id, problems } }
    }

    /// The answer without its body.
    pub(super) fn head(&self) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        response
    }
}

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.message)
    }
}

impl std::error::Error for HttpError {}

impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.response("")
    }
}

impl From<Refusal> for HttpError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Refused(problems) => {
                let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
                let message = messages.join("; ");
                let code = problems.first().map_or("bad_request", |problem| problem.code);
                let told = problems.len() > 1 || problems.iter().any(|problem| problem.field.is_some());
                Self { problems: if told { problems } else { Vec::new() }, ..Self::new(status_of(code), code, message) }
            }
            Refusal::Failed(fault) => fault.into(),
        }
    }
}

impl From<Fault> for HttpError {
    fn from(fault: Fault) -> Self {
        let status = match fault {
            Fault::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            Fault::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { retry_after: Some(RETRY_AFTER_S), ..Self::new(status, fault.code(), fault.message()) }
    }
}

impl From<store::Error> for HttpError {
    fn from(error: store::Error) -> Self {
        Refusal::from(error).into()
    }
}

/// The status that says a code in HTTP.
pub fn status_of(code: &str) -> StatusCode {
    let status = codes::find(code).and_then(|code| code.statuses.first());
    status.and_then(|status| StatusCode::from_u16(*status).ok()).unwrap_or(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_the_domain_has_a_status_that_is_the_callers() {
        let build = crate::clock::new_id();
        let errors = [
            function::Error::NotFound,
            function::Error::NameTaken { namespace: "a".into(), name: "b".into() },
            function::Error::BadName { name: "A".into() },
            function::Error::Deregistered,
            function::Error::NotBuilt,
            function::Error::NotRunning { state: "STOPPED" },
            function::Error::NoSuchBuild { build },
            function::Error::TooManyBuilds { most: 1 },
            function::Error::PathTaken { path: "/a".into(), whose: "it is b's".into() },
            function::Error::TooManyPaths { most: 1 },
            function::Error::HistoryFull { bytes: 2, most: 1 },
            function::Error::NoSuchVersion { version: 1, available: "none".into() },
        ];
        let statuses: Vec<_> = errors.iter().map(|error| status_of(error.code()).as_u16()).collect();
        assert_eq!(statuses, [404, 409, 400, 410, 409, 409, 404, 409, 409, 409, 409, 404]);
    }

    #[test]
    fn no_answer_shows_the_credentials_in_an_address() {
        const TEXT: &str = "cannot reach postgres://flow:hunter2@db/flow or https://token@git.example.com/x";
        let faults = [Fault::Unavailable(TEXT.into()), Fault::Busy(TEXT.into()), Fault::Internal(TEXT.into())];
        let failed = faults.iter().flat_map(|fault| [fault.message(), HttpError::from(fault.clone()).message]);
        let refused = [
            HttpError::new(StatusCode::BAD_GATEWAY, "x", TEXT).message,
            HttpError::bad_request("x", TEXT).message,
            HttpError::unauthenticated(TEXT).message,
            HttpError::from(Refusal::problem("x", TEXT)).message,
            HttpError::from(store::Error::Unavailable(TEXT.into())).message,
        ];
        for message in failed.chain(refused) {
            assert!(message.contains("db/flow"), "{message}");
            assert!(!message.contains("hunter2") && !message.contains("token"), "{message}");
        }
    }

    #[test]
    fn a_log_that_is_away_is_never_the_callers_fault() {
        let error: HttpError = Refusal::from(store::Error::Unavailable("disk full".into())).into();
        assert_eq!((error.status.as_u16(), error.code, error.retry_after), (503, "unavailable", Some(RETRY_AFTER_S)));
        assert!(error.message.contains("disk full"));
    }
}
