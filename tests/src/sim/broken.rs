//! Machines that break a rule on purpose, to show that the checks have teeth.

use cachette_core::time::{Deadline, Time};

use super::Rule;
use super::machine::{Machine, Question};

/// A machine, or the same machine with one of the rules 2, 4 and 5 broken. (Rules 1 and 3 are the driver's to break.)
pub struct Broken<M: Machine> {
    machine: M,
    rule: Option<Rule>,
    /// How far the last `now` lay behind the latest one.
    behind: u64,
    latest: Time,
    /// Outputs that are held back, and how often that may still happen.
    withholding: bool,
    handled: u64,
    /// A deadline that does not go away.
    stuck: Option<Deadline>,
}

impl<M: Machine> Broken<M> {
    /// Wraps a machine; `None` leaves it as it is.
    pub const fn new(machine: M, rule: Option<Rule>) -> Self {
        Self { machine, rule, behind: 0, latest: Time(0), withholding: false, handled: 0, stuck: None }
    }

    /// Returns the machine inside.
    pub const fn inner(&self) -> &M {
        &self.machine
    }
}

impl<M: Machine> Machine for Broken<M> {
    type Input = M::Input;
    type Output = M::Output;

    fn handle(&mut self, now: Time, input: M::Input) {
        self.latest = self.latest.max(now);
        self.behind = self.latest.since(now).millis();
        self.handled += 1;
        // Rule 4 broken: every now and then outputs stay inside until the next input.
        self.withholding = self.rule == Some(Rule::Visible) && self.handled.is_multiple_of(2);
        // Rule 5 broken: every now and then a tick leaves its deadline where it was.
        let tick = std::mem::discriminant(&input) == std::mem::discriminant(&M::tick());
        let stick = self.rule == Some(Rule::Later) && tick && self.handled.is_multiple_of(3);
        self.stuck = if stick { self.machine.deadline() } else { None };
        self.machine.handle(now, input);
    }

    fn poll(&mut self, now: Time) -> Option<M::Output> {
        if self.withholding { None } else { self.machine.poll(now) }
    }

    fn deadline(&self) -> Option<Deadline> {
        if self.stuck.is_some() {
            return self.stuck;
        }
        let deadline = self.machine.deadline()?;
        // Rule 2 broken: what is due is reckoned from the last `now`, however early.
        let early = if self.rule == Some(Rule::Clamp) { self.behind } else { 0 };
        Some(Deadline { at: Time(deadline.at.0.saturating_sub(early)), ..deadline })
    }

    fn tick() -> M::Input {
        M::tick()
    }

    fn asks(output: &M::Output) -> Option<Question> {
        M::asks(output)
    }

    fn answers(input: &M::Input) -> Option<Question> {
        M::answers(input)
    }

    fn grants(input: &M::Input) -> usize {
        M::grants(input)
    }

    fn spends(output: &M::Output) -> usize {
        M::spends(output)
    }
}
