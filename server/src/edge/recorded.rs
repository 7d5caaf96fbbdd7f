//! Rebuilds the answer of a run from its record.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::run::event::{Encoding, Outcome};
use domain::run::{self, Phase, Run};

use super::HttpError;
use crate::leasing::{Leasing, WholeAnswer};

/// A run's answer that was too long to be recorded whole, if this server still has it.
pub(crate) fn complete_answer(leasing: &Leasing, run: &Run) -> Option<HttpResponse> {
    run.phase.outcome().filter(|outcome| outcome.output_cut)?;
    let WholeAnswer { status, content_type, body } = leasing.whole_answer(run.request.run)?;
    Some(response_of(status, content_type.as_deref(), body.to_vec()))
}

/// A run's answer for a caller that waits for it and takes the function's own errors unchanged.
///
/// # Errors
/// When there is none, or it was not recorded whole.
pub(crate) fn recorded_answer(leasing: &Leasing, run: &Run) -> Result<HttpResponse, HttpError> {
    if let Some(whole) = complete_answer(leasing, run) {
        return Ok(whole);
    }
    match &run.phase {
        Phase::Failed { failure, .. } | Phase::Dead { failure, .. } if failure.outcome.http_status.is_some() => {
            whole(run.request.run, &failure.outcome)
        }
        _ => answer(run),
    }
}

/// The answer that a run's record holds.
pub(crate) fn answer(run: &Run) -> Result<HttpResponse, HttpError> {
    let id = run.request.run;
    match &run.phase {
        Phase::Succeeded { outcome, .. } => whole(id, outcome),
        // The function never got the request: a retry under another key may reach it.
        Phase::Failed { failure, last: None, .. } => {
            let message = format!("{}; run {id} was not begun, and a new key asks for another one", failure.error);
            Err(HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "function_unhealthy", message).retry_after(1))
        }
        Phase::Failed { failure, .. } | Phase::Dead { failure, .. } => match failure.outcome.http_status {
            Some(500..=599) => whole(id, &failure.outcome),
            _ => {
                let message = format!("{}; its log is that of run {id}", failure.error);
                Err(HttpError::new(StatusCode::BAD_GATEWAY, "function_failed", message))
            }
        },
        Phase::TimedOut { failure, .. } => {
            Err(HttpError::new(StatusCode::GATEWAY_TIMEOUT, "timed_out", format!("{}; run {id}", failure.error)))
        }
        phase => {
            let message = format!("run {id} is {} and has no answer", phase.name());
            Err(HttpError::new(StatusCode::CONFLICT, "run_over", message))
        }
    }
}

fn whole(id: run::Id, outcome: &Outcome) -> Result<HttpResponse, HttpError> {
    if outcome.output_cut {
        let message = format!(
            "the answer was longer than what is kept of it, so that it cannot be given again; run {id} has its beginning"
        );
        return Err(HttpError::new(StatusCode::CONFLICT, "answer_not_kept", message));
    }
    let text = |json: &domain::Json| serde_json::from_str::<String>(json.get()).unwrap_or_default();
    let body = match (&outcome.output, outcome.encoding) {
        // A job always has a result.
        (None, _) if outcome.http_status.is_none() => b"null".to_vec(),
        (None, _) => Vec::new(),
        (Some(json), Encoding::Json) => json.get().as_bytes().to_vec(),
        (Some(json), Encoding::Text) => text(json).into_bytes(),
        (Some(json), Encoding::Base64) => STANDARD.decode(text(json)).unwrap_or_default(),
    };
    Ok(response_of(outcome.http_status, outcome.content_type.as_deref(), body))
}

fn response_of(status: Option<u16>, content_type: Option<&str>, body: Vec<u8>) -> HttpResponse {
    let is_job = status.is_none();
    let status = Some(status.unwrap_or(200)).filter(|status| (200..=599).contains(status));
    let status = status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::build(status);
    match content_type {
        Some(kind) => _ = response.content_type(kind),
        None if is_job => _ = response.content_type("application/json"),
        None => {}
    }
    response.body(body)
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use domain::Json;

    use super::*;

    async fn parts(outcome: Outcome) -> (u16, Option<String>, Vec<u8>) {
        let response = whole(crate::clock::new_id(), &outcome).unwrap();
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        (response.status().as_u16(), kind, to_bytes(response.into_body()).await.unwrap().to_vec())
    }

    #[actix_web::test]
    async fn an_answer_is_given_as_it_was() {
        let outcome = |output: Option<&str>, encoding, kind: Option<&str>, http_status| Outcome {
            output: output.map(|text| Json::parse(text).unwrap()),
            encoding,
            content_type: kind.map(str::to_owned),
            http_status,
            ..Outcome::default()
        };
        let json = outcome(Some(r#"{"b": 1.0}"#), Encoding::Json, Some("application/json"), Some(201));
        assert_eq!(parts(json).await, (201, Some("application/json".into()), br#"{"b": 1.0}"#.to_vec()));
        let text = outcome(Some(r#""a\nb""#), Encoding::Text, Some("text/html"), Some(404));
        assert_eq!(parts(text).await, (404, Some("text/html".into()), b"a\nb".to_vec()));
        let bytes = outcome(Some(r#""AP8=""#), Encoding::Base64, Some("image/png"), Some(200));
        assert_eq!(parts(bytes).await, (200, Some("image/png".into()), vec![0, 255]));
        assert_eq!(parts(outcome(None, Encoding::Json, None, Some(204))).await, (204, None, Vec::new()));
        let job = parts(outcome(None, Encoding::Json, None, None)).await;
        assert_eq!(job, (200, Some("application/json".into()), b"null".to_vec()));
    }
}
