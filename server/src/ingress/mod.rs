//! The entrance for people and programs: HTTP, GraphQL, sign-in, web pages.
//!
//! Translates between the protocols and [`crate::operations`], the use cases that REST and GraphQL share. Makes no
//! decisions about functions and runs: commands go down, facts come up by reading and following the store.

pub mod amqp;
pub mod assets;
mod cloudevent;
mod following;
#[doc(hidden)]
pub mod fuzz;
pub mod graphql;
mod http;
mod lists;
mod methods;
mod middleware;
mod openfaas;
mod proof;
#[cfg(test)]
mod tests;
mod unsent;

use actix_web::web;

use crate::edge::Services;

pub use http::openapi;
pub use http::pages::is_taken;

/// All routes, for `App::configure`; `gateway` adds those of the synchronous calls.
///
/// Builds the GraphQL schema: call it once, and clone the result for each worker.
pub fn routes(
    services: Services,
    gateway: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    let schema = graphql::schema(&services);
    move |config| {
        let scope = web::scope("")
            .wrap(actix_web::middleware::from_fn(middleware::around))
            .configure(|config| http::configure(config, &services))
            .configure(openfaas::configure)
            .configure(|config| graphql::http::configure(config, &schema))
            .default_service(web::to(http::fallback));
        // Calls of functions come first and bypass the middleware of the others: they are the hot path.
        config.configure(|config| with(config, &services)).configure(gateway.clone()).service(scope);
    }
}

/// Only the metrics, for a port of their own.
pub fn metrics(services: Services) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |config| {
        with(config, &services);
        http::health::configure_metrics(config);
    }
}

/// Adds the data that every route uses.
fn with(config: &mut web::ServiceConfig, services: &Services) {
    config.app_data(web::Data::from(services.settings.clone())).app_data(web::Data::new(services.clone()));
}
