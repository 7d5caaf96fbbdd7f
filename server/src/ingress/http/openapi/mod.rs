//! The API description (OpenAPI) and the schema of `function.json`.
//!
//! Each handler describes itself by attributes. [`shared`] adds what all of them have in common, and `overlay.json`
//! what attributes cannot express: dependencies between fields of a body, the format of CloudEvents. The tests of this
//! room compare every answer with the result.

mod shared;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use serde_json::Value;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::described::Name;
use super::incoming::wrong_method;
use super::{audit, bundle, dead_letter, event, function, health, log, run, session, webhook};
use crate::builder::manifest;
use crate::edge::error::ErrorBody;

#[derive(OpenApi)]
#[openapi(
    info(title = "EventFlow", description = "A self-hosted, function-first developer platform. GraphQL at /graphql offers everything; this is the REST part. Functions answer at /function/{name}, with any method and path; /async-function/{name} takes the same calls, answers 202 with {\"run_id\"} and runs them later. Errors are {\"error\":{\"code\",\"message\",\"request_id\"}}. HEAD is answered as GET without its body, and OPTIONS with the header Allow."),
    paths(
        session::methods, session::token, session::logout, health::healthz, health::readyz, health::metrics,
        audit::show,
        function::list, function::create, function::show, function::delete, function::erase, function::invoke, log::logs,
        run::show, run::cancel, run::erase, dead_letter::list, dead_letter::show, dead_letter::redrive, dead_letter::redrive_all,
        dead_letter::purge, dead_letter::purge_all, event::publish, event::erase, bundle::upload, webhook::receive,
        description, function_schema,
    ),
    components(schemas(Name, ErrorBody<'static>, function::FunctionStatus)),
    modifiers(&Bearer),
    security(("bearer" = [])),
)]
struct Description;

/// How programs say who they are.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// The OpenAPI description of the REST API, as JSON.
pub fn openapi() -> String {
    serde_json::to_string_pretty(&*DOCUMENT).expect("the description is plain JSON")
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let derived = serde_json::to_value(Description::openapi()).expect("the description is plain JSON");
    shared::complete(derived)
});

/// The description as text, in the form that is served.
static TEXT: LazyLock<String> = LazyLock::new(openapi);

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/openapi.json").route(web::get().to(description)).default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/schemas/function.json")
                .route(web::get().to(function_schema))
                .default_service(web::to(wrong_method)),
        );
}

/// Describe the API
///
/// This description, in OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", operation_id = "getOpenApi", tag = "descriptions", security(()), responses(
    (status = 200, description = "The description", body = std::collections::BTreeMap<String, Value>, content_type = "application/json"),
))]
pub(super) async fn description() -> HttpResponse {
    json(&TEXT)
}

/// Describe function.json
///
/// The JSON Schema (draft 2020-12) of a function's manifest, for editors and programs.
#[utoipa::path(get, path = "/schemas/function.json", operation_id = "getFunctionSchema", tag = "descriptions", security(()), responses(
    (status = 200, description = "The schema", body = std::collections::BTreeMap<String, Value>, content_type = "application/json"),
))]
pub(super) async fn function_schema() -> HttpResponse {
    json(manifest::schema())
}

fn json(text: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text)
}

#[cfg(test)]
mod tests;
