//! A list in runs: items lie in vectors of at most [`RUN`], so that one that comes or goes moves few others. It finds with two binary searches
//! and keeps whatever order its owner gives it.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::iter::Flatten;
use std::ops::{Bound, RangeBounds};
use std::{slice, vec};

/// The list. No run is empty, and where a run ends depends on the places of changes only, never on what changed: two lists that are changed at
/// the same places have the same runs.
#[derive(Clone)]
pub(super) struct Runs<T> {
    runs: Vec<Vec<T>>,
    len: usize,
}

/// A place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    run: usize,
    at: usize,
}

/// What is left of an iteration, from both sides: `next` is the next item's place, `end` the place behind the last one.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    next: Spot,
    end: Spot,
}

/// Iterates over a list or a part of it.
pub struct Items<'a, T> {
    walk: Walk,
    runs: &'a Runs<T>,
}

impl Spot {
    /// The place of the first item.
    pub(super) const START: Self = Self { run: 0, at: 0 };
}

impl<T> Runs<T> {
    pub(super) const fn new() -> Self {
        Self { runs: Vec::new(), len: 0 }
    }

    /// Puts an item before the one at a place, and returns the place where it is now.
    pub(super) fn insert(&mut self, spot: Spot, item: T) -> Spot {
        let spot = self.with_room(spot);
        self.runs[spot.run].insert(spot.at, item);
        self.len += 1;
        spot
    }

    /// Takes out the item at a place, which must be one.
    pub(super) fn remove(&mut self, spot: Spot) -> T {
        self.len -= 1;
        let run = &mut self.runs[spot.run];
        let item = run.remove(spot.at);
        let len = run.len();
        if self.runs.get(spot.run + 1).is_some_and(|next| len + next.len() <= RUN / 2) {
            let mut next = self.runs.remove(spot.run + 1);
            self.runs[spot.run].append(&mut next);
        } else if len == 0 {
            self.runs.remove(spot.run);
        }
        item
    }

    /// Keeps the items whose fate is true.
    pub(super) fn sift(&mut self, fates: &[bool]) {
        let mut fates = fates.iter();
        self.runs.iter_mut().for_each(|run| run.retain(|_| fates.next() == Some(&true)));
        self.runs.retain(|run| !run.is_empty());
        self.len = self.runs.iter().map(Vec::len).sum();
    }

    /// Returns the same place in a run that has room for one more.
    fn with_room(&mut self, spot: Spot) -> Spot {
        let Some(run) = self.runs.get_mut(spot.run) else {
            self.runs.push(Vec::new());
            return spot;
        };
        if run.len() < RUN {
            return spot;
        }
        // Whoever fills a list in order gets full runs.
        let half = if spot.at == RUN { RUN } else { RUN / 2 };
        let upper = run.split_off(half);
        self.runs.insert(spot.run + 1, upper);
        if spot.at > half || half == RUN { Spot { run: spot.run + 1, at: spot.at - half } } else { spot }
    }

    pub(super) fn at_mut(&mut self, spot: Spot) -> &mut T {
        &mut self.runs[spot.run][spot.at]
    }

    pub(super) fn iter_mut(&mut self) -> Flatten<slice::IterMut<'_, Vec<T>>> {
        self.runs.iter_mut().flatten()
    }

    pub(super) fn into_iter(self) -> Flatten<vec::IntoIter<Vec<T>>> {
        self.runs.into_iter().flatten()
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn at(&self, spot: Spot) -> &T {
        &self.runs[spot.run][spot.at]
    }

    pub(super) fn first(&self) -> Option<&T> {
        self.runs.first()?.first()
    }

    pub(super) fn last(&self) -> Option<&T> {
        self.runs.last()?.last()
    }

    pub(super) fn iter(&self) -> Items<'_, T> {
        Items { walk: self.walk(), runs: self }
    }

    /// Iterates over what a walk leads over.
    pub(super) const fn along(&self, walk: Walk) -> Items<'_, T> {
        Items { walk, runs: self }
    }

    pub(super) const fn walk(&self) -> Walk {
        Walk { next: Spot::START, end: Spot { run: self.runs.len(), at: 0 } }
    }

    /// Goes to the next place from the front.
    pub(super) fn forth(&self, walk: &mut Walk) -> Option<Spot> {
        let spot = walk.next;
        if spot == walk.end {
            return None;
        }
        walk.next = self.settled(Spot { at: spot.at + 1, ..spot });
        Some(spot)
    }

    /// Goes to the next place from the back.
    pub(super) fn back(&self, walk: &mut Walk) -> Option<Spot> {
        if walk.next == walk.end {
            return None;
        }
        if walk.end.at == 0 {
            let run = walk.end.run - 1;
            walk.end = Spot { run, at: self.runs[run].len() };
        }
        walk.end.at -= 1;
        Some(walk.end)
    }

    /// Returns the start of the next run for a place behind the last item of one.
    fn settled(&self, spot: Spot) -> Spot {
        if self.runs.get(spot.run).is_some_and(|run| run.len() == spot.at) { Spot { run: spot.run + 1, at: 0 } } else { spot }
    }
}

impl<K> Runs<K> {
    /// Finds the place of a key, or the one where it belongs.
    pub(super) fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Spot, Spot>
    where
        K: Borrow<Q>,
    {
        let run = match search(self.runs.len(), &Starts(&self.runs, key)) {
            Ok(run) => return Ok(Spot { run, at: 0 }),
            Err(after) => after.saturating_sub(1),
        };
        let Some(keys) = self.runs.get(run) else { return Err(Spot::START) };
        match search(keys.len(), &Keys(keys, key)) {
            Ok(at) => Ok(Spot { run, at }),
            Err(at) => Err(Spot { run, at }),
        }
    }

    /// Returns the way over the keys within bounds.
    pub(super) fn within<Q: Ord + ?Sized>(&self, bounds: impl RangeBounds<Q>) -> Walk
    where
        K: Borrow<Q>,
    {
        let from = self.bound(bounds.start_bound(), true).unwrap_or(Spot::START);
        let to = self.bound(bounds.end_bound(), false).unwrap_or_else(|| self.walk().end);
        // Bounds the wrong way round hold nothing.
        let next = if (from.run, from.at) > (to.run, to.at) { to } else { from };
        Walk { next, end: to }
    }

    /// Returns the first place beyond a bound; a start's bound itself is inside when it is included, an end's when it is not.
    fn bound<Q: Ord + ?Sized>(&self, bound: Bound<&Q>, start: bool) -> Option<Spot>
    where
        K: Borrow<Q>,
    {
        let (key, before) = match bound {
            Bound::Included(key) => (key, start),
            Bound::Excluded(key) => (key, !start),
            Bound::Unbounded => return None,
        };
        Some(self.settled(match self.find(key) {
            Ok(spot) if !before => Spot { at: spot.at + 1, ..spot },
            Ok(spot) | Err(spot) => spot,
        }))
    }
}

/// What a search asks: a trait of its own, because a closure behind a pointer brings three functions instead of one.
trait Compare {
    /// Says how the key at an index compares to the one that is looked for.
    fn compare(&self, at: usize) -> Ordering;
}

/// The first keys of runs, and a key that is looked for.
struct Starts<'a, K, Q: ?Sized>(&'a [Vec<K>], &'a Q);

/// Keys, and one that is looked for.
struct Keys<'a, K, Q: ?Sized>(&'a [K], &'a Q);

impl<K: Borrow<Q>, Q: Ord + ?Sized> Compare for Starts<'_, K, Q> {
    fn compare(&self, at: usize) -> Ordering {
        self.0[at][0].borrow().cmp(self.1)
    }
}

impl<K: Borrow<Q>, Q: Ord + ?Sized> Compare for Keys<'_, K, Q> {
    fn compare(&self, at: usize) -> Ordering {
        self.0[at].borrow().cmp(self.1)
    }
}

/// Finds with a binary search the index of a key, or the one where it belongs. One copy serves all types.
fn search(len: usize, keys: &dyn Compare) -> Result<usize, usize> {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low.midpoint(high);
        match keys.compare(middle) {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => return Ok(middle),
        }
    }
    Err(low)
}

impl<'a, T> Iterator for Items<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        let spot = self.runs.forth(&mut self.walk)?;
        Some(self.runs.at(spot))
    }
}

impl<T> DoubleEndedIterator for Items<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let spot = self.runs.back(&mut self.walk)?;
        Some(self.runs.at(spot))
    }
}

impl<T> Clone for Items<'_, T> {
    fn clone(&self) -> Self {
        Self { walk: self.walk.clone(), runs: self.runs }
    }
}

/// Items that a change moves at most: few enough to be cheaper to move than to find, many enough that a million make a short list of runs.
pub(super) const RUN: usize = 64;
