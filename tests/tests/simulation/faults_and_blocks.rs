//! What was acknowledged stays: crashes, power cuts, full and failing disks, rot, hosts that stand still.

use cachette_core::node::{AskId, Event, Request};
use cachette_core::time::Span;
use cachette_tests::sim::cluster::Cluster;
use cachette_tests::sim::faults::{Fault, Kinds};
use cachette_tests::sim::host::Kind;
use cachette_tests::sim::model::Blocks;
use cachette_tests::sim::{expect, seeds};

use super::blocks_reach_their_holders::{note_acks, settled};

#[test]
fn c08_no_acknowledged_block_is_lost_when_carriers_crash_in_the_middle_of_a_put() {
    seeds(100, |world| {
        let carriers = world.rng.between(3, 5) as usize;
        let cluster = Cluster::found(world, carriers, Kind::Client)?;
        world.draw_weather(5);
        let kinds = Kinds { crashes: true, breaks: true, ..Kinds::default() };
        world.draw_faults(kinds, &cluster.carriers, 6, Span::seconds(15));
        let mut model = Blocks::default();
        for _ in 0..4 {
            cluster.place(world, &mut model, 5);
            let pause = world.rng.span(10, 4000);
            world.run(pause)?;
        }
        world.run(Span::seconds(30))?;
        world.calm();
        settled(world, &cluster, &model, Span::seconds(300))?;
        note_acks(world, &cluster, &mut model);
        let acked = model.acked_ids(1);
        cluster.read_back(world, &model, &acked, Span::seconds(300))
    });
}

#[test]
fn what_is_safe_is_readable_while_fewer_holders_than_copies_are_gone() {
    seeds(60, |world| {
        let carriers = world.rng.between(3, 8) as usize;
        let cluster = Cluster::found(world, carriers, Kind::Client)?;
        world.draw_weather(0);
        let mut model = Blocks::default();
        let ids = cluster.place(world, &mut model, 16);
        settled(world, &cluster, &model, Span::seconds(300))?;
        note_acks(world, &cluster, &mut model);
        let whole = model.acked_ids(3);
        expect(whole.len() == ids.len(), || format!("3 copies of all blocks, not of {} only", whole.len()))?;
        // Two of three copies may go, and they go while they are read.
        let mut doomed = cluster.carriers.clone();
        world.rng.shuffle(&mut doomed);
        for no in doomed.into_iter().take(2) {
            let (after, power) = (world.rng.span(0, 300), world.rng.per_mille(500));
            world.plan(after, Fault::Crash(no, power));
        }
        cluster.read_back(world, &model, &ids, Span::seconds(300))
    });
}

#[test]
fn d03_a_full_or_failing_disk_is_never_called_a_copy() {
    seeds(60, |world| {
        let cluster = Cluster::found(world, 4, Kind::Client)?;
        world.draw_weather(0);
        world.draw_faults(Kinds { disks: true, ..Kinds::default() }, &cluster.carriers, 5, Span::seconds(2));
        let mut model = Blocks::default();
        for _ in 0..4 {
            cluster.place(world, &mut model, 4);
            world.run(Span(600))?;
        }
        settled(world, &cluster, &model, Span::seconds(300))?;
        note_acks(world, &cluster, &mut model);
        world.calm();
        let acked = model.acked_ids(1);
        cluster.read_back(world, &model, &acked, Span::seconds(300))
    });
}

#[test]
fn d03_when_all_disks_are_full_the_writer_is_told_and_nothing_is_acknowledged() {
    seeds(20, |world| {
        let cluster = Cluster::found(world, 3, Kind::Client)?;
        for no in cluster.carriers.clone() {
            world.inflict(Fault::Full(no));
        }
        let mut model = Blocks::default();
        cluster.place(world, &mut model, 6);
        settled(world, &cluster, &model, Span::seconds(300))?;
        note_acks(world, &cluster, &mut model);
        expect(model.acked_ids(1).is_empty(), || format!("no copy, not {}", model.acked_ids(1).len()))?;
        let events = &world.host(cluster.client).events;
        let refusals = events.iter().filter(|event| matches!(event, Event::Unplaced(..))).count();
        expect(refusals >= 6 * 3, || format!("a word on every holder of every block, not {refusals}"))
    });
}

#[test]
fn r01_rot_on_one_holder_is_read_around_and_mended() {
    seeds(40, |world| {
        let cluster = Cluster::found(world, 3, Kind::Client)?;
        let mut model = Blocks::default();
        let ids = cluster.place(world, &mut model, 8);
        settled(world, &cluster, &model, Span::seconds(60))?;
        let no = *world.rng.pick(&cluster.carriers);
        for nth in 0..8 {
            world.inflict(Fault::Rot(no, nth));
        }
        cluster.read_back(world, &model, &ids, Span::seconds(60))?;
        // Reading finds only the copies that it happens to ask for; asking for all finds the rest, and an audit mends them.
        for _ in 0..12 {
            cluster.read_back(world, &model, &ids, Span::seconds(60))?;
        }
        let live = ids.clone();
        world.ask(cluster.client, Request::Audit { ask: AskId(900), vault: cluster.vault, live, mend: true });
        world.until(Span::seconds(120), "the audit ends", |world| {
            world.host(cluster.client).events.iter().any(|event| matches!(event, Event::Answered(AskId(900), _)))
        })?;
        for id in &ids {
            let untouched = world.host(no).disk.holds(&cluster.vault, id) && !world.host(no).disk.holds_whole(&cluster.vault, id);
            expect(untouched || cluster.copies(world, id) == 3, || format!("3 sound copies of {id}"))?;
        }
        Ok(())
    });
}

#[test]
fn b11_a_client_that_stood_still_for_minutes_goes_on() {
    seeds(40, |world| {
        let cluster = Cluster::found(world, 3, Kind::Client)?;
        world.draw_weather(0);
        let mut model = Blocks::default();
        let ids = cluster.place(world, &mut model, 12);
        let (begin, length) = (world.rng.span(1, 400), world.rng.span(1000, 600_000));
        world.run(begin)?;
        let sleeper = *world.rng.pick(&[cluster.client, cluster.carriers[0], cluster.carriers[1]]);
        world.inflict(Fault::Freeze(sleeper));
        world.run(length)?;
        world.inflict(Fault::Thaw(sleeper));
        settled(world, &cluster, &model, Span::seconds(300))?;
        note_acks(world, &cluster, &mut model);
        let safe = model.acked_ids(2);
        expect(safe.len() == ids.len(), || format!("all safe, not {} of 12", safe.len()))?;
        cluster.read_back(world, &model, &ids, Span::seconds(300))
    });
}

#[test]
fn n08_a_half_open_connection_is_noticed_and_replaced() {
    seeds(20, |world| {
        let cluster = Cluster::found(world, 3, Kind::Client)?;
        let mut model = Blocks::default();
        world.inflict(Fault::HalfOpen(cluster.client));
        let ids = cluster.place(world, &mut model, 6);
        settled(world, &cluster, &model, Span::seconds(400))?;
        note_acks(world, &cluster, &mut model);
        expect(model.acked_ids(2).len() == ids.len(), || format!("all safe, not {} of 6", model.acked_ids(2).len()))
    });
}
