//! Sorts lists in little code: one sort of places serves all types, and a type brings no more than how two items compare and change places.
//! The standard library's brings eight kilobytes of a browser's download for every type, two of them compressed.

use std::cmp::Ordering;

/// Sorts by a key, which is made once for each item; equal ones stay in their order.
pub fn by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    let keys: Vec<K> = items.iter().map(key).collect();
    let order = order(keys.len(), &By { items: &keys, compare: K::cmp });
    arrange(items, order);
}

/// Sorts by what a function says of two items; equal ones stay in their order.
pub fn by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let order = order(items.len(), &By { items, compare });
    arrange(items, order);
}

/// What the sort asks: a trait of its own, because a closure behind a pointer brings three functions instead of one.
trait Compare {
    fn compare(&self, one: usize, other: usize) -> Ordering;
}

struct By<'a, T, F> {
    items: &'a [T],
    compare: F,
}

impl<T, F: Fn(&T, &T) -> Ordering> Compare for By<'_, T, F> {
    fn compare(&self, one: usize, other: usize) -> Ordering {
        (self.compare)(&self.items[one], &self.items[other])
    }
}

/// Returns for each place the place from which its item comes. Merges runs that are in order, twice as long ones in every round.
fn order(len: usize, items: &dyn Compare) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    let mut run = 1;
    while run < len {
        let mut merged = Vec::with_capacity(len);
        for pair in order.chunks(run.saturating_mul(2)) {
            let (first, second) = pair.split_at(run.min(pair.len()));
            merge(first, second, items, &mut merged);
        }
        order = merged;
        run = run.saturating_mul(2);
    }
    order
}

/// Merges two runs; of equal items those of the first stay before those of the second.
fn merge(mut first: &[usize], mut second: &[usize], items: &dyn Compare, merged: &mut Vec<usize>) {
    while let (Some((&one, ones)), Some((&other, others))) = (first.split_first(), second.split_first()) {
        if items.compare(other, one).is_lt() {
            merged.push(other);
            second = others;
        } else {
            merged.push(one);
            first = ones;
        }
    }
    merged.extend_from_slice(first);
    merged.extend_from_slice(second);
}

fn arrange<T>(items: &mut [T], mut order: Vec<usize>) {
    for start in 0..order.len() {
        // Around the circle of places that hand their items on to each other.
        let mut at = start;
        loop {
            let from = std::mem::replace(&mut order[at], at);
            if from == start || from == at {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lists_are_sorted_as_the_standard_library_does(list in prop::collection::vec((0u8..20, any::<u8>()), 0..200)) {
            let (mut keyed, mut standard) = (list.clone(), list);
            standard.sort_by_key(|item| item.0);
            by_key(&mut keyed, |item| item.0);
            prop_assert_eq!(&keyed, &standard);
            standard.sort_by_key(|item| std::cmp::Reverse(item.1));
            by(&mut keyed, |one, other| other.1.cmp(&one.1));
            prop_assert_eq!(&keyed, &standard);
        }
    }
}
