//! Synchronous calls with an `Idempotency-Key`: recorded first, executed by a worker, and answered from the record, so
//! that every request with the key gets the same answer, even while the first one is in progress.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use tokio::time::{Duration, Instant};

use super::address::Address;
use super::state::Gateway;
use super::target::Called;
use super::{asynchronous, record, request};
use crate::clock;
use crate::edge::request_id::RequestId;
use crate::edge::{HttpError, recorded};
use crate::operations::{self, Wait};

/// Time for the run's own timeout to come first, whose error says more.
const GRACE: Duration = Duration::from_secs(1);

pub(super) async fn call(
    gateway: &Gateway,
    called: Called<'_>,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let services = &gateway.services;
    let (arrived, at) = (Instant::now(), clock::now());
    let Called { session, route, rest, origin, .. } = called;
    let address = Address::of(request, rest, origin, &services.settings);
    let viewer = session.viewer;
    let timeout = request::timeout(request, route.current())?;
    let waiting = Wait::at_most(services, timeout + GRACE).await?;
    let asked =
        asynchronous::ask(gateway, viewer.clone(), request, payload, route.current(), &address, false, None).await?;
    if !asked.replayed {
        services.leasing.run_here(route.function, asked.run);
    }
    let over = operations::wait(services, &viewer, asked.run, waiting).await?;
    let run = over.ok_or_else(|| {
        let message = format!(
            "run {} has not ended within {:.3} s and goes on; the same Idempotency-Key gets its answer",
            asked.run,
            arrived.elapsed().as_secs_f64()
        );
        HttpError::new(StatusCode::GATEWAY_TIMEOUT, "timed_out", message)
    })?;
    let answered = match recorded::complete_answer(&services.leasing, &run) {
        Some(whole) => Ok(whole),
        None => recorded::answer(&run),
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(error) => error.response(&RequestId::given(request).0),
    };
    let headers = response.headers_mut();
    let mut mark = |name: &'static str, value: String| {
        if let Ok(value) = value.parse() {
            headers.insert(actix_web::http::header::HeaderName::from_static(name), value);
        }
    };
    mark("x-call-id", asked.run.to_string());
    mark("x-start-time", record::start_time(at));
    mark("x-duration-seconds", format!("{:.6}", arrived.elapsed().as_secs_f64()));
    if let Some(attempt) = run.phase.attempt() {
        mark("x-function-version", attempt.version.to_string());
    }
    if asked.replayed {
        mark(operations::REPLAYED, "true".to_owned());
    }
    Ok(response)
}
