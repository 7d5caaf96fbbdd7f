//! What functions and namespaces may be called: DNS labels (RFC 1123) that begin with a letter, because they become
//! parts of addresses, host names, image names and names of streams.

/// The longest name, in bytes.
pub const MAX: usize = 63;

/// Whether a text may be a name: 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and not
/// ending with a hyphen.
pub fn fits(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
}

/// The longest name of a secret, in bytes.
pub const MAX_SECRET: usize = 128;

/// Whether a text may be a secret's name, which is a variable's: 1 to 128 letters, digits and underscores, not beginning
/// with a digit.
pub fn fits_secret(name: &str) -> bool {
    (1..=MAX_SECRET).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
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
}
