//! A device's notes: kept in order, durable when that was asked for; a crash loses what was not.

use std::collections::{BTreeMap, VecDeque};

use cachette_core::time::{Span, Time};
use cachette_core::vault::{KeepId, Note};

use super::rng::Rng;
use super::schedule::Schedule;

/// Notes and what waits to be kept.
#[derive(Debug)]
pub struct Notes {
    rng: Rng,
    durable: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Written in this order, not synced yet.
    unsynced: VecDeque<Vec<Note>>,
    steps: Schedule<Step>,
    busy_until: Time,
    answers: VecDeque<(KeepId, bool)>,
    /// How many of a thousand writes fail.
    pub failing: u64,
}

#[derive(Debug)]
struct Step {
    id: KeepId,
    notes: Vec<Note>,
    durable: bool,
}

impl Notes {
    /// Starts empty.
    #[must_use]
    pub const fn new(rng: Rng) -> Self {
        Self {
            rng,
            durable: BTreeMap::new(),
            unsynced: VecDeque::new(),
            steps: Schedule::new(),
            busy_until: Time(0),
            answers: VecDeque::new(),
            failing: 0,
        }
    }

    /// Takes notes in, to be kept after all that came before.
    pub fn keep(&mut self, now: Time, id: KeepId, notes: Vec<Note>, durable: bool) {
        self.busy_until = self.busy_until.max(now) + self.rng.span(0, if durable { 10 } else { 1 });
        self.steps.put(self.busy_until, Step { id, notes, durable });
    }

    /// Writes a durable note from outside, as a setup does.
    pub fn set(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.durable.insert(key, value);
    }

    /// Puts the notes of an earlier moment in the place of the present ones, as a restored backup does.
    pub fn replace(&mut self, notes: Vec<(Vec<u8>, Vec<u8>)>) {
        self.durable = notes.into_iter().collect();
    }

    /// Takes time in.
    pub fn tick(&mut self, now: Time) {
        while let Some(step) = self.steps.due(now) {
            if self.failing > 0 && self.rng.per_mille(self.failing) {
                self.answers.push_back((step.id, false));
                continue;
            }
            self.unsynced.push_back(step.notes);
            if step.durable {
                self.sync(usize::MAX);
            }
            self.answers.push_back((step.id, true));
        }
    }

    /// Returns the next answer.
    pub fn poll(&mut self) -> Option<(KeepId, bool)> {
        self.answers.pop_front()
    }

    /// Returns when notes are kept next.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.steps.deadline()
    }

    /// Loses what was not synced, but for what chance had written out already.
    pub fn crash(&mut self) {
        self.unsynced.extend(self.steps.clear().into_iter().map(|step| step.notes));
        let written = self.rng.index(self.unsynced.len() + 1);
        self.sync(written);
        self.unsynced.clear();
        self.answers.clear();
        self.busy_until = Time(0);
    }

    /// Returns the notes as a device reads them when it starts.
    #[must_use]
    pub fn all(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.durable.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Returns one durable note.
    #[must_use]
    pub fn durable(&self, key: &[u8]) -> Option<&[u8]> {
        self.durable.get(key).map(Vec::as_slice)
    }

    fn sync(&mut self, batches: usize) {
        let count = batches.min(self.unsynced.len());
        for (key, value) in self.unsynced.drain(..count).flatten() {
            match value {
                Some(value) => self.durable.insert(key, value),
                None => self.durable.remove(&key),
            };
        }
    }
}

/// How long an inline job takes at most, as a thread would.
pub const JOB_MAX: Span = Span(8);

#[cfg(test)]
mod tests {
    use super::*;

    fn note(key: u8) -> Vec<Note> {
        vec![(vec![key], Some(vec![key]))]
    }

    #[test]
    fn a_crash_loses_the_newest_notes_first_and_no_durable_one() {
        for seed in 0..64 {
            let mut notes = Notes::new(Rng::new(seed));
            notes.keep(Time(0), KeepId(1), note(1), false);
            notes.keep(Time(0), KeepId(2), note(2), true);
            notes.keep(Time(0), KeepId(3), note(3), false);
            notes.keep(Time(0), KeepId(4), note(4), false);
            notes.tick(Time(100));
            assert_eq!(std::iter::from_fn(|| notes.poll()).count(), 4);
            notes.crash();
            let left: Vec<u8> = notes.all().into_iter().map(|(key, _)| key[0]).collect();
            assert!([&[1, 2][..], &[1, 2, 3], &[1, 2, 3, 4]].contains(&left.as_slice()), "{left:?}");
        }
    }
}
