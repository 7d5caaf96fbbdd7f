//! Who is asking: bearer tokens for programs, a cookie for the web pages, a password for people.
//!
//! Knows tokens and passwords; knows nothing of what they are used for, but whether it changes anything.

mod attempts;
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
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::RwLock;
use sha2::Sha256;

pub use cookie::{COOKIE, SECURE_COOKIE};
pub(crate) use cookie::{carrying, gone, is_platforms, not_from_elsewhere};
pub use keys::Error;
pub use session::{Over, Session};
pub use shared::{keep_sharing, share_password};
pub use token::TOKEN_LIFE;

use crate::clock;
use crate::config::Settings;
use crate::edge::HttpError;
use crate::operations::Viewer;
use crate::store::{self, Store};

/// The bearer token that is good with `--dev`.
pub const DEV_TOKEN: &str = "dev-token";

/// The only user so far.
pub const ADMIN: &str = "admin";

/// A token that was found good is not checked again for this long.
const CACHE_FOR: Duration = Duration::from_secs(5);

/// Tokens that are remembered.
const CACHE_SIZE: usize = 4096;

/// How often a server reads which sessions others have ended.
const LEARN_EVERY: Duration = Duration::from_secs(1);

/// The server's own key: `JWT_SECRET`, or what is in the data folder, where it is made when it is not there.
///
/// # Errors
/// When the data folder cannot be read or written.
pub fn server_key(settings: &Settings) -> Result<Vec<u8>, Error> {
    match &settings.jwt_secret {
        Some(secret) => Ok(secret.clone().into_bytes()),
        None => keys::read_or_make(&settings.data_dir),
    }
}

/// Whether there is a server's own key, without making one.
pub fn has_server_key(settings: &Settings) -> bool {
    settings.jwt_secret.is_some() || keys::is_in(&settings.data_dir)
}

/// Whether the data folder has the admin's password.
pub fn has_password(data_dir: &Path) -> bool {
    password::is_in(data_dir)
}

/// Gives the admin a new password, which is returned. Servers on the data folder take it at the next sign-in.
///
/// # Errors
/// When the data folder cannot be written.
pub fn reset_password(data_dir: &Path) -> Result<String, Error> {
    password::reset(data_dir)
}

/// A key for one purpose and one name, which tells nothing of the server's own key that it is made from.
pub fn derived_key(server_key: &[u8], purpose: &str, name: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(server_key).expect("a key of HMAC may have any length");
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac.update(name.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Knows who is who.
pub struct Auth {
    dev: bool,
    keys: token::Keys,
    /// The hash of the admin's password; `None` with `--dev`, whose password everyone knows.
    admin: Option<password::Admin>,
    attempts: attempts::Attempts,
    comparing: comparing::Comparing,
    known: RwLock<HashMap<Box<str>, (Session, Instant)>>,
    ended: session::Ended,
}

/// What a request proves itself with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof<'a> {
    Bearer(&'a str),
    Cookie,
}

impl Auth {
    /// Reads, or makes, the key and the admin's password in the data folder. The text is to be printed: it is the only
    /// place where a new password ever stands.
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
        };
        Ok((auth, printed))
    }

    /// Who sent a request.
    ///
    /// # Errors
    /// 401 when it does not say, or says something that is not good; 403 when a browser was led to it by another site.
    pub fn viewer(&self, request: &HttpRequest) -> Result<Viewer, HttpError> {
        self.session(request).map(|session| session.viewer)
    }

    /// As [`Self::viewer`], with the session, for what goes on longer than a request.
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

    /// Who sent a request, by the header Authorization alone: for hosts where a session of this one does not count.
    ///
    /// # Errors
    /// 401 when it does not say, or says something that is not good.
    pub fn program(&self, request: &HttpRequest) -> Result<Session, HttpError> {
        match self.proof(request)? {
            Proof::Bearer(token) => self.verify(token),
            Proof::Cookie => Err(missing()),
        }
    }

    /// As [`Self::session`]; `None` when the request does not say who sent it, or a session's cookie is not good here. A
    /// WebSocket may say it later.
    ///
    /// # Errors
    /// When the header Authorization says something that is not good.
    pub fn session_if_any(&self, request: &HttpRequest) -> Result<Option<Session>, HttpError> {
        match self.proof(request)? {
            Proof::Bearer(token) => self.verify(token).map(Some),
            Proof::Cookie => Ok(self.session(request).ok()),
        }
    }

    /// Whether [`DEV_TOKEN`] lets somebody in.
    pub fn takes_dev_token(&self) -> bool {
        self.dev
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// 401, saying what is wrong with it.
    pub fn bearer(&self, token: &str) -> Result<Viewer, HttpError> {
        self.verify(token).map(|session| session.viewer)
    }

    /// Whether a token is one of the platform's, be it too old or signed out.
    pub(crate) fn issued(&self, token: &str) -> bool {
        (self.dev && token::same(token.as_bytes(), DEV_TOKEN.as_bytes())) || self.keys.made(token)
    }

    /// The session that a token is for.
    ///
    /// # Errors
    /// 401, saying what is wrong with it.
    pub fn verify(&self, token: &str) -> Result<Session, HttpError> {
        let now = Instant::now();
        let known = self.known.read().get(token).filter(|(_, until)| now < *until).map(|(session, _)| session.clone());
        let session = match known {
            Some(session) => session,
            None => {
                let session = match self.dev && token::same(token.as_bytes(), DEV_TOKEN.as_bytes()) {
                    true => Session { viewer: Viewer::all("token:dev"), token: None },
                    false => self.keys.verify(token)?,
                };
                self.remember(token, &session, now + CACHE_FOR);
                session
            }
        };
        // Asked each time: that a token was good a moment ago does not say that its session has not ended since.
        match self.over(&session) {
            None => Ok(session),
            Some(over) => Err(over.error()),
        }
    }

    /// Why a session is over; `None` when it is not.
    pub fn over(&self, session: &Session) -> Option<Over> {
        self.ended.why(session)
    }

    /// Waits until a session is over: its token expires, or somebody signs it out, be it on another server.
    pub async fn until_over(self: Arc<Self>, session: Session) -> Over {
        self.ended.wait(&session).await
    }

    /// The session that a request signs out, if it has one that goes on.
    pub fn leaving(&self, request: &HttpRequest) -> Option<Session> {
        match self.proof(request).ok()? {
            Proof::Bearer(token) => self.verify(token).ok(),
            Proof::Cookie => self.verify(cookie::token(request)?.value()).ok(),
        }
    }

    /// Ends a session: on this server at once, on the others within [`LEARN_EVERY`], and for good when this returns.
    ///
    /// # Errors
    /// When the log is away: then the others do not learn of it.
    pub async fn end(&self, store: &Store, session: &Session) -> Result<(), store::Error> {
        let Some(token) = &session.token else { return Ok(()) };
        self.ended.add([(token.id.clone(), token.until)]);
        store.revoke(&token.id, token.until).await
    }

    /// Learns which sessions have ended, before anybody is let in.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn learn(&self, store: &Store) -> Result<(), store::Error> {
        let ended = store.revocations().await?;
        self.ended.add(ended.into_iter().map(|(id, until)| (id.into(), until)));
        Ok(())
    }

    /// Learns, again and again, which sessions have ended on other servers.
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

    /// Spares the proof of a token that comes again, for a moment.
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

    /// A token that says who its bearer is, and when it stops being good.
    pub fn issue(&self, viewer: &Viewer, life: Duration) -> (String, DateTime<Utc>) {
        self.keys.issue(viewer, clock::now(), life)
    }

    /// A token for anybody who asks, where [`DEV_TOKEN`] would let them in anyway; `None` without `--dev`.
    pub fn issue_dev_token(&self) -> Option<(String, DateTime<Utc>)> {
        self.dev.then(|| self.issue(&Viewer::all(&format!("user:{ADMIN}")), TOKEN_LIFE))
    }

    /// A token for a person who knows the password. Takes a moment on purpose.
    ///
    /// # Errors
    /// 401 when the password is wrong; 429 when too many were; 503 when too many are being looked at.
    pub async fn sign_in(
        &self,
        username: &str,
        password: String,
        peer: Option<IpAddr>,
    ) -> Result<(String, DateTime<Utc>), HttpError> {
        let known = self.comparing.knows(peer);
        let attempt = self.attempts.begin(peer, username, known, Instant::now()).map_err(|wait| {
            let message = "too many wrong passwords; try again in a minute";
            HttpError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message).retry_after(wait)
        })?;
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
        Ok(self.issue(&Viewer::all(&format!("user:{ADMIN}")), TOKEN_LIFE))
    }

    /// The session that the header Authorization names; `None` when there is no such header.
    ///
    /// # Errors
    /// When it says something that is not good.
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

pub(crate) fn missing() -> HttpError {
    HttpError::unauthenticated("this needs a token: send `Authorization: Bearer TOKEN`; POST /auth/token gives one")
}

#[cfg(test)]
mod tests;
