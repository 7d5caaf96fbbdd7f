//! Checks a query's text before parsing: the parser recurses for each bracket, and so does everything after it.

use async_graphql::{ServerError, ServerResult};

use super::refusals::{coded, too_deep};

/// Bytes of a query's text.
const MAX_QUERY: usize = 64 << 10;

/// Brackets of any kind that stand within each other. More than [`super::MAX_RECURSION`], because arguments have
/// brackets, too.
const MAX_NESTING: usize = 80;

/// Bytes of a name: of a field, an argument, or what a field is to be called in the answer, where it is repeated with each
/// row. The schema's own are shorter by far.
const MAX_NAME: usize = 128;

/// Refuses a text that is too long, nested too deep, or has a name that is too long. One pass, no recursion.
///
/// # Errors
/// `query_too_complex`, `query_too_deep`, `bad_query`. `depth` is the limit that the message has.
pub(super) fn check(query: &str, depth: usize) -> ServerResult<()> {
    if query.len() > MAX_QUERY {
        let message = format!("the query has {} bytes, the most that is taken is {MAX_QUERY}", query.len());
        return Err(coded("query_too_complex", message));
    }
    match nesting(query.as_bytes()) {
        Ok(nesting) if nesting <= MAX_NESTING => Ok(()),
        Ok(_) => Err(coded("query_too_deep", too_deep(depth, None))),
        Err(Fault::Unterminated { at }) => Err(unterminated(query, at)),
        Err(Fault::LongName { at }) => {
            let line = line_of(query, at);
            let message = format!("a name in line {line} has more than {MAX_NAME} bytes; choose a shorter one");
            Err(coded("query_too_complex", message))
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// A string that does not end. The parser might read on behind its first quote, where this does not look.
    Unterminated {
        at: usize,
    },
    LongName {
        at: usize,
    },
}

fn line_of(query: &str, at: usize) -> usize {
    query.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn unterminated(query: &str, at: usize) -> ServerError {
    let line = line_of(query, at);
    coded("bad_query", format!("the query cannot be read: the string that begins in line {line} does not end"))
}

/// How many brackets stand within each other, those in strings and comments apart.
fn nesting(text: &[u8]) -> Result<usize, Fault> {
    let (mut at, mut open, mut most) = (0, 0usize, 0);
    while let Some(byte) = text.get(at) {
        at = match byte {
            b'#' => text[at..].iter().position(|b| matches!(b, b'\n' | b'\r')).map_or(text.len(), |end| at + end),
            b'"' => after_string(text, at).ok_or(Fault::Unterminated { at })?,
            b'{' | b'[' | b'(' => {
                open += 1;
                most = most.max(open);
                at + 1
            }
            b'}' | b']' | b')' => {
                open = open.saturating_sub(1);
                at + 1
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                let length = text[at..].iter().take_while(|byte| is_of_name(byte)).count();
                if length > MAX_NAME {
                    return Err(Fault::LongName { at });
                }
                at + length
            }
            _ => at + 1,
        };
    }
    Ok(most)
}

/// Where a string ends that begins at `at`.
fn after_string(text: &[u8], at: usize) -> Option<usize> {
    const BLOCK: &[u8] = b"\"\"\"";
    if text[at..].starts_with(BLOCK) {
        let mut at = at + BLOCK.len();
        while at < text.len() {
            at += match &text[at..] {
                rest if rest.starts_with(b"\\\"\"\"") => 4,
                rest if rest.starts_with(BLOCK) => return Some(at + BLOCK.len()),
                _ => 1,
            };
        }
        return None;
    }
    let mut at = at + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            b'\n' | b'\r' => return None,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn brackets_count_outside_of_strings_and_comments() {
        let table = [
            ("{ a(b: [{ c: 1 }]) { d } }", Ok(4)),
            ("{ a(b: \"{{{\") }", Ok(2)),
            ("{ a(b: \"\\\"{{{\") }", Ok(2)),
            ("{ a(b: \"\"\"\n{{ \\\"\"\" {{\"\"\") }", Ok(2)),
            ("{ a # {{{ \" \n b }", Ok(1)),
            ("{ a # {{{ \r { b } }", Ok(2)),
            ("{ a(b: \"\") { c } }", Ok(2)),
            ("}}}{", Ok(1)),
            ("{ a(b: \"", Err(Fault::Unterminated { at: 7 })),
            ("{ a(b: \"\n\")}", Err(Fault::Unterminated { at: 7 })),
            ("{ a(b: \"\"\" ", Err(Fault::Unterminated { at: 7 })),
            ("{ a(b: \"\\", Err(Fault::Unterminated { at: 7 })),
        ];
        for (query, expected) in table {
            assert_eq!(nesting(query.as_bytes()), expected, "{query}");
        }
    }

    #[test]
    fn a_name_has_a_length() {
        let name = "x".repeat(MAX_NAME);
        for query in [format!("{{{name}:a}}"), format!("{{a(b: \"{name}{name}\")}} # {name}{name}")] {
            assert!(nesting(query.as_bytes()).is_ok(), "{query}");
        }
        for place in
            ["{N:a}", "{a @N}", "query N {a}", "{a(N: 1)}", "query($N: Int) {a}", "fragment N on A {a}", "{a(b: N)}"]
        {
            let query = place.replace('N', &format!("{name}_"));
            assert!(matches!(nesting(query.as_bytes()), Err(Fault::LongName { .. })), "{query}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_never_reaches_the_parser() {
        for (open, close) in [("{a", "}"), ("{a(b:[", "])}"), ("[", ""), ("{...", "}"), ("query($a:[", "")] {
            let deep = open.repeat(20_000) + &close.repeat(20_000);
            let code = |query: &str| {
                let error = check(query, 15).unwrap_err();
                error.extensions.unwrap().get("code").unwrap().clone()
            };
            assert!(code(&deep[..MAX_QUERY.min(deep.len())]).to_string().contains("query_too_deep"), "{open}");
            assert!(code(&(deep + &" ".repeat(MAX_QUERY))).to_string().contains("query_too_complex"));
        }
    }

    proptest::proptest! {
        /// What the parser takes for brackets, the check has seen.
        #[test]
        fn the_check_sees_every_bracket_that_the_parser_sees(
            parts in proptest::collection::vec(proptest::sample::select(vec![
                "{", "}", "[", "]", "(", ")", "a", "a:", "b:", "...", "on Q", "@c", "$d", "=", "1", "\"", "\"\"", "\"\"\"",
                "\\", "\\\"", "#", "\n", "\r", ",", " ", "query", "fragment", "!",
            ]), 0..40),
        ) {
            let query = format!("{{a(b:[{}])}}", parts.concat());
            if let Ok(document) = parse_query(&query) {
                let deepest = document.operations.iter().map(|(_, operation)| depth(&operation.node.selection_set.node));
                let deepest = deepest.max().unwrap_or(0);
                // What does not end is refused, whatever the parser makes of it.
                proptest::prop_assert!(nesting(query.as_bytes()).unwrap_or(usize::MAX) >= deepest, "{}", query);
            }
        }
    }

    /// Brackets within each other, as the parser understood them.
    fn depth(set: &async_graphql::parser::types::SelectionSet) -> usize {
        use async_graphql::parser::types::Selection;
        use async_graphql_value::Value;
        fn of_value(value: &Value) -> usize {
            match value {
                Value::List(items) => 1 + items.iter().map(of_value).max().unwrap_or(0),
                Value::Object(fields) => 1 + fields.values().map(of_value).max().unwrap_or(0),
                _ => 0,
            }
        }
        let of_item = |item: &Selection| match item {
            Selection::Field(field) => {
                let inner = if field.node.selection_set.node.items.is_empty() {
                    0
                } else {
                    depth(&field.node.selection_set.node)
                };
                let values = field.node.arguments.iter().map(|(_, value)| 1 + of_value(&value.node)).max();
                inner.max(values.unwrap_or(0))
            }
            Selection::InlineFragment(fragment) => depth(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => 0,
        };
        1 + set.items.iter().map(|item| of_item(&item.node)).max().unwrap_or(0)
    }

    #[test]
    fn the_parser_has_stack_enough_for_what_is_let_through() {
        let deepest = |open: &str, close: &str, around: [&str; 2]| {
            let times = MAX_NESTING - 2;
            format!("{}{}{}{}", around[0], open.repeat(times), close.repeat(times), around[1])
        };
        let table = [
            deepest("{a", "}", ["", ""]),
            deepest("[", "]", ["{a(b:", ")}"]),
            deepest("{a:", "}", ["{a(b:", "1)}"]),
            deepest("[", "]", ["query($a:", ") {b}"]),
            deepest("[", "]", ["query($a:A=", ") {b}"]),
        ];
        // A worker's stack.
        let parsed = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
            for query in table {
                check(&query, 15).unwrap();
                drop(parse_query(&query));
            }
        });
        parsed.unwrap().join().unwrap();
    }
}
