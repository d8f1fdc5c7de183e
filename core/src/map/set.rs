//! A set in order: a map's keys alone.

use std::borrow::Borrow;
use std::fmt;
use std::iter::Flatten;
use std::ops::RangeBounds;
use std::vec;

use super::runs::{Items, Runs, Spot};

/// A set in the order of its keys.
#[derive(Clone)]
pub struct Set<K> {
    keys: Runs<K>,
}

impl<K> Set<K> {
    /// Makes an empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { keys: Runs::new() }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Keeps what the function says.
    pub fn retain(&mut self, keep: impl FnMut(&K) -> bool) {
        let fates: Vec<bool> = self.iter().map(keep).collect();
        if fates.contains(&false) {
            self.keys.sift(&fates);
        }
    }

    /// Takes the smallest key out.
    pub fn pop_first(&mut self) -> Option<K> {
        self.first()?;
        Some(self.keys.remove(Spot::START))
    }

    /// Returns how many keys there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Says whether there is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over the keys.
    #[must_use]
    pub fn iter(&self) -> Items<'_, K> {
        self.keys.iter()
    }

    /// Returns the smallest key.
    #[must_use]
    pub fn first(&self) -> Option<&K> {
        self.keys.first()
    }

    /// Returns the largest key.
    #[must_use]
    pub fn last(&self) -> Option<&K> {
        self.keys.last()
    }
}

impl<K: Ord> Set<K> {
    /// Puts a key in, and says whether it was not there.
    pub fn insert(&mut self, key: K) -> bool {
        let Err(spot) = self.keys.find(&key) else { return false };
        self.keys.insert(spot, key);
        true
    }

    /// Takes a key out, and says whether it was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.keys.find(key).is_ok_and(|spot| {
            self.keys.remove(spot);
            true
        })
    }

    /// Says whether a key is there.
    #[must_use]
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.keys.find(key).is_ok()
    }

    /// Iterates over the keys within bounds.
    pub fn range<Q: Ord + ?Sized>(&self, bounds: impl RangeBounds<Q>) -> Items<'_, K>
    where
        K: Borrow<Q>,
    {
        self.keys.along(self.keys.within(bounds))
    }
}

impl<'a, K> IntoIterator for &'a Set<K> {
    type Item = &'a K;
    type IntoIter = Items<'a, K>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K> IntoIterator for Set<K> {
    type Item = K;
    type IntoIter = Flatten<vec::IntoIter<Vec<K>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.keys.into_iter()
    }
}

impl<K: Ord> Extend<K> for Set<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        for key in keys {
            self.insert(key);
        }
    }
}

impl<'a, K: Ord + Copy> Extend<&'a K> for Set<K> {
    fn extend<I: IntoIterator<Item = &'a K>>(&mut self, keys: I) {
        self.extend(keys.into_iter().copied());
    }
}

impl<K: Ord> FromIterator<K> for Set<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut set = Self::new();
        set.extend(keys);
        set
    }
}

impl<K: Ord, const N: usize> From<[K; N]> for Set<K> {
    fn from(keys: [K; N]) -> Self {
        keys.into_iter().collect()
    }
}

impl<K> Default for Set<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: PartialEq> PartialEq for Set<K> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<K: Eq> Eq for Set<K> {}

impl<K: fmt::Debug> fmt::Debug for Set<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}
