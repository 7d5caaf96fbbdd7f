//! Errors as HTTP answers, in the same format for every route.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::codes;
use crate::operations::{Fault, Problem, Refusal, fit_to_show};
use crate::store;

/// Seconds after which a client may retry what failed because of the server.
const RETRY_AFTER_S: u64 = 1;

/// The body of every answer that is an error.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody<'a> {
    error: ErrorDetails<'a>,
}

/// What is wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorDetails<'a> {
    /// A stable code that programs can rely on.
    code: &'a str,
    /// What is wrong, where, and what to do.
    message: &'a str,
    /// The request's id, also in the server's log and in the header `X-Request-Id`.
    request_id: &'a str,
    /// All problems, if there is more than one or one has a position.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemBody>,
}

/// One thing that is wrong with what was asked.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// A stable code that programs can rely on.
    code: &'static str,
    /// What is wrong, where, and what to do.
    message: String,
    /// Its position in the input, from the outside in; `null` for the input as a whole.
    field: Option<Vec<String>>,
}

impl From<Problem> for ProblemBody {
    fn from(Problem { code, message, field }: Problem) -> Self {
        Self { code, message, field }
    }
}

/// An error answer: `{"error":{"code","message","request_id"}}`; the id is filled in on the way out.
#[derive(Debug, Clone)]
pub struct HttpError {
    /// The status of the answer.
    pub status: StatusCode,
    /// A stable code that programs can rely on.
    pub code: &'static str,
    /// What is wrong, where, and what to do.
    pub message: String,
    /// All problems, if there is more than one or one has a position.
    pub problems: Vec<Problem>,
    /// Seconds after which a retry may help.
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

    /// 401: not authenticated.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", message)
    }

    /// 413: larger than `limit` bytes.
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
    pub(crate) fn body<'a>(&'a self, request_id: &'a str) -> ErrorBody<'a> {
        let problems = self.problems.iter().cloned().map(ProblemBody::from).collect();
        ErrorBody { error: ErrorDetails { code: self.code, message: &self.message, request_id, problems } }
    }

    /// The answer without its body.
    pub(crate) fn head(&self) -> HttpResponseBuilder {
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
                let has_details = problems.len() > 1 || problems.iter().any(|problem| problem.field.is_some());
                Self {
                    problems: if has_details { problems } else { Vec::new() },
                    ..Self::new(status_of(code), code, message)
                }
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

/// The HTTP status of a code.
pub fn status_of(code: &str) -> StatusCode {
    let status = codes::find(code).and_then(|code| code.statuses.first());
    status.and_then(|status| StatusCode::from_u16(*status).ok()).unwrap_or(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use domain::function;

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
