//! The door for people and programs: HTTP, GraphQL, sign-in, web pages.
//!
//! Translates between what comes over the wire and [`verbs`], the use cases that REST and GraphQL share. Decides nothing
//! about functions and runs: commands go down, facts come up by reading and following the store.

pub mod amqp;
pub mod assets;
pub mod auth;
mod bodiless;
mod cloudevent;
pub mod codes;
mod credentials;
pub mod edge;
pub mod error;
#[doc(hidden)]
pub mod fuzz;
pub mod gateway;
pub mod graphql;
mod http;
mod json;
mod methods;
mod middleware;
mod proof;
mod shares;
pub mod subscribers;
#[cfg(test)]
mod tests;
mod trace;
pub mod verbs;
mod wishes;

use std::sync::Arc;

use actix_web::web;
use tokio_util::sync::CancellationToken;

use crate::actors::Commands;
use crate::builder;
use crate::config::Settings;
use crate::keeping::Keeping;
use crate::leasing::Leasing;
use crate::queue::Queue;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::telemetry::watchdog::Watchdog;
use crate::vault::Vault;

pub use auth::{Auth, Viewer};
pub use error::{Fault, HttpError, Problem, Refusal};
pub use http::openapi;
pub use middleware::RequestId;

/// What the ingress needs of the rooms below. Cloning it is cheap.
#[derive(Clone)]
pub struct Services {
    /// The log and its tables.
    pub store: Store,
    /// Takes commands.
    pub commands: Commands,
    /// Gives calls their places.
    pub leasing: Leasing,
    /// Keeps instances.
    pub keeping: Keeping,
    /// Seals secrets and opens them.
    pub vault: Vault,
    /// Takes bundles.
    pub workshop: builder::Workshop,
    /// Delivers runs.
    pub queue: Arc<dyn Queue>,
    /// Counts.
    pub metrics: Metrics,
    /// Everything that can be set.
    pub settings: Arc<Settings>,
    /// Knows who is who.
    pub auth: Arc<Auth>,
    /// What the server runs on.
    pub about: Arc<About>,
    /// Cancelled when the server was asked to end: it takes everything still, and its readiness says that it will not for
    /// long.
    pub draining: CancellationToken,
    /// Told when the server is to end: what would be followed for ever ends then, so that nobody is waited for in vain.
    pub stopping: CancellationToken,
    /// Knows which threads are held up.
    pub watchdog: Watchdog,
    /// Who follows something.
    pub subscribers: subscribers::Subscribers,
    /// The WebSockets whose callers are not known yet.
    pub strangers: Arc<edge::Strangers>,
    /// The memory for bodies whose senders are not known yet.
    pub unproved: Arc<edge::BodyBudget>,
    /// The memory for the bodies of all other requests.
    pub bodies: Arc<edge::BodyBudget>,
}

/// What the server runs on, for people.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The log.
    pub store: String,
    /// How runs are delivered.
    pub queue: String,
    /// Where functions run.
    pub executor: String,
    /// What a reader should be warned of, such as missing isolation.
    pub warnings: Vec<String>,
}

/// All routes, for `App::configure`; `gateway` adds those of the synchronous calls.
///
/// Makes the GraphQL schema: call it once and clone the result for each worker.
pub fn routes(
    services: Services,
    gateway: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    let schema = graphql::schema(&services);
    move |config| {
        let scope = web::scope("")
            .wrap(actix_web::middleware::from_fn(middleware::around))
            .configure(|config| http::configure(config, &services))
            .configure(|config| graphql::http::configure(config, &schema))
            .default_service(web::to(http::fallback));
        // Calls of functions come first, and past what is around the others: they are the hot path.
        config.app_data(web::Data::new(services.clone())).configure(gateway.clone()).service(scope);
    }
}

/// The metrics alone, for a port of their own.
pub fn metrics(services: Services) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config.app_data(web::Data::new(services.clone()));
        http::health::configure_metrics(config);
    }
}
