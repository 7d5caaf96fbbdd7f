//! Which archives are taken as bundles, by how they begin.

use super::Error;

/// An archive is recognised by so many of its first bytes.
pub const MAGIC_BYTES: usize = 4;

/// The form of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A zip.
    Zip,
    /// A tar, compressed with gzip.
    TarGz,
}

/// The form of what begins with these bytes.
///
/// # Errors
/// [`Error::Refused`] when it is no archive.
pub fn form(magic: &[u8]) -> Result<Form, Error> {
    match magic {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Form::Zip),
        [0x1f, 0x8b, ..] => Ok(Form::TarGz),
        [] => Err(Error::Refused("the bundle is empty; send a zip or a tar.gz".into())),
        _ => Err(Error::Refused(
            "the bundle is neither a zip nor a tar.gz; pack the function's folder as one of them".into(),
        )),
    }
}
