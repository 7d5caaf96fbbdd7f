//! The variables and secrets that a manifest gives to its build's commands. They exist only while commands run.
//!
//! Two secrets are files, because the tools expect that: `NPMRC` and `NETRC`. `NPM_TOKEN` alone becomes such a file for
//! npm's registry. Knows tools and their variables, but neither manifests nor the vault.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::vault::Secret;

/// A secret that is npm's settings.
const NPMRC: &str = "NPMRC";
/// A secret that says names and passwords for hosts.
const NETRC: &str = "NETRC";
/// A secret that lets into npm's registry.
const NPM_TOKEN: &str = "NPM_TOKEN";

/// What `NPM_TOKEN` means where nothing else says so. npm puts the variable in itself.
const TOKEN_FOR_NPM: &str = "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n";

/// What the commands of one build get.
#[derive(Default)]
pub(in crate::builder) struct Given {
    pub(super) env: BTreeMap<String, String>,
    /// Shown to the commands at the path that they have here.
    pub(super) files: Vec<PathBuf>,
    /// Names all of it, without its values.
    pub(super) fingerprint: String,
}

/// No value is shown.
impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given").field("env", &self.env.keys()).field("files", &self.files).finish_non_exhaustive()
    }
}

impl Given {
    /// Writes what are files to `folder`, which is not there yet. `npmrc` is that of the repository.
    pub(in crate::builder) fn new(
        env: &BTreeMap<String, String>,
        secrets: &[Secret],
        npmrc: Option<&str>,
        folder: &Path,
    ) -> io::Result<Self> {
        let mut given = Self { env: env.clone(), ..Self::default() };
        if env.is_empty() && secrets.is_empty() {
            return Ok(given);
        }
        let of = |name: &str| secrets.iter().find(|secret| secret.name == name).map(|secret| secret.value.as_str());
        for secret in secrets.iter().filter(|secret| ![NPMRC, NETRC].contains(&secret.name.as_str())) {
            given.env.insert(secret.name.clone(), secret.value.to_string());
        }
        fs::create_dir(folder)?;
        let says_token = npmrc.is_some_and(|text| text.contains("NPM_TOKEN"));
        let npmrc = of(NPMRC).or((of(NPM_TOKEN).is_some() && !says_token).then_some(TOKEN_FOR_NPM));
        for (name, variable, content) in [("npmrc", "NPM_CONFIG_USERCONFIG", npmrc), ("netrc", "NETRC", of(NETRC))] {
            if let Some(content) = content {
                let path = folder.join(name);
                write(&path, content)?;
                given.env.insert(variable.to_owned(), path.display().to_string());
                given.files.push(path);
            }
        }
        if let Some(token) = of(NPM_TOKEN) {
            // What Yarn and Bun call it.
            for name in ["YARN_NPM_AUTH_TOKEN", "BUN_CONFIG_TOKEN"] {
                given.env.entry(name.to_owned()).or_insert_with(|| token.to_owned());
            }
        }
        let mut hash = Sha256::new();
        let values = secrets.iter().map(|secret| (secret.name.as_str(), secret.value.as_str()));
        for part in env.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(values) {
            for text in [part.0, part.1] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
        }
        given.fingerprint = hex::encode(hash.finalize());
        Ok(given)
    }
}

/// The folder is the server's alone; the sandbox's user sees this one file of it.
fn write(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    file.write_all(content.as_bytes())?;
    file.set_permissions(Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, value: &str) -> Secret {
        Secret { name: name.into(), value: value.to_owned().into(), set_at: crate::clock::now() }
    }

    #[test]
    fn secrets_are_variables_and_some_are_files() {
        let folder = tempfile::tempdir().unwrap();
        let given = |number: &str, secrets: &[Secret], npmrc| {
            Given::new(&BTreeMap::new(), secrets, npmrc, &folder.path().join(number)).unwrap()
        };
        let none = given("0", &[], None);
        assert!(none.env.is_empty() && none.files.is_empty() && none.fingerprint.is_empty());
        let token = given("1", &[secret("NPM_TOKEN", "t0ken")], None);
        assert_eq!((token.env["NPM_TOKEN"].as_str(), token.env["YARN_NPM_AUTH_TOKEN"].as_str()), ("t0ken", "t0ken"));
        let file = fs::read_to_string(&token.env["NPM_CONFIG_USERCONFIG"]).unwrap();
        assert!(file.contains("${NPM_TOKEN}") && !file.contains("t0ken"), "{file}");
        let explicit = given("2", &[secret("NPM_TOKEN", "t")], Some("//npm.example.com/:_authToken=${NPM_TOKEN}"));
        assert!(explicit.files.is_empty());
        let files = given("3", &[secret("NPMRC", "registry=x"), secret("NETRC", "machine a login b password c")], None);
        assert!(!files.env.contains_key("NPMRC") && files.files.len() == 2);
        assert_eq!(fs::read_to_string(&files.env["NETRC"]).unwrap(), "machine a login b password c");
        assert_ne!(token.fingerprint, explicit.fingerprint);
        assert!(!format!("{token:?}").contains("t0ken"));
    }
}
