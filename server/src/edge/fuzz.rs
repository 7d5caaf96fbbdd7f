//! Entry points for fuzzing; see `fuzz/` and `tests/it/corpora.rs`.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// Splits the input into a head in the form of HTTP (`name: value` lines, an empty line) and the body after it. Lines
/// that are no headers are skipped.
pub(crate) fn head_and_body(data: &[u8]) -> (HeaderMap, &[u8]) {
    let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &data[data.len()..]),
    };
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    (headers, body)
}

/// Trace headers: what is passed on is valid, and reading it again gives the same.
pub fn trace_context(data: &[u8]) {
    let Some(context) = super::trace::read(&head_and_body(data).0) else { return };
    let (parent, state) = (context.parent(), context.state().map(str::to_owned));
    assert_eq!(parent.len(), 55, "{parent}");
    assert!(state.as_ref().is_none_or(|state| state.split(',').count() <= domain::trace::MAX_MEMBERS), "{state:?}");
    let again = domain::trace::Context::read([parent.as_bytes()], state.as_deref().map(str::as_bytes));
    assert_eq!(again.as_ref(), Some(&context), "what is passed on is read as it was meant");
}
