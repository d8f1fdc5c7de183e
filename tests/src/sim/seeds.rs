//! Runs one simulation for many seeds, and says which seed failed and how its story went.

use std::time::Instant;

use super::world::{STORY_LINES, Settings};
use super::{Violation, World};

/// Runs a simulation for the seeds 0 to `count`, or for `CACHETTE_SEED` alone, whose whole story is then told.
///
/// # Panics
/// When a seed fails: with its number, what was violated and the last lines of its story.
pub fn seeds(count: u64, simulation: impl Fn(&mut World) -> Result<(), Violation>) {
    let begun = Instant::now();
    let chosen = std::env::var("CACHETTE_SEED").ok().and_then(|text| text.parse().ok());
    let range = chosen.map_or(0..count, |seed: u64| seed..seed + 1);
    let runs = range.end - range.start;
    for seed in range {
        let mut world = World::new(seed, Settings::default());
        let result = simulation(&mut world);
        if chosen.is_some() {
            println!("{}", world.story.end(usize::MAX));
        }
        if let Err(violation) = result {
            // The world tells the end of its story when it falls.
            panic!("seed {seed}: {violation}");
        }
    }
    let millis = begun.elapsed().as_millis() as u64 / runs.max(1);
    println!("{runs} seeds, {millis} ms each");
}

/// Runs a simulation for one seed in a world with settings of its own; returns what was violated and the story's hash.
pub fn one(
    seed: u64,
    settings: Settings,
    simulation: impl FnOnce(&mut World) -> Result<(), Violation>,
) -> (Result<(), Violation>, blake3::Hash) {
    let mut world = World::new(seed, settings);
    let result = simulation(&mut world);
    (result, world.story.hash())
}

/// The end of a world's story, for messages.
#[must_use]
pub fn ending(world: &World) -> String {
    world.story.end(STORY_LINES)
}
