//! Length limit of error texts. Much of such a text comes from strangers: what a program printed, what a file contains.
//! It stays in the log for good, is read at every start, and appears in every list.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_beginning_and_says_what_is_left_out() {
        assert_eq!(bounded("short".to_owned()), "short");
        let whole = "é".repeat(MAX_ERROR / 2);
        assert_eq!(bounded(whole.clone()), whole);
        let cut = bounded("é".repeat(MAX_ERROR));
        assert!(cut.len() <= MAX_ERROR && cut.starts_with("éé") && cut.ends_with(" bytes more)"), "{}", cut.len());
    }
}
