//! Stripe: signs time and body together, `Stripe-Signature: t=…,v1=…`. The key is the complete secret, including
//! `whsec_`.

use actix_web::http::header::HeaderMap;

use super::sent::{Unproved, is_fresh, text};
use crate::mac;

/// The time, and the signatures: several while a secret is being rotated.
pub(super) const SIGNATURE: &str = "stripe-signature";

/// The most parts of the header that are checked.
const MAX_PARTS: usize = 16;

/// The signature is checked before the time: a sender without the secret learns nothing about the time.
pub(super) fn check(secret: &str, headers: &HeaderMap, body: &[u8], now_s: i64) -> Result<(), Unproved> {
    let parts = text(headers, SIGNATURE).unwrap_or_default().split(',').take(MAX_PARTS);
    let parts: Vec<_> = parts.filter_map(|part| part.trim().split_once('=')).collect();
    let timestamp = parts.iter().find(|(name, _)| *name == "t").map_or("", |(_, value)| *value);
    let signatures = parts.iter().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| hex::decode(value).ok());
    if !mac::fits_any(secret.as_bytes(), &[timestamp.as_bytes(), b".", body], signatures) {
        return Err(Unproved::BadSignature);
    }
    if is_fresh(timestamp, now_s) { Ok(()) } else { Err(Unproved::Stale) }
}

#[cfg(test)]
mod tests {
    use super::super::demand::tests::headers;
    use super::super::sent::TOLERANCE_S;
    use super::*;

    const SECRET: &str = "whsec_test_secret";
    const BODY: &[u8] = b"{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";
    const AT: i64 = 1492774577;
    const SIGNED: &str = "c2f890decbc5ede7c5060bb9a6d31e0626a4342bacb9aeae2adb1bcea72f9812";

    fn delivery(value: &str) -> HeaderMap {
        headers(&[(SIGNATURE, value)])
    }

    #[test]
    fn time_and_body_are_signed() {
        let good = format!("t={AT},v1={SIGNED},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39");
        assert_eq!(check(SECRET, &delivery(&good), BODY, AT), Ok(()));
        let several = format!("t={AT},v1={},v1={SIGNED}", "0".repeat(64));
        assert_eq!(check(SECRET, &delivery(&several), BODY, AT), Ok(()));
        for wrong in [
            format!("t={},v1={SIGNED}", AT + 1),
            format!("t={AT},v0={SIGNED}"),
            format!("v1={SIGNED}"),
            format!("t={AT}"),
            String::new(),
        ] {
            assert_eq!(check(SECRET, &delivery(&wrong), BODY, AT), Err(Unproved::BadSignature), "{wrong}");
        }
        assert_eq!(check(SECRET, &delivery(&good), b"{}", AT), Err(Unproved::BadSignature));
        assert_eq!(check("whsec_other", &delivery(&good), BODY, AT), Err(Unproved::BadSignature));
        assert_eq!(check(SECRET, &headers(&[]), BODY, AT), Err(Unproved::BadSignature));
        assert_eq!(check(SECRET, &delivery(&good), BODY, AT + TOLERANCE_S + 1), Err(Unproved::Stale));
    }
}
