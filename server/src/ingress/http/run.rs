//! Runs.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use domain::run::Run;
use domain::{Id, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::described::{Name, NamespaceHeader};
use super::incoming::{caller, namespace, no_query, query, wrong_method};
use crate::edge::{HttpError, Services};
use crate::operations;

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(
        web::resource("/v1/runs/{id}")
            .route(web::get().to(show))
            .route(web::delete().to(cancel))
            .default_service(web::to(wrong_method)),
    );
    config.service(
        web::resource("/v1/runs/{id}/payload").route(web::delete().to(erase)).default_service(web::to(wrong_method)),
    );
}

/// A run: one invocation of a function.
#[derive(Serialize, ToSchema)]
#[schema(as = Run)]
pub(super) struct RunBody {
    /// The run's id.
    id: Uuid,
    /// The function's id.
    function_id: Uuid,
    namespace: String,
    /// Its state.
    state: &'static str,
    /// The type of the trigger event.
    trigger: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    attempt: u32,
    /// The result; its size is bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    output: Option<Json>,
    /// Whether the result was too long to be recorded whole.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    output_cut: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed_from: Option<Uuid>,
    queued_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
    /// When its input, result and lines were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<DateTime<Utc>>,
}

impl From<Run> for RunBody {
    fn from(run: Run) -> Self {
        let Run { request, phase, queued_at, attempts, erased_at: run_erased_at, .. } = run;
        let outcome = phase.outcome();
        Self {
            id: request.run.uuid(),
            function_id: request.function.uuid(),
            namespace: request.namespace,
            state: phase.name(),
            trigger: request.trigger,
            event_id: request.event.map(Id::uuid),
            version: phase.attempt().map(|attempt| attempt.version).or(request.version),
            attempt: attempts,
            output: outcome.and_then(|outcome| outcome.output.clone()),
            output_cut: outcome.is_some_and(|outcome| outcome.output_cut),
            http_status: outcome.and_then(|outcome| outcome.http_status),
            exit_code: outcome.and_then(|outcome| outcome.exit_code),
            error: phase.failure().map(|failure| failure.error.clone()),
            replayed_from: request.replayed_from.map(Id::uuid),
            queued_at,
            started_at: phase.attempt().map(|attempt| attempt.started_at),
            finished_at: phase.finished_at(),
            erased_at: run_erased_at,
        }
    }
}

/// Whose run it is, where the id is not the run's own.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Whose {
    /// The function that was called: `id` is then the caller's own name for the call, from `X-Call-Id`.
    #[param(value_type = Option<Name>)]
    function: Option<String>,
    /// The function's namespace; by default that of the header `X-Namespace`, or else the default namespace.
    #[param(value_type = Option<Name>)]
    namespace: Option<String>,
}

/// Get a run
///
/// A run with its result. With `function`, the run of the first call with this `X-Call-Id`.
#[utoipa::path(get, path = "/v1/runs/{id}", operation_id = "getRun", tag = "runs",
    params(("id" = String, Path, description = "The run's id, which is a UUID; with `function`, the caller's own name for the call", min_length = 1, max_length = 128, pattern = "^[!-~]+$"), Whose, NamespaceHeader),
    responses(
        (status = 200, description = "The run", body = RunBody),
        (status = 404, description = "`run_not_found` or `function_not_found`: there is no such run or function"),
    ))]
pub(super) async fn show(
    request: HttpRequest,
    id: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let Whose { function, namespace: asked } = query(&request)?;
    let id = match function {
        None => parse(&id)?,
        Some(function) => {
            let namespace = namespace(asked, &request, &services)?;
            let function = operations::named(&services, &caller.viewer, &namespace, &function).await?;
            domain::run::called(function.id, &id)
        }
    };
    let run = operations::load_run(&services, &caller.viewer, id).await?;
    Ok(HttpResponse::Ok().json(RunBody::from(run)))
}

/// Cancel a run
///
/// Cancels a run, whether it is waiting or running.
#[utoipa::path(delete, path = "/v1/runs/{id}", operation_id = "cancelRun", tag = "runs", params(("id" = Uuid, Path, description = "The run")), responses(
    (status = 200, description = "The run is cancelled", body = RunBody),
    (status = 404, description = "`run_not_found`: there is no such run"),
    (status = 409, description = "`run_over`: it is over already"),
))]
pub(super) async fn cancel(
    request: HttpRequest,
    id: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    no_query(&request)?;
    let id = parse(&id)?;
    operations::cancel(&services, &caller, id).await?;
    let run = operations::load_run(&services, &caller.viewer, id).await?;
    Ok(HttpResponse::Ok().json(RunBody::from(run)))
}

/// Erase the payload of a run
///
/// Permanently erases the input, the result and the lines of a run. Its record stays and shows when. Repeating the
/// request
/// changes nothing.
#[utoipa::path(delete, path = "/v1/runs/{id}/payload", operation_id = "eraseRun", tag = "runs", params(("id" = Uuid, Path, description = "The run")), responses(
    (status = 200, description = "It is erased", body = RunBody),
    (status = 404, description = "`run_not_found`: there is no such run"),
    (status = 409, description = "`run_not_over`: it is not over; `callback_open`: its callback is still open; `older_servers`: a server of an older version is running"),
))]
pub(super) async fn erase(
    request: HttpRequest,
    id: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    no_query(&request)?;
    let id = parse(&id)?;
    operations::erase_run(&services, &caller, id).await?;
    let run = operations::load_run(&services, &caller.viewer, id).await?;
    Ok(HttpResponse::Ok().json(RunBody::from(run)))
}

pub(super) fn parse(text: &str) -> Result<domain::run::Id, HttpError> {
    text.parse().map_err(|_| HttpError::bad_request("bad_id", format!("`{text}` is not a run's id: it must be a UUID")))
}
