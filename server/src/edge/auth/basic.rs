//! Basic authentication (RFC 7617) with a token as the password, for programs that know no other way to send one.

use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Auth, Session, cookie, too_many};
use crate::edge::HttpError;
use crate::edge::origin::Origin;

/// A longer value is not decoded: no token is as long.
const MAX_VALUE: usize = 16 << 10;

/// What Basic authentication carries.
struct Basic {
    user: String,
    password: String,
}

impl Basic {
    /// Reads the value of a header `Authorization`; `None` for any other scheme.
    fn of(value: &str) -> Option<Self> {
        let (scheme, encoded) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > MAX_VALUE {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }
}

impl Auth {
    /// The session of a program: by a bearer token, or by Basic authentication with a token as the password, whoever the user is
    /// said to be. Cookies do not count.
    ///
    /// What is no token of this server counts as a wrong password does. Who has one is never kept out by the wrong ones of others
    /// at the same address: nobody can guess a token.
    ///
    /// # Errors
    /// 401 without credentials or with invalid ones; 403 when another site made a browser send them; 429 after too many wrong
    /// ones.
    pub(crate) fn program_or_basic(&self, request: &HttpRequest) -> Result<Session, HttpError> {
        let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(Basic { user, password }) = value.and_then(Basic::of) else {
            return match self.by_header(request.headers()) {
                Ok(session) => session.ok_or_else(|| HttpError::unauthenticated(HOW)),
                Err(error) if value.is_some_and(is_basic) => Err(HttpError { message: HOW.to_owned(), ..error }),
                Err(error) => Err(error),
            };
        };
        // A browser sends them along wherever a page leads it, once it has them.
        cookie::not_from_elsewhere(request)?;
        if self.issued(&password) {
            return self.verify(&password);
        }
        let peer = Origin::of(request).address;
        // Nothing can make it right, so that it is not given back.
        let _counted =
            self.attempts.begin(peer, &user, self.comparing.knows(peer), Instant::now()).map_err(too_many)?;
        Err(HttpError::unauthenticated(HOW))
    }

    /// The same, for who only wants to know whose request it is: nothing is counted.
    pub(crate) fn program_if_any(&self, request: &HttpRequest) -> Option<Session> {
        let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
        match Basic::of(value) {
            Some(basic) => self.verify(&basic.password).ok(),
            None => self.by_header(request.headers()).ok()?,
        }
    }

    /// Whether a header `Authorization` carries a token that the platform issued, in any way, even if it has expired.
    pub(crate) fn carries_ours(&self, headers: &HeaderMap) -> bool {
        let values = headers.get_all(header::AUTHORIZATION).filter_map(|value| value.to_str().ok());
        let mut tokens = values.flat_map(|value| match Basic::of(value) {
            Some(Basic { user, password }) => [user, password],
            None => [value.split_once(' ').map_or(value, |(_, token)| token.trim()).to_owned(), String::new()],
        });
        tokens.any(|token| self.issued(&token))
    }
}

/// How to authenticate here.
const HOW: &str = "this needs a token: as the password of Basic authentication, with any user name, or as \
                   `Authorization: Bearer TOKEN`; POST /auth/token gives one";

fn is_basic(value: &str) -> bool {
    value.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(String, String)> {
        Basic::of(value).map(|basic| (basic.user, basic.password))
    }

    fn of(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn the_password_is_what_follows_the_first_colon() {
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(read(&of("admin:a.b.c")), pair("admin", "a.b.c"));
        assert_eq!(read(&of(":a:b")), pair("", "a:b"));
        assert_eq!(read("bAsIc  YTpi"), pair("a", "b"));
        assert_eq!(read(&of("ä:ö")), pair("ä", "ö"));
    }

    #[test]
    fn anything_else_is_none() {
        let long = of(&format!("a:{}", "x".repeat(MAX_VALUE)));
        for value in
            ["", "Basic", "Basic ", "Basic ?", "Bearer YTpi", "YTpi", "Basic YQ==", "Basic /zo=", long.as_str()]
        {
            assert_eq!(read(value), None, "{value}");
        }
    }
}
