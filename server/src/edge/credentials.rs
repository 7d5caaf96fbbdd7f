//! Headers that contain credentials: the only list, for everything that records requests.
//!
//! Recorded data is readable by everyone with access to the namespace, and is kept for days. So a header that may
//! contain a credential is not recorded, and a function that gets its event from the log (an asynchronous call, a
//! webhook, a repeated run) does not see it. A synchronous call passes on what the caller sent, except credentials for
//! EventFlow.
//!
//! Signatures of a body are not credentials: they authenticate that one body and give access to nothing.

/// Headers that hold a credential by their whole name.
const NAMES: &[&str] = &[
    "authentication",
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "set-cookie",
    "set-cookie2",
    "apikey",
    "x-apikey",
    "x-goog-iap-jwt-assertion",
    "x-amzn-oidc-data",
    "x-forwarded-client-cert",
    "x-client-cert",
    "x-ssl-client-cert",
    "ssl-client-cert",
    "x-forwarded-access-token",
    "x-ms-client-principal",
];

/// Words, between hyphens or underscores, that mark a header as a credential wherever they occur.
const WORDS: &[&str] = &[
    "apikey",
    "auth",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "passwd",
    "password",
    "secret",
    "session",
    "sessionid",
    "sid",
    "token",
];

/// Words that mark a credential when `key` follows: `x-api-key`, `x-functions-key`, `ocp-apim-subscription-key`.
const KEYS: &[&str] =
    &["access", "account", "api", "app", "auth", "client", "functions", "master", "private", "subscription"];

/// Whether a header, given by its lower-case name, may hold a credential.
pub(crate) fn is_credential(name: &str) -> bool {
    if NAMES.contains(&name) {
        return true;
    }
    let mut before = "";
    for word in name.split(['-', '_']) {
        if WORDS.contains(&word) || (word == "key" && KEYS.contains(&before)) {
            return true;
        }
        before = word;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_somebody_in_is_known_by_its_name() {
        for name in [
            "authorization",
            "proxy-authorization",
            "x-serverless-authorization",
            "cookie",
            "set-cookie",
            "x-api-key",
            "api-key",
            "api_key",
            "apikey",
            "x-functions-key",
            "ocp-apim-subscription-key",
            "x-auth-token",
            "x-access-token",
            "x-amz-security-token",
            "x-vault-token",
            "x-gitlab-token",
            "private-token",
            "x-csrf-token",
            "x-xsrf-token",
            "x-goog-iap-jwt-assertion",
            "cf-access-jwt-assertion",
            "cf-access-client-secret",
            "x-amzn-oidc-data",
            "x-forwarded-access-token",
            "x-auth-request-access-token",
            "x-forwarded-client-cert",
            "x-session-id",
            "x-webhook-token",
            "x-shopify-access-token",
        ] {
            assert!(is_credential(name), "{name}");
        }
    }

    #[test]
    fn what_says_something_else_is_kept() {
        for name in [
            "content-type",
            "user-agent",
            "accept",
            "x-own",
            "x-github-event",
            "x-github-delivery",
            "x-hub-signature-256",
            "webhook-id",
            "webhook-signature",
            "stripe-signature",
            "idempotency-key",
            "traceparent",
            "x-request-id",
            "x-partition-key",
            "author",
            "x-tokenizer",
        ] {
            assert!(!is_credential(name), "{name}");
        }
    }
}
