//! What answers here.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::caller::caller;
use crate::edge::{HttpError, Services};

/// OpenFaaS names its commit, which releases of EventFlow do not know; clients want some text.
const COMMIT: &str = "not-recorded";

pub(super) async fn show(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    caller(&request, &services)?;
    let version = json!({ "release": env!("CARGO_PKG_VERSION"), "sha": COMMIT });
    let provider = json!({ "provider": "eventflow", "orchestration": "eventflow", "version": version });
    Ok(HttpResponse::Ok().json(json!({ "provider": provider, "version": version, "arch": std::env::consts::ARCH })))
}
