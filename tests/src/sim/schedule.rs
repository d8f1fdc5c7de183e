//! A queue of what happens when: in order of time, and of arrival where times are equal.

use std::collections::BTreeMap;

use cachette_core::time::Time;

/// Things that happen at their time.
#[derive(Debug)]
pub struct Schedule<T> {
    things: BTreeMap<(Time, u64), T>,
    next: u64,
}

impl<T> Schedule<T> {
    /// Starts empty.
    #[must_use]
    pub const fn new() -> Self {
        Self { things: BTreeMap::new(), next: 0 }
    }

    /// Puts something on the schedule.
    pub fn put(&mut self, at: Time, thing: T) {
        self.things.insert((at, self.next), thing);
        self.next += 1;
    }

    /// Takes the first thing whose time has come.
    pub fn due(&mut self, now: Time) -> Option<T> {
        let first = self.things.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// Takes everything off, in order.
    pub fn clear(&mut self) -> Vec<T> {
        std::mem::take(&mut self.things).into_values().collect()
    }

    /// Returns when the first thing happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.things.first_key_value().map(|((at, _), _)| *at)
    }
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_happen_in_order_of_time_then_of_arrival() {
        let mut schedule = Schedule::new();
        for (at, thing) in [(5, 'c'), (3, 'a'), (5, 'd'), (3, 'b')] {
            schedule.put(Time(at), thing);
        }
        assert_eq!(schedule.due(Time(2)), None);
        assert_eq!(schedule.deadline(), Some(Time(3)));
        let order: String = std::iter::from_fn(|| schedule.due(Time(5))).collect();
        assert_eq!(order, "abcd");
    }
}
