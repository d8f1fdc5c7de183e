//! The simulator: the real machines, driven by a seeded world with a virtual clock, an unreliable network and disks that crash.
//!
//! ```text
//!             Script (a test)                     faults drawn from the seed
//!                   |  requests, commands                   |
//!                   v                                       v
//!   +--------------------------------- World ----------------------------------+
//!   |  Host a                      Host b                      Host c          |
//!   |  node (+ vault), links       node, links                 node, links     |
//!   |  disk, notes                 disk                        disk            |
//!   +-------------------------------- Network ---------------------------------+
//! ```
//!
//! Everything that happens comes from one `u64`: the same seed gives the same story, line by line. Every machine sits in a
//! [`checked::Checked`], which holds machine and driver to the five rules of the boundary; [`invariants`] hold the whole network to
//! its promises. `docs/simulation.md` says how to reproduce a failing seed.

pub mod app;
pub mod brief;
pub mod broken;
pub mod checked;
pub mod cluster;
pub mod disk;
pub mod faults;
pub mod files;
pub mod host;
pub mod hostile;
pub mod invariants;
pub mod machine;
pub mod model;
pub mod network;
pub mod notes;
pub mod opened;
pub mod rng;
pub mod schedule;
pub mod seeds;
pub mod story;
pub mod world;

pub use seeds::seeds;
pub use world::World;

use thiserror::Error;

/// A host's number in its world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostNo(pub usize);

/// The five rules of the boundary; see the crate documentation of `cachette-core`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// 1: after a mutation, drain before the next one.
    Drain,
    /// 2: a smaller `now` counts as the one seen before.
    Clamp,
    /// 3: every store request is answered exactly once.
    AnswerOnce,
    /// 4: whatever is queued is visible at once.
    Visible,
    /// 5: after a tick the next deadline is later.
    Later,
}

/// Something that must never be was seen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Violation {
    /// A machine or its driver broke a rule of the boundary.
    #[error("{who} broke the rule {rule:?}: {what}")]
    Rule {
        /// Which rule.
        rule: Rule,
        /// Whose machine.
        who: String,
        /// How.
        what: String,
    },
    /// The network broke a promise to its users.
    #[error("a promise was broken: {0}")]
    Promise(String),
    /// What a test waited for did not happen.
    #[error("it did not happen within {within}: {what}")]
    Stalled {
        /// What should have happened.
        what: String,
        /// How long the test waited.
        within: cachette_core::time::Span,
    },
    /// What a test expected is not so.
    #[error("expected: {0}")]
    Expected(String),
}

/// Fails a simulation unless something holds.
///
/// # Errors
/// [`Violation::Expected`].
pub fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::Expected(what())) }
}
