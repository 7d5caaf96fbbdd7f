//! A shared token: in its own header, or as a bearer token.

use actix_web::http::header::{self, HeaderMap};
use sha2::{Digest, Sha256};

use super::sent::{Unproved, text};

/// The default header; without a header in the webhook, a bearer token is accepted, too.
pub(super) const HEADER: &str = "x-webhook-token";

pub(super) fn check(secret: &str, own: Option<&str>, headers: &HeaderMap) -> Result<(), Unproved> {
    let bearer = || bearer(text(headers, header::AUTHORIZATION.as_str())?);
    let token = match own {
        Some(name) if name.eq_ignore_ascii_case(header::AUTHORIZATION.as_str()) => {
            bearer().or_else(|| text(headers, name))
        }
        Some(name) => text(headers, name),
        None if headers.contains_key(HEADER) => text(headers, HEADER),
        None => bearer(),
    };
    // Where two digests differ reveals nothing about the tokens.
    match token {
        Some(token) if Sha256::digest(token.trim()) == Sha256::digest(secret) => Ok(()),
        _ => Err(Unproved::BadSignature),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::super::demand::tests::headers;
    use super::*;

    #[test]
    fn the_token_stands_in_its_header_or_is_the_bearers() {
        let table: &[(Option<&str>, &str, &str, bool)] = &[
            (None, "x-webhook-token", "hunter2", true),
            (None, "authorization", "Bearer hunter2", true),
            (None, "authorization", "bearer hunter2", true),
            (None, "authorization", "hunter2", false),
            (None, "authorization", "Basic hunter2", false),
            (None, "x-webhook-token", "hunter", false),
            (None, "x-webhook-token", "hunter22", false),
            (None, "x-webhook-token", "", false),
            (Some("X-Gitlab-Token"), "x-gitlab-token", "hunter2", true),
            (Some("X-Gitlab-Token"), "x-webhook-token", "hunter2", false),
            (Some("X-Gitlab-Token"), "authorization", "Bearer hunter2", false),
            (Some("Authorization"), "authorization", "hunter2", true),
            (Some("Authorization"), "authorization", "Bearer hunter2", true),
        ];
        for (own, name, value, good) in table {
            let expected = if *good { Ok(()) } else { Err(Unproved::BadSignature) };
            assert_eq!(check("hunter2", *own, &headers(&[(name, value)])), expected, "{own:?} {name}: {value}");
        }
        assert_eq!(check("hunter2", None, &headers(&[])), Err(Unproved::BadSignature));
    }
}
