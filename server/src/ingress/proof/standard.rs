//! The Standard Webhooks specification: signs id, time and body together.

use actix_web::http::header::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::sent::{Unproved, is_fresh, text};
use crate::mac;

/// Identifies the delivery.
pub(super) const ID: &str = "webhook-id";

/// When it was sent, in seconds of Unix time.
const TIMESTAMP: &str = "webhook-timestamp";

/// Signatures separated by spaces, each `v1,` and base64: several while a sender rotates its secret.
pub(super) const SIGNATURE: &str = "webhook-signature";

/// The most signatures of one delivery that are checked.
const MAX_SIGNATURES: usize = 16;

/// The headers are checked first, then the signature, and the time last: a sender without the secret learns nothing
/// about the time.
pub(super) fn check(secret: &str, headers: &HeaderMap, body: &[u8], now_s: i64) -> Result<(), Unproved> {
    let key = STANDARD.decode(secret.trim().trim_start_matches("whsec_")).ok().filter(|key| !key.is_empty());
    let Some(key) = key else {
        super::sent::check_nothing(body);
        return Err(Unproved::BadSecret("a secret of the scheme standard-webhooks is base64, mostly after `whsec_`"));
    };
    let (Some(id), Some(timestamp), Some(signatures)) =
        (text(headers, ID), text(headers, TIMESTAMP), text(headers, SIGNATURE))
    else {
        super::sent::check_nothing(body);
        return Err(Unproved::BadSignature);
    };
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let signatures = signatures
        .split(' ')
        .take(MAX_SIGNATURES)
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok());
    if !mac::fits_any(&key, &parts, signatures) {
        return Err(Unproved::BadSignature);
    }
    if is_fresh(timestamp, now_s) { Ok(()) } else { Err(Unproved::Stale) }
}

#[cfg(test)]
mod tests {
    use super::super::demand::tests::headers;
    use super::super::sent::TOLERANCE_S;
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const ID_OF_IT: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const AT: i64 = 1_649_367_553;
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNED: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    fn delivery(signature: &str) -> HeaderMap {
        let at = AT.to_string();
        headers(&[(ID, ID_OF_IT), (TIMESTAMP, &at), (SIGNATURE, signature)])
    }

    #[test]
    fn a_delivery_that_was_signed_is_taken() {
        assert_eq!(check(SECRET, &delivery(SIGNED), BODY, AT), Ok(()));
        assert_eq!(check(SECRET.trim_start_matches("whsec_"), &delivery(SIGNED), BODY, AT), Ok(()));
    }

    #[test]
    fn one_good_signature_among_several_is_enough() {
        let others = "v1,bm9wZW5vcGVub3Blbm9wZW5vcGVub3Blbm9wZW5vcGU= v2,unknown v1a,x";
        assert_eq!(check(SECRET, &delivery(&format!("{others} {SIGNED}")), BODY, AT), Ok(()));
        assert_eq!(check(SECRET, &delivery(others), BODY, AT), Err(Unproved::BadSignature));
    }

    #[test]
    fn id_time_and_body_are_all_signed() {
        let at = AT.to_string();
        let later = (AT + 1).to_string();
        for (id, at, body) in [("msg_2", at.as_str(), BODY), (ID_OF_IT, &later, BODY), (ID_OF_IT, &at, b"{}" as &[u8])]
        {
            let changed = headers(&[(ID, id), (TIMESTAMP, at), (SIGNATURE, SIGNED)]);
            assert_eq!(check(SECRET, &changed, body, AT), Err(Unproved::BadSignature));
        }
        for missing in [ID, TIMESTAMP, SIGNATURE] {
            let mut headers = delivery(SIGNED);
            headers.remove(missing);
            assert_eq!(check(SECRET, &headers, BODY, AT), Err(Unproved::BadSignature), "{missing}");
        }
        for wrong in ["", "v1,", "v1", &SIGNED[3..], "v1,?"] {
            assert_eq!(check(SECRET, &delivery(wrong), BODY, AT), Err(Unproved::BadSignature), "{wrong}");
        }
    }

    #[test]
    fn five_minutes_are_tolerated_and_no_second_more() {
        for now in [AT - TOLERANCE_S, AT + TOLERANCE_S] {
            assert_eq!(check(SECRET, &delivery(SIGNED), BODY, now), Ok(()));
        }
        for now in [AT - TOLERANCE_S - 1, AT + TOLERANCE_S + 1, 0, i64::MAX, i64::MIN] {
            assert_eq!(check(SECRET, &delivery(SIGNED), BODY, now), Err(Unproved::Stale));
        }
    }

    #[test]
    fn a_time_is_only_looked_at_when_the_signature_is_right() {
        let wrong = delivery("v1,bm9wZQ==");
        assert_eq!(check(SECRET, &wrong, BODY, 0), Err(Unproved::BadSignature));
    }

    #[test]
    fn a_secret_that_is_no_base64_is_its_owners_fault() {
        for secret in ["whsec_", "", "not base64!"] {
            assert!(matches!(check(secret, &delivery(SIGNED), BODY, AT), Err(Unproved::BadSecret(_))));
        }
    }
}
