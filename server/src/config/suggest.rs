//! Suggests a known name for a misspelled one.

/// The nearest of the known names; `None` where none is near enough to be meant.
pub(super) fn nearest<'k>(unknown: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let distance = |name: &str| strsim::damerau_levenshtein(unknown, name);
    let (far, name) = known.into_iter().map(|name| (distance(name), name)).min()?;
    // More than half of it wrong is another word.
    (far * 2 <= unknown.chars().count().max(name.chars().count())).then_some(name)
}

/// `: did you mean `port`?`, or nothing.
pub(super) fn question(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(": did you mean `{name}`?")).unwrap_or_default()
}
