//! The log filter: a level, or directives by module.

use tracing_subscriber::EnvFilter;

use super::suggest;

const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace", "off"];

/// Directives that the logging library understands, each with a level that there is.
///
/// # Errors
/// What is wrong, for people. A word that is no level would be taken for the name of a module, and nothing be logged.
pub(super) fn check(text: &str) -> Result<(), String> {
    for directive in text.split(',').map(str::trim).filter(|directive| !directive.contains('[')) {
        let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
        let is_number = matches!(level, "0" | "1" | "2" | "3" | "4" | "5");
        if !is_number && !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
            let nearest = suggest::nearest(&level.to_ascii_lowercase(), LEVELS.iter().copied());
            return Err(format!("`{level}` is not a level{}", suggest::question(nearest)));
        }
    }
    text.parse::<EnvFilter>().map(|_| ()).map_err(|error| error.to_string().replace('\n', " "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_there_is_none_of_is_refused_with_the_nearest() {
        for text in ["info", "WARN", "off", "info,server::dispatch=debug", "server[span]=trace,warn", "3"] {
            check(text).unwrap();
        }
        assert_eq!(check("inof").unwrap_err(), "`inof` is not a level: did you mean `info`?");
        assert_eq!(check("info,server=debgu").unwrap_err(), "`debgu` is not a level: did you mean `debug`?");
        assert_eq!(check("verbosely").unwrap_err(), "`verbosely` is not a level");
        assert!(check("info,,").is_err());
    }
}
