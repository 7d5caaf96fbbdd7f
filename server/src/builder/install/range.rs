//! Whether a version is in a range, as `engines` and `requires-python` have it.

/// Numbers of a version: major, minor, patch.
pub(super) type Version = [u64; 3];

/// The version in a text such as `v20.11.1` or `3.11.7`.
pub(super) fn version(text: &str) -> Option<Version> {
    let mut parts = text.trim().trim_start_matches('v').split(['.', '-', '+']).map_while(|part| part.parse().ok());
    let first = parts.next()?;
    Some([first, parts.next().unwrap_or(0), parts.next().unwrap_or(0)])
}

/// The least version that a range lets in; `None` when it says nothing of that, or cannot be read.
pub(super) fn least(range: &str) -> Option<Version> {
    // Of alternatives the oldest is the least.
    let each = range.split("||").map(|range| {
        let range = range.split(" - ").next().unwrap_or_default().replace(',', " ");
        // A space may stand between the sign and its version.
        let range = [">=", "<=", "==", "~=", "!=", ">", "<", "^", "~", "="]
            .iter()
            .fold(range, |range, sign| range.replace(&format!("{sign} "), sign));
        let parts = range.split_whitespace().filter(|part| !part.starts_with(['<', '!']));
        parts
            .filter_map(|part| {
                let above = part.starts_with('>') && !part.starts_with(">=");
                let found = version(part.trim_start_matches(['>', '=', '^', '~']))?;
                Some(if above && !part.contains('.') { [found[0] + 1, 0, 0] } else { found })
            })
            .max()
    });
    let each: Vec<_> = each.collect();
    // An alternative without a least version lets everything in.
    each.iter().copied().collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// Whether a range wants nothing below this version, or says nothing that can be read.
pub(super) fn is_new_enough(version: Version, range: &str) -> bool {
    least(range).is_none_or(|least| version >= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_version_of_a_range_is_found() {
        let table = [
            (">=18", Some([18, 0, 0])),
            ("^20.9.0", Some([20, 9, 0])),
            ("20.x || 22.x", Some([20, 0, 0])),
            ("18.x", Some([18, 0, 0])),
            (">= 14 <19", Some([14, 0, 0])),
            (">=3.8,<4.0", Some([3, 8, 0])),
            ("~=3.11", Some([3, 11, 0])),
            ("12.0 - 16", Some([12, 0, 0])),
            (">18", Some([19, 0, 0])),
            ("*", None),
            ("<20", None),
            ("lts/*", None),
        ];
        for (range, expected) in table {
            assert_eq!(least(range), expected, "{range}");
        }
        assert!(
            is_new_enough([20, 20, 2], "^18 || >=20")
                && !is_new_enough([20, 20, 2], ">=22")
                && is_new_enough([20, 0, 0], "garbage")
        );
    }
}
