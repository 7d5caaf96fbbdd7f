//! Namespaces: listed, and created. Here they have members instead of labels, and stay.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::caller::{caller, json};
use super::types::Namespace;
use crate::edge::{HttpError, Services};
use crate::operations::{self, Refusal};

pub(super) async fn list(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    Ok(HttpResponse::Ok().json(operations::namespaces(&services, &caller.viewer).await?))
}

pub(super) async fn show(
    request: HttpRequest,
    name: web::Path<String>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let names = operations::namespaces(&services, &caller.viewer).await?;
    match names.into_iter().find(|known| *known == *name) {
        Some(name) => Ok(HttpResponse::Ok().json(Namespace { name })),
        None => Err(Refusal::from(domain::namespace::Error::NotFound).into()),
    }
}

pub(super) async fn create(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let asked: Namespace = json(&request, payload, &services).await?;
    let in_path = request.match_info().get("name").filter(|name| !name.is_empty());
    let name = match asked.name.is_empty() {
        true => in_path.unwrap_or_default(),
        false => &asked.name,
    };
    if operations::namespaces(&services, &caller.viewer).await?.iter().any(|known| known == name) {
        let message = format!("there is a namespace `{name}` already");
        return Err(HttpError::new(StatusCode::CONFLICT, "name_taken", message));
    }
    operations::create_namespace(&services, &caller, name).await?;
    Ok(HttpResponse::Created().finish())
}

/// Answers what there is no counterpart for.
pub(super) async fn not_here(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    caller(&request, &services)?;
    let message = "namespaces cannot be removed or labelled here: remove the functions and secrets in it";
    Err(HttpError::new(StatusCode::NOT_IMPLEMENTED, "not_supported", message))
}
