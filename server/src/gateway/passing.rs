//! Which headers pass between a caller and a function.
//!
//! A function below `/function` shares the origin of the web UI, so its headers could affect every page of the
//! platform. Only headers that describe the answer itself pass; a header that is not known to be harmless does not. On
//! its own host, a function may send any header.

use crate::edge::capture::is_hop_by_hop;

/// Which origin a function's answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The platform's.
    Shared,
    /// The function's own.
    Own,
}

/// Headers that no function may set on any origin: they frame the message, or belong to the platform.
fn is_ours(name: &str) -> bool {
    is_hop_by_hop(name)
        || matches!(
            name,
            "content-length"
                | "set-cookie"
                | "x-call-id"
                | "x-duration-seconds"
                | "x-function-version"
                | "x-request-id"
                | "x-start-time"
        )
        || name.starts_with("x-eventflow-")
}

/// Whether a header of a function's answer passes. Cookies are handled by [`super::cookies`].
pub(super) fn passes(name: &str, value: &[u8], origin: Origin) -> bool {
    match origin {
        Origin::Own => !is_ours(name),
        Origin::Shared => !is_ours(name) && is_harmless(name, value),
    }
}

/// Whether a header affects nothing but its own answer.
fn is_harmless(name: &str, value: &[u8]) -> bool {
    // The most common ones first: this is called for every header of every answer.
    if name.starts_with("content-") {
        return true;
    }
    match name {
        // Describes the body and its variants.
        "accept-ranges" | "age" | "allow" | "cache-control" | "date" | "digest" | "etag" | "expires"
        | "last-modified" | "link" | "pragma" | "repr-digest" | "vary" | "warning" => true,
        // Tells the caller what to do next.
        "accept"
        | "accept-patch"
        | "accept-post"
        | "deprecation"
        | "idempotency-key"
        | "location"
        | "preference-applied"
        | "proxy-status"
        | "ratelimit"
        | "ratelimit-limit"
        | "ratelimit-policy"
        | "ratelimit-remaining"
        | "ratelimit-reset"
        | "retry-after"
        | "sunset" => true,
        // Only restricts the answered page.
        "cross-origin-embedder-policy"
        | "cross-origin-opener-policy"
        | "cross-origin-resource-policy"
        | "permissions-policy"
        | "referrer-policy" => true,
        // Describes where the answer came from.
        "server-timing" | "traceparent" | "traceresponse" | "tracestate" => true,
        // With other schemes, a browser would ask for a name and a password, and then send them to the whole origin.
        "www-authenticate" => is_bearer_alone(value),
        _ => match name.split_at_checked(2) {
            Some(("x-", rest)) => is_harmless_extension(rest),
            Some(("ce", _)) => name.starts_with("ce-"),
            _ => false,
        },
    }
}

/// Whether there is exactly one challenge, of the scheme `Bearer`: what follows a comma must be a parameter (`name=…`)
/// and not another scheme.
fn is_bearer_alone(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let first = parts.next().unwrap_or_default();
    let scheme = first.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let is_parameter = |part: &[u8]| {
        let name = part.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)).count();
        part.is_empty() || name > 0 && part.get(name) == Some(&b'=')
    };
    scheme.eq_ignore_ascii_case(b"bearer") && parts.all(is_parameter)
}

/// An application's own headers, except those that browsers and proxies act on.
fn is_harmless_extension(rest: &str) -> bool {
    match rest {
        "accel-buffering" => true,
        "dns-prefetch-control"
        | "permitted-cross-domain-policies"
        | "sendfile"
        | "sendfile-type"
        | "sourcemap"
        | "webkit-csp"
        | "xss-protection"
        | "reproxy-url"
        | "reproxy-file"
        | "lighttpd-send-file"
        | "lighttpd-send-tempfile"
        | "content-security-policy"
        | "content-security-policy-report-only" => false,
        // `X-Accel-Redirect` makes nginx answer with any file; `X-Forwarded-*` are set by proxies.
        _ => !rest.starts_with("accel-") && !rest.starts_with("forwarded-") && !rest.starts_with("litespeed-"),
    }
}

/// The headers named by a message's `Connection`: they are for this hop only.
#[derive(Debug, Default)]
pub(super) struct Named<'h>(Vec<&'h str>);

impl<'h> Named<'h> {
    /// Parses the values of `Connection`.
    pub(super) fn of(values: impl Iterator<Item = &'h [u8]>) -> Self {
        let texts = values.filter_map(|value| std::str::from_utf8(value).ok());
        let names = texts.flat_map(|text| text.split(',')).map(str::trim);
        let plain = |name: &&str| name.eq_ignore_ascii_case("keep-alive") || name.eq_ignore_ascii_case("close");
        Self(names.filter(|name| !name.is_empty() && !plain(name)).collect())
    }

    /// Whether it names a header.
    pub(super) fn contain(&self, header: &str) -> bool {
        self.0.iter().any(|name| name.eq_ignore_ascii_case(header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_says_on_our_origin_only_what_counts_for_its_own_answer() {
        let harmless = [
            "content-type",
            "content-encoding",
            "content-disposition",
            "content-language",
            "content-range",
            "content-security-policy",
            "cache-control",
            "etag",
            "last-modified",
            "location",
            "vary",
            "retry-after",
            "link",
            "accept-ranges",
            "allow",
            "x-mine",
            "x-total-count",
            "x-ratelimit-remaining",
            "x-frame-options",
            "x-accel-buffering",
            "referrer-policy",
            "ce-type",
            "server-timing",
        ];
        for name in harmless {
            assert!(passes(name, b"x", Origin::Shared), "{name}");
            assert!(passes(name, b"x", Origin::Own), "{name}");
        }
        let harmful = [
            "clear-site-data",
            "strict-transport-security",
            "service-worker-allowed",
            "access-control-allow-origin",
            "access-control-allow-credentials",
            "nel",
            "report-to",
            "reporting-endpoints",
            "alt-svc",
            "public-key-pins",
            "public-key-pins-report-only",
            "expect-ct",
            "sourcemap",
            "x-sourcemap",
            "set-login",
            "refresh",
            "accept-ch",
            "critical-ch",
            "origin-agent-cluster",
            "timing-allow-origin",
            "observe-browsing-topics",
            "attribution-reporting-register-source",
            "speculation-rules",
            "supports-loading-mode",
            "no-vary-search",
            "use-as-dictionary",
            "document-policy",
            "server",
            "x-accel-redirect",
            "x-accel-expires",
            "x-sendfile",
            "x-forwarded-host",
            "x-xss-protection",
            "x-permitted-cross-domain-policies",
            "x-dns-prefetch-control",
            "set-cookie2",
            "activate-storage-access",
        ];
        for name in harmful {
            assert!(!passes(name, b"x", Origin::Shared), "{name}");
            assert!(passes(name, b"x", Origin::Own), "{name}");
        }
    }

    #[test]
    fn what_is_ours_no_function_says() {
        for name in [
            "connection",
            "keep-alive",
            "transfer-encoding",
            "upgrade",
            "trailer",
            "content-length",
            "x-call-id",
            "x-function-version",
            "x-duration-seconds",
            "x-request-id",
            "x-start-time",
            "x-eventflow-run",
            "set-cookie",
        ] {
            assert!(!passes(name, b"x", Origin::Shared) && !passes(name, b"x", Origin::Own), "{name}");
        }
    }

    #[test]
    fn a_browser_is_not_made_to_ask_for_a_password() {
        for value in [b"Bearer realm=\"x\"" as &[u8], b"bearer", b"Bearer realm=\"x\", error=\"invalid_token\""] {
            assert!(passes("www-authenticate", value, Origin::Shared));
        }
        for value in [
            b"Basic realm=\"Sign in\"" as &[u8],
            b"Digest x",
            b"Negotiate",
            b"",
            b"NTLM, Bearer",
            b"Bearer realm=\"x\", Basic realm=\"Sign in\"",
            b"Bearer,Negotiate",
            b"Bearer , Basic =x",
        ] {
            assert!(!passes("www-authenticate", value, Origin::Shared), "{}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn a_header_that_connection_names_is_for_the_next_hop_alone() {
        let named = Named::of([b"keep-alive, X-Secret" as &[u8], b"close", b" x-other ,"].into_iter());
        assert!(named.contain("x-secret") && named.contain("X-Other") && !named.contain("keep-alive"));
        assert!(Named::of([b"keep-alive" as &[u8]].into_iter()).0.is_empty());
    }
}
