//! The trace that a request belongs to, from its headers ([`domain::trace`]).

use actix_web::http::header::HeaderMap;
use domain::run;
use domain::trace::{Context, HEADERS};

/// The caller's trace, if it sends a valid one.
pub(crate) fn read(headers: &HeaderMap) -> Option<Context> {
    let [parents, states] = HEADERS.map(|name| headers.get_all(name).map(|value| value.as_bytes()));
    Context::read(parents, states)
}

/// The caller's trace with this run as the parent of what follows, or a new trace.
pub(crate) fn of_run(headers: &HeaderMap, run: run::Id) -> Context {
    let id = run.uuid();
    // The low half of a run's id is random: it serves as the id of the call's span.
    let span = u64::try_from(id.as_u128() & u128::from(u64::MAX)).unwrap_or(1);
    match read(headers) {
        Some(caller) => caller.child(span),
        // An id derived from the caller's choice is not random.
        None => Context::begin(id.as_u128(), span, id.get_version_num() == 7),
    }
}
