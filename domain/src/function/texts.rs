//! Length limits of the texts in a command. Whatever is decided stays in the log for good and is read at every start,
//! so the limits are enforced here for all callers.

use super::event::Source;
use super::{Command, Error, OfferedFolder};
use crate::{name, text};

/// Maximum length of a repository's address, in bytes.
pub const MAX_URL: usize = 2_048;

/// Maximum length of a branch, tag or commit, in bytes: the longest name that Git can store as a file.
pub const MAX_REF: usize = 255;

/// Maximum length of a folder's path in a repository, in bytes.
pub const MAX_PATH: usize = 1_024;

/// Maximum length of an image reference, in bytes.
pub const MAX_IMAGE: usize = 512;

/// Maximum number of parts of an image's command.
pub const MAX_COMMAND_PARTS: usize = 100;
/// Maximum length of all parts of an image's command together, in bytes.
pub const MAX_COMMAND: usize = 16_384;

/// Maximum length of a reason, in bytes.
pub const MAX_REASON: usize = 1_024;

/// Maximum number of folders that a failed build offers.
pub const MAX_OFFERED: usize = 30;

/// Maximum length of the description of an offered folder, in bytes.
pub const MAX_RECOGNIZED: usize = 400;

/// Refuses a command with a text that is too long.
pub(super) fn check(command: &Command) -> Result<(), Error> {
    match command {
        Command::Register { source, .. } | Command::Update { source: Some(source), .. } => of_source(source),
        Command::RequestBuild { git_ref: Some(git_ref), .. } => within("the ref", git_ref.len(), MAX_REF),
        Command::Stop { reason: Some(reason), .. } | Command::Promote { reason: Some(reason), .. } => {
            within("the reason", reason.len(), MAX_REASON)
        }
        _ => Ok(()),
    }
}

/// Truncates the texts of a failure to what the log keeps. They do not come from the caller, so the command is not
/// refused.
pub(super) fn bounded(command: Command) -> Command {
    match command {
        Command::FailBuild { build, error, offered, at } => {
            Command::FailBuild { build, error: text::bounded(error), offered, at }
        }
        Command::ReportInstanceFailure { version, instance, error, at } => {
            Command::ReportInstanceFailure { version, instance, error: text::bounded(error), at }
        }
        command => command,
    }
}

/// Checks the lengths of a source's texts.
///
/// # Errors
/// [`Error::TooLong`], [`Error::TooManyParts`].
pub fn of_source(source: &Source) -> Result<(), Error> {
    match source {
        Source::Git { url, git_ref, path } => {
            within("the address of the repository", url.len(), MAX_URL)?;
            within("the ref", git_ref.as_ref().map_or(0, String::len), MAX_REF)?;
            within("the path", path.as_ref().map_or(0, String::len), MAX_PATH)
        }
        Source::Bundle { digest } => within("the digest", digest.len(), MAX_REF),
        Source::Image { image, command } => {
            within("the image", image.len(), MAX_IMAGE)?;
            let command = command.as_deref().unwrap_or_default();
            if command.len() > MAX_COMMAND_PARTS {
                return Err(Error::TooManyParts { parts: command.len(), most: MAX_COMMAND_PARTS });
            }
            within("the command", command.iter().map(String::len).sum(), MAX_COMMAND)
        }
    }
}

/// Drops offered folders beyond the limits. They describe a stranger's repository, so the failure must be recorded
/// whatever it contains.
pub(super) fn of_offered(offered: Vec<OfferedFolder>) -> Vec<OfferedFolder> {
    let fits = |offer: &OfferedFolder| {
        (1..=MAX_PATH).contains(&offer.path.len()) && offer.recognized_as.len() <= MAX_RECOGNIZED
    };
    let kept = offered.into_iter().filter(fits).map(|offer| {
        let name = offer.name.filter(|own| name::fits(own));
        OfferedFolder { name, ..offer }
    });
    kept.take(MAX_OFFERED).collect()
}

fn within(what: &'static str, bytes: usize, most: usize) -> Result<(), Error> {
    if bytes > most { Err(Error::TooLong { what, bytes, most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_offered_folders_has_limits() {
        let offer = |path: &str, name: Option<&str>| OfferedFolder {
            path: path.into(),
            recognized_as: "a handler".into(),
            name: name.map(str::to_owned),
        };
        let long = "p".repeat(MAX_PATH + 1);
        let verbose = OfferedFolder { recognized_as: "r".repeat(MAX_RECOGNIZED + 1), ..offer("v", None) };
        let mut offered = vec![offer("", None), offer(&long, None), verbose, offer("a", Some("No Name"))];
        assert_eq!(of_offered(offered.clone()), [offer("a", None)]);
        offered.extend((0..100).map(|n| offer(&format!("f{n}"), None)));
        assert_eq!(of_offered(offered).len(), MAX_OFFERED);
    }
}
