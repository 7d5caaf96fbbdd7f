//! HMAC-SHA-256 for `jsonwebtoken`.
//!
//! The library has cryptography of its own only together with RSA and three elliptic curves, two dozen crates, by which no
//! token of ours is signed. Without it, it asks this one, and any other algorithm is refused.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{self, ErrorKind};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};

use crate::mac;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // They are for keys that stand in JWKs, which nobody reads here.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes the library use it, in the whole process. Before the first token is looked at; again does no harm.
pub(super) fn install() {
    // It is refused where it is installed already.
    let _ = PROVIDER.install_default();
}

/// Holds the key.
struct Hs256(Box<[u8]>);

impl Hs256 {
    fn new(algorithm: Algorithm, family: AlgorithmFamily, key: &[u8]) -> errors::Result<Box<Self>> {
        match (algorithm, family) {
            (Algorithm::HS256, AlgorithmFamily::Hmac) => {}
            (Algorithm::HS256, _) => return Err(ErrorKind::InvalidKeyFormat.into()),
            _ => return Err(ErrorKind::InvalidAlgorithm.into()),
        }
        Ok(Box::new(Self(key.into())))
    }
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> errors::Result<Box<dyn JwtSigner>> {
    Ok(Hs256::new(*algorithm, key.family(), key.as_bytes())?)
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> errors::Result<Box<dyn JwtVerifier>> {
    Ok(Hs256::new(*algorithm, key.family(), key.try_get_as_bytes()?)?)
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(mac::sha256(&self.0, &[message]).to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    /// Takes the same time, whatever is wrong.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), Error> {
        mac::fits(&self.0, &[message], signature).then_some(()).ok_or_else(Error::new)
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::crypto::{sign, verify};

    use super::*;

    /// The example of RFC 7515, appendix A.1.
    #[test]
    fn signs_and_verifies_as_the_standard_has_it() {
        install();
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let message =
            b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
                        Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

        let encoding = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(key).unwrap());
        assert_eq!(sign(message, &encoding, Algorithm::HS256).unwrap(), signature);

        let decoding = DecodingKey::from_secret(encoding.as_bytes());
        assert!(verify(signature, message, &decoding, Algorithm::HS256).unwrap());
        assert!(!verify(&signature.replace('d', "e"), message, &decoding, Algorithm::HS256).unwrap());
        assert!(!verify("", message, &decoding, Algorithm::HS256).unwrap());
        assert!(!verify(&signature[..20], message, &decoding, Algorithm::HS256).unwrap_or(false));
    }

    #[test]
    fn refuses_every_other_algorithm_and_keys_of_other_kinds() {
        install();
        let secret = DecodingKey::from_secret(b"key");
        for algorithm in [Algorithm::HS384, Algorithm::HS512, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
            assert!(verify("AAAA", b"message", &secret, algorithm).is_err(), "{algorithm:?}");
        }
        assert!(verify("AAAA", b"message", &DecodingKey::from_rsa_der(b"key"), Algorithm::HS256).is_err());
    }
}
