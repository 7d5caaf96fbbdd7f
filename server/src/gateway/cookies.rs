//! Cookies of functions.
//!
//! On its own host, a function may set any cookies, but for no other host. On the platform's origin all functions share
//! a browser's cookies: there, the names of a function's cookies are prefixed on the way out, and only those with its
//! prefix reach it, without the prefix, on the way in. So no function sees or sets the platform's session, another
//! function's cookies, or those of anything else on this host; browsers send them for the function's own path only.

use actix_web::cookie::Cookie;

use super::passing::Origin;
use crate::edge::auth::is_platforms;

/// Maximum number of cookies set by one answer.
const MAX_COOKIES: usize = 16;

/// Maximum size of a cookie with its attributes, in bytes.
const MAX_COOKIE: usize = 4096;

/// The scope of a function's cookies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jar<'f> {
    origin: Origin,
    namespace: &'f str,
    name: &'f str,
    /// The path that the function is served below.
    path: &'f str,
}

impl<'f> Jar<'f> {
    /// The scope of a function that is served below `path`.
    pub(super) fn of(origin: Origin, namespace: &'f str, name: &'f str, path: &'f str) -> Self {
        Self { origin, namespace, name, path: path.trim_end_matches('/') }
    }

    /// The prefix of the cookies' names. Function names contain no dots, so no prefix is the beginning of another one.
    fn prefix(&self) -> String {
        format!("fn.{}.{}.", self.namespace, self.name)
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// The Cookie header for the function; `None` if there are no cookies for it.
    pub(super) fn inward<'v>(&self, values: impl Iterator<Item = &'v [u8]>) -> Option<String> {
        let mut texts = values.filter_map(|value| std::str::from_utf8(value).ok()).peekable();
        texts.peek()?;
        let prefix = self.prefix();
        let pairs = texts.flat_map(|text| text.split(';')).map(str::trim).filter_map(|pair| match self.origin {
            Origin::Shared => pair.strip_prefix(prefix.as_str()),
            Origin::Own => (!is_platforms(pair.split('=').next()?.trim())).then_some(pair),
        });
        let pairs: Vec<_> = pairs.filter(|pair| !pair.is_empty()).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Converts the function's Set-Cookie headers.
    pub(super) fn outward<'v>(&self, values: impl Iterator<Item = &'v [u8]>) -> Vec<String> {
        values.take(MAX_COOKIES).filter_map(|value| self.rewritten(value)).collect()
    }

    fn rewritten(&self, value: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= MAX_COOKIE)?;
        let mut cookie = Cookie::parse(text.to_owned()).ok()?;
        if is_platforms(cookie.name()) {
            return None;
        }
        // Without this attribute, a cookie is only for the host that set it.
        cookie.unset_domain();
        if self.origin == Origin::Shared {
            let name = format!("{}{}", self.prefix(), cookie.name());
            let own = cookie.path().filter(|path| path.starts_with('/')).unwrap_or("/").trim_end_matches('/');
            // A program that knows its prefix includes it.
            let knows = own.strip_prefix(self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let path = if knows { own.to_owned() } else { format!("{}{own}", self.path) };
            cookie.set_name(name);
            cookie.set_path(path);
        }
        Some(cookie.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Jar<'static> {
        Jar::of(Origin::Shared, "default", "shop", "/function/shop")
    }

    fn out(jar: &Jar<'_>, cookie: &str) -> Option<String> {
        jar.outward([cookie.as_bytes()].into_iter()).pop()
    }

    #[test]
    fn a_cookie_comes_back_to_the_function_that_set_it_and_to_no_other() {
        let set = out(&shared(), "sid=1; Path=/; HttpOnly; Domain=example.com; Max-Age=60").unwrap();
        assert!(set.starts_with("fn.default.shop.sid=1; "), "{set}");
        assert!(set.contains("Path=/function/shop;") || set.ends_with("Path=/function/shop"), "{set}");
        assert!(set.contains("HttpOnly") && set.contains("Max-Age=60") && !set.contains("Domain"), "{set}");
        let sent = b"eventflow_session=t; fn.default.shop.sid=1; fn.default.shop2.sid=2; fn.team.shop.sid=3; other=4"
            as &[u8];
        assert_eq!(shared().inward([sent].into_iter()).as_deref(), Some("sid=1"));
        assert_eq!(Jar::of(Origin::Shared, "default", "sho", "/function/sho").inward([sent].into_iter()), None);
    }

    #[test]
    fn a_path_stays_below_the_functions_own() {
        for (path, expected) in [
            ("/", "/function/shop"),
            ("/cart", "/function/shop/cart"),
            ("/cart/", "/function/shop/cart"),
            ("cart", "/function/shop"),
            ("/function/shop", "/function/shop"),
            ("/function/shop/", "/function/shop"),
            ("/function/shop/cart", "/function/shop/cart"),
            ("/function/shopping", "/function/shop/function/shopping"),
            ("/function/shop/../other", "/function/shop/../other"),
        ] {
            let set = out(&shared(), &format!("a=1; Path={path}")).unwrap();
            assert_eq!(set, format!("fn.default.shop.a=1; Path={expected}"));
        }
        assert_eq!(out(&shared(), "a=1").unwrap(), "fn.default.shop.a=1; Path=/function/shop");
    }

    #[test]
    fn nobody_sets_or_gets_the_platforms_cookies() {
        let own = Jar::of(Origin::Own, "default", "shop", "");
        for name in ["eventflow_session", "__Host-eventflow_session", "__Secure-EventFlow_x", "EVENTFLOW_session"] {
            for jar in [&shared(), &own] {
                assert_eq!(out(jar, &format!("{name}=stolen; Path=/")), None, "{name}");
                assert_eq!(jar.inward([format!("{name}=t").as_bytes()].into_iter()), None, "{name}");
            }
        }
        let sent = [b"a=1; eventflow_session=t" as &[u8], b" b=2"];
        assert_eq!(own.inward(sent.into_iter()).as_deref(), Some("a=1; b=2"));
    }

    #[test]
    fn on_its_own_host_a_function_sets_cookies_for_no_other_host() {
        let own = Jar::of(Origin::Own, "default", "shop", "");
        assert_eq!(out(&own, "a=1; Domain=example.com; Path=/x").as_deref(), Some("a=1; Path=/x"));
        assert_eq!(out(&own, "__Host-a=1; Secure; Path=/").as_deref(), Some("__Host-a=1; Secure; Path=/"));
    }

    #[test]
    fn cookies_have_a_number_and_a_size() {
        let many: Vec<_> = (0..100).map(|n| format!("a{n}=1")).collect();
        assert_eq!(shared().outward(many.iter().map(String::as_bytes)).len(), MAX_COOKIES);
        assert_eq!(out(&shared(), &format!("a={}", "x".repeat(MAX_COOKIE))), None);
        for bad in ["", "novalue", "=x"] {
            assert_eq!(out(&shared(), bad), None, "{bad}");
        }
    }
}
