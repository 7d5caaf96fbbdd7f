//! Removes credentials from addresses such as `https://user:token@host/path` and `postgres://user:password@host/name`.
//!
//! Nothing that is stored or shown contains credentials. [`Source`](crate::function::event::Source) drops them when it
//! is written and when it is read, so that credentials in an older log are not shown either; [`masked`] is for any
//! other text.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serializer};

/// The text with the credentials of every address removed: for `http` and `https` everything before the `@`, because a
/// user name alone may be a token; for other schemes only the password.
pub fn masked(text: &str) -> Cow<'_, str> {
    if !text.contains("://") || !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut word) = (0, None::<Word>);
    while let Some(found) = text[copied..].find("://") {
        let start = copied + found + "://".len();
        let before = &text[copied..start];
        out.push_str(before);
        // Computed once for all addresses in a word: a hostile text may consist of nothing but the beginnings of
        // addresses.
        let known = word.take_if(|word| start <= word.end).unwrap_or_else(|| Word::from(text, start));
        let user = user_info(&text[start..known.end], known.last_at.and_then(|at| at.checked_sub(start)));
        word = Some(known);
        if let Some(user) = user.filter(|_| !is_web(before)) {
            out.push_str(user.split(':').next().unwrap_or_default());
            out.push('@');
        }
        copied = start + user.map_or(0, |user| user.len() + 1);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// The longest stretch of text that an address can cover: everything up to a space or a quote.
struct Word {
    /// The end of the word, as a byte offset.
    end: usize,
    /// The offset of its last `@`.
    last_at: Option<usize>,
}

impl Word {
    fn from(text: &str, start: usize) -> Self {
        let ends_text = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | '`');
        let rest = &text[start..];
        let end = rest.find(ends_text).unwrap_or(rest.len());
        Self { end: start + end, last_at: rest[..end].rfind('@').map(|at| start + at) }
    }
}

/// The part of an `http` or `https` address that [`masked`] removes: `user:token`, exactly as written.
pub fn credentials(url: &str) -> Option<&str> {
    let start = url.find("://")? + "://".len();
    let word = Word::from(url, start);
    is_web(&url[..start]).then(|| user_info(&url[start..word.end], word.last_at.map(|at| at - start))).flatten()
}

/// Decodes the percent-encoding of a part of an address: `%40` becomes `@`. Invalid sequences are kept as they are.
pub fn decoded(part: &str) -> Vec<u8> {
    let bytes = part.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        match (byte, digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

fn is_web(scheme: &str) -> bool {
    let ends_with = |end: &str| {
        let start = scheme.len().checked_sub(end.len());
        start.and_then(|start| scheme.get(start..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    ends_with("http://") || ends_with("https://")
}

/// The user info of an address. `word` begins after `://`; `last_at` is the offset of its last `@`.
fn user_info(word: &str, last_at: Option<usize>) -> Option<&str> {
    let authority = word.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if let Some((user, _)) = authority.rsplit_once('@') {
        return Some(user);
    }
    // A password that should have been escaped: the text after the colon is no port, and an `@` follows later.
    let port = authority.rsplit_once(':').map(|(_, port)| port)?;
    let is_port = port.bytes().all(|b| b.is_ascii_digit() || b == b']');
    last_at.map(|at| &word[..at]).filter(|_| !is_port)
}

/// Serializes an address without credentials.
pub(crate) fn serialize<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&masked(url))
}

/// Deserializes an address, dropping credentials that an older log may contain.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    Ok(match masked(&url) {
        Cow::Borrowed(_) => url,
        Cow::Owned(masked) => masked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_left_out_of_any_text() {
        for (text, expected) in [
            ("https://user:token@host/a", "https://host/a"),
            ("https://token@host/a?b=c@d", "https://host/a?b=c@d"),
            ("HTTPS://user:token@host", "HTTPS://host"),
            ("git+https://user:token@host", "git+https://host"),
            ("unable to access 'https://token@host/a/': gone", "unable to access 'https://host/a/': gone"),
            ("https://us'er:to'ken@host/a", "https://host/a"),
            ("https://a@b:c@host/a", "https://host/a"),
            ("https://user:to/k?e#n@host/a", "https://host/a"),
            ("two: http://a:b@c/ and https://d:e@f/", "two: http://c/ and https://f/"),
            ("ssh://git@host/a", "ssh://git@host/a"),
            ("ssh://git:pw@host/a", "ssh://git@host/a"),
            ("postgres://user:p@ss@db:5432/name", "postgres://user@db:5432/name"),
            ("amqp://guest:guest@[::1]:5672/%2f", "amqp://guest@[::1]:5672/%2f"),
            ("git@host:a", "git@host:a"),
            ("https://host:8443/a@b", "https://host:8443/a@b"),
            ("https://[::1]:80/a@b", "https://[::1]:80/a@b"),
            ("https://host/a, ask me@example.com", "https://host/a, ask me@example.com"),
            ("://@", "://@"),
            ("", ""),
        ] {
            assert_eq!(masked(text), expected);
            assert_eq!(masked(expected), expected, "once is enough");
        }
    }

    #[test]
    fn it_takes_no_longer_than_the_text_is_long() {
        for part in ["://", "a://b:", "http://:@", "@ ://"] {
            let text = part.repeat(300_000 / part.len()) + "@";
            let begin = std::time::Instant::now();
            let _ = masked(&text);
            let _ = credentials(&text);
            assert!(begin.elapsed() < std::time::Duration::from_secs(10), "{part}");
        }
    }

    #[test]
    fn what_is_left_out_of_a_web_address_can_be_kept_elsewhere() {
        assert_eq!(credentials("https://user:to%40ken@host/a"), Some("user:to%40ken"));
        assert_eq!(credentials("http://token@host/a"), Some("token"));
        for none in ["https://host/a@b", "ssh://git@host/a", "git@host:a", "/srv/a@b", ""] {
            assert_eq!(credentials(none), None, "{none}");
        }
    }

    #[test]
    fn percent_signs_are_decoded() {
        assert_eq!(decoded("to%40ken%3a"), b"to@ken:");
        assert_eq!(decoded("100%"), b"100%");
        assert_eq!(decoded("%zz%4"), b"%zz%4");
        assert_eq!(decoded("\u{e4}%"), "\u{e4}%".as_bytes());
    }
}
