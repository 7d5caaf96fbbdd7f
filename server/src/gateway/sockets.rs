//! Limits the number of functions' WebSockets.

use std::sync::Arc;

use actix_web::http::StatusCode;
use domain::function;

use crate::config::Edge;
use crate::edge::HttpError;
use crate::edge::slots::{Full, Slot, Slots};
use crate::leasing::Arm;

/// The limits on sockets: a function may have at most half of the slots, and a namespace three quarters. Cheap to
/// clone.
#[derive(Clone)]
pub(super) struct Sockets {
    of_function: Arc<Slots<function::Id>>,
    of_namespace: Arc<Slots<Arc<str>>>,
}

/// A slot for a socket, given back when dropped.
pub(super) type SocketSlot = (Slot<function::Id>, Slot<Arc<str>>);

impl Sockets {
    pub(super) fn new(edge: &Edge) -> Self {
        let most = edge.sockets;
        let (of_function, of_namespace) = (most.div_ceil(2), (most - most / 4).max(1));
        Self { of_function: Slots::new(most, of_function), of_namespace: Slots::new(most, of_namespace) }
    }

    /// Takes a slot for a socket of a function.
    ///
    /// # Errors
    /// 503 if there is none.
    pub(super) fn take(&self, route: &Arm) -> Result<SocketSlot, HttpError> {
        let full = |owner: &str, full| {
            let who = match full {
                Full::Owner => owner,
                Full::Everywhere => "the server has as many WebSockets as it takes",
            };
            let message = format!("{who} (EVENTFLOW_MAX_SOCKETS); try again in a moment");
            HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", message).retry_after(1)
        };
        let of_function = self.of_function.take(route.function);
        let of_function = of_function.map_err(|why| full("the function has half of the server's WebSockets", why))?;
        let of_namespace = self.of_namespace.take(route.namespace.clone());
        let of_namespace =
            of_namespace.map_err(|why| full("the namespace has three quarters of the server's WebSockets", why))?;
        Ok((of_function, of_namespace))
    }
}
