//! Routes.

use actix_web::web::ServiceConfig;

use super::error::HttpError;
use super::Services;

pub(super) fn configure(_: &mut ServiceConfig, _: &Services) {}

pub(super) async fn not_found() -> Result<actix_web::HttpResponse, HttpError> {
    Err(HttpError::new(actix_web::http::StatusCode::NOT_FOUND, "not_found", "there is nothing here"))
}
