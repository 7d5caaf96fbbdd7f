//! How the server is.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ingress::Services;
use crate::ingress::error::HttpError;
use crate::store::{self, FunctionFilter, PageRequest};

pub(super) fn configure(config: &mut ServiceConfig, services: &Services) {
    config.route("/healthz", web::get().to(healthz)).route("/readyz", web::get().to(readyz));
    if services.settings.metrics_port.is_none() {
        configure_metrics(config);
    }
}

/// The route of the metrics alone, for a port of their own.
pub(in crate::ingress) fn configure_metrics(config: &mut ServiceConfig) {
    config.route("/metrics", web::get().to(metrics));
}

/// Whether the server does its work.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    /// `ok`, `ready`, `degraded` or `unavailable`.
    status: &'static str,
    /// Why it is not, or not wholly, ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

/// Whether the server lives.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()), responses((status = 200, body = Readiness)))]
pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Readiness { status: "ok", reasons: Vec::new() })
}

/// Whether the server takes what is asked of it. `degraded`: it takes everything, and what runs wait for is away; or, with
/// 503, a thread is held up, and who is connected to it gets no answer.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()), responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub(super) async fn readyz(services: web::Data<Services>) -> HttpResponse {
    let held: Vec<_> = services.watchdog.held().iter().map(ToString::to_string).collect();
    let unavailable = |status, reasons| {
        let mut response = HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE);
        response.insert_header(("retry-after", "1")).json(Readiness { status, reasons })
    };
    match services.store.ready().await {
        Ok(()) if !held.is_empty() => unavailable("degraded", held),
        Ok(()) => {
            let reasons: Vec<_> = services.queue.fault().into_iter().collect();
            let status = if reasons.is_empty() { "ready" } else { "degraded" };
            HttpResponse::Ok().json(Readiness { status, reasons })
        }
        Err(error) => unavailable("unavailable", [vec![error.to_string()], held].concat()),
    }
}

/// Numbers for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", security(()), responses((status = 200, content_type = "text/plain")))]
pub(super) async fn metrics(services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    // What cannot be read now keeps its last value: the other numbers are needed most when the log is away.
    if let Ok(head) = services.store.head().await {
        services.metrics.feed_gaps.set(i64::try_from(services.store.stats().gaps()).unwrap_or(i64::MAX));
        services.metrics.log_position.set(i64::try_from(head).unwrap_or(i64::MAX));
        if let Ok(relayed) = services.store.checkpoint(store::RELAY).await {
            services.metrics.relay_lag.set(i64::try_from(head.saturating_sub(relayed)).unwrap_or(i64::MAX));
        }
    }
    let running = FunctionFilter { state: Some("RUNNING".to_owned()), ..FunctionFilter::default() };
    if let Ok(page) = services.store.functions(&running, &PageRequest { counted: true, first: 1, after: None }).await {
        services.metrics.active_functions.set(i64::try_from(page.total).unwrap_or(i64::MAX));
    }
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(services.metrics.render()))
}
