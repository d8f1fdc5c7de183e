//! The same seed gives the same story.

use cachette_core::time::Span;
use cachette_tests::sim::checked::Watch;
use cachette_tests::sim::cluster::Cluster;
use cachette_tests::sim::faults::Kinds;
use cachette_tests::sim::host::Kind;
use cachette_tests::sim::model::Blocks;
use cachette_tests::sim::seeds::one;
use cachette_tests::sim::world::Settings;
use cachette_tests::sim::{Violation, World};

fn eventful(world: &mut World) -> Result<(), Violation> {
    let cluster = Cluster::found(world, 4, Kind::Client)?;
    world.draw_weather(10);
    let kinds = Kinds { crashes: true, breaks: true, cuts: true, freezes: true, disks: true };
    let carriers = cluster.carriers.clone();
    world.draw_faults(kinds, &carriers, 6, Span::seconds(30));
    cluster.place(world, &mut Blocks::default(), 12);
    world.run(Span::seconds(60))
}

#[test]
fn the_same_seed_gives_the_same_story_and_another_seed_another_one() {
    let mut hashes = Vec::new();
    for seed in 0..12 {
        let (result, hash) = one(seed, Settings::default(), eventful);
        assert_eq!(result, Ok(()), "seed {seed}");
        assert_eq!(one(seed, Settings::default(), eventful).1, hash, "seed {seed}");
        hashes.push(hash);
    }
    hashes.sort_unstable_by_key(|hash| *hash.as_bytes());
    hashes.dedup();
    assert_eq!(hashes.len(), 12);
}

#[test]
fn c12_clocks_that_step_back_change_nothing() {
    for seed in 0..12 {
        let story = |watch| one(seed, Settings { watch, ..Settings::default() }, eventful);
        let (result, hash) = story(Watch::Stale);
        assert_eq!(result, Ok(()), "seed {seed}");
        assert_eq!(story(Watch::Announced).1, hash, "seed {seed}: a smaller now must count as the one seen before");
    }
}
