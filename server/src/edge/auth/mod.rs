//! Authentication: bearer tokens for programs, a cookie for the web pages, a password for people.
//!
//! Knows tokens and passwords, not what they are used for, except whether a request changes anything.

mod attempts;
mod basic;
mod comparing;
mod cookie;
mod hs256;
mod keys;
mod password;
mod session;
mod shared;
mod token;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use chrono::{DateTime, Utc};
use domain::access::{Action, Grants, Role};
use parking_lot::RwLock;

pub use cookie::{COOKIE, SECURE_COOKIE};
pub(crate) use cookie::{carrying, gone, is_platforms, not_from_elsewhere};
pub use keys::Error;
pub use session::{Over, Session};
pub use shared::{keep_sharing, share_password};
pub use token::TOKEN_LIFE;

use crate::access::{Bounds, Roster, Standing};
use crate::clock;
use crate::config::Settings;
use crate::edge::HttpError;
use crate::mac;
use crate::operations::{self, Viewer};
use crate::store::{self, Store};

/// The bearer token that `--dev` accepts.
pub const DEV_TOKEN: &str = "dev-token";

/// The administrator of the installation, who may do everything.
pub const ADMIN: &str = "admin";

/// How long a verified token is not verified again.
const CACHE_FOR: Duration = Duration::from_secs(5);

/// Verified tokens that are cached.
const CACHE_SIZE: usize = 4096;

/// How often a server reads which sessions other servers have ended.
const LEARN_EVERY: Duration = Duration::from_secs(1);

/// The server's own key: `JWT_SECRET`, or the one in the data folder, which is created if missing.
///
/// # Errors
/// When the data folder cannot be read or written.
pub fn server_key(settings: &Settings) -> Result<Vec<u8>, Error> {
    match &settings.jwt_secret {
        Some(secret) => Ok(secret.clone().into_bytes()),
        None => keys::read_or_make(&settings.data_dir),
    }
}

/// Whether the server has a key of its own; does not create one.
pub fn has_server_key(settings: &Settings) -> bool {
    settings.jwt_secret.is_some() || keys::is_in(&settings.data_dir)
}

/// Whether the data folder has the admin's password.
pub fn has_password(data_dir: &Path) -> bool {
    password::is_in(data_dir)
}

/// Sets a new random password for the admin and returns it. Servers on the data folder use it from the next sign-in on.
///
/// # Errors
/// When the data folder cannot be written.
pub fn reset_password(data_dir: &Path) -> Result<String, Error> {
    password::reset(data_dir)
}

/// Derives a key for one purpose and one name. It reveals nothing about the server's own key.
pub fn derived_key(server_key: &[u8], purpose: &str, name: &str) -> [u8; 32] {
    mac::sha256(server_key, &[purpose.as_bytes(), &[0], name.as_bytes()])
}

/// Authenticates requests.
pub struct Auth {
    dev: bool,
    keys: token::Keys,
    /// The hash of the admin's password; `None` with `--dev`, whose password is public.
    admin: Option<password::Admin>,
    attempts: attempts::Attempts,
    comparing: comparing::Comparing,
    known: RwLock<HashMap<Box<str>, (Session, Instant)>>,
    ended: session::Ended,
    roster: Roster,
}

/// The credentials of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof<'a> {
    Bearer(&'a str),
    Cookie,
}

impl Auth {
    /// Reads or creates the key and the admin's password in the data folder. The returned text must be printed: a new
    /// password appears nowhere else.
    ///
    /// # Errors
    /// When the data folder cannot be read or written.
    pub fn open(settings: &Settings) -> Result<(Self, Option<String>), Error> {
        let secret = server_key(settings)?;
        let (admin, printed) = match settings.dev {
            true => (None, None),
            false => {
                let (admin, password) = password::Admin::open(&settings.data_dir)?;
                let text = password.map(|password| {
                    format!("first start: sign in as `{ADMIN}` with the password {password} (it is not shown again)")
                });
                (Some(admin), text)
            }
        };
        let auth = Self {
            dev: settings.dev,
            keys: token::Keys::new(&secret),
            admin,
            attempts: attempts::Attempts::default(),
            comparing: comparing::Comparing::default(),
            known: RwLock::default(),
            ended: session::Ended::default(),
            roster: Roster::default(),
        };
        Ok((auth, printed))
    }

    /// The same, which asks this roster who belongs to which namespace.
    #[must_use]
    pub fn with_roster(self, roster: Roster) -> Self {
        Self { roster, ..self }
    }

    /// Who a subject is, within the bounds of a token.
    fn known_as(&self, subject: Arc<str>, bounds: Bounds) -> Viewer {
        let standing = match subject.strip_prefix("user:") == Some(ADMIN) {
            true => Standing::of_installation(&Grants::everywhere(Role::Owner), &bounds),
            false => Standing::of_member(&self.roster, &subject, bounds),
        };
        Viewer::new(subject, standing)
    }

    /// Who sent a request.
    ///
    /// # Errors
    /// 401 without credentials or with invalid ones; 403 when another site made a browser send it.
    pub fn viewer(&self, request: &HttpRequest) -> Result<Viewer, HttpError> {
        self.session(request).map(|session| session.viewer)
    }

    /// Like [`Self::viewer`], but returns the session, for anything that outlasts a request.
    ///
    /// # Errors
    /// As [`Self::viewer`].
    pub fn session(&self, request: &HttpRequest) -> Result<Session, HttpError> {
        match self.proof(request)? {
            Proof::Bearer(token) => self.verify(token),
            Proof::Cookie => {
                let cookie = cookie::token(request).ok_or_else(missing)?;
                cookie::same_origin(request)?;
                self.verify(cookie.value())
            }
        }
    }

    /// Who sent a request, judged by the `Authorization` header alone: for hosts where this host's sessions do not
    /// count.
    ///
    /// # Errors
    /// 401 without credentials or with invalid ones.
    pub fn program(&self, request: &HttpRequest) -> Result<Session, HttpError> {
        match self.proof(request)? {
            Proof::Bearer(token) => self.verify(token),
            Proof::Cookie => Err(missing()),
        }
    }

    /// Like [`Self::session`], but `None` when the request has no credentials, or its session cookie is not valid here.
    /// A
    /// WebSocket may send credentials later.
    ///
    /// # Errors
    /// When the `Authorization` header is invalid.
    pub fn session_if_any(&self, request: &HttpRequest) -> Result<Option<Session>, HttpError> {
        match self.proof(request)? {
            Proof::Bearer(token) => self.verify(token).map(Some),
            Proof::Cookie => Ok(self.session(request).ok()),
        }
    }

    /// Whether [`DEV_TOKEN`] is accepted.
    pub fn takes_dev_token(&self) -> bool {
        self.dev
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// 401, with what is wrong with it.
    pub fn bearer(&self, token: &str) -> Result<Viewer, HttpError> {
        self.verify(token).map(|session| session.viewer)
    }

    /// Whether the platform issued a token, even if it has expired or was signed out.
    pub(crate) fn issued(&self, token: &str) -> bool {
        (self.dev && token::same(token.as_bytes(), DEV_TOKEN.as_bytes())) || self.keys.made(token)
    }

    /// The session that a token belongs to.
    ///
    /// # Errors
    /// 401, with what is wrong with it.
    pub fn verify(&self, token: &str) -> Result<Session, HttpError> {
        let now = Instant::now();
        let known = self.known.read().get(token).filter(|(_, until)| now < *until).map(|(session, _)| session.clone());
        let session = match known {
            Some(session) => session,
            None => {
                let session = match self.dev && token::same(token.as_bytes(), DEV_TOKEN.as_bytes()) {
                    true => Session::of_developer(),
                    false => {
                        let (subject, bounds, id) = self.keys.verify(token)?;
                        Session { viewer: self.known_as(subject, bounds), token: Some(id) }
                    }
                };
                self.remember(token, &session, now + CACHE_FOR);
                session
            }
        };
        // Checked every time: the session of a cached token may have ended since.
        match self.over(&session) {
            None => Ok(session),
            Some(over) => Err(over.error()),
        }
    }

    /// Why a session is over; `None` when it is not.
    pub fn over(&self, session: &Session) -> Option<Over> {
        self.ended.why(session)
    }

    /// Waits until a session is over: its token expires, or somebody signs it out on this or another server.
    pub async fn until_over(self: Arc<Self>, session: Session) -> Over {
        self.ended.wait(&session).await
    }

    /// Waits until a session is over, or its viewer may no longer do in the namespace what is going on.
    pub async fn until_not(self: Arc<Self>, session: Session, action: Action, namespace: Arc<str>) -> Over {
        let viewer = session.viewer.clone();
        tokio::select! {
            over = self.until_over(session) => over,
            () = viewer.until_not(action, &namespace) => Over::RoleRemoved,
        }
    }

    /// The session that a request signs out, if it has one that is not over.
    pub fn leaving(&self, request: &HttpRequest) -> Option<Session> {
        match self.proof(request).ok()? {
            Proof::Bearer(token) => self.verify(token).ok(),
            Proof::Cookie => self.verify(cookie::token(request)?.value()).ok(),
        }
    }

    /// Ends a session: on this server at once, on the others within [`LEARN_EVERY`]. It is durable when this returns.
    ///
    /// # Errors
    /// When the log is unavailable: the other servers then do not learn of it.
    pub async fn end(&self, services: &operations::Services, session: &Session) -> Result<(), store::Error> {
        let Some(token) = &session.token else { return Ok(()) };
        self.ended.add([(token.id.clone(), token.until)]);
        services.revoke(&token.id, token.until).await
    }

    /// Loads the ended sessions, before anybody is let in.
    ///
    /// # Errors
    /// When the log is unavailable.
    pub async fn learn(&self, store: &Store) -> Result<(), store::Error> {
        let ended = store.revocations().await?;
        self.ended.add(ended.into_iter().map(|(id, until)| (id.into(), until)));
        Ok(())
    }

    /// Keeps loading the sessions that other servers have ended.
    pub async fn keep_learning(self: Arc<Self>, store: Store) {
        let mut failed = false;
        loop {
            tokio::time::sleep(LEARN_EVERY).await;
            match self.learn(&store).await {
                Ok(()) => failed = false,
                Err(error) if !failed => {
                    failed = true;
                    tracing::warn!(%error, "sessions that end on other servers are not known until the database is back");
                }
                Err(_) => {}
            }
        }
    }

    /// Caches a verified token for [`CACHE_FOR`].
    fn remember(&self, token: &str, session: &Session, until: Instant) {
        let mut known = self.known.write();
        if known.len() >= CACHE_SIZE {
            let now = Instant::now();
            known.retain(|_, (_, until)| now < *until);
        }
        if known.len() < CACHE_SIZE {
            known.insert(token.into(), (session.clone(), until));
        }
    }

    /// Issues a token that names its bearer and its expiry.
    pub fn issue(&self, subject: &str, bounds: &Bounds, life: Duration) -> (String, DateTime<Utc>) {
        self.keys.issue(subject, bounds, clock::now(), life)
    }

    /// A token for anybody who asks, if [`DEV_TOKEN`] would let them in anyway; `None` without `--dev`.
    pub fn issue_dev_token(&self) -> Option<(String, DateTime<Utc>)> {
        self.dev.then(|| self.issue(&format!("user:{ADMIN}"), &Bounds::NONE, TOKEN_LIFE))
    }

    /// Issues a token to a person who knows the password. Deliberately slow.
    ///
    /// # Errors
    /// 401 when the password is wrong; 429 after too many wrong ones; 503 when too many are being compared.
    pub async fn sign_in(
        &self,
        username: &str,
        password: String,
        peer: Option<IpAddr>,
    ) -> Result<(String, DateTime<Utc>), HttpError> {
        let known = self.comparing.knows(peer);
        let attempt = self.attempts.begin(peer, username, known, Instant::now()).map_err(too_many)?;
        let right = match &self.admin {
            None => token::same(password.as_bytes(), ADMIN.as_bytes()),
            Some(admin) => match self.comparing.fits(&admin.hash(), password, peer).await {
                Ok(right) => right,
                Err(comparing::Busy) => {
                    attempt.give_back();
                    let message = "too many people sign in right now; try again in a moment";
                    return Err(HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).retry_after(1));
                }
            },
        };
        if !(right && token::same(username.as_bytes(), ADMIN.as_bytes())) {
            return Err(HttpError::unauthenticated("the user name or the password is wrong"));
        }
        attempt.give_back();
        self.comparing.remember(peer);
        Ok(self.issue(&format!("user:{ADMIN}"), &Bounds::NONE, TOKEN_LIFE))
    }

    /// The session in the `Authorization` header; `None` without that header.
    ///
    /// # Errors
    /// When the header is invalid.
    pub(crate) fn by_header(&self, headers: &HeaderMap) -> Result<Option<Session>, HttpError> {
        match self.read(headers)? {
            Proof::Bearer(token) => self.verify(token).map(Some),
            Proof::Cookie => Ok(None),
        }
    }

    fn proof<'a>(&self, request: &'a HttpRequest) -> Result<Proof<'a>, HttpError> {
        self.read(request.headers())
    }

    fn read<'a>(&self, headers: &'a HeaderMap) -> Result<Proof<'a>, HttpError> {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(Proof::Cookie) };
        let bad = || HttpError::unauthenticated("the header Authorization must be `Bearer TOKEN`");
        let text = value.to_str().map_err(|_| bad())?;
        let (scheme, token) = text.split_once(' ').ok_or_else(bad)?;
        match scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() {
            true => Ok(Proof::Bearer(token.trim())),
            false => Err(bad()),
        }
    }
}

fn too_many(wait: u64) -> HttpError {
    let message = "too many wrong passwords; try again in a minute";
    HttpError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message).retry_after(wait)
}

pub(crate) fn missing() -> HttpError {
    HttpError::unauthenticated("this needs a token: send `Authorization: Bearer TOKEN`; POST /auth/token gives one")
}

#[cfg(test)]
mod tests;
