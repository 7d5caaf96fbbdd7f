//! A delivery, and the parts read by all schemes.

use actix_web::http::header::HeaderMap;

use crate::mac;

/// How many seconds a signed timestamp may differ from the present time, in either direction.
pub(in crate::ingress) const TOLERANCE_S: i64 = 5 * 60;

/// A delivery, as far as its proof goes.
#[derive(Debug, Clone, Copy)]
pub(in crate::ingress) struct Sent<'a> {
    /// The address that the sender called, as the sender sees it.
    pub url: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
}

/// Why a delivery is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ingress) enum Unproved {
    /// The proof is missing or wrong.
    BadSignature,
    /// It was signed too long ago, or in the future.
    Stale,
    /// The secret is not valid for this scheme: the owner's fault, not the sender's.
    BadSecret(&'static str),
}

/// Whether a time, as text in seconds of Unix time, is close enough to the present.
pub(super) fn is_fresh(timestamp: &str, now_s: i64) -> bool {
    timestamp.parse::<i64>().is_ok_and(|at| at.abs_diff(now_s) <= TOLERANCE_S.unsigned_abs())
}

/// Takes as long as a check of this body, if there is nothing to check.
pub(in crate::ingress) fn check_nothing(body: &[u8]) {
    mac::fits(b"nobody's key", &[body], &[0; 32]);
}

/// The text of a header that occurs once: of two, it would be unclear which was meant.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut all = headers.get_all(name);
    let value = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(value)
}
