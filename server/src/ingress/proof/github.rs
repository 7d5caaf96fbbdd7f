//! GitHub: the body's HMAC in `X-Hub-Signature-256`. Covers neither the delivery's id nor a time.

use actix_web::http::header::HeaderMap;
use domain::manifest::SignatureEncoding;

use super::sent::{Unproved, text};
use super::signature;

/// Identifies the delivery; the same when GitHub sends it again.
pub(super) const DELIVERY: &str = "x-github-delivery";

/// The kind of the event; `ping` for a test.
pub(super) const EVENT: &str = "x-github-event";

/// The signature headers, current one first.
pub(super) const PROOFS: [&str; 2] = ["x-hub-signature-256", "x-hub-signature"];

pub(super) fn check(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Unproved> {
    signature::check(secret, text(headers, PROOFS[0]), SignatureEncoding::Hex, "sha256=", body)
}

#[cfg(test)]
mod tests {
    use super::super::demand::tests::headers;
    use super::*;

    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn a_delivery_that_github_signed_is_taken() {
        assert_eq!(check(SECRET, &headers(&[("X-Hub-Signature-256", SIGNATURE)]), BODY), Ok(()));
    }

    #[test]
    fn anything_else_is_not() {
        let signed = headers(&[("x-hub-signature-256", SIGNATURE)]);
        assert_eq!(check(SECRET, &signed, b"Hello, World?"), Err(Unproved::BadSignature));
        assert_eq!(check("another secret", &signed, BODY), Err(Unproved::BadSignature));
        let bare = SIGNATURE.trim_start_matches("sha256=");
        for value in ["", "sha256=", "sha256=zz", bare, &SIGNATURE[..70], &format!("sha1={bare}")] {
            let wrong = headers(&[("x-hub-signature-256", value)]);
            assert_eq!(check(SECRET, &wrong, BODY), Err(Unproved::BadSignature), "{value}");
        }
        let other = headers(&[("x-hub-signature", SIGNATURE)]);
        assert_eq!(check(SECRET, &other, BODY), Err(Unproved::BadSignature));
    }
}
