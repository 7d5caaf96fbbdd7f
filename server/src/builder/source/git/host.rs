//! What the host has for Git: how old it is, and certificates.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::builder::source::route::Unreachable;

/// Variables that name certificates of the host's.
const CERTIFICATES: [&str; 4] = ["GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"];

/// Git that does less does not fetch from exactly the addresses that it is given.
const MIN_VERSION: (u32, u32) = (2, 37);

/// Git has answered within this.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks the host's Git once how old it is.
pub(super) async fn check_version() -> Result<(), Unreachable> {
    static FITS: OnceLock<Result<(), String>> = OnceLock::new();
    if let Some(known) = FITS.get() {
        return known.clone().map_err(Unreachable);
    }
    let output = Command::new("git").arg("version").stdin(Stdio::null()).kill_on_drop(true).output();
    let answer = match timeout(PATIENCE, output).await {
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(Err(error)) => {
            return Err(Unreachable(format!("git does not run (Debian: apt-get install git): {error}")));
        }
        Err(_) => return Err(Unreachable("git does not answer".into())),
    };
    let (major, minor) = MIN_VERSION;
    let fits = match version(&answer) {
        Some(version) if version >= MIN_VERSION => Ok(()),
        _ => Err(format!("`{}` is older than the git {major}.{minor} that is needed", answer.trim())),
    };
    FITS.get_or_init(|| fits).clone().map_err(Unreachable)
}

/// `(2, 39)` of `git version 2.39.5`.
fn version(answer: &str) -> Option<(u32, u32)> {
    let mut numbers = answer.split_whitespace().nth(2)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Variables that name certificates, and the files or folders that they name.
pub(super) fn certificates() -> Vec<(String, PathBuf)> {
    let named = CERTIFICATES.into_iter().filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?.into())));
    named.filter(|(_, path): &(String, PathBuf)| path.is_absolute() && path.exists()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gits_age_is_read() {
        for (answer, expected) in [
            ("git version 2.39.5\n", Some((2, 39))),
            ("git version 2.37.1 (Apple Git-137.1)", Some((2, 37))),
            ("git version 3.0", Some((3, 0))),
            ("what?", None),
        ] {
            assert_eq!(version(answer), expected, "{answer}");
        }
    }
}
