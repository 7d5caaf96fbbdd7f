//! What programs read to know the API: its description (OpenAPI), and the schema of `function.json`.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{bundle, dead_letter, event, function, health, log, run, session, webhook};
use crate::builder::manifest;

#[derive(OpenApi)]
#[openapi(
    info(title = "EventFlow", description = "A self-hosted, function-first developer platform. GraphQL at /graphql says all of it; this is the REST part. Functions answer at /function/{name}, with any method and path; /async-function/{name} takes the same calls, answers 202 with {\"run_id\"} and runs them later. Errors are {\"error\":{\"code\",\"message\",\"request_id\"}}."),
    paths(
        session::methods, session::token, session::logout, health::healthz, health::readyz, health::metrics,
        function::list, function::create, function::show, function::delete, function::invoke, log::logs,
        run::show, run::cancel, dead_letter::list, dead_letter::show, dead_letter::redrive, dead_letter::redrive_all,
        dead_letter::purge, dead_letter::purge_all, event::publish, bundle::upload, webhook::receive,
    ),
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

/// The description of the REST API, as JSON.
pub fn openapi() -> String {
    Description::openapi().to_pretty_json().expect("the description is plain JSON")
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .route("/openapi.json", web::get().to(|| async { json(openapi()) }))
        .route("/schemas/function.json", web::get().to(|| async { json(manifest::schema().to_owned()) }));
}

fn json(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described() {
        let description: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
        let paths = description["paths"].as_object().unwrap();
        for path in [
            "/auth/token",
            "/v1/functions",
            "/v1/functions/{name}:invoke",
            "/v1/events",
            "/v1/bundles",
            "/v1/runs/{id}",
            "/v1/dead-letters",
            "/v1/dead-letters/{id}",
            "/v1/dead-letters/{id}:redrive",
            "/v1/dead-letters:redrive",
            "/v1/dead-letters:purge",
            "/hooks/{namespace}/{function}/{webhook}",
        ] {
            assert!(paths.contains_key(path), "{path} is missing");
        }
        assert_eq!(description["security"][0]["bearer"], serde_json::json!([]));
        assert_eq!(paths["/healthz"]["get"]["security"], serde_json::json!([{}]));
    }
}
