//! Constructs, rules and steps that a test switches off, to prove that it would see them missing.
//!
//! Only a build with the feature `switch-off` can do that: each room asks [`off`] or [`part_off`] at its
//! one place of dispatch, and what is off is passed over without a word, as a program would that does
//! not know it. Every other build compiles the questions to nothing. A delivery's requirements are off by
//! their number (`R18`), which such a build also takes from the variable `DAGGUARD_TEST_SWITCH`. Imports
//! nothing.

#[cfg(feature = "switch-off")]
mod state {
    use std::collections::BTreeSet;
    use std::sync::{LazyLock, Mutex, PoisonError, RwLock};

    #[expect(clippy::disallowed_methods, reason = "a build for tests alone, whose processes are told by a variable")]
    static OFF: LazyLock<RwLock<String>> =
        LazyLock::new(|| RwLock::new(std::env::var("DAGGUARD_TEST_SWITCH").unwrap_or_default()));
    static ASKED: Mutex<Option<BTreeSet<String>>> = Mutex::new(None);

    /// Switches a construct off until another is, or the empty one; whether none was off before.
    pub fn switch_off(construct: &str) -> bool {
        let mut off = OFF.write().unwrap_or_else(PoisonError::into_inner);
        let was_on = off.is_empty();
        construct.clone_into(&mut off);
        was_on
    }

    /// Notes from now on which rules and steps are asked for; gives what was noted until now.
    pub fn asked() -> BTreeSet<String> {
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        asked.replace(BTreeSet::new()).unwrap_or_default()
    }

    pub(crate) fn off(construct: &str) -> bool {
        !construct.is_empty() && *OFF.read().unwrap_or_else(PoisonError::into_inner) == construct
    }

    pub(crate) fn part_off(kind: &str, name: &str) -> bool {
        let construct = format!("{kind} {name}");
        let is_off = off(&construct);
        if let Some(asked) = &mut *ASKED.lock().unwrap_or_else(PoisonError::into_inner) {
            asked.insert(construct);
        }
        is_off
    }
}

#[cfg(feature = "switch-off")]
pub use state::{asked, switch_off};
#[cfg(feature = "switch-off")]
pub(crate) use state::{off, part_off};

/// Whether the construct is off: never.
#[cfg(not(feature = "switch-off"))]
pub(crate) const fn off(_construct: &str) -> bool {
    false
}

/// Whether that rule, kind of change, claim or step is off: never.
#[cfg(not(feature = "switch-off"))]
pub(crate) const fn part_off(_kind: &str, _name: &str) -> bool {
    false
}
