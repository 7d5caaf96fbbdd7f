//! How far the log is sealed, for operators who store that outside the database.

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use domain::access::Action;
use serde::Serialize;
use utoipa::ToSchema;

use super::incoming::{no_query, wrong_method};
use crate::edge::{HttpError, Services};

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(web::resource("/v1/audit").route(web::get().to(show)).default_service(web::to(wrong_method)));
}

/// How far the event log is sealed.
#[derive(Serialize, ToSchema)]
#[schema(as = Audit)]
pub(super) struct AuditBody {
    /// The position of the newest record.
    position: u64,
    /// The newest seal, `HASH@POSITION`, for `eventflow verify --anchor`; absent if nothing is sealed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    anchor: Option<String>,
    /// The position up to which the log is sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_position: Option<u64>,
    /// When the newest seal was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_at: Option<DateTime<Utc>>,
    /// Why the log is not being sealed at present.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

/// How far the event log is sealed
///
/// Keep `anchor` where nobody who can write to the database can change it: `eventflow verify --anchor HASH@POSITION`
/// later
/// shows whether the log still continues from there. Requires access to every namespace.
#[utoipa::path(get, path = "/v1/audit", operation_id = "getAudit", tag = "health", responses(
    (status = 200, description = "How far it is sealed", body = AuditBody),
    (status = 403, description = "`forbidden`: the token does not see every namespace"),
))]
pub(super) async fn show(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    if !services.auth.session(&request)?.viewer.may_everywhere(Action::View) {
        let message = "the log holds what happens in every namespace, and this token does not see all of them";
        return Err(HttpError::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    no_query(&request)?;
    let vitals = services.vitals();
    let newest = vitals.newest_seal().await?;
    Ok(HttpResponse::Ok().json(AuditBody {
        position: vitals.head().await?,
        anchor: newest.map(|seal| seal.anchor.to_string()),
        sealed_position: newest.map(|seal| seal.anchor.position),
        sealed_at: newest.map(|seal| seal.at),
        fault: vitals.stats().seal_fault(),
    }))
}
