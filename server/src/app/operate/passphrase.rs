//! Reads the passphrase for a backup's keys from a file or from the terminal.

use std::io::IsTerminal;
use std::path::Path;

use zeroize::Zeroizing;

/// Maximum size of a passphrase file.
const MAX_FILE: u64 = 64 << 10;

/// Reads a passphrase. `twice`: at the terminal it has to be typed two times, since a mistyped one would make the
/// backup useless.
///
/// # Errors
/// If there is none, or it cannot be read, as a message.
pub fn passphrase(file: Option<&Path>, twice: bool) -> Result<Zeroizing<String>, String> {
    if let Some(file) = file {
        let failed = |error: std::io::Error| format!("cannot read the passphrase from {}: {error}", file.display());
        if std::fs::metadata(file).map_err(failed)?.len() > MAX_FILE {
            return Err(format!("{} is too large to hold a passphrase", file.display()));
        }
        let text = Zeroizing::new(std::fs::read_to_string(file).map_err(failed)?);
        return Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    if !std::io::stdin().is_terminal() {
        return Err(
            "the keys need a passphrase: name a file that holds it with --passphrase-file, or leave the keys out \
                    with --without-keys"
                .to_owned(),
        );
    }
    let ask = |what: &str| rpassword::prompt_password(what).map(Zeroizing::new).map_err(|error| error.to_string());
    let typed = ask("Passphrase of the keys: ")?;
    if twice && *typed != *ask("Once more: ")? {
        return Err("these were two different passphrases".to_owned());
    }
    Ok(typed)
}
