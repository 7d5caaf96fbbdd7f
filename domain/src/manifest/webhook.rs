//! Webhook triggers: how deliveries are authenticated, and how they are answered.

use serde::{Deserialize, Serialize};

/// A webhook, served at `/hooks/{namespace}/{function}/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Webhook {
    /// The last segment of its path.
    pub name: String,
    /// The provider, which determines how deliveries are authenticated and identified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<WebhookPreset>,
    /// How deliveries are authenticated if there is no preset; see [`Webhook::scheme`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<WebhookScheme>,
    /// The name of the secret that deliveries are authenticated with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The header with the signature or token, for `hmac-sha256` and `token`; see [`Webhook::header`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The encoding of the signature, for `hmac-sha256`; see [`Webhook::encoding`].
    #[serde(default, skip_serializing_if = "SignatureEncoding::is_hex")]
    pub encoding: SignatureEncoding,
    /// The prefix of the signature, for `hmac-sha256`, such as `sha256=`; see [`Webhook::prefix`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The header with the delivery's id; if absent, that of the scheme or the preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_header: Option<String>,
    /// How deliveries are answered.
    #[serde(default, skip_serializing_if = "Reply::is_async")]
    pub reply: Reply,
}

impl Webhook {
    /// The authentication scheme that applies.
    pub fn scheme(&self) -> WebhookScheme {
        self.preset.map(WebhookPreset::scheme).or(self.scheme).unwrap_or_default()
    }

    /// The header with the signature or token; `None` if the scheme defines it.
    pub fn header(&self) -> Option<&str> {
        match self.preset {
            Some(WebhookPreset::Gitlab) => Some("x-gitlab-token"),
            Some(WebhookPreset::Shopify) => Some("x-shopify-hmac-sha256"),
            Some(WebhookPreset::Bitbucket) => Some("x-hub-signature"),
            Some(_) => None,
            None => self.header.as_deref(),
        }
    }

    /// The encoding of the signature.
    pub fn encoding(&self) -> SignatureEncoding {
        match self.preset {
            Some(WebhookPreset::Shopify) => SignatureEncoding::Base64,
            Some(_) => SignatureEncoding::Hex,
            None => self.encoding,
        }
    }

    /// The prefix of the signature.
    pub fn prefix(&self) -> &str {
        match self.preset {
            Some(WebhookPreset::Bitbucket) => "sha256=",
            Some(_) => "",
            None => self.prefix.as_deref().unwrap_or_default(),
        }
    }

    /// Headers in which the preset's provider sends the delivery's id, in order of preference.
    pub fn delivery_headers(&self) -> &'static [&'static str] {
        match self.preset {
            // The key stays the same when a delivery is retried; older GitLab servers send only the event's id.
            Some(WebhookPreset::Gitlab) => &["idempotency-key", "x-gitlab-event-uuid"],
            Some(WebhookPreset::Shopify) => &["x-shopify-webhook-id"],
            // The header of Bitbucket Cloud, then that of self-hosted servers.
            Some(WebhookPreset::Bitbucket) => &["x-request-uuid", "x-request-id"],
            Some(WebhookPreset::Stripe | WebhookPreset::Slack | WebhookPreset::Twilio) | None => &[],
        }
    }
}

/// A webhook provider with known conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookPreset {
    /// `Stripe-Signature`.
    Stripe,
    /// `X-Slack-Signature`.
    Slack,
    /// `X-Gitlab-Token`.
    Gitlab,
    /// `X-Shopify-Hmac-Sha256`.
    Shopify,
    /// `X-Twilio-Signature`.
    Twilio,
    /// `X-Hub-Signature`.
    Bitbucket,
}

impl WebhookPreset {
    fn scheme(self) -> WebhookScheme {
        match self {
            Self::Stripe => WebhookScheme::Stripe,
            Self::Slack => WebhookScheme::Slack,
            Self::Gitlab => WebhookScheme::Token,
            Self::Shopify | Self::Bitbucket => WebhookScheme::HmacSha256,
            Self::Twilio => WebhookScheme::Twilio,
        }
    }
}

/// How a webhook's deliveries are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookScheme {
    /// `X-Hub-Signature-256`.
    Github,
    /// The Standard Webhooks specification.
    StandardWebhooks,
    /// An HMAC in a configurable header.
    HmacSha256,
    /// Stripe's signature over time and body.
    Stripe,
    /// Slack's signature over time and body.
    Slack,
    /// Twilio's signature over the URL and the form fields.
    Twilio,
    /// A shared token in a header.
    Token,
    /// No authentication.
    #[default]
    None,
}

impl WebhookScheme {
    /// The name in `function.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::StandardWebhooks => "standard-webhooks",
            Self::HmacSha256 => "hmac-sha256",
            Self::Stripe => "stripe",
            Self::Slack => "slack",
            Self::Twilio => "twilio",
            Self::Token => "token",
            Self::None => "none",
        }
    }
}

/// The encoding of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureEncoding {
    /// Hexadecimal.
    #[default]
    Hex,
    /// Base64 (RFC 4648, section 4).
    Base64,
}

impl SignatureEncoding {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so
    fn is_hex(&self) -> bool {
        *self == Self::Hex
    }
}

/// How a webhook's deliveries are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// As soon as the delivery is on disk.
    #[default]
    Async,
    /// With the function's answer.
    Sync,
}

impl Reply {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so
    fn is_async(&self) -> bool {
        *self == Self::Async
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_settles_what_else_would_have_to_be_written() {
        let of = |text: &str| serde_json::from_str::<Webhook>(text).unwrap();
        for (preset, scheme, header, encoding, prefix) in [
            ("stripe", WebhookScheme::Stripe, None, SignatureEncoding::Hex, ""),
            ("slack", WebhookScheme::Slack, None, SignatureEncoding::Hex, ""),
            ("gitlab", WebhookScheme::Token, Some("x-gitlab-token"), SignatureEncoding::Hex, ""),
            ("shopify", WebhookScheme::HmacSha256, Some("x-shopify-hmac-sha256"), SignatureEncoding::Base64, ""),
            ("twilio", WebhookScheme::Twilio, None, SignatureEncoding::Hex, ""),
            ("bitbucket", WebhookScheme::HmacSha256, Some("x-hub-signature"), SignatureEncoding::Hex, "sha256="),
        ] {
            let webhook = of(&format!(r#"{{"name":"w","preset":"{preset}","scheme":"none"}}"#));
            let settings = (webhook.scheme(), webhook.header(), webhook.encoding(), webhook.prefix());
            assert_eq!(settings, (scheme, header, encoding, prefix), "{preset}");
        }
        assert_eq!(of(r#"{"name":"w"}"#).scheme(), WebhookScheme::None);
        assert_eq!(of(r#"{"name":"w","scheme":"token","header":"X-A"}"#).header(), Some("X-A"));
    }

    #[test]
    fn what_is_not_said_is_not_written() {
        for text in [
            r#"{"name":"w"}"#,
            r#"{"name":"w","scheme":"github","secret":"S"}"#,
            r#"{"name":"w","preset":"slack","secret":"S","delivery_header":"X-Id","reply":"sync"}"#,
        ] {
            assert_eq!(serde_json::to_string(&serde_json::from_str::<Webhook>(text).unwrap()).unwrap(), text);
        }
    }
}
