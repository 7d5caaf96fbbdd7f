//! The variables that a `FROM` may name: the `ARG`s before the first one, and the arguments of the build.

use super::{Arguments, Instruction};

/// The longest value.
const MAX_BYTES: usize = 4096;

/// The values of the `ARG`s before the first `FROM`.
pub(super) fn globals(instructions: &[Instruction], given: &Arguments) -> Arguments {
    let mut values = Arguments::new();
    for instruction in instructions.iter().take_while(|instruction| instruction.name == "ARG") {
        for word in instruction.rest.split_whitespace() {
            let (name, default) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            let value = match given.get(name) {
                Some(value) => Ok(value.clone()),
                None => default.map_or(Ok(String::new()), |value| expand(unquoted(value), &values)),
            };
            match value {
                Ok(value) => _ = values.insert(name.to_owned(), value),
                // It is said where it is used.
                Err(_) => _ = values.remove(name),
            }
        }
    }
    values
}

fn unquoted(text: &str) -> &str {
    let within = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

/// The text with the values of its variables: `$A`, `${A}`, `${A:-instead}`, `${A:+instead}`.
///
/// # Errors
/// What is not understood, for people.
pub(super) fn expand(text: &str, values: &Arguments) -> Result<String, String> {
    let not = |what: &str| {
        Err(format!("{what} is not understood here: write the name out, with `$NAME` or `${{NAME}}` alone"))
    };
    if let Some(c) = text.chars().find(|c| "\"'\\`".contains(*c)) {
        return not(&format!("`{c}`"));
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (name, instead) = match rest.strip_prefix('{') {
            Some(inner) => {
                let Some(end) = inner.find('}') else { return not("`${` without `}`") };
                let (inner, after) = (&inner[..end], &inner[end + 1..]);
                rest = after;
                let end = name_end(inner);
                (&inner[..end], Some(&inner[end..]))
            }
            None => {
                let end = name_end(rest);
                let name = &rest[..end];
                rest = &rest[end..];
                (name, None)
            }
        };
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return not("`$` without a name");
        }
        let value = values.get(name).map(String::as_str).unwrap_or_default();
        match instead.unwrap_or_default() {
            "" => out.push_str(value),
            other => match other.split_at_checked(2) {
                Some((":-", word)) if !word.contains('$') => out.push_str(if value.is_empty() { word } else { value }),
                Some((":+", word)) if !word.contains('$') => out.push_str(if value.is_empty() { "" } else { word }),
                _ => return not(&format!("`${{{name}{other}}}`")),
            },
        }
        if out.len() > MAX_BYTES {
            return Err(format!("it has more than {MAX_BYTES} characters"));
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn name_end(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::super::Dockerfile;
    use super::*;

    fn parsed(text: &str) -> Dockerfile {
        Dockerfile::parse(text.as_bytes()).unwrap()
    }

    fn arguments(pairs: &[(&str, &str)]) -> Arguments {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn variables_have_their_values() {
        let values = arguments(&[("A", "1"), ("B", "")]);
        for (text, expected) in [
            ("node:$A", "node:1"),
            ("${A}-x", "1-x"),
            ("$B", ""),
            ("${B:-two}", "two"),
            ("${A:-two}", "1"),
            ("${A:+set}", "set"),
            ("${C:+set}", ""),
            ("plain", "plain"),
        ] {
            assert_eq!(expand(text, &values).unwrap(), expected, "{text}");
        }
        for text in ["${A", "$", "$1", "${A#x}", "${A:-$B}", "\"x\"", "a\\b"] {
            assert!(expand(text, &values).is_err(), "{text}");
        }
    }

    #[test]
    fn an_argument_of_the_build_beats_a_default() {
        let file = parsed("ARG A=1 B=\"$A-x\"\nARG C\nFROM busybox\nARG D=4\n");
        let of = |given: &[(&str, &str)]| globals(&file.instructions, &arguments(given));
        assert_eq!(of(&[]), arguments(&[("A", "1"), ("B", "1-x"), ("C", "")]));
        assert_eq!(of(&[("A", "2"), ("D", "5")]), arguments(&[("A", "2"), ("B", "2-x"), ("C", "")]));
    }
}
