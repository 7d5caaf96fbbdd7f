//! The REST routes, one file for each entity, and what all routes share.

mod audit;
mod bundle;
mod dead_letter;
mod described;
mod event;
mod function;
mod handshake;
pub(super) mod health;
mod incoming;
mod log;
mod openapi;
pub(super) mod pages;
mod run;
mod session;
mod webhook;

use actix_web::http::{Method, StatusCode};
use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse};

use incoming::wrong_method;

use crate::edge::{HttpError, Services};

pub(super) use function::told_source;
pub(super) use incoming::{caller, duration, namespace, wants_html};
pub use openapi::openapi;

pub(super) fn configure(config: &mut ServiceConfig, services: &Services) {
    session::configure(config);
    health::configure(config, services);
    audit::configure(config);
    openapi::configure(config);
    function::configure(config);
    run::configure(config);
    dead_letter::configure(config);
    event::configure(config, services);
    bundle::configure(config);
    log::configure(config);
    webhook::configure(config);
}

/// Answers with a page, a file of the web UI, or 404.
pub(super) async fn fallback(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        if let Some(response) = pages::file(&request) {
            return Ok(response);
        }
        // The UI is a single page, which shows the right view, or an error, for each address.
        if wants_html(&request) {
            return Ok(match pages::is_of_the_ui(request.path()) {
                true => pages::page(&request, "index.html"),
                false => pages::nothing(&request),
            });
        }
    }
    // Methods other than those for pages make no sense where there is a page.
    if pages::exists(request.path()) || pages::is_of_the_ui(request.path()) || request.path() == "*" {
        return wrong_method(request).await;
    }
    let message =
        format!("there is nothing at {} {}; /openapi.json lists what there is", request.method(), request.path());
    Err(HttpError::new(StatusCode::NOT_FOUND, "not_found", message))
}
