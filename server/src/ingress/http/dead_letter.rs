//! Dead letters: list, show, redrive, purge.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use domain::run::{Letter, Phase};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::described::{Name, NamespaceHeader};
use super::incoming::{caller, named, next_link, no_query, page_size, query, wrong_method};
use super::run::{RunBody, parse};
use crate::edge::error::ProblemBody;
use crate::edge::{HttpError, Services, body};
use crate::operations::{self, Letters, MAX_LETTERS, Refusal};
use crate::store::{PageRequest, RunRow};

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/v1/dead-letters").route(web::get().to(list)).default_service(web::to(wrong_method)))
        .service(
            web::resource("/v1/dead-letters:redrive")
                .route(web::post().to(redrive_all))
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/v1/dead-letters:purge")
                .route(web::post().to(purge_all))
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/v1/dead-letters/{id:[^/:]+}:redrive")
                .route(web::post().to(redrive))
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/v1/dead-letters/{id:[^/:]+}")
                .route(web::get().to(show))
                .route(web::delete().to(purge))
                .default_service(web::to(wrong_method)),
        );
}

/// Which dead letters; all that the caller sees when nothing is given.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeadLetterFilter)]
pub(super) struct Those {
    /// Only of this namespace, or of that of the header `X-Namespace`.
    #[schema(value_type = Option<Name>)]
    namespace: Option<String>,
    /// Only letters of the function with this id.
    function: Option<Uuid>,
    /// Only runs requested at or after this time.
    since: Option<DateTime<Utc>>,
    /// Only runs requested before this time.
    until: Option<DateTime<Utc>>,
    /// The most letters to handle; 1000 by default.
    #[schema(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "crate::edge::json::whole")]
    limit: Option<u32>,
}

/// Which dead letters, and how many of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only of this namespace, or of that of the header `X-Namespace`; of all that the caller may look into when both are absent.
    #[param(value_type = Option<Name>)]
    namespace: Option<String>,
    /// Only letters of the function with this id.
    function: Option<Uuid>,
    /// Only runs requested at or after this time.
    since: Option<DateTime<Utc>>,
    /// Only runs requested before this time.
    until: Option<DateTime<Utc>>,
    /// The most letters on a page; 100 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The cursor in the `Link` header of the previous page.
    after: Option<String>,
}

/// A dead letter in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(super) struct LetterBody {
    /// The run.
    id: Uuid,
    function_id: Uuid,
    namespace: String,
    /// The type of the trigger event.
    trigger: String,
    attempts: u32,
    /// Why the last attempt failed.
    reason: Option<String>,
    queued_at: DateTime<Utc>,
    died_at: Option<DateTime<Utc>>,
}

/// A dead letter with its whole input.
#[derive(Serialize, ToSchema)]
#[schema(as = WholeDeadLetter)]
pub(super) struct WholeLetter {
    /// The run.
    run: RunBody,
    /// Its state as a dead letter.
    state: &'static str,
    /// The run that redrove it.
    #[serde(skip_serializing_if = "Option::is_none")]
    redriven_as: Option<Uuid>,
    /// Why the last attempt failed.
    reason: String,
    /// The CloudEvent that the function got.
    input: Value,
    /// Whether the input was too long to be recorded whole: it cannot be redriven then.
    input_cut: bool,
}

/// What became of many.
#[derive(Serialize, ToSchema)]
pub(super) struct Redriven {
    /// Letters that were redriven.
    redriven: u64,
    /// Letters that are still open.
    remaining: u64,
    /// Why some were not redriven; `field` is the run.
    problems: Vec<ProblemBody>,
}

/// What became of many.
#[derive(Serialize, ToSchema)]
pub(super) struct Purged {
    /// Letters that were purged.
    purged: u64,
    /// Letters that are still open.
    remaining: u64,
}

/// The run that a dead one is tried again as.
#[derive(Serialize, ToSchema)]
pub(super) struct Again {
    run_id: Uuid,
}

impl From<RunRow> for LetterBody {
    fn from(row: RunRow) -> Self {
        Self {
            id: row.id.uuid(),
            function_id: row.function.uuid(),
            namespace: row.namespace,
            trigger: row.trigger,
            attempts: row.attempts,
            reason: row.error,
            queued_at: row.queued_at,
            died_at: row.finished_at,
        }
    }
}

impl Those {
    async fn read(
        request: &HttpRequest,
        payload: web::Payload,
        services: &Services,
    ) -> Result<(Letters, u32), HttpError> {
        let bytes = body::read(request, payload, services.settings.limits.body).await?;
        let those: Self = if bytes.is_empty() { Self::default() } else { body::json(&bytes)? };
        let letters = Letters {
            namespace: named(those.namespace, request)?,
            function: those.function.map(Into::into),
            since: those.since,
            until: those.until,
        };
        Ok((letters, those.limit.unwrap_or(MAX_LETTERS)))
    }
}

/// List dead letters
///
/// Open dead letters, newest first, page by page.
#[utoipa::path(get, path = "/v1/dead-letters", operation_id = "listDeadLetters", tag = "dead letters", params(Which, NamespaceHeader), responses(
    (status = 200, description = "A page of dead letters", body = Vec<LetterBody>, headers(
        ("X-Total-Count" = u64, description = "The number of items on all pages"),
        ("Link" = Option<String>, description = "`<…>; rel=\"next\"` leads to the next page, if there is one"),
    )),
))]
pub(super) async fn list(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let which: Which = query(&request)?;
    let first = page_size(which.limit)?;
    let letters = Letters {
        namespace: named(which.namespace, &request)?,
        function: which.function.map(Into::into),
        since: which.since,
        until: which.until,
    };
    let page =
        operations::dead_letters(&services, &caller, &letters, &PageRequest::first(first).counted().after(which.after))
            .await?;
    let next = page.rows.last().filter(|_| page.has_next).map(|(cursor, _)| next_link(&request, cursor));
    let mut response = HttpResponse::Ok();
    response.insert_header(("x-total-count", page.total.to_string()));
    if let Some(Ok(link)) = next.map(|link| HeaderValue::from_str(&link)) {
        response.insert_header((header::LINK, link));
    }
    Ok(response.json(page.rows.into_iter().map(|(_, row)| LetterBody::from(row)).collect::<Vec<_>>()))
}

/// Get a dead letter
///
/// A dead letter with its reason and its complete input.
#[utoipa::path(get, path = "/v1/dead-letters/{id}", operation_id = "getDeadLetter", tag = "dead letters", params(("id" = Uuid, Path, description = "The run that is dead")), responses(
    (status = 200, description = "The dead letter", body = WholeLetter),
    (status = 404, description = "`run_not_found`: there is no such run"),
    (status = 409, description = "`run_not_dead`: the run is not dead"),
))]
pub(super) async fn show(
    request: HttpRequest,
    id: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    no_query(&request)?;
    let run = operations::load_run(&services, &caller.viewer, parse(&id)?).await?;
    let Phase::Dead { failure, letter, .. } = &run.phase else {
        let error = domain::run::Error::NotDead { state: run.phase.name() };
        return Err(Refusal::from(error).into());
    };
    let redriven_as = match letter {
        Letter::Redriven(run) => Some(run.uuid()),
        Letter::Waiting | Letter::Purged => None,
    };
    let letter = WholeLetter {
        state: letter.status().name(),
        redriven_as,
        reason: failure.error.clone(),
        input: run.request.input.value(),
        input_cut: run.request.input_cut,
        run: RunBody::from(run),
    };
    Ok(HttpResponse::Ok().json(letter))
}

/// Redrive a dead letter
///
/// Tries a dead run again, as a new run.
#[utoipa::path(post, path = "/v1/dead-letters/{id}:redrive", operation_id = "redriveDeadLetter", tag = "dead letters", params(("id" = Uuid, Path, description = "The run that is dead")), responses(
    (status = 202, description = "The new run is on disk", body = Again, headers(("Location" = String, description = "The new run's path"))),
    (status = 404, description = "`run_not_found`: there is no such run"),
    (status = 409, description = "`run_not_dead`, `run_purged`, or `run_not_replayable`: its input was not recorded whole"),
    (status = 410, description = "`function_deregistered`: the function is gone"),
))]
pub(super) async fn redrive(
    request: HttpRequest,
    id: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    no_query(&request)?;
    let run = operations::redrive(&services, &caller, parse(&id)?).await?;
    Ok(HttpResponse::Accepted()
        .insert_header((header::LOCATION, format!("/v1/runs/{run}")))
        .json(Again { run_id: run.uuid() }))
}

/// Redrive many dead letters
///
/// Tries matching dead runs again; without a body, all that the caller may see.
#[utoipa::path(post, path = "/v1/dead-letters:redrive", operation_id = "redriveDeadLetters", tag = "dead letters", params(NamespaceHeader), request_body = Option<Those>, responses(
    (status = 200, description = "The number of redriven letters", body = Redriven),
))]
pub(super) async fn redrive_all(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    no_query(&request)?;
    let (letters, limit) = Those::read(&request, payload, &services).await?;
    let swept = operations::redrive_all(&services, &caller, &letters, limit).await?;
    let problems = swept.problems.into_iter().map(ProblemBody::from).collect();
    Ok(HttpResponse::Ok().json(Redriven { redriven: swept.done, remaining: swept.remaining, problems }))
}

/// Purge many dead letters
///
/// Closes matching dead letters; without a body, all that the caller may see. The runs' histories stay.
#[utoipa::path(post, path = "/v1/dead-letters:purge", operation_id = "purgeDeadLetters", tag = "dead letters", params(NamespaceHeader), request_body = Option<Those>, responses(
    (status = 200, description = "The number of purged letters", body = Purged),
))]
pub(super) async fn purge_all(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    no_query(&request)?;
    let (letters, limit) = Those::read(&request, payload, &services).await?;
    let swept = operations::purge_all(&services, &caller, &letters, limit).await?;
    Ok(HttpResponse::Ok().json(Purged { purged: swept.done, remaining: swept.remaining }))
}

/// Purge a dead letter
///
/// Closes a dead letter. The run's history stays.
#[utoipa::path(delete, path = "/v1/dead-letters/{id}", operation_id = "purgeDeadLetter", tag = "dead letters", params(("id" = Uuid, Path, description = "The run that is dead")), responses(
    (status = 204, description = "The dead letter is purged"),
    (status = 404, description = "`run_not_found`: there is no such run"),
    (status = 409, description = "`run_not_dead`: the run is not dead"),
))]
pub(super) async fn purge(
    request: HttpRequest,
    id: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    no_query(&request)?;
    operations::purge(&services, &caller, parse(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}
