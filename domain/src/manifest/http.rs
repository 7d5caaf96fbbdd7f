//! http triggers: who may call the function, from which pages, and at which path.

use serde::{Deserialize, Serialize};

/// Maximum length of an http trigger's path.
pub(crate) const MAX_PATH: usize = 256;

/// First path segments reserved for the platform, now or in the future; no function is served below them.
pub const RESERVED: [&str; 23] = [
    "api",
    "assets",
    "async-function",
    "auth",
    "dead-letters",
    "docs",
    "events",
    "favicon.ico",
    "function",
    "functions",
    "graphql",
    "healthz",
    "hooks",
    "index.html",
    "metrics",
    "openapi.json",
    "readyz",
    "robots.txt",
    "runs",
    "schemas",
    "sign-in",
    "system",
    "v1",
];

/// A trigger of the type `http`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpTrigger {
    /// A custom path on the server in addition to `/function/{name}`: `/shop`, or `/shop/*` including everything below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Who may call.
    #[serde(default, skip_serializing_if = "HttpAuth::is_token")]
    pub auth: HttpAuth,
    /// The cross-origin pages that may call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
}

/// Who may call a function over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpAuth {
    /// Callers with a token or a session.
    #[default]
    Token,
    /// Anybody.
    None,
}

impl HttpAuth {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so
    fn is_token(&self) -> bool {
        *self == Self::Token
    }
}

/// The cross-origin pages that may call (the CORS protocol of the Fetch standard).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cors {
    /// Allowed origins such as `https://shop.example.com`, or `*` for all.
    pub origins: Vec<String>,
    /// Allowed methods.
    #[serde(default = "methods")]
    pub methods: Vec<String>,
    /// Allowed request headers, or `*` for all.
    #[serde(default = "headers")]
    pub headers: Vec<String>,
    /// Whether browsers may send cookies.
    #[serde(default)]
    pub credentials: bool,
    /// Seconds for which a browser may cache a preflight response.
    #[serde(default = "max_age")]
    pub max_age_s: u32,
}

fn methods() -> Vec<String> {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].map(str::to_owned).into()
}

fn headers() -> Vec<String> {
    ["authorization", "content-type"].map(str::to_owned).into()
}

fn max_age() -> u32 {
    600
}

impl Cors {
    /// Whether pages of an origin may call.
    pub fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    }

    /// Whether every origin gets the same answer.
    pub fn allows_all(&self) -> bool {
        !self.credentials && self.origins.iter().any(|origin| origin == "*")
    }
}

/// What is wrong with an origin in `cors`, as a message.
pub fn origin_fault(origin: &str) -> Option<String> {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    match host {
        _ if origin == "*" => None,
        Some(host) if !host.is_empty() && host.len() <= 255 && host.bytes().all(fits) => None,
        _ => Some("it must be `*`, or a scheme and a host without a path, such as https://shop.example.com".to_owned()),
    }
}

/// What is wrong with a trigger's path, as a message.
pub fn path_fault(path: &str) -> Option<String> {
    let Some(pattern) = Pattern::of(path) else {
        return Some(format!(
            "it must be `/shop` or `/shop/*`: segments of letters, digits, `-`, `_`, `.` and `~`, at most {MAX_PATH} \
             characters, with `*` at the end or not at all"
        ));
    };
    let first = pattern.base.split('/').nth(1).unwrap_or_default();
    RESERVED.iter().any(|reserved| first.eq_ignore_ascii_case(reserved)).then(|| {
        format!("the paths below `/{first}` are the platform's own; choose another beginning, such as `/my-{first}`")
    })
}

/// A parsed path of an http trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern<'p> {
    /// The path without `/*`.
    base: &'p str,
    /// Whether it includes everything below the path.
    deep: bool,
}

impl<'p> Pattern<'p> {
    /// Parses a path from a manifest; `None` if it is not valid.
    pub fn of(path: &'p str) -> Option<Self> {
        let (base, deep) = match path.strip_suffix("/*") {
            Some(base) => (base, true),
            None => (path, false),
        };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let is_segment = |part: &str| !part.is_empty() && part.bytes().all(fits) && part != "." && part != "..";
        let whole = base.strip_prefix('/')?;
        (path.len() <= MAX_PATH && whole.split('/').all(is_segment)).then_some(Self { base, deep })
    }

    /// The path without `/*`, which the function's own paths follow.
    pub fn base(&self) -> &'p str {
        self.base
    }

    /// Whether it includes everything below the path.
    pub fn is_deep(&self) -> bool {
        self.deep
    }

    /// The part of a request path that the function sees; `None` if the pattern does not match.
    pub fn rest<'u>(&self, path: &'u str) -> Option<&'u str> {
        let rest = path.strip_prefix(self.base)?;
        (rest.is_empty() || self.deep && rest.starts_with('/')).then_some(rest)
    }

    /// Whether the two patterns have a path in common.
    pub fn overlaps(&self, other: &Pattern<'_>) -> bool {
        self.rest(other.base).is_some() || other.rest(self.base).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_literal_and_may_have_all_below_it() {
        for path in ["/shop", "/shop/*", "/shop/v1.0/~me", "/Shop_2/*"] {
            assert_eq!(path_fault(path), None, "{path}");
        }
        for path in [
            "",
            "/",
            "/*",
            "shop",
            "//shop",
            "/shop/",
            "/shop//x",
            "/*/shop",
            "/shop/*/x",
            "/shop*",
            "/sh op",
            "/shop?x",
            "/%2e%2e/x",
            "/../x",
            "/./x",
            "/shöp",
            "/shop/**",
            "/{name}",
        ] {
            assert!(path_fault(path).is_some_and(|fault| fault.contains("must be")), "{path}");
        }
        assert!(path_fault(&format!("/{}", "x".repeat(MAX_PATH))).is_some());
    }

    #[test]
    fn no_function_answers_at_the_platforms_own_paths() {
        for path in ["/v1/*", "/graphql", "/function/shop", "/Hooks/x", "/auth/*", "/sign-in", "/runs/*", "/healthz"] {
            assert!(path_fault(path).is_some_and(|fault| fault.contains("platform's own")), "{path}");
        }
        for path in ["/v2", "/functional/*", "/my/graphql"] {
            assert_eq!(path_fault(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_leads_to_its_function_and_leaves_the_rest() {
        let rest = |pattern: &'static str, path: &'static str| Pattern::of(pattern).unwrap().rest(path);
        assert_eq!(rest("/shop/*", "/shop"), Some(""));
        assert_eq!(rest("/shop/*", "/shop/"), Some("/"));
        assert_eq!(rest("/shop/*", "/shop/a/b"), Some("/a/b"));
        assert_eq!(rest("/shop/*", "/shopping"), None);
        assert_eq!(rest("/shop", "/shop"), Some(""));
        assert_eq!(rest("/shop", "/shop/"), None);
        assert_eq!(rest("/shop", "/"), None);
    }

    #[test]
    fn two_paths_overlap_when_one_request_could_mean_both() {
        for (one, other, both) in [
            ("/shop", "/shop", true),
            ("/shop/*", "/shop", true),
            ("/shop/*", "/shop/admin/*", true),
            ("/shop", "/shop/admin", false),
            ("/shop", "/shop/*", true),
            ("/shop/*", "/shopping/*", false),
            ("/a/b", "/a/c", false),
        ] {
            let (one, other) = (Pattern::of(one).unwrap(), Pattern::of(other).unwrap());
            assert_eq!((one.overlaps(&other), other.overlaps(&one)), (both, both), "{one:?} {other:?}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for origin in ["*", "https://shop.example", "http://localhost:3000", "http://[::1]:80"] {
            assert_eq!(origin_fault(origin), None, "{origin}");
        }
        for origin in ["", "null", "shop.example", "https://", "https://shop.example/", "https://*.example", "ftp://a"]
        {
            assert!(origin_fault(origin).is_some(), "{origin}");
        }
    }

    #[test]
    fn what_a_trigger_leaves_out_has_its_default_and_is_not_written() {
        let plain: HttpTrigger = serde_json::from_str("{}").unwrap();
        assert_eq!((&plain, serde_json::to_string(&plain).unwrap().as_str()), (&HttpTrigger::default(), "{}"));
        let cors: Cors = serde_json::from_str(r#"{"origins":["https://a.example"]}"#).unwrap();
        assert!(cors.methods.contains(&"DELETE".to_owned()) && cors.max_age_s == 600 && !cors.credentials);
        assert!(cors.allows("HTTPS://a.example") && !cors.allows("https://b.example") && !cors.allows_all());
    }
}
