//! A machine under supervision: every call is held to the five rules of the boundary.
//!
//! | rule | how it is checked at run time |
//! |---|---|
//! | 1 drain | `handle` while the last `poll` did not return `None` |
//! | 2 clamp | a host with a [`Watch::Stale`] clock hands in moments that lie back; the deadline may not follow them |
//! | 3 answer once | every question is remembered until its answer; an answer needs a question, numbers are new, none stays open |
//! | 4 visible | after a drain, a tick before the deadline brings nothing to light |
//! | 5 later | after a tick at the deadline, the next one is later |
//!
//! Beside them: nothing but a handshake and a goodbye leaves a link for which no room was granted.

use std::collections::{BTreeMap, VecDeque};

use cachette_core::limits::HANDSHAKE_MAX;
use cachette_core::time::{Deadline, Span, Time};

use super::machine::{Machine, Question};
use super::rng::Rng;
use super::{Rule, Violation};

/// A machine and the books kept on it.
pub struct Checked<M: Machine> {
    machine: M,
    who: String,
    rng: Rng,
    watch: Watch,
    drained: bool,
    latest: Time,
    outputs: VecDeque<M::Output>,
    open: BTreeMap<Question, Time>,
    highest: BTreeMap<u8, Question>,
    room: usize,
    violation: Option<Violation>,
}

/// What a machine's clock is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// It only goes forward.
    True,
    /// It goes forward, and the machine is told the time before every input.
    Announced,
    /// The machine is told the time before every input, and then a smaller one with the input itself.
    Stale,
}

impl<M: Machine> Checked<M> {
    /// Puts a machine under supervision.
    pub fn new(machine: M, who: String, watch: Watch, rng: Rng) -> Self {
        Self {
            machine,
            who,
            rng,
            watch,
            drained: true,
            latest: Time(0),
            outputs: VecDeque::new(),
            open: BTreeMap::new(),
            highest: BTreeMap::new(),
            room: HANDSHAKE_MAX,
            violation: None,
        }
    }

    /// Hands one input in.
    pub fn handle(&mut self, now: Time, input: M::Input) {
        if !self.drained {
            self.broken(Rule::Drain, format!("handle({input:?}) before poll returned None"));
        }
        if let Some(question) = M::answers(&input)
            && self.open.remove(&question).is_none()
        {
            self.broken(Rule::AnswerOnce, format!("{question:?} is answered and was not open"));
        }
        self.room += M::grants(&input);
        let given = self.given(now);
        let tick = std::mem::discriminant(&input) == std::mem::discriminant(&M::tick());
        let due = self.machine.deadline().is_some_and(|deadline| deadline.at <= given);
        self.machine.handle(given, input);
        self.latest = self.latest.max(given);
        if let Some(deadline) = self.machine.deadline() {
            if tick && due && deadline.at <= self.latest {
                self.broken(Rule::Later, format!("{deadline:?} still stands after a tick at {:?}", self.latest));
            }
            if given < self.latest && deadline.at < self.latest {
                self.broken(Rule::Clamp, format!("{deadline:?} after {given:?}, though it is {:?} already", self.latest));
            }
        }
        self.drained = false;
    }

    /// Returns the next thing to do.
    pub fn poll(&mut self, now: Time) -> Option<M::Output> {
        let output = self.outputs.pop_front().or_else(|| self.machine.poll(now.max(self.latest)));
        if let Some(output) = output {
            self.account(now, &output);
            return Some(output);
        }
        if !self.drained {
            self.drained = true;
            if self.rng.per_mille(500) {
                self.check_hidden();
            }
        }
        self.outputs.pop_front()
    }

    /// Returns when to call again.
    pub fn deadline(&self) -> Option<Deadline> {
        self.machine.deadline()
    }

    /// Returns the machine inside.
    pub const fn inner(&self) -> &M {
        &self.machine
    }

    /// Takes the first violation that was seen.
    pub const fn violation(&mut self) -> Option<Violation> {
        self.violation.take()
    }

    /// Notes every question that has been open for longer than any driver takes.
    pub fn check_answers(&mut self, now: Time) {
        let late = self.open.iter().find(|(_, since)| now.since(**since) > PATIENCE).map(|(question, _)| *question);
        if let Some(question) = late {
            self.broken(Rule::AnswerOnce, format!("{question:?} was not answered within {PATIENCE}"));
        }
    }

    /// Looks for outputs that are hidden after a drain: a tick before the deadline must not bring any to light.
    pub fn check_hidden(&mut self) {
        if !self.drained || self.machine.deadline().is_some_and(|deadline| deadline.at <= self.latest) {
            return;
        }
        self.machine.handle(self.latest, M::tick());
        while let Some(output) = self.machine.poll(self.latest) {
            self.broken(Rule::Visible, format!("{output:?} came to light only with a later tick"));
            self.outputs.push_back(output);
        }
    }

    /// The moment that the machine is told; announces the true one first where the clock is such.
    fn given(&mut self, now: Time) -> Time {
        if self.watch == Watch::True {
            return now;
        }
        self.machine.handle(now, M::tick());
        self.latest = self.latest.max(now);
        while let Some(output) = self.machine.poll(now) {
            self.outputs.push_back(output);
        }
        // Drawn in either case, so that runs with and without stale clocks draw the same numbers everywhere else.
        let back = [0, 1, 1000, 3_600_000, u64::MAX][self.rng.index(5)];
        if self.watch == Watch::Stale { Time(now.0.saturating_sub(back)) } else { now }
    }

    fn account(&mut self, now: Time, output: &M::Output) {
        if let Some(question) = M::asks(output) {
            let kind = match question {
                Question::Store(_) => 0,
                Question::Job(_) => 1,
                Question::Keep(_) => 2,
            };
            let used = self.highest.insert(kind, question).is_some_and(|highest| highest >= question);
            if self.open.insert(question, now).is_some() || used {
                self.broken(Rule::AnswerOnce, format!("{question:?} is asked under a number that was used before"));
            }
        }
        let spent = M::spends(output);
        if spent > self.room {
            let what = format!("{} sent {spent} bytes where the driver had granted room for {}", self.who, self.room);
            self.violation.get_or_insert(Violation::Promise(what));
        }
        self.room = self.room.saturating_sub(spent);
    }

    fn broken(&mut self, rule: Rule, what: String) {
        self.violation.get_or_insert(Violation::Rule { rule, who: self.who.clone(), what });
    }
}

/// Longer than any disk, thread or note takes in a simulation.
const PATIENCE: Span = Span::seconds(10);
