//! Slack: signs time and body together, `X-Slack-Signature: v0=…`.

use actix_web::http::header::HeaderMap;

use super::sent::{Unproved, is_fresh, text};
use crate::mac;

/// The signature.
pub(super) const SIGNATURE: &str = "x-slack-signature";

/// When it was sent, in seconds of Unix time.
const TIMESTAMP: &str = "x-slack-request-timestamp";

/// The signature is checked before the time: a sender without the secret learns nothing about the time.
pub(super) fn check(secret: &str, headers: &HeaderMap, body: &[u8], now_s: i64) -> Result<(), Unproved> {
    let timestamp = text(headers, TIMESTAMP).unwrap_or_default();
    let signature = text(headers, SIGNATURE).and_then(|value| hex::decode(value.strip_prefix("v0=")?).ok());
    if !mac::fits_any(secret.as_bytes(), &[b"v0:", timestamp.as_bytes(), b":", body], signature) {
        return Err(Unproved::BadSignature);
    }
    if is_fresh(timestamp, now_s) { Ok(()) } else { Err(Unproved::Stale) }
}

#[cfg(test)]
mod tests {
    use super::super::demand::tests::headers;
    use super::super::sent::TOLERANCE_S;
    use super::*;

    // The example of Slack's documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: i64 = 1_531_420_618;
    const SIGNED: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
        response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
        trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    #[test]
    fn the_documented_example_passes_while_it_is_fresh() {
        let at = AT.to_string();
        let sent = headers(&[(SIGNATURE, SIGNED), (TIMESTAMP, &at)]);
        assert_eq!(check(SECRET, &sent, BODY.as_bytes(), AT + TOLERANCE_S), Ok(()));
        assert_eq!(check(SECRET, &sent, BODY.as_bytes(), AT + TOLERANCE_S + 1), Err(Unproved::Stale));
        assert_eq!(check(SECRET, &sent, b"token=other", AT), Err(Unproved::BadSignature));
        assert_eq!(check("other", &sent, BODY.as_bytes(), AT), Err(Unproved::BadSignature));
        let later = (AT + 1).to_string();
        for wrong in [
            headers(&[(SIGNATURE, SIGNED), (TIMESTAMP, &later)]),
            headers(&[(SIGNATURE, SIGNED)]),
            headers(&[(SIGNATURE, &SIGNED[3..]), (TIMESTAMP, &at)]),
            headers(&[(TIMESTAMP, &at)]),
        ] {
            assert_eq!(check(SECRET, &wrong, BODY.as_bytes(), AT), Err(Unproved::BadSignature));
        }
    }
}
