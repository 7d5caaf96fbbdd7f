//! Twilio: signs the URL as Twilio knows it and the form fields with HMAC-SHA-1. If the body is not a form, the URL
//! contains its digest.

use actix_web::http::header::{self, HeaderMap};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::sent::{Sent, Unproved, text};
use crate::mac;

/// The signature.
pub(super) const SIGNATURE: &str = "x-twilio-signature";

/// Stays the same when Twilio repeats a delivery.
pub(super) const ID: &str = "i-twilio-idempotency-token";

/// The query parameter of the address that holds the body's SHA-256.
const BODY_DIGEST: &str = "bodySHA256";

pub(super) fn check(secret: &str, sent: Sent<'_>) -> Result<(), Unproved> {
    // As much work as for other schemes, whatever is wrong.
    super::sent::check_nothing(sent.body);
    let signature = text(sent.headers, SIGNATURE).and_then(|value| STANDARD.decode(value).ok()).unwrap_or_default();
    let fields = match is_form(sent.headers) {
        true => fields(sent.body),
        false if is_digest_right(sent) => String::new(),
        false => return Err(Unproved::BadSignature),
    };
    let fits = |url: &String| mac::fits_sha1(secret.as_bytes(), &[url.as_bytes(), fields.as_bytes()], &signature);
    if addresses(sent.url).iter().any(fits) { Ok(()) } else { Err(Unproved::BadSignature) }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Names and values, sorted and concatenated.
fn fields(body: &[u8]) -> String {
    let mut fields: Vec<_> = form_urlencoded::parse(body).collect();
    fields.sort();
    fields.dedup();
    fields.iter().flat_map(|(name, value)| [&**name, &**value]).collect()
}

fn is_digest_right(sent: Sent<'_>) -> bool {
    let Ok(url) = Url::parse(sent.url) else { return false };
    let digest = url.query_pairs().find(|(name, _)| name == BODY_DIGEST);
    digest.is_some_and(|(_, digest)| hex::decode(&*digest).is_ok_and(|digest| *digest == *Sha256::digest(sent.body)))
}

/// Twilio sometimes includes the scheme's default port in the address, and sometimes does not.
fn addresses(url: &str) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    if let Some((scheme, rest)) = url.split_once("://") {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let port = if scheme == "https" { ":443" } else { ":80" };
        match authority.strip_suffix(port) {
            Some(host) => all.push(format!("{scheme}://{host}{path}")),
            None if Url::parse(url).is_ok_and(|url| url.port().is_none()) => {
                all.push(format!("{scheme}://{authority}{port}{path}"));
            }
            None => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::demand::tests::headers;
    use super::*;

    // The examples of Twilio's documentation and libraries.
    const SECRET: &str = "12345";
    const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const FORM: &str =
        "To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B14158675309&From=%2B14158675309&Digits=1234";
    const SIGNED: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";

    fn form(signature: &str) -> HeaderMap {
        headers(&[(SIGNATURE, signature), ("content-type", "application/x-www-form-urlencoded; charset=UTF-8")])
    }

    #[test]
    fn the_documented_form_passes() {
        let check = |url: &str, signature: &str, body: &str| {
            check(SECRET, Sent { url, headers: &form(signature), body: body.as_bytes() })
        };
        assert_eq!(check(URL, SIGNED, FORM), Ok(()));
        let other = FORM.replace("14158675309", "12349013030");
        assert_eq!(check(URL, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", &other), Ok(()));
        assert_eq!(check("https://mycompany.com:443/myapp.php?foo=1&bar=2", SIGNED, FORM), Ok(()), "without the port");
        for (url, signature, body) in [
            ("https://mycompany.com/myapp.php?foo=1&bar=3", SIGNED, FORM),
            ("https://mycompany.com:8443/myapp.php?foo=1&bar=2", SIGNED, FORM),
            (URL, "", FORM),
            (URL, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", FORM),
            (URL, SIGNED, "Digits=1234"),
        ] {
            assert_eq!(check(url, signature, body), Err(Unproved::BadSignature), "{url} {signature}");
        }
    }

    #[test]
    fn a_body_that_is_no_form_is_proved_by_its_digest_in_the_address() {
        const BODY: &[u8] = br#"{"property": "value", "boolean": true}"#;
        let url = format!("{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620");
        let sent = headers(&[(SIGNATURE, "a9nBmqA0ju/hNViExpshrM61xv4="), ("content-type", "application/json")]);
        let check = |url: &str, body| check(SECRET, Sent { url, headers: &sent, body });
        assert_eq!(check(&url, BODY), Ok(()));
        assert_eq!(check(&url, b"{}"), Err(Unproved::BadSignature));
        // Without the digest only the address would be signed, and any body would pass.
        let bare = headers(&[(SIGNATURE, SIGNED), ("content-type", "application/json")]);
        let none = super::check(SECRET, Sent { url: URL, headers: &bare, body: b"" });
        assert_eq!(none, Err(Unproved::BadSignature));
    }
}
