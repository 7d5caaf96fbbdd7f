//! Names of secrets. OpenFaaS' are names of files, `api-key`; EventFlow's are names of variables, `api_key`.
//!
//! faas-cli sends lower-case letters, digits, hyphens and dots, and never an underscore. So a hyphen there is an underscore
//! here, and each name has one counterpart.

use std::borrow::Cow;

use domain::name;

use crate::edge::HttpError;

/// The name of the variable that a secret is.
///
/// # Errors
/// 400 if it can be none.
pub(super) fn variable(secret: &str) -> Result<Cow<'_, str>, HttpError> {
    let variable = if secret.contains('-') { Cow::Owned(secret.replace('-', "_")) } else { Cow::Borrowed(secret) };
    if name::fits_secret(&variable) {
        return Ok(variable);
    }
    let message = format!(
        "a secret cannot be called `{}`: functions get secrets as variables, so a name has 1 to {} letters, digits, hyphens \
         (which become underscores) and underscores, and does not begin with a digit",
        domain::text::shown(secret),
        name::MAX_SECRET
    );
    Err(HttpError::bad_request("bad_secret_name", message))
}

/// The name that OpenFaaS' clients know a variable by.
pub(super) fn secret(variable: &str) -> Cow<'_, str> {
    let is_theirs = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let inner = !variable.starts_with('_') && !variable.ends_with('_');
    match inner && variable.contains('_') && variable.bytes().all(is_theirs) {
        true => Cow::Owned(variable.replace('_', "-")),
        false => Cow::Borrowed(variable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hyphen_there_is_an_underscore_here() {
        for (theirs, ours) in
            [("api-key", "api_key"), ("apikey", "apikey"), ("a-b-2", "a_b_2"), ("secret-string", "secret_string")]
        {
            assert_eq!(variable(theirs).unwrap(), ours);
            assert_eq!(secret(ours), theirs);
        }
    }

    #[test]
    fn the_names_of_variables_stay_what_they_are() {
        for name in ["API_KEY", "Api_Key", "_x", "x_", "a"] {
            assert_eq!(variable(name).unwrap(), name);
            assert_eq!(secret(name), name);
        }
    }

    #[test]
    fn what_can_be_no_variable_is_refused_and_quoted_in_short() {
        for name in ["", "1password", "tls.crt", "a b", "ä", "a=b", "a\0"] {
            let error = variable(name).unwrap_err();
            assert_eq!((error.status.as_u16(), error.code), (400, "bad_secret_name"), "{name}");
        }
        assert!(variable(&"x".repeat(100_000)).unwrap_err().message.len() < 1_000);
    }
}
