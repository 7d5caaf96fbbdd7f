//! The code of a function: files or an image.

use std::fmt;
use std::path::PathBuf;

use domain::manifest::{Manifest, Runtime};

/// The code of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// The unpacked artifact: a folder of this host, read-only to the process.
    Folder(PathBuf),
    /// A container image by its digest, `registry.example/team/app@sha256:…`: a tag may name another image tomorrow.
    Image(String),
}

impl Code {
    /// The form of the code.
    pub fn form(&self) -> Form {
        match self {
            Self::Folder(_) => Form::Folder,
            Self::Image(_) => Form::Image,
        }
    }
}

/// The form of a function's code. Executors differ in which forms they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A folder of files.
    Folder,
    /// A container image.
    Image,
}

impl Form {
    /// The form of what is built by a manifest.
    pub fn of(manifest: &Manifest) -> Self {
        match manifest.runtime {
            Runtime::Node | Runtime::Python | Runtime::PythonFlask | Runtime::Command => Self::Folder,
            Runtime::Docker => Self::Image,
        }
    }

    /// Names the executor of this form, for people.
    pub fn executed_as(self) -> &'static str {
        match self {
            Self::Folder => "processes",
            Self::Image => "containers",
        }
    }
}

/// In the plural, for people.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folder => "folders of files",
            Self::Image => "container images",
        })
    }
}
