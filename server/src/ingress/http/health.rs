//! Health checks.

use std::fmt::Display;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use domain::access::Action;
use domain::address;
use serde::Serialize;
use utoipa::ToSchema;

use super::incoming::wrong_method;
use crate::clock;
use crate::edge::{HttpError, Services};

pub(super) fn configure(config: &mut ServiceConfig, services: &Services) {
    config
        .service(web::resource("/healthz").route(web::get().to(healthz)).default_service(web::to(wrong_method)))
        .service(web::resource("/readyz").route(web::get().to(readyz)).default_service(web::to(wrong_method)));
    if services.settings.metrics_port.is_none() {
        configure_metrics(config);
    }
}

/// Only the route of the metrics, for a port of their own.
pub(in crate::ingress) fn configure_metrics(config: &mut ServiceConfig) {
    config.service(web::resource("/metrics").route(web::get().to(metrics)).default_service(web::to(wrong_method)));
}

/// The least time between two reads of the metrics that come from the database.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Whether the server does its work.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    /// The status.
    status: &'static str,
    /// Why it is not, or not fully, ready. Without credentials, only a hint that the log has the reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

/// Whether the server is alive
///
/// For a liveness probe: it does not query the database.
#[utoipa::path(get, path = "/healthz", operation_id = "getHealth", tag = "health", security(()), responses(
    (status = 200, description = "It is alive", body = Readiness),
))]
pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Readiness { status: "ok", reasons: Vec::new() })
}

/// Whether the server takes requests
///
/// For a readiness probe. `draining` with 503: the server was asked to stop, and takes requests for
/// `EVENTFLOW_DRAIN_DELAY`
/// more. `degraded` with 200: it takes everything, but something that runs depend on is unavailable. `degraded` with
/// 503: a
/// thread is held up, and clients that are connected to it get no answer. The `reasons` are only shown to callers with
/// a
/// token; others are referred to the log.
#[utoipa::path(get, path = "/readyz", operation_id = "getReadiness", tag = "health", security(()), responses(
    (status = 200, description = "It takes requests", body = Readiness),
    (status = 503, description = "It does not take requests, for the `reasons`", body = Readiness),
))]
pub(super) async fn readyz(request: HttpRequest, services: web::Data<Services>) -> HttpResponse {
    // They hold paths of other callers' requests, host names and database messages, which strangers must not see.
    let may_read = services.auth.session(&request).is_ok();
    let shown = |reason: &dyn Display, plain| reason_for(may_read, reason, plain);
    let held: Vec<_> = services.watchdog.held().iter().map(|held| shown(held, HELD)).collect();
    let unavailable = |status, reasons| {
        let mut response = HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE);
        response.insert_header(("retry-after", "1")).json(Readiness { status, reasons })
    };
    if services.draining.is_cancelled() {
        return unavailable("draining", vec!["the server was asked to end".to_owned()]);
    }
    if let Err(missing) = services.keeping.prepare_host().await {
        let reason = shown(&missing, "functions cannot be started; the log says why");
        return unavailable("unavailable", [vec![reason], held].concat());
    }
    let vitals = services.vitals();
    match vitals.ready().await {
        Ok(()) if !held.is_empty() => unavailable("degraded", held),
        Ok(()) => {
            let queue = services.queue.fault().map(|fault| shown(&fault, "the queue is away; the log says why"));
            let broken =
                services.keeping.faults().await.map(|fault| shown(&fault, "functions are broken; the log says why"));
            let away = services
                .keeping
                .executor_fault()
                .map(|fault| shown(&fault, "some functions cannot be started; the log says why"));
            let mut unfit = vitals.differences().await.unwrap_or_default();
            unfit.extend(services.vault.foreign().await.ok().flatten());
            unfit.extend(vitals.stats().seal_fault());
            unfit.extend(vitals.stats().unreadable());
            let unfit =
                unfit.iter().map(|what| shown(what, "the installation does not fit together; the log says why"));
            let reasons: Vec<_> = queue.into_iter().chain(away).chain(broken).chain(unfit).collect();
            let status = if reasons.is_empty() { "ready" } else { "degraded" };
            HttpResponse::Ok().json(Readiness { status, reasons })
        }
        Err(error) => {
            unavailable("unavailable", [vec![shown(&error, "the store is away; the log says why")], held].concat())
        }
    }
}

/// The reason shown to strangers when a thread is held up.
const HELD: &str = "a thread is held up; the log says by what";

/// A reason as the caller may see it: in full but without credentials, or only that there is one.
fn reason_for(may_read: bool, reason: &dyn Display, plain: &str) -> String {
    match may_read {
        true => address::masked(&reason.to_string()).into_owned(),
        false => plain.to_owned(),
    }
}

/// Metrics
///
/// Metrics in Prometheus's text format; on a port of their own if `METRICS_PORT` is set. They name namespaces and
/// functions:
/// with `EVENTFLOW_METRICS=token` they require access to every namespace.
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = "health", security(()), responses(
    (status = 200, description = "The metrics", body = String, content_type = "text/plain"),
    (status = 401, description = "`unauthenticated`: the server's metrics need a token (`EVENTFLOW_METRICS=token`)"),
    (status = 403, description = "`forbidden`: the token does not see every namespace"),
))]
pub(super) async fn metrics(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    if services.settings.metrics_need_token && !services.auth.session(&request)?.viewer.may_everywhere(Action::View) {
        let message = "metrics name functions of every namespace, and this token does not see all of them";
        return Err(HttpError::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    read_numbers(&services).await;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(services.metrics.render()))
}

/// Reads the metrics that come from the database, once for all callers: strangers may ask as often as they like. A
/// value
/// that cannot be read now keeps its last value: the other metrics are needed most when the log is unavailable.
async fn read_numbers(services: &Services) {
    let mut read_at = services.metrics.read_at().lock().await;
    if read_at.is_some_and(|at| at.elapsed() < READ_EVERY) {
        return;
    }
    let vitals = services.vitals();
    if let Ok(head) = vitals.head().await {
        services.metrics.feed_gaps.set(i64::try_from(vitals.stats().gaps()).unwrap_or(i64::MAX));
        services.metrics.log_position.set(i64::try_from(head).unwrap_or(i64::MAX));
        if let Ok(relayed) = vitals.relayed().await {
            services.metrics.relay_lag.set(i64::try_from(head.saturating_sub(relayed)).unwrap_or(i64::MAX));
        }
    }
    waiting(services).await;
    if let Ok(running) = vitals.running_functions().await {
        services.metrics.active_functions.set(i64::try_from(running).unwrap_or(i64::MAX));
    }
    *read_at = Some(Instant::now());
}

/// Counts what is waiting: runs for a worker, dead letters and failed builds for a person.
async fn waiting(services: &Services) {
    let (vitals, metrics) = (services.vitals(), &services.metrics);
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    if let Ok(oldest) = vitals.oldest_queued().await {
        let ids: Vec<_> = oldest.iter().map(|(id, _)| *id).collect();
        let rows = services.unguarded().functions_by_id(&ids).await.unwrap_or_default();
        // A function without waiting runs has no age any more.
        metrics.queue_oldest.reset();
        for (id, since) in oldest {
            if let Some(row) = rows.iter().find(|row| row.id == id) {
                let age = (clock::now() - since).num_seconds().max(0);
                metrics.queue_oldest.with_label_values(&[row.namespace.as_str(), row.name.as_str()]).set(age);
            }
        }
    }
    if let Ok(letters) = vitals.dead_letters().await {
        metrics.dead_letters.set(number(letters));
    }
    if let Ok(failed) = vitals.failed_builds().await {
        metrics.failed_builds.set(number(failed));
    }
    if let Ok(Some(dead)) = services.queue.dead().await {
        metrics.broker_dead.set(number(dead));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::watchdog;

    #[test]
    fn strangers_do_not_learn_what_a_thread_is_held_up_by() {
        let doing = Some("GET /function/shop/orders/4711?token=x".into());
        let held = watchdog::Blocked { thread: "worker 1".into(), since: Duration::from_secs(12), doing };
        assert!(reason_for(true, &held, HELD).contains("/orders/4711"));
        assert_eq!(reason_for(false, &held, HELD), HELD);
        let text = "cannot reach amqp://flow:hunter2@queue";
        assert!(!reason_for(true, &text, HELD).contains("hunter2"));
    }
}
