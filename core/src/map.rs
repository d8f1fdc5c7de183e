//! Ordered maps and sets with the faces of the standard library's, in a fifth of their code. Every pair of types brings a copy of a map's code,
//! core has eighty pairs, and eighty balanced trees were a third of what a browser loads. Here keys and values lie in lists of their own
//! ([`runs`]), so what a type brings is shared by all maps that have it as key or value, and by all types of the same layout.

mod runs;
mod set;

use std::borrow::Borrow;
use std::fmt;
use std::iter::{Flatten, Zip};
use std::ops::{Index, RangeBounds};
use std::{slice, vec};

use self::runs::{Items, Runs, Spot, Walk};
pub use self::set::Set;

/// A map in the order of its keys.
#[derive(Clone)]
pub struct Map<K, V> {
    keys: Runs<K>,
    /// In the same runs as the keys: both are only ever changed in the same way.
    values: Runs<V>,
}

/// A key's place in a map, filled or not.
pub struct Entry<'a, K, V> {
    map: &'a mut Map<K, V>,
    key: K,
    found: Result<Spot, Spot>,
}

/// Iterates over keys and values; see [`Map::iter`].
pub struct Iter<'a, K, V> {
    walk: Walk,
    keys: &'a Runs<K>,
    values: &'a Runs<V>,
}

/// Gives out keys and values.
pub struct IntoIter<K, V> {
    keys: Flatten<vec::IntoIter<Vec<K>>>,
    values: Flatten<vec::IntoIter<Vec<V>>>,
}

impl<K, V> Map<K, V> {
    /// Makes an empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { keys: Runs::new(), values: Runs::new() }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Iterates over the values, to change them.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.iter_mut()
    }

    /// Iterates over keys and values, to change the values.
    pub fn iter_mut(&mut self) -> Zip<Items<'_, K>, Flatten<slice::IterMut<'_, Vec<V>>>> {
        self.keys.iter().zip(self.values.iter_mut())
    }

    /// Keeps what the function says.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        let fates: Vec<bool> = self.iter_mut().map(|(key, value)| keep(key, value)).collect();
        if fates.contains(&false) {
            self.keys.sift(&fates);
            self.values.sift(&fates);
        }
    }

    /// Takes the smallest key out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        self.keys.first()?;
        Some((self.keys.remove(Spot::START), self.values.remove(Spot::START)))
    }

    /// Returns how many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Says whether there is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over keys and values.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { walk: self.keys.walk(), keys: &self.keys, values: &self.values }
    }

    /// Iterates over the keys.
    #[must_use]
    pub fn keys(&self) -> Items<'_, K> {
        self.keys.iter()
    }

    /// Iterates over the values, in the order of their keys.
    #[must_use]
    pub fn values(&self) -> Items<'_, V> {
        self.values.iter()
    }

    /// Returns the smallest key.
    #[must_use]
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// Returns the largest key.
    #[must_use]
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }

    /// Gives out the keys.
    pub fn into_keys(self) -> impl Iterator<Item = K> {
        self.keys.into_iter()
    }

    /// Gives out the values, in the order of their keys.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.values.into_iter()
    }
}

impl<K: Ord, V> Map<K, V> {
    /// Puts a value under a key, and returns the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.keys.find(&key) {
            Ok(spot) => Some(std::mem::replace(self.values.at_mut(spot), value)),
            Err(spot) => {
                self.keys.insert(spot, key);
                self.values.insert(spot, value);
                None
            }
        }
    }

    /// Takes a key's value out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let spot = self.keys.find(key).ok()?;
        self.keys.remove(spot);
        Some(self.values.remove(spot))
    }

    /// Looks a key up, to fill its place if it is empty.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        let found = self.keys.find(&key);
        Entry { map: self, key, found }
    }

    /// Returns a key's value, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.keys.find(key).ok().map(|spot| self.values.at_mut(spot))
    }

    /// Returns a key's value.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.keys.find(key).ok().map(|spot| self.values.at(spot))
    }

    /// Says whether there is such a key.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.keys.find(key).is_ok()
    }

    /// Iterates over the keys within bounds, and their values.
    pub fn range<Q: Ord + ?Sized>(&self, bounds: impl RangeBounds<Q>) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        Iter { walk: self.keys.within(bounds), keys: &self.keys, values: &self.values }
    }
}

impl<'a, K: Ord, V> Entry<'a, K, V> {
    /// Returns the value, which is made if there is none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        let spot = match self.found {
            Ok(spot) => spot,
            Err(spot) => {
                self.map.keys.insert(spot, self.key);
                self.map.values.insert(spot, make())
            }
        };
        self.map.values.at_mut(spot)
    }

    /// Returns the value, which is this one if there is none.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// Returns the value, which is its type's default if there is none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let spot = self.keys.forth(&mut self.walk)?;
        Some((self.keys.at(spot), self.values.at(spot)))
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let spot = self.keys.back(&mut self.walk)?;
        Some((self.keys.at(spot), self.values.at(spot)))
    }
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { walk: self.walk.clone(), keys: self.keys, values: self.values }
    }
}

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<Self::Item> {
        self.keys.next().zip(self.values.next())
    }
}

impl<K, V> DoubleEndedIterator for IntoIter<K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.keys.next_back().zip(self.values.next_back())
    }
}

impl<'a, K, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, K, V> IntoIterator for &'a mut Map<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = Zip<Items<'a, K>, Flatten<slice::IterMut<'a, Vec<V>>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<K, V> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        IntoIter { keys: self.keys.into_iter(), values: self.values.into_iter() }
    }
}

impl<K: Ord, V> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for Map<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for Map<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("invariant: whoever indexes a map knows that the key is there")
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for Map<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests;
