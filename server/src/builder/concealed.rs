//! Masks secrets in the output of a build.
//!
//! Knows texts, but neither where they are printed nor what the secrets are for.

use std::borrow::Cow;

/// Shorter words are left: a log without any `1` would reveal more than it hides.
const MIN_BYTES: usize = 4;

/// Words of one secret that are looked for; the rest of a long file is none that somebody prints.
const MAX_WORDS: usize = 200;

/// Words of such files that are none of anybody's.
const KEYWORDS: [&str; 4] = ["password", "registry", "always-auth", "localhost"];

const IN_ITS_PLACE: &str = "***";

/// The texts to mask.
#[derive(Default)]
pub(super) struct Concealed(Vec<String>);

impl Concealed {
    /// A secret, and every word of it where it is a file or an address: what follows `=`, what stands between spaces, the
    /// password in an address.
    pub(super) fn add(&mut self, secret: &str) {
        let is_separator = |c: char| c.is_whitespace() || ['=', '"', '\''].contains(&c);
        let mut words: Vec<&str> = secret.trim().lines().map(str::trim).collect();
        // Names of settings and hosts are no secrets; what is long enough to be one is not shown.
        let is_file = secret.trim().contains(is_separator);
        let is_known = |word: &&str| KEYWORDS.contains(word);
        let parts = secret.split(is_separator).filter(|word| is_file && word.len() >= 2 * MIN_BYTES);
        words.extend(parts.filter(|word| !is_known(word)));
        let in_address = secret.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
        let password = in_address.and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
        words.extend(password);
        let words = words.into_iter().filter(|word| word.len() >= MIN_BYTES).take(MAX_WORDS);
        self.0.extend(words.map(str::to_owned));
        // Of two that begin alike the longer one goes first.
        self.0.sort_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
        self.0.dedup();
    }

    /// The text without what is not to be shown.
    pub(super) fn without<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        self.0.iter().fold(text, |text, secret| match text.contains(secret.as_str()) {
            true => Cow::Owned(text.replace(secret.as_str(), IN_ITS_PLACE)),
            false => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_what_they_are_made_of_are_not_shown() {
        let mut concealed = Concealed::default();
        for secret in [
            "npm_abc",
            "npm_abcdef",
            "1",
            "https://me:hunter2hunter2@pypi.example.com/simple",
            "//npm.example.com/:_authToken=tok-123456\nalways-auth=true\n",
            "machine git.example.com login me password s3cr3t-word",
        ] {
            concealed.add(secret);
        }
        for (printed, expected) in [
            ("token npm_abcdef, npm_abc, 1", "token ***, ***, 1"),
            ("password hunter2hunter2", "password ***"),
            ("tok-123456 and s3cr3t-word", "*** and ***"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(concealed.without(printed.into()), expected);
        }
    }
}
