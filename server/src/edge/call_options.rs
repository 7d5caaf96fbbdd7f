//! Options of a call in its headers: `Prefer`, `X-Callback-Url`, `Idempotency-Key`.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;

use super::HttpError;
use crate::outbound::Outward;

/// The longest `Idempotency-Key`, in characters.
const MAX_KEY: usize = 255;

/// Whether the caller prefers not to wait (RFC 7240, section 4.1).
pub(crate) fn prefers_async(headers: &HeaderMap) -> bool {
    let all = headers.get_all("prefer").filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split([',', ';'])).any(|wish| wish.trim().eq_ignore_ascii_case("respond-async"))
}

/// Where the outcome is to be posted.
///
/// # Errors
/// 422 `bad_callback`, before anything is accepted.
pub(crate) fn callback(headers: &HeaderMap, outward: &Outward) -> Result<Option<String>, HttpError> {
    let Some(value) = headers.get("x-callback-url") else { return Ok(None) };
    let wrong = |what: String| {
        HttpError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_callback",
            format!("X-Callback-Url cannot be called: {what}"),
        )
    };
    let text = value.to_str().map_err(|_| wrong("it holds characters that no URL has".to_owned()))?;
    outward.check(text.trim()).map(|url| Some(url.to_string())).map_err(wrong)
}

/// The key under which the request is executed once, however often it is sent.
///
/// # Errors
/// 400 `bad_idempotency_key`.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, HttpError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).filter(|text| (1..=MAX_KEY).contains(&text.len()));
    text.map(|text| Some(text.to_owned())).ok_or_else(|| {
        let message = format!("Idempotency-Key must be 1 to {MAX_KEY} printable ASCII characters, such as a UUID");
        HttpError::bad_request("bad_idempotency_key", message)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs =
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        pairs.collect()
    }

    #[test]
    fn a_preference_may_stand_among_others() {
        for value in ["respond-async", "wait=10, Respond-Async", "return=minimal; respond-async"] {
            assert!(prefers_async(&headers(&[("prefer", value)])), "{value}");
        }
        assert!(prefers_async(&headers(&[("prefer", "wait=1"), ("prefer", "respond-async")])));
        assert!(!prefers_async(&headers(&[("prefer", "respond-asynchronously")])));
        assert!(!prefers_async(&headers(&[])));
    }

    #[test]
    fn a_key_has_a_length() {
        let of = |text: &str| key(&headers(&[("idempotency-key", text)])).map_err(|error| error.code);
        assert_eq!(of(&"k".repeat(255)), Ok(Some("k".repeat(255))));
        assert_eq!(of(&"k".repeat(256)), Err("bad_idempotency_key"));
        assert_eq!(of(" "), Err("bad_idempotency_key"));
        assert_eq!(key(&headers(&[])).unwrap(), None);
    }
}
