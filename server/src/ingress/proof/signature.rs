//! An HMAC-SHA-256 of the body in a configurable header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::manifest::SignatureEncoding;

use super::sent::Unproved;
use crate::mac;

/// The default header.
pub(super) const HEADER: &str = "x-signature-256";

/// `written` is the header's value, if present.
pub(super) fn check(
    secret: &str,
    written: Option<&str>,
    encoding: SignatureEncoding,
    prefix: &str,
    body: &[u8],
) -> Result<(), Unproved> {
    let digits = written.and_then(|written| written.trim().strip_prefix(prefix));
    let signature = digits.and_then(|digits| match encoding {
        SignatureEncoding::Hex => hex::decode(digits).ok(),
        SignatureEncoding::Base64 => STANDARD.decode(digits).ok(),
    });
    match mac::fits_any(secret.as_bytes(), &[body], signature) {
        true => Ok(()),
        false => Err(Unproved::BadSignature),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const BODY: &[u8] = b"what do ya want for nothing?";

    #[test]
    fn it_is_read_as_the_webhook_says() {
        let base64 = STANDARD.encode(hex::decode(HEX).unwrap());
        let check = |written: &str, encoding, prefix| check("Jefe", Some(written), encoding, prefix, BODY);
        assert_eq!(check(HEX, SignatureEncoding::Hex, ""), Ok(()));
        assert_eq!(check(&HEX.to_uppercase(), SignatureEncoding::Hex, ""), Ok(()));
        assert_eq!(check(&base64, SignatureEncoding::Base64, ""), Ok(()));
        assert_eq!(check(&format!("v1={HEX}"), SignatureEncoding::Hex, "v1="), Ok(()));
        for (written, encoding, prefix) in [
            (HEX, SignatureEncoding::Base64, ""),
            (base64.as_str(), SignatureEncoding::Hex, ""),
            (HEX, SignatureEncoding::Hex, "sha256="),
            ("", SignatureEncoding::Hex, ""),
            ("", SignatureEncoding::Base64, ""),
            ("ä", SignatureEncoding::Hex, ""),
        ] {
            assert_eq!(check(written, encoding, prefix), Err(Unproved::BadSignature), "{written}");
        }
    }

    #[test]
    fn without_the_header_nothing_is_proved() {
        assert_eq!(check("Jefe", None, SignatureEncoding::Hex, "", BODY), Err(Unproved::BadSignature));
    }
}
