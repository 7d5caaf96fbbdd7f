//! A login for a registry of images.

use std::fmt;

/// A user and a password for a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password, or a token.
    pub password: String,
}

/// Hides the password.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let login = Login { user: "me".into(), password: "s3cret".into() };
        assert_eq!(format!("{login:?}"), r#"Login { user: "me", .. }"#);
    }
}
