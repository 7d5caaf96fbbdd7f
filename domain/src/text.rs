//! How long a text may be that says why something failed, and how much such a text repeats of what it is about. Much of it is
//! a stranger's: what a program printed, what a file says. It stays in the log for good, is read at each start, and stands
//! in every list. And sizes, as people read them.

/// Maximum length of an error text, in bytes.
pub const MAX_ERROR: usize = 8 << 10;

/// Truncates a text that is too long, noting how much is missing.
pub fn bounded(mut text: String) -> String {
    if text.len() > MAX_ERROR {
        let end = text.floor_char_boundary(MAX_ERROR - 64);
        let more = text.len() - end;
        text.truncate(end);
        text.push_str(&format!("… ({more} bytes more)"));
        text.shrink_to_fit();
    }
    text
}

/// Letters of what somebody wrote that a message repeats.
const MAX_SHOWN: usize = 80;

/// The text, or its beginning, to be repeated in a message.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `12.5 MiB`, for people.
pub fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(size, _)| count >= *size) {
        Some((size, unit)) if count.is_multiple_of(*size) => format!("{} {unit}", count / size),
        Some((size, unit)) => format!("{:.1} {unit}", count as f64 / *size as f64),
        None => format!("{count} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_for_people() {
        assert_eq!(bytes(10 << 20), "10 MiB");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(7), "7 bytes");
    }

    #[test]
    fn a_message_repeats_the_beginning_of_what_was_written() {
        assert_eq!(shown(&"é".repeat(80)), "é".repeat(80));
        assert_eq!(shown(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
    }

    #[test]
    fn a_text_keeps_its_beginning_and_says_what_is_left_out() {
        assert_eq!(bounded("short".to_owned()), "short");
        let whole = "é".repeat(MAX_ERROR / 2);
        assert_eq!(bounded(whole.clone()), whole);
        let cut = bounded("é".repeat(MAX_ERROR));
        assert!(cut.len() <= MAX_ERROR && cut.starts_with("éé") && cut.ends_with(" bytes more)"), "{}", cut.len());
    }
}
