//! Finds the function that a request calls, and identifies the caller.

use std::iter;
use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage, HttpRequest};
use domain::access::Action;
use domain::manifest::http::Pattern;
use domain::manifest::{Cors, HttpAuth, HttpTrigger};
use domain::name;

use super::passing::Origin;
use super::refused::refusal;
use super::state::Gateway;
use crate::edge::auth::Session;
use crate::edge::{FunctionHost, HttpError};
use crate::leasing::Route;
use crate::operations::Viewer;

/// The default namespace of OpenFaaS.
const THEIR_DEFAULT: &str = "openfaas-fn";

/// How a request leads to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// `/function/…`
    Call,
    /// `/async-function/…`
    Later,
    /// The function's own host.
    Host,
    /// A custom path of the function.
    Path,
}

impl Way {
    /// The route label of metrics.
    pub(super) fn pattern(self) -> &'static str {
        match self {
            Self::Call => "/function/{path}*",
            Self::Later => "/async-function/{path}*",
            Self::Host => "//{function}/{path}*",
            Self::Path => "/{function's path}*",
        }
    }

    pub(super) fn origin(self) -> Origin {
        match self {
            Self::Host => Origin::Own,
            Self::Call | Self::Later | Self::Path => Origin::Shared,
        }
    }

    fn begin(self) -> &'static str {
        match self {
            Self::Later => "/async-function/",
            _ => "/function/",
        }
    }
}

/// A called function, with the caller and the rest of the path.
pub(super) struct Called<'r> {
    pub session: Session,
    pub route: Arc<Route>,
    /// The path as the function sees it.
    pub rest: &'r str,
    pub origin: Origin,
    /// Whether the caller is anonymous.
    pub public: bool,
}

/// A function with an http trigger that allows a custom path, anonymous callers, or cross-origin pages.
pub(super) struct OpenAccess<'r> {
    route: Arc<Route>,
    rest: &'r str,
    trigger: HttpTrigger,
    public: bool,
}

impl OpenAccess<'_> {
    /// The cross-origin pages that may call.
    pub(super) fn cors(&self) -> Option<&Cors> {
        self.trigger.cors.as_ref()
    }
}

impl Gateway {
    /// The public access by which a request comes in, if any. Looked up in memory, so that strangers cause no queries.
    pub(super) async fn open_access<'r>(&self, request: &'r HttpRequest, way: Way) -> Option<OpenAccess<'r>> {
        let doors = &self.doors;
        let default = self.services.settings.namespace.as_str();
        let path = request.uri().path();
        let (namespace, name, rest, pattern) = match way {
            Way::Call | Way::Later => {
                let path = path.strip_prefix(way.begin())?;
                let (namespace, name, rest) = named(path, default, |namespace, name| doors.is_open(namespace, name))?;
                (namespace, name, rest, None)
            }
            Way::Host => {
                let host = request.extensions().get::<FunctionHost>().cloned()?;
                let namespace = host.namespace.unwrap_or_else(|| default.to_owned());
                doors.is_open(&namespace, &host.name).then_some(())?;
                (namespace, host.name, path, None)
            }
            Way::Path => {
                let found = doors.at(path)?;
                let rest = Pattern::of(&found.pattern)?.rest(path)?;
                (found.namespace.to_string(), found.name.to_string(), rest, Some(found.pattern))
            }
        };
        let route = self.leasing().route(&namespace, &name).await.ok()??;
        let trigger = match &pattern {
            Some(_) => route.current().manifest.http_triggers().find(|http| http.path == pattern),
            None => route.current().manifest.http_trigger(),
        };
        let trigger = trigger?.clone();
        let allowed = self.services.settings.edge.public_functions.contain(&namespace);
        if pattern.is_some() && !allowed {
            return None;
        }
        let public = trigger.auth == HttpAuth::None && allowed;
        Some(OpenAccess { route, rest, trigger, public })
    }

    /// The function that a request calls, and the caller.
    ///
    /// # Errors
    /// 401 if the caller is not authenticated and the function is not public; 404 if there is no such function; 403 for
    /// callers with read access only, because a call has effects.
    pub(super) async fn called<'r>(
        &self,
        request: &'r HttpRequest,
        way: Way,
        open_access: Option<OpenAccess<'r>>,
    ) -> Result<Called<'r>, HttpError> {
        let origin = way.origin();
        if matches!(way, Way::Call | Way::Later) && is_nobodys(request.uri().path(), way) {
            return Err(missing());
        }
        if let Some(OpenAccess { route, rest, public: true, .. }) = &open_access
            && way != Way::Later
        {
            let session = Session::of_nobody(&route.namespace);
            return Ok(Called { session, route: route.clone(), rest, origin, public: true });
        }
        let (session, route, rest) = match way {
            Way::Call | Way::Later => {
                let session = self.services.auth.session(request);
                let session = session.map_err(|refused| self.awaited(request, way).unwrap_or(refused))?;
                let path = request.uri().path().strip_prefix(way.begin()).unwrap_or_default();
                let (route, rest) = self.lead(&session.viewer, path).await?;
                (session, route, rest)
            }
            // The platform's session is not valid there.
            Way::Host => {
                let session = self.services.auth.program(request)?;
                let host = request.extensions().get::<FunctionHost>().cloned().ok_or_else(missing)?;
                let namespace = host.namespace.as_deref().unwrap_or(&self.services.settings.namespace);
                let route = match session.viewer.sees(namespace) {
                    true => self.leasing().route(namespace, &host.name).await.map_err(refusal)?,
                    false => None,
                };
                (session, route.ok_or_else(missing)?, request.uri().path())
            }
            Way::Path => {
                let session = self.services.auth.session(request)?;
                let open_access = open_access
                    .filter(|open_access| session.viewer.sees(&open_access.route.namespace))
                    .ok_or_else(missing)?;
                (session, open_access.route, open_access.rest)
            }
        };
        session.viewer.may(Action::Invoke, &route.namespace)?;
        callable(&route)?;
        Ok(Called { session, route, rest, origin, public: false })
    }

    /// The answer to a stranger who calls a function that lets strangers in as soon as it runs: to ask for a token would end
    /// what would have been answered a moment later.
    fn awaited(&self, request: &HttpRequest, way: Way) -> Option<HttpError> {
        if way != Way::Call || request.headers().contains_key(header::AUTHORIZATION) {
            return None;
        }
        let settings = &self.services.settings;
        let path = request.uri().path().strip_prefix(way.begin())?;
        let (namespace, name, _) = named(path, &settings.namespace, |namespace, name| {
            settings.edge.public_functions.contain(namespace) && self.doors.is_awaited(namespace, name)
        })?;
        let message =
            format!("function `{name}` in namespace `{namespace}` does not run yet: its first build is not over");
        Some(HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "function_not_running", message).retry_after(1))
    }

    /// The route that a path leads to, and the rest of the path for the function. A first segment that is not a
    /// function of the default namespace may be a namespace, or name both: `NAME.NAMESPACE`.
    pub(super) async fn lead<'p>(&self, viewer: &Viewer, path: &'p str) -> Result<(Arc<Route>, &'p str), HttpError> {
        let default = self.services.settings.namespace.as_str();
        let (first, rest) = split(path);
        if let Some((name, namespace)) = dotted(first) {
            for namespace in meant(namespace, default).filter(|namespace| viewer.sees(namespace)) {
                if let Some(route) = self.leasing().route(namespace, name).await.map_err(refusal)? {
                    return Ok((route, rest));
                }
            }
            return Err(missing());
        }
        if viewer.sees(default)
            && let Some(route) = self.leasing().route(default, first).await.map_err(refusal)?
        {
            return Ok((route, rest));
        }
        let (second, rest) = split(rest.trim_start_matches('/'));
        if !second.is_empty()
            && viewer.sees(first)
            && let Some(route) = self.leasing().route(first, second).await.map_err(refusal)?
        {
            return Ok((route, rest));
        }
        Err(HttpError::new(
            StatusCode::NOT_FOUND,
            "function_not_found",
            format!(
                "there is no function `{first}` in namespace `{default}`; `GET /v1/functions` lists those there are"
            ),
        ))
    }

    /// Passes on a caller's Authorization header to a public function, which may have its own users. The platform's own
    /// tokens are never passed on.
    pub(super) fn hand_on_credentials(&self, request: &HttpRequest, headers: &mut hyper::HeaderMap) {
        let Some(value) = request.headers().get(header::AUTHORIZATION) else { return };
        if self.services.auth.carries_ours(request.headers()) {
            return;
        }
        if let Ok(value) = hyper::header::HeaderValue::from_bytes(value.as_bytes()) {
            headers.insert(hyper::header::AUTHORIZATION, value);
        }
    }
}

fn missing() -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, "function_not_found", "there is no function at this address")
}

/// # Errors
/// If the function has no HTTP trigger.
pub(super) fn callable(route: &Route) -> Result<(), HttpError> {
    match route.current().manifest.answers_http() {
        true => Ok(()),
        false => Err(HttpError::new(
            StatusCode::NOT_FOUND,
            "no_http_trigger",
            format!(
                "function `{}` has no http trigger; add {{\"type\":\"http\"}} to its triggers and build it",
                route.name
            ),
        )),
    }
}

/// `NAME.NAMESPACE`, as OpenFaaS' clients address functions. No name has a dot.
pub(super) fn dotted(segment: &str) -> Option<(&str, &str)> {
    segment.split_once('.')
}

/// The namespace and the name of the function that a path means, of those for which `is` says yes, and the rest of the path.
fn named<'p>(path: &'p str, default: &str, is: impl Fn(&str, &str) -> bool) -> Option<(String, String, &'p str)> {
    let (first, rest) = split(path);
    let (namespace, name, rest) = if let Some((name, namespace)) = dotted(first) {
        (meant(namespace, default).find(|namespace| is(namespace, name))?, name, rest)
    } else if is(default, first) {
        (default, first, rest)
    } else {
        let (second, rest) = split(rest.trim_start_matches('/'));
        is(first, second).then_some((first, second, rest))?
    };
    Some((namespace.to_owned(), name.to_owned(), rest))
}

/// The namespaces that such a segment may mean. OpenFaaS' clients say [`THEIR_DEFAULT`] where they were told none.
pub(super) fn meant<'n>(namespace: &'n str, default: &'n str) -> impl Iterator<Item = &'n str> {
    iter::once(namespace).chain((namespace == THEIR_DEFAULT).then_some(default))
}

/// Whether a path names a function as `NAME.NAMESPACE` that nobody can have, because these are no names. Callers need not say who
/// they are to be told so.
fn is_nobodys(path: &str, way: Way) -> bool {
    let (first, _) = split(path.strip_prefix(way.begin()).unwrap_or_default());
    dotted(first).is_some_and(|(name, namespace)| !name::fits(name) || !name::fits(namespace))
}

fn split(path: &str) -> (&str, &str) {
    match path.find('/') {
        Some(at) => path.split_at(at),
        None => (path, ""),
    }
}
