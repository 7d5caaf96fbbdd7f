//! The API of OpenFaaS, `/system/…`, for its command line and for whatever else was written for it.
//!
//! Translates: a deployment is a function of an image, whose manifest [`mapping`] makes, and a function's state is told in
//! OpenFaaS' words. Asks the same operations as the other entrances. Errors are plain text, which faas-cli shows as it is.
//!
//! docs/guide/from-openfaas.md says what differs from OpenFaaS.

mod caller;
mod functions;
mod info;
mod logs;
mod mapping;
mod names;
mod namespaces;
mod plain;
mod quantity;
mod scaling;
mod secrets;
mod status;
mod types;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource};

use actix_web::http::StatusCode;

use crate::edge::HttpError;

/// Adds the routes. `/system` itself is a page of the web UI.
pub(super) fn configure(config: &mut ServiceConfig) {
    let text = || from_fn(plain::errors);
    config
        .service(resource("/system/info").route(web::get().to(info::show)).wrap(text()))
        .service(
            resource("/system/functions")
                .route(web::get().to(functions::list))
                .route(web::post().to(functions::deploy))
                .route(web::put().to(functions::update))
                .route(web::delete().to(functions::remove))
                .wrap(text()),
        )
        .service(resource("/system/function/{name}").route(web::get().to(functions::show)).wrap(text()))
        .service(resource("/system/scale-function/{name}").route(web::post().to(functions::scale)).wrap(text()))
        .service(resource("/system/logs").route(web::get().to(logs::show)).wrap(text()))
        .service(
            resource("/system/secrets")
                .route(web::get().to(secrets::list))
                .route(web::post().to(secrets::create))
                .route(web::put().to(secrets::update))
                .route(web::delete().to(secrets::remove))
                .wrap(text()),
        )
        .service(resource("/system/namespaces").route(web::get().to(namespaces::list)).wrap(text()))
        .service(resource("/system/namespace/").route(web::post().to(namespaces::create)).wrap(text()))
        .service(
            resource("/system/namespace/{name}")
                .route(web::get().to(namespaces::show))
                .route(web::post().to(namespaces::create))
                .route(web::put().to(namespaces::not_here))
                .route(web::delete().to(namespaces::not_here))
                .wrap(text()),
        );
}

fn resource(path: &str) -> Resource {
    web::resource(path).default_service(web::to(wrong_method))
}

async fn wrong_method(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let message = format!("{} does not take {}", request.path(), request.method());
    Err(HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message))
}
