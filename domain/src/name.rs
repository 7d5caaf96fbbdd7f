//! Valid names of functions and namespaces: DNS labels (RFC 1123) that begin with a letter, because they become parts
//! of URLs, host names, image names and stream names.

/// The maximum length of a name, in bytes.
pub const MAX: usize = 63;

/// Whether a text is a valid name: 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and not
/// ending with a hyphen.
pub fn fits(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
}

/// Makes a valid name from a text such as a folder's name; `None` if the text contains no letter.
pub fn from_text(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()).skip_while(|c| !c.is_ascii_lowercase()) {
        if name.len() >= MAX {
            break;
        }
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    name.truncate(name.trim_end_matches('-').len());
    (!name.is_empty()).then_some(name)
}

/// The maximum length of a secret's name, in bytes.
pub const MAX_SECRET: usize = 128;

/// What the name of a secret begins with that holds the login for a registry of container images: `registry-ghcr.io`.
const REGISTRY: &str = "registry-";

/// Whether a text is a valid name of a secret, at most 128 bytes: a variable's name, or that of the login for a registry.
pub fn fits_secret(name: &str) -> bool {
    (1..=MAX_SECRET).contains(&name.len()) && (fits_variable(name) || registry_of_secret(name).is_some())
}

/// Whether a text is letters, digits and underscores, not beginning with a digit, as the names of variables are.
fn fits_variable(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// The name of the secret that holds the login for a registry, a host with or without a port.
pub fn registry_secret(registry: &str) -> String {
    format!("{REGISTRY}{}", registry.to_ascii_lowercase())
}

/// The registry that a secret is the login for; `None` for other secrets. No function gets such a secret as a variable.
pub fn registry_of_secret(name: &str) -> Option<&str> {
    let registry = name.strip_prefix(REGISTRY)?;
    let (host, port) = registry.split_once(':').map_or((registry, None), |(host, port)| (host, Some(port)));
    let is_host = host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    (is_host && port.is_none_or(|port| port.parse::<u16>().is_ok())).then_some(registry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels_that_begin_with_a_letter() {
        let longest = "a".repeat(MAX);
        for name in ["a", "hello", "a1", "a-b", "x--y", longest.as_str()] {
            assert!(fits(name), "{name}");
        }
        let too_long = "a".repeat(MAX + 1);
        for name in ["", "-a", "a-", "1a", "A", "a_b", "a.b", "a b", "a/b", "ä", "a\0", too_long.as_str()] {
            assert!(!fits(name), "{name}");
        }
    }

    #[test]
    fn a_text_becomes_a_name_or_nothing() {
        for (text, name) in [
            ("hello", "hello"),
            ("Send_Mail.v2", "send-mail-v2"),
            ("01-first", "first"),
            ("a  b--c", "a-b-c"),
            ("übergabe!", "bergabe"),
            ("--x--", "x"),
        ] {
            assert_eq!(from_text(text).as_deref(), Some(name), "{text}");
        }
        for text in ["", "123", "-", "äö", "日本"] {
            assert_eq!(from_text(text), None, "{text}");
        }
        assert_eq!(from_text(&"ab-".repeat(100)).map(|name| (name.len(), fits(&name))), Some((62, true)));
    }

    #[test]
    fn a_secret_is_called_as_a_variable_is() {
        let longest = "A".repeat(MAX_SECRET);
        for name in ["A", "_", "API_KEY", "api_key2", longest.as_str()] {
            assert!(fits_secret(name), "{name}");
        }
        let too_long = "A".repeat(MAX_SECRET + 1);
        for name in ["", "1A", "A-B", "A B", "A=B", "Ä", "A\0", too_long.as_str()] {
            assert!(!fits_secret(name), "{name}");
        }
    }

    #[test]
    fn the_login_for_a_registry_is_a_secret_too() {
        for registry in ["ghcr.io", "localhost:5000", "registry-1.example"] {
            let name = registry_secret(registry);
            assert!(fits_secret(&name), "{name}");
            assert_eq!(registry_of_secret(&name), Some(registry));
        }
        assert_eq!(registry_secret("GHCR.io"), "registry-ghcr.io");
        for name in [
            "registry-",
            "registry-a b",
            "registry-a:",
            "registry-a:x",
            "registry-a:99999",
            "registry-A",
            "registry--a",
        ] {
            assert!(!fits_secret(name), "{name}");
        }
        assert_eq!(registry_of_secret("API_KEY"), None);
    }
}
