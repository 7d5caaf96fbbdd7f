//! Tokens that identify their bearer: JWT (RFC 7519), signed with HMAC-SHA-256 only.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use domain::access::Role;

use super::hs256;
use super::session::TokenId;
use crate::access::Bounds;
use crate::clock;
use crate::edge::HttpError;

/// How long a token is valid.
pub const TOKEN_LIFE: Duration = Duration::from_secs(12 * 3600);

/// Seconds that two servers' clocks may differ.
const LEEWAY_S: u64 = 5;

/// The longest token id that is used unchanged, in bytes.
const MAX_ID: usize = 64;

/// Bytes of the digest that identifies a token without an id.
const DIGEST: usize = 16;

/// What a token says. It bounds what its subject may, and gives nothing: that stands in the log and in the settings.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespaces: Option<Vec<String>>,
    #[serde(default)]
    may_write: bool,
    iat: i64,
    exp: i64,
    /// The token's id, by which it is revoked. Tokens of older servers have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

pub(super) struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Keys {
    pub(super) fn new(secret: &[u8]) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret), validation }
    }

    pub(super) fn issue(
        &self,
        subject: &str,
        bounds: &Bounds,
        now: DateTime<Utc>,
        life: Duration,
    ) -> (String, DateTime<Utc>) {
        let exp = now.timestamp() + i64::try_from(life.as_secs()).unwrap_or(0);
        let claims = Claims {
            sub: subject.to_owned(),
            namespaces: bounds.namespaces.as_deref().map(<[String]>::to_vec),
            may_write: bounds.most > Role::Viewer,
            iat: now.timestamp(),
            exp,
            jti: Some(clock::new_id::<()>().to_string()),
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).expect("claims are plain JSON");
        (token, DateTime::from_timestamp(exp, 0).unwrap_or(now))
    }

    /// Whether a token was signed with this key, even if it has expired.
    pub(super) fn made(&self, token: &str) -> bool {
        let mut validation = self.validation.clone();
        validation.validate_exp = false;
        decode::<Claims>(token, &self.decoding, &validation).is_ok()
    }

    /// Whom a token is for, how far it goes, and what ends it.
    pub(super) fn verify(&self, token: &str) -> Result<(Arc<str>, Bounds, TokenId), HttpError> {
        let claims = match decode::<Claims>(token, &self.decoding, &self.validation) {
            Ok(data) => data.claims,
            Err(error) => return Err(HttpError::unauthenticated(explain(token, error.kind()))),
        };
        let last = claims.exp.saturating_add(i64::try_from(LEEWAY_S).unwrap_or(0));
        let until = DateTime::from_timestamp(last, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let id = match claims.jti {
            Some(id) if id.len() <= MAX_ID => id.into(),
            _ => format!("sha256:{}", hex::encode(&Sha256::digest(token)[..DIGEST])).into(),
        };
        let most = if claims.may_write { Role::Owner } else { Role::Viewer };
        let bounds = Bounds { most, namespaces: claims.namespaces.map(Into::into) };
        Ok((claims.sub.into(), bounds, TokenId { id, until }))
    }
}

fn explain(token: &str, kind: &ErrorKind) -> String {
    let new = "get a new one from POST /auth/token";
    match kind {
        ErrorKind::ExpiredSignature => format!("the token has expired; {new}"),
        ErrorKind::ImmatureSignature => "the token is not good yet".to_owned(),
        ErrorKind::InvalidSignature => {
            format!("the token's signature is wrong: it was changed, or signed by another server; {new}")
        }
        ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidAlgorithmName
        | ErrorKind::UnsupportedAlgorithm
        | ErrorKind::MissingAlgorithm => "the token is not signed with HS256, the only way that is taken".to_owned(),
        ErrorKind::MissingRequiredClaim(claim) => format!("the token lacks `{claim}`"),
        // The library reports an unknown algorithm as a fault in the header's JSON; attackers try `none`.
        _ if algorithm(token).is_some_and(|alg| alg != "HS256") => {
            "the token is not signed with HS256, the only way that is taken".to_owned()
        }
        _ => format!("the token is broken: it is not a JWT of this server; {new}"),
    }
}

fn algorithm(token: &str) -> Option<String> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    header.get("alg")?.as_str().map(str::to_owned)
}

/// Compares two secrets in a time that does not reveal where they differ.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    // Where two digests differ reveals nothing about the hashed values.
    Sha256::digest(a) == Sha256::digest(b)
}
