//! The identities by which Airflow itself tells things apart.
//!
//! A task start is a new process that knows nothing but these, so a change of one of them is a
//! change of what runs. They are newtypes: a bare string never stands for an identity.
//! Imports nothing.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as Airflow spells it; nothing is checked or changed.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text as Airflow spells it.
            pub fn as_str(&self) -> &str {
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

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

identity! {
    /// `dag_id`: unique over everything one Airflow instance loads.
    DagId
}
identity! {
    /// `task_id` with the prefixes of its groups, as in `group.task`.
    TaskId
}
identity! {
    /// `group_id` of a TaskGroup with the prefixes of its parents.
    GroupId
}
identity! {
    /// `run_id` of a DagRun (`dag_run_id` on the wire); unique within its DAG.
    RunId
}
identity! {
    /// The name under which an Airflow instance is configured (`[instance.NAME]`).
    InstanceName
}

/// The position of a task instance in its mapped task; −1 means not mapped or not yet expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MapIndex(pub i64);

impl MapIndex {
    /// What Airflow stores for an instance that is not mapped, or not yet expanded.
    pub const NOT_MAPPED: Self = Self(-1);

    /// The index into the mapped list, if there is one.
    pub fn position(self) -> Option<usize> {
        usize::try_from(self.0).ok()
    }
}

/// A released version of Airflow, as far as its behaviour depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AirflowVersion {
    /// 2 or 3.
    pub major: u32,
    /// The second part.
    pub minor: u32,
    /// The third part; 0 where the text has none.
    pub patch: u32,
}

impl AirflowVersion {
    /// Reads `2.11.2`, `2.6`, `3.0.0rc1`, `2.6.2+composer`; what follows the numbers is ignored.
    /// `None` if there is no `major.minor`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = leading_number(parts.next()?)?;
        let patch = parts.next().and_then(leading_number).unwrap_or(0);
        Some(Self { major, minor, patch })
    }
}

impl fmt::Display for AirflowVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_releases_and_vendors_parse() {
        let v = |major, minor, patch| Some(AirflowVersion { major, minor, patch });
        assert_eq!(AirflowVersion::parse("2.6.2"), v(2, 6, 2));
        assert_eq!(AirflowVersion::parse("2.6"), v(2, 6, 0));
        assert_eq!(AirflowVersion::parse("3.0.0rc1"), v(3, 0, 0));
        assert_eq!(AirflowVersion::parse("2.9.3+composer"), v(2, 9, 3));
        assert_eq!(AirflowVersion::parse("main"), None);
    }
}
