//! Blocks are brought to their holders and read back while the network is bad.

use std::collections::BTreeSet;

use cachette_core::id::BlockId;
use cachette_core::node::Event;
use cachette_core::time::Span;
use cachette_tests::sim::brief::Brief;
use cachette_tests::sim::cluster::Cluster;
use cachette_tests::sim::faults::Kinds;
use cachette_tests::sim::host::Kind;
use cachette_tests::sim::model::Blocks;
use cachette_tests::sim::{Violation, World, expect, seeds};

/// Notes what a client was told of its blocks.
pub(super) fn note_acks(world: &World, cluster: &Cluster, model: &mut Blocks) {
    for event in &world.host(cluster.client).events {
        if let Event::Placed(id, copies) | Event::Settled(id, copies) = event {
            model.acked(id, copies.durable);
        }
    }
}

/// Waits until each of the blocks is settled; says what is known of one that is not.
pub(super) fn settled(world: &mut World, cluster: &Cluster, model: &Blocks, within: Span) -> Result<(), Violation> {
    let mut open: BTreeSet<BlockId> = model.ids().into_iter().collect();
    let mut seen = 0;
    let result = world.until(within, "every block settles", |world| {
        let events = &world.host(cluster.client).events;
        for event in &events[seen..] {
            if let Event::Settled(id, _) = event {
                open.remove(id);
            }
        }
        seen = events.len();
        open.is_empty()
    });
    if let (Err(_), Some(id)) = (&result, open.first()) {
        let name = Brief(id).to_string();
        eprintln!("{name} does not settle:\n{}", world.story.about(&name, 40));
    }
    result
}

#[test]
fn a_put_has_all_its_copies_on_a_fair_network() {
    seeds(40, |world| {
        let carriers = world.rng.between(3, 8) as usize;
        let cluster = Cluster::found(world, carriers, Kind::Client)?;
        world.draw_weather(0);
        let mut model = Blocks::default();
        let ids = cluster.place(world, &mut model, 12);
        settled(world, &cluster, &model, Span::seconds(60))?;
        for id in &ids {
            expect(cluster.copies(world, id) == 3, || format!("3 copies of {id}, not {}", cluster.copies(world, id)))?;
        }
        cluster.read_back(world, &model, &ids, Span::seconds(60))
    });
}

#[test]
fn p08_a_put_goes_on_over_new_links_when_connections_are_lost() {
    seeds(60, |world| {
        let cluster = Cluster::found(world, 3, Kind::Client)?;
        world.draw_weather(25);
        let all: Vec<_> = cluster.carriers.iter().copied().chain([cluster.client]).collect();
        world.draw_faults(Kinds { breaks: true, ..Kinds::default() }, &all, 6, Span::seconds(20));
        let mut model = Blocks::default();
        let ids = cluster.place(world, &mut model, 16);
        world.run(Span::seconds(40))?;
        world.calm();
        settled(world, &cluster, &model, Span::seconds(300))?;
        note_acks(world, &cluster, &mut model);
        expect(model.acked_ids(2).len() == ids.len(), || format!("all safe, not {} of 16", model.acked_ids(2).len()))?;
        cluster.read_back(world, &model, &ids, Span::seconds(300))
    });
}

#[test]
fn n01_a_put_survives_partitions_and_ends_when_they_heal() {
    seeds(40, |world| {
        let carriers = world.rng.between(3, 5) as usize;
        let cluster = Cluster::found(world, carriers, Kind::Client)?;
        world.draw_weather(5);
        let all: Vec<_> = cluster.carriers.iter().copied().chain([cluster.client]).collect();
        world.draw_faults(Kinds { cuts: true, ..Kinds::default() }, &all, 8, Span::seconds(120));
        let mut model = Blocks::default();
        let ids = cluster.place(world, &mut model, 10);
        world.run(Span::seconds(180))?;
        world.calm();
        settled(world, &cluster, &model, Span::seconds(600))?;
        note_acks(world, &cluster, &mut model);
        let safe = model.acked_ids(2);
        cluster.read_back(world, &model, &safe, Span::seconds(120))?;
        expect(safe.len() == ids.len(), || format!("all safe once the network is whole again, not {} of 10", safe.len()))
    });
}
