//! The answer to a call that is not made.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;

use crate::edge::HttpError;
use crate::leasing;
use crate::leasing::claim::{self, Claim};

/// Refuses calls that pretend to be events reserved for the platform.
///
/// # Errors
/// 400 `reserved_type`.
pub(super) fn check_claim(request: &HttpRequest) -> Result<(), HttpError> {
    claim::check_types(request.headers().get_all("ce-type").map(|value| value.as_bytes())).map_err(claimed)
}

pub(super) fn claimed(claim: Claim) -> HttpError {
    let code = match claim {
        Claim::Reserved(_) => "reserved_type",
        Claim::Unreadable(_) => "bad_event",
    };
    HttpError::bad_request(code, claim.to_string())
}

/// The answer if there is no instance.
pub(super) fn refusal(error: leasing::Error) -> HttpError {
    let message = error.to_string();
    match error {
        leasing::Error::NotRunning { .. } => {
            HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "function_not_running", message).retry_after(1)
        }
        leasing::Error::NoSuchVersion(_) => HttpError::new(StatusCode::NOT_FOUND, "version_not_found", message),
        leasing::Error::Overloaded { .. } => {
            HttpError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message).retry_after(1)
        }
        leasing::Error::TimedOut => HttpError::new(StatusCode::GATEWAY_TIMEOUT, "timed_out", message),
        leasing::Error::Unhealthy { retry_in, .. } => {
            let refused = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "function_unhealthy", message);
            refused.retry_after(retry_in.as_secs() + 1)
        }
        leasing::Error::Store(error) => error.into(),
    }
}
