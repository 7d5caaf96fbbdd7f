//! The id of a call: random, or derived from the caller's `X-Call-Id`.
//!
//! A caller's id is scoped to the called function, and leads into a separate id space ([`domain::run::called`]): it is
//! never the id of somebody else's run, present or future. Each call is its own run: of several calls with the same id,
//! concurrent or not, the first gets the derived id and the others get random ones.

use std::collections::HashSet;
use std::sync::Arc;

use actix_web::HttpRequest;
use domain::{function, run};
use parking_lot::Mutex;

use crate::clock;
use crate::edge::HttpError;
use crate::store::View;

/// The header with the caller's id for a call.
const HEADER: &str = "x-call-id";

/// The maximum length of that id, in bytes.
const MAX_NAME: usize = 128;

/// Derived ids of calls that are not recorded yet. Each belongs to a call whose connection is open, or that holds one
/// of the limited permits of the recorder.
#[derive(Debug, Clone, Default)]
pub(super) struct InUse(Arc<Mutex<HashSet<run::Id>>>);

/// Reserves an id until the store knows it.
#[derive(Debug)]
pub(super) struct Hold {
    ids: InUse,
    id: run::Id,
}

/// The id of a call, with its reservation if it was derived.
#[derive(Debug)]
pub(super) struct CallId {
    pub id: run::Id,
    pub hold: Option<Hold>,
}

impl CallId {
    /// A random id.
    pub(super) fn drawn() -> Self {
        Self { id: clock::new_id(), hold: None }
    }

    /// The id of a call of a function.
    ///
    /// # Errors
    /// If the log is not available.
    pub(super) async fn of(
        request: &HttpRequest,
        function: function::Id,
        in_use: &InUse,
        view: &View,
    ) -> Result<Self, HttpError> {
        let Some(name) = name(request) else { return Ok(Self::drawn()) };
        let id = run::called(function, name);
        // Reserved before it is looked up: whoever releases an id has recorded it.
        let Some(hold) = in_use.hold(id) else { return Ok(Self::drawn()) };
        match view.runs_by_id(&[id]).await?.is_empty() {
            true => Ok(Self { id, hold: Some(hold) }),
            false => Ok(Self::drawn()),
        }
    }
}

impl InUse {
    fn hold(&self, id: run::Id) -> Option<Hold> {
        self.0.lock().insert(id).then(|| Hold { ids: self.clone(), id })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.ids.0.lock().remove(&self.id);
    }
}

/// The caller's id; anything but a short visible text counts as absent.
fn name(request: &HttpRequest) -> Option<&str> {
    let name = request.headers().get(HEADER)?.to_str().ok()?;
    ((1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())).then_some(name)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn an_id_is_held_once_and_free_again() {
        let (in_use, id) = (InUse::default(), clock::new_id());
        let hold = in_use.hold(id).expect("nobody holds it");
        assert!(in_use.hold(id).is_none());
        drop(hold);
        assert!(in_use.hold(id).is_some());
        assert!(in_use.0.lock().is_empty());
    }

    #[test]
    fn a_name_is_short_visible_text() {
        let of =
            |text: &str| name(&TestRequest::default().insert_header((HEADER, text)).to_http_request()).map(str::len);
        assert_eq!(of("order-7/a"), Some(9));
        assert_eq!(of(&"x".repeat(MAX_NAME)), Some(MAX_NAME));
        assert_eq!(of(&"x".repeat(MAX_NAME + 1)), None);
        assert_eq!(of("a b"), None);
        assert_eq!(name(&TestRequest::default().to_http_request()), None);
    }
}
