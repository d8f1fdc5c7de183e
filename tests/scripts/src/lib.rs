//! Scripts of store operations and the answers that every store must give, whatever it is made of.
//!
//! A script is a story written by hand (`tests/scripts/store/*.json`) or a sequence drawn from a seed. The memory store of the
//! simulator, the store on disk and the store in the browser run the same ones, so none of them can drift from the others.

mod generate;
mod model;
mod story;

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::store::{StoreAnswer, StoreOp};

pub use generate::generate;
pub use model::Model;
pub use story::StoryError;

/// Operations in order, to be asked one after the other of a store that was empty.
#[derive(Debug)]
pub struct Script {
    /// What it is about.
    pub story: String,
    /// The operations with their answers.
    pub steps: Vec<Step>,
}

/// One operation and its only right answer.
#[derive(Debug)]
pub struct Step {
    /// What is asked.
    pub op: StoreOp,
    /// What must be answered.
    pub answer: StoreAnswer,
}

impl Script {
    /// Reads a story.
    ///
    /// # Errors
    /// [`StoryError`] when the text is no story or names a block that it does not define.
    pub fn parse(text: &str) -> Result<Self, StoryError> {
        story::parse(text)
    }
}

impl Step {
    /// Compares what a store answered.
    ///
    /// # Errors
    /// Both answers side by side, for the person who reads a failed test.
    pub fn check(&self, number: usize, answer: &StoreAnswer) -> Result<(), String> {
        if *answer == self.answer {
            return Ok(());
        }
        Err(format!("step {number}, {:?}\n  must be {:?}\n  but was {answer:?}", self.op, self.answer))
    }
}

/// Makes the block of 2^`log` bytes that belongs to a seed.
///
/// # Panics
/// When `log` is not the size of a block.
#[must_use]
pub fn block(seed: u64, log: u8) -> Block {
    let mut bytes = vec![0; 1 << log];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    Block::new(Bytes::from(bytes)).expect("invariant: the scripts name sizes of blocks")
}
