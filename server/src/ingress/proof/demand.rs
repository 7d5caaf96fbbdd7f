//! What a webhook requires of its deliveries, and the scheme that verifies it.

use actix_web::http::header::HeaderMap;
use domain::manifest::{SignatureEncoding, Webhook, WebhookScheme};
use serde::Deserialize;

use super::sent::{Sent, Unproved, check_nothing, text};
use super::{github, signature, slack, standard, stripe, token, twilio};

/// The longest delivery id, in bytes.
const MAX_ID: usize = 256;

/// Headers in which senders without a scheme of their own identify deliveries; the first one present counts.
const ID_HEADERS: [&str; 2] = ["x-delivery-id", "idempotency-key"];

/// What a webhook asks of its deliveries.
#[derive(Debug, Clone)]
pub(in crate::ingress) struct Demand {
    /// The scheme.
    pub scheme: WebhookScheme,
    /// The header with the proof, if it is not the scheme's own.
    pub header: Option<String>,
    /// The encoding of a signature.
    pub encoding: SignatureEncoding,
    /// The text before a signature.
    pub prefix: String,
    /// The header with the delivery's id, if the webhook names one.
    pub delivery_header: Option<String>,
    /// The provider's own headers with the delivery's id; the first one present counts.
    pub delivery_headers: &'static [&'static str],
}

impl From<&Webhook> for Demand {
    fn from(webhook: &Webhook) -> Self {
        Self {
            scheme: webhook.scheme(),
            header: webhook.header().map(str::to_owned),
            encoding: webhook.encoding(),
            prefix: webhook.prefix().to_owned(),
            delivery_header: webhook.delivery_header.clone(),
            delivery_headers: webhook.delivery_headers(),
        }
    }
}

impl Demand {
    /// Checks that the sender knows the secret and, if the scheme signs a time, that the delivery is fresh.
    ///
    /// # Errors
    /// When it is not so.
    pub fn check(&self, secret: &str, sent: Sent<'_>, now_s: i64) -> Result<(), Unproved> {
        let Sent { headers, body, .. } = sent;
        match self.scheme {
            WebhookScheme::Github => github::check(secret, headers, body),
            WebhookScheme::StandardWebhooks => standard::check(secret, headers, body, now_s),
            WebhookScheme::HmacSha256 => {
                let header = self.header.as_deref().unwrap_or(signature::HEADER);
                signature::check(secret, text(headers, header), self.encoding, &self.prefix, body)
            }
            WebhookScheme::Stripe => stripe::check(secret, headers, body, now_s),
            WebhookScheme::Slack => slack::check(secret, headers, body, now_s),
            WebhookScheme::Twilio => twilio::check(secret, sent),
            WebhookScheme::Token => {
                check_nothing(body);
                token::check(secret, self.header.as_deref(), headers)
            }
            WebhookScheme::None => Ok(()),
        }
    }

    /// The sender's id of the delivery: the same id means the same delivery. `None` if it gives none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn delivery_id(&self, headers: &HeaderMap, body: &[u8]) -> Result<Option<String>, String> {
        let is_there = |name: &&str| headers.contains_key(*name);
        let name = match (&self.delivery_header, self.scheme) {
            (Some(name), _) => Some(name.as_str()),
            (None, WebhookScheme::Github) => Some(github::DELIVERY),
            (None, WebhookScheme::StandardWebhooks) => Some(standard::ID),
            (None, WebhookScheme::Twilio) => Some(twilio::ID),
            // These schemes have the id in the body, which they sign.
            (None, WebhookScheme::Stripe) => return Ok(named(body).and_then(|body| body.id).filter(|id| fits(id))),
            (None, WebhookScheme::Slack) => {
                return Ok(named(body).and_then(|body| body.event_id).filter(|id| fits(id)));
            }
            (None, _) if !self.delivery_headers.is_empty() => self.delivery_headers.iter().copied().find(is_there),
            (None, _) => ID_HEADERS.into_iter().find(is_there),
        };
        let Some((name, value)) = name.and_then(|name| Some((name, headers.get(name)?))) else { return Ok(None) };
        match value.to_str().ok().filter(|id| fits(id)) {
            Some(id) => Ok(Some(id.to_owned())),
            None => Err(format!("the header {name} must be 1 to {MAX_ID} visible ASCII characters")),
        }
    }

    /// The challenge that Slack expects back when the webhook's address is configured.
    pub fn challenge(&self, body: &[u8]) -> Option<String> {
        let named = named(body).filter(|_| self.scheme == WebhookScheme::Slack)?;
        named.challenge.filter(|_| named.kind.as_deref() == Some("url_verification"))
    }

    /// Whether the sender only checks that the webhook answers.
    pub fn is_ping(&self, headers: &HeaderMap) -> bool {
        self.scheme == WebhookScheme::Github && text(headers, github::EVENT) == Some("ping")
    }

    /// Whether a header is the proof or a part of it, which the function does not get.
    pub fn proves(&self, name: &str) -> bool {
        match self.scheme {
            WebhookScheme::Github => github::PROOFS.contains(&name),
            WebhookScheme::StandardWebhooks => name == standard::SIGNATURE,
            WebhookScheme::Stripe => name == stripe::SIGNATURE,
            WebhookScheme::Slack => name == slack::SIGNATURE,
            WebhookScheme::Twilio => name == twilio::SIGNATURE,
            WebhookScheme::HmacSha256 => name.eq_ignore_ascii_case(self.header.as_deref().unwrap_or(signature::HEADER)),
            WebhookScheme::Token => name.eq_ignore_ascii_case(self.header.as_deref().unwrap_or(token::HEADER)),
            WebhookScheme::None => false,
        }
    }
}

fn fits(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

/// What some senders say in the body that others say in headers.
#[derive(Deserialize)]
struct Named {
    id: Option<String>,
    event_id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    challenge: Option<String>,
}

fn named(body: &[u8]) -> Option<Named> {
    serde_json::from_slice(body).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use domain::manifest::WebhookPreset;

    use super::*;

    /// Headers of a delivery.
    pub(in crate::ingress::proof) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }

    fn demand(scheme: WebhookScheme) -> Demand {
        Demand::from(&Webhook { scheme: Some(scheme), ..Webhook::default() })
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
            assert_eq!(demand(scheme).delivery_id(&all, b""), Ok(Some(id.to_owned())));
            assert_eq!(demand(scheme).delivery_id(&headers(&[]), b""), Ok(None));
        }
        let none = demand(WebhookScheme::None);
        assert_eq!(none.delivery_id(&headers(&[("idempotency-key", "i")]), b""), Ok(Some("i".to_owned())));
        for id in ["", "a b", "ä", &"x".repeat(MAX_ID + 1)] {
            let refused = none.delivery_id(&headers(&[("x-delivery-id", id)]), b"");
            assert!(refused.unwrap_err().contains("x-delivery-id"));
        }
    }

    #[test]
    fn a_proof_that_comes_twice_is_none() {
        let twice = headers(&[("x-webhook-token", "s"), ("x-webhook-token", "s")]);
        let sent = Sent { url: "", headers: &twice, body: b"" };
        assert_eq!(demand(WebhookScheme::Token).check("s", sent, 0), Err(Unproved::BadSignature));
    }

    #[test]
    fn each_provider_names_its_deliveries_in_its_own_way_and_a_setting_beats_it() {
        let all = headers(&[
            ("idempotency-key", "key"),
            ("x-gitlab-event-uuid", "gitlab"),
            ("x-shopify-webhook-id", "shopify"),
            ("i-twilio-idempotency-token", "twilio"),
            ("x-request-uuid", "cloud"),
            ("x-request-id", "server"),
            ("x-own", "own"),
        ]);
        let body = br#"{"id":"evt_1","event_id":"Ev1","type":"event_callback"}"#;
        for (preset, id) in [
            (WebhookPreset::Stripe, "evt_1"),
            (WebhookPreset::Slack, "Ev1"),
            (WebhookPreset::Gitlab, "key"),
            (WebhookPreset::Shopify, "shopify"),
            (WebhookPreset::Twilio, "twilio"),
            (WebhookPreset::Bitbucket, "cloud"),
        ] {
            let webhook = Webhook { preset: Some(preset), ..Webhook::default() };
            let demand = Demand::from(&webhook);
            assert_eq!(demand.delivery_id(&all, body), Ok(Some(id.to_owned())), "{preset:?}");
            assert_eq!(demand.delivery_id(&headers(&[]), b"a=1"), Ok(None), "{preset:?}");
            let own = Demand::from(&Webhook { delivery_header: Some("X-Own".into()), ..webhook });
            assert_eq!(own.delivery_id(&all, body), Ok(Some("own".to_owned())), "{preset:?}");
        }
        let of = |preset, pairs: &[(&str, &str)]| {
            Demand::from(&Webhook { preset: Some(preset), ..Webhook::default() }).delivery_id(&headers(pairs), b"")
        };
        assert_eq!(of(WebhookPreset::Gitlab, &[("x-gitlab-event-uuid", "g")]), Ok(Some("g".to_owned())));
        assert_eq!(of(WebhookPreset::Bitbucket, &[("x-request-id", "s")]), Ok(Some("s".to_owned())));
    }

    /// The examples in the providers' own documentation, checked with their presets.
    #[test]
    fn the_documented_examples_of_each_provider_pass() {
        let check = |preset, secret: &str, pairs: &[(&str, &str)], body: &[u8]| {
            let demand = Demand::from(&Webhook { preset: Some(preset), ..Webhook::default() });
            demand.check(secret, Sent { url: "", headers: &headers(pairs), body }, 0)
        };
        let bitbucket = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
        let secret = "It's a Secret to Everybody";
        let hub = [("x-hub-signature", bitbucket)];
        assert_eq!(check(WebhookPreset::Bitbucket, secret, &hub, b"Hello World!"), Ok(()));
        assert!(check(WebhookPreset::Bitbucket, secret, &hub, b"Hello World").is_err());
        let token = [("x-gitlab-token", "t0ken")];
        assert_eq!(check(WebhookPreset::Gitlab, "t0ken", &token, b"{}"), Ok(()));
        assert!(check(WebhookPreset::Gitlab, "other", &token, b"{}").is_err());
        // Shopify documents the construction but no example: base64 of RFC 4231's second test case.
        let shopify = [("x-shopify-hmac-sha256", "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=")];
        assert_eq!(check(WebhookPreset::Shopify, "Jefe", &shopify, b"what do ya want for nothing?"), Ok(()));
        assert!(check(WebhookPreset::Shopify, "jefe", &shopify, b"what do ya want for nothing?").is_err());
    }

    #[test]
    fn slack_hears_its_challenge_again_and_nobody_else_does() {
        let body = br#"{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#;
        let slack = demand(WebhookScheme::Slack);
        assert!(slack.challenge(body).is_some_and(|challenge| challenge.starts_with("3eZb")));
        assert_eq!(demand(WebhookScheme::None).challenge(body), None);
        assert_eq!(slack.challenge(br#"{"challenge":"x","type":"event_callback"}"#), None);
        assert_eq!(slack.challenge(b"payload=1"), None);
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
