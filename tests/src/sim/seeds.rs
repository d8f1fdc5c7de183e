//! Runs one simulation for many seeds, and says which seed failed and how its story went.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// Runs a simulation for seeds that nobody has tried, for `CACHETTE_SOAK_SECONDS`, or for `CACHETTE_SEED` alone.
///
/// # Panics
/// When a seed fails, as [`seeds`] does.
pub fn soak(simulation: impl Fn(&mut World) -> Result<(), Violation>) {
    if std::env::var_os("CACHETTE_SEED").is_some() {
        return seeds(1, simulation);
    }
    let seconds = std::env::var("CACHETTE_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let begun = Instant::now();
    let first = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    let mut runs = 0;
    while begun.elapsed() < Duration::from_secs(seconds) {
        let seed = first.wrapping_add(runs);
        let mut world = World::new(seed, Settings::default());
        if let Err(violation) = simulation(&mut world) {
            panic!("seed {seed}: {violation}");
        }
        runs += 1;
    }
    println!("{runs} seeds from {first} on");
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
