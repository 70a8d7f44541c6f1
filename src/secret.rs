//! Values that never show: in no log, argument list, URL, state file or error.
//! Imports nothing.

use std::fmt;
use std::path::PathBuf;

/// A password, token or credential-bearing text. It cannot be printed, only handed on.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the value in; from here on it cannot be shown.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one call that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a secret comes from; a file is read when it is needed, so that it can be renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The value of a variable.
    Value(Secret),
    /// The content of a file, without the line break at its end.
    File(PathBuf),
}

impl From<Secret> for SecretSource {
    fn from(secret: Secret) -> Self {
        Self::Value(secret)
    }
}
