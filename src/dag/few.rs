//! Sets of few elements, of which a model holds very many.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Deref;

/// A set in order that takes the room of its elements alone: a tree has room for eleven in each node,
/// and most tasks have one neighbour or two.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Few<T>(Box<[T]>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T: Ord> Few<T> {
    /// Whether it is one of them.
    pub fn contains(&self, element: &T) -> bool {
        self.0.binary_search(element).is_ok()
    }
}

impl<T: Ord> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut all: Vec<T> = elements.into_iter().collect();
        all.sort_unstable();
        all.dedup();
        Self(all.into())
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for Few<T> {
    fn from(elements: [T; N]) -> Self {
        elements.into_iter().collect()
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'f, T> IntoIterator for &'f Few<T> {
    type Item = &'f T;
    type IntoIter = std::slice::Iter<'f, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: fmt::Debug> fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Few;

    #[test]
    fn elements_stand_in_order_and_once() {
        let few: Few<u8> = [3, 1, 3, 2].into();
        assert_eq!(*few, [1, 2, 3]);
        assert!(few.contains(&2) && !few.contains(&4));
        assert_eq!(format!("{few:?}"), "{1, 2, 3}");
        assert!(Few::<u8>::default().is_empty());
    }
}
