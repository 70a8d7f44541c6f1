//! Paths that cannot leave their tree.

pub(crate) mod numbered;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// Why a text is no path of a content tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// Nothing between two separators, or no text at all.
    #[error("has an empty part")]
    EmptyPart,
    /// Starts with `/`.
    #[error("is absolute")]
    Absolute,
    /// Has a part `.` or `..`.
    #[error("has a part `.` or `..`")]
    Dots,
    /// Holds a null byte or a backslash, which some file systems read as a separator.
    #[error("holds a null byte or a backslash")]
    Character,
    /// Holds a control character: a line break in a name would make two entries of one in any list.
    #[error("holds a control character")]
    Control,
    /// Has a part `.git`, which would make a repository of the place where it is delivered.
    #[error("has a part `.git`")]
    Git,
    /// Is longer than a file system takes it: 255 bytes a part, some four thousand in all.
    #[error("is too long")]
    TooLong,
    /// The bytes are not UTF-8; Airflow stores paths as text.
    #[error("is not UTF-8")]
    NotUtf8,
}

/// The longest path, with room for the home before it.
const LONGEST: usize = 3_500;
/// The longest name that file systems take.
const LONGEST_PART: usize = 255;

fn checked(text: &str) -> Result<(), PathProblem> {
    if text.starts_with('/') {
        return Err(PathProblem::Absolute);
    }
    // Mostly nothing of it has to be looked at twice.
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\');
    if !is_plain && text.contains(['\0', '\\']) {
        return Err(PathProblem::Character);
    }
    if !is_plain && text.chars().any(char::is_control) {
        return Err(PathProblem::Control);
    }
    if text.len() > LONGEST {
        return Err(PathProblem::TooLong);
    }
    for part in text.split('/') {
        match part {
            "" => return Err(PathProblem::EmptyPart),
            "." | ".." => return Err(PathProblem::Dots),
            _ if part.eq_ignore_ascii_case(".git") => return Err(PathProblem::Git),
            _ if part.len() > LONGEST_PART => return Err(PathProblem::TooLong),
            _ => {}
        }
    }
    Ok(())
}

macro_rules! relative_path {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks that the text is relative, UTF-8 with `/` between its parts, and cannot
            /// lead out of its tree.
            pub fn new(text: impl AsRef<str>) -> Result<Self, PathProblem> {
                let text = text.as_ref();
                checked(text)?;
                Ok(Self(text.into()))
            }

            /// The text, parts separated by `/`.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The last part.
            pub fn file_name(&self) -> &str {
                self.0.rsplit('/').next().unwrap_or(&self.0)
            }

            /// All but the last part; `None` at the top.
            pub fn parent(&self) -> Option<Self> {
                self.0.rsplit_once('/').map(|(parent, _)| Self(parent.into()))
            }

            /// The order of two, of which many are one and the same.
            pub(crate) fn cmp_shared(&self, other: &Self) -> std::cmp::Ordering {
                if Arc::ptr_eq(&self.0, &other.0) { std::cmp::Ordering::Equal } else { self.cmp(other) }
            }

            /// The rest behind `folder/`; `None` where this path does not lie below it.
            pub fn below(&self, folder: &str) -> Option<&str> {
                self.0.strip_prefix(folder)?.strip_prefix('/')
            }

            /// The parts, topmost first.
            pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
                self.0.split('/')
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                numbered::write(&self.0, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                numbered::read(deserializer).map(Self)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }
    };
}

relative_path! {
    /// A file's path in the content tree, as the repository has it: `shared/etl/dates.py`.
    ContentPath
}
relative_path! {
    /// A file's path below `$AIRFLOW_HOME`, as Airflow sees it: `plugins/etl/dates.py`.
    HomePath
}

impl ContentPath {
    /// The same path below `$AIRFLOW_HOME`, where that is how it is delivered.
    pub fn as_home(&self) -> HomePath {
        HomePath(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_its_tree() {
        for (text, problem) in [
            ("", PathProblem::EmptyPart),
            ("/etc/passwd", PathProblem::Absolute),
            ("dags/../../x", PathProblem::Dots),
            ("./x", PathProblem::Dots),
            ("dags//x", PathProblem::EmptyPart),
            ("dags/", PathProblem::EmptyPart),
            ("dags\\x", PathProblem::Character),
            ("dags/a\nb.py", PathProblem::Control),
            ("dags/.git/config", PathProblem::Git),
            ("dags/.GIT/config", PathProblem::Git),
            (&"x".repeat(256), PathProblem::TooLong),
            (&"x/".repeat(2_000), PathProblem::TooLong),
        ] {
            assert_eq!(ContentPath::new(text), Err(problem), "{text}");
        }
        let path = ContentPath::new("dags/a/b.py").unwrap();
        assert_eq!((path.file_name(), path.below("dags"), path.below("dag")), ("b.py", Some("a/b.py"), None));
        assert_eq!(path.parent().unwrap().as_str(), "dags/a");
    }
}
