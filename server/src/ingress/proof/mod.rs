//! How a webhook's delivery proves where it is from: one file for each scheme. Pure functions of headers, body, secret and
//! time; what they refuse says nothing of what would have been right.

mod github;
mod mac;
mod signature;
mod standard;
mod token;

use actix_web::http::header::HeaderMap;
use domain::manifest::{SignatureEncoding, WebhookScheme};

/// A timestamp that is signed may be this many seconds away from now, in either direction.
pub(super) const TOLERANCE_S: i64 = 5 * 60;

/// The longest delivery id, in bytes.
const MAX_ID: usize = 256;

/// Headers in which senders without a scheme of their own name their deliveries; the first that is there counts.
const ID_HEADERS: [&str; 2] = ["x-delivery-id", "idempotency-key"];

/// What a webhook asks of its deliveries.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    /// The scheme.
    pub scheme: WebhookScheme,
    /// The header with the proof, where it is not the scheme's own.
    pub header: Option<String>,
    /// How a signature is written.
    pub encoding: SignatureEncoding,
    /// What stands before a signature.
    pub prefix: String,
}

/// Why a delivery is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unproved {
    /// There is no proof, or a wrong one.
    BadSignature,
    /// It was signed too long ago, or in the future.
    Stale,
    /// The secret cannot be one of this scheme: the owner's fault, not the sender's.
    BadSecret(&'static str),
}

impl Demand {
    /// Whether the delivery is from who knows the secret, and, where the scheme signs a time, whether it is fresh.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self, secret: &str, headers: &HeaderMap, body: &[u8], now_s: i64) -> Result<(), Unproved> {
        match self.scheme {
            WebhookScheme::Github => github::check(secret, headers, body),
            WebhookScheme::StandardWebhooks => standard::check(secret, headers, body, now_s),
            WebhookScheme::HmacSha256 => {
                let header = self.header.as_deref().unwrap_or(signature::HEADER);
                signature::check(secret, text(headers, header), self.encoding, &self.prefix, body)
            }
            WebhookScheme::Token => {
                check_nothing(body);
                token::check(secret, self.header.as_deref(), headers)
            }
            WebhookScheme::None => Ok(()),
        }
    }

    /// What the sender calls the delivery: the same id is the same delivery. `None` when it does not say.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn delivery_id<'h>(&self, headers: &'h HeaderMap) -> Result<Option<&'h str>, String> {
        let name = match self.scheme {
            WebhookScheme::Github => Some(github::DELIVERY),
            WebhookScheme::StandardWebhooks => Some(standard::ID),
            _ => ID_HEADERS.into_iter().find(|name| headers.contains_key(*name)),
        };
        let Some((name, value)) = name.and_then(|name| Some((name, headers.get(name)?))) else { return Ok(None) };
        let fits = |id: &&str| (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        match value.to_str().ok().filter(fits) {
            Some(id) => Ok(Some(id)),
            None => Err(format!("the header {name} must be 1 to {MAX_ID} visible ASCII characters")),
        }
    }

    /// Whether the sender asks only if anybody is there.
    pub fn is_ping(&self, headers: &HeaderMap) -> bool {
        self.scheme == WebhookScheme::Github && text(headers, github::EVENT) == Some("ping")
    }

    /// Whether a header is the proof, or a part of it: not the function's business.
    pub fn proves(&self, name: &str) -> bool {
        match self.scheme {
            WebhookScheme::Github => github::PROOFS.contains(&name),
            WebhookScheme::StandardWebhooks => name == standard::SIGNATURE,
            WebhookScheme::HmacSha256 => name.eq_ignore_ascii_case(self.header.as_deref().unwrap_or(signature::HEADER)),
            WebhookScheme::Token => name.eq_ignore_ascii_case(self.header.as_deref().unwrap_or(token::HEADER)),
            WebhookScheme::None => false,
        }
    }
}

/// Takes as long as a check of this body, where there is nothing to check it by.
pub(super) fn check_nothing(body: &[u8]) {
    mac::fits(b"nobody's key", &[body], &[0; 32]);
}

/// A header that comes once, as text: of two, nobody could say which was meant.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut all = headers.get_all(name);
    let value = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    /// Headers of a delivery.
    pub(super) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }

    fn demand(scheme: WebhookScheme) -> Demand {
        Demand { scheme, header: None, encoding: SignatureEncoding::Hex, prefix: String::new() }
    }

    #[test]
    fn a_delivery_is_named_by_its_schemes_header_or_by_a_common_one() {
        let all = headers(&[
            ("x-github-delivery", "g"),
            ("webhook-id", "w"),
            ("idempotency-key", "i"),
            ("x-delivery-id", "d"),
        ]);
        for (scheme, id) in [
            (WebhookScheme::Github, "g"),
            (WebhookScheme::StandardWebhooks, "w"),
            (WebhookScheme::HmacSha256, "d"),
            (WebhookScheme::Token, "d"),
            (WebhookScheme::None, "d"),
        ] {
            assert_eq!(demand(scheme).delivery_id(&all), Ok(Some(id)));
            assert_eq!(demand(scheme).delivery_id(&headers(&[])), Ok(None));
        }
        let none = demand(WebhookScheme::None);
        assert_eq!(none.delivery_id(&headers(&[("idempotency-key", "i")])), Ok(Some("i")));
        for id in ["", "a b", "ä", &"x".repeat(MAX_ID + 1)] {
            assert!(none.delivery_id(&headers(&[("x-delivery-id", id)])).unwrap_err().contains("x-delivery-id"));
        }
    }

    #[test]
    fn a_proof_that_comes_twice_is_none() {
        let twice = headers(&[("x-webhook-token", "s"), ("x-webhook-token", "s")]);
        assert_eq!(demand(WebhookScheme::Token).check("s", &twice, b"", 0), Err(Unproved::BadSignature));
    }

    #[test]
    fn only_github_pings() {
        let ping = headers(&[("x-github-event", "ping")]);
        assert!(demand(WebhookScheme::Github).is_ping(&ping) && !demand(WebhookScheme::None).is_ping(&ping));
        assert!(!demand(WebhookScheme::Github).is_ping(&headers(&[("x-github-event", "push")])));
    }

    #[test]
    fn the_proof_is_known_by_its_header() {
        let own = Demand { header: Some("X-Shop-Signature".into()), ..demand(WebhookScheme::HmacSha256) };
        for (demand, name) in [
            (demand(WebhookScheme::Github), "x-hub-signature-256"),
            (demand(WebhookScheme::Github), "x-hub-signature"),
            (demand(WebhookScheme::StandardWebhooks), "webhook-signature"),
            (demand(WebhookScheme::HmacSha256), "x-signature-256"),
            (demand(WebhookScheme::Token), "x-webhook-token"),
            (own.clone(), "x-shop-signature"),
        ] {
            assert!(demand.proves(name), "{name}");
            assert!(!demand.proves("content-type"));
        }
        assert!(!own.proves("x-signature-256"));
    }
}
