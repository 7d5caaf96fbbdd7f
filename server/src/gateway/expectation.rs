//! Whether a body that the caller holds back (`Expect: 100-continue`) is wanted, judging by sender, function, and
//! announced length. What the head does not show is decided when the body has arrived.

use std::sync::Arc;

use actix_web::dev::RequestHead;
use actix_web::http::header;
use domain::access::Action;

use super::state::Gateway;
use super::target::{callable, dotted, meant};
use crate::edge::{FunctionHost, HttpError, Wants, auth};

/// The overhead of a form around the bundle in it, in bytes.
const FORM: usize = 64 << 10;

/// Paths where callers authenticate by the body, or not at all.
const WITHOUT_TOKEN: [&str; 2] = ["/auth/", "/hooks/"];

impl Gateway {
    /// Checks the heads of all requests, for functions and the platform.
    pub fn wants(&self) -> Wants {
        let gateway = self.clone();
        Arc::new(move |head: &RequestHead, host: Option<FunctionHost>| {
            let gateway = gateway.clone();
            let checked = gateway.check(head, host.as_ref());
            let path = head.uri.path().to_owned();
            Box::pin(async move {
                match (checked?, host) {
                    (Some(session), None) => gateway.is_there(&session, &path).await,
                    _ => Ok(()),
                }
            })
        })
    }

    /// Checks the sender and the announced length.
    fn check(&self, head: &RequestHead, host: Option<&FunctionHost>) -> Result<Option<auth::Session>, HttpError> {
        let (path, limits) = (head.uri.path(), &self.services.settings.limits);
        let limit = match path {
            "/v1/bundles" if host.is_none() => limits.bundle + FORM,
            _ => limits.body.max(limits.event),
        };
        let length =
            head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > limit as u64) {
            return Err(HttpError::too_large("the body", limit));
        }
        let doors = &self.doors;
        let open = match host {
            Some(host) => {
                let namespace = host.namespace.as_deref().unwrap_or(&self.services.settings.namespace);
                doors.is_open(namespace, &host.name)
            }
            None => {
                let mut parts = path.strip_prefix("/function/").unwrap_or_default().split('/');
                let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                WITHOUT_TOKEN.iter().any(|begin| path.starts_with(begin))
                    || doors.is_open(&self.services.settings.namespace, first)
                    || doors.is_open(first, second)
                    || dotted(first).is_some_and(|(name, namespace)| {
                        meant(namespace, &self.services.settings.namespace)
                            .any(|namespace| doors.is_open(namespace, name))
                    })
                    || doors.at(path).is_some()
            }
        };
        if open {
            return Ok(None);
        }
        match self.services.auth.by_header(&head.headers)? {
            None if !head.headers.contains_key(header::COOKIE) || host.is_some() => Err(auth::missing()),
            session => Ok(session),
        }
    }

    /// Checks whether the called function exists.
    async fn is_there(&self, session: &auth::Session, path: &str) -> Result<(), HttpError> {
        let called = path.strip_prefix("/function/").or_else(|| path.strip_prefix("/async-function/"));
        let Some(called) = called else { return Ok(()) };
        let (route, _) = self.lead(&session.viewer, called).await?;
        session.viewer.may(Action::Invoke, &route.namespace)?;
        callable(&route)
    }
}
