//! A writer whose uplink is slow sends one copy, and the holders give it to one another.

use cachette_core::id::BlockId;
use cachette_core::node::Request;
use cachette_core::time::Span;
use cachette_tests::sim::cluster::Cluster;
use cachette_tests::sim::faults::Fault;
use cachette_tests::sim::host::Kind;
use cachette_tests::sim::hostile::Malice;
use cachette_tests::sim::model::Blocks;
use cachette_tests::sim::{HostNo, Violation, World, expect, seeds};

use super::blocks_reach_their_holders::{note_acks, settled};

/// Gives the client of a cluster a slow uplink, and has it send enough to know that.
fn slow(world: &mut World, cluster: &Cluster, model: &mut Blocks) -> Result<(), Violation> {
    world.network.set_uplink(cluster.client, UPLINK);
    place(world, cluster, model, LEARN);
    settled(world, cluster, model, Span::seconds(120))
}

fn place(world: &mut World, cluster: &Cluster, model: &mut Blocks, count: usize) -> Vec<BlockId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let block = model.make_of(&mut world.rng, SIZE);
        ids.push(block.id());
        world.ask(cluster.client, Request::Place(cluster.vault, block));
    }
    ids
}

/// How many of these carriers hold a block whole.
fn copies(world: &World, cluster: &Cluster, carriers: &[HostNo], id: &BlockId) -> usize {
    carriers.iter().filter(|no| world.host(**no).disk.holds_whole(&cluster.vault, id)).count()
}

#[test]
fn one_copy_leaves_a_slow_uplink() {
    seeds(4, |world| {
        let cluster = Cluster::found(world, 3, Kind::Client)?;
        let mut model = Blocks::default();
        slow(world, &cluster, &mut model)?;
        let learnt = world.network.uploaded(cluster.client);
        let more = LEARN * SIZE + (5 << 20);
        expect(learnt < more as u64, || format!("{learnt} bytes for {LEARN} blocks and for learning"))?;
        let began = world.now();
        let ids = place(world, &cluster, &mut model, 64);
        settled(world, &cluster, &model, Span::seconds(120))?;
        let uploaded = world.network.uploaded(cluster.client) - learnt;
        expect(uploaded < (64 * SIZE * 21 / 20) as u64, || format!("one copy of 64 blocks, not {} blocks", uploaded / SIZE as u64))?;
        let once = (64 * SIZE) as u64 / UPLINK;
        let took = world.now().since(began);
        expect(took < Span(once * 3 / 2), || format!("little more than the {once} ms of one copy, not {took}"))?;
        expect(ids.iter().all(|id| cluster.copies(world, id) == 3), || "3 copies of every block".to_owned())?;
        let ids = model.ids();
        cluster.read_back(world, &model, &ids, Span::seconds(300))
    });
}

#[test]
fn a_carrier_that_dies_while_others_pull_from_it_leaves_three_copies() {
    seeds(5, |world| {
        let cluster = Cluster::found(world, 5, Kind::Client)?;
        let mut model = Blocks::default();
        slow(world, &cluster, &mut model)?;
        cluster.carriers.iter().for_each(|no| world.network.set_uplink(*no, 10 * UPLINK));
        let ids = place(world, &cluster, &mut model, 48);
        let before: Vec<_> = cluster.carriers.iter().map(|no| (*no, world.invariants.sent_by(*no))).collect();
        let serves = |world: &World| before.iter().find(|(no, before)| world.invariants.sent_by(*no) > *before).map(|(no, _)| *no);
        world.until(Span::seconds(60), "a carrier is pulled from", |world| serves(world).is_some())?;
        let source = serves(world).unwrap_or(cluster.carriers[0]);
        let (after, power) = (world.rng.span(0, 500), world.rng.per_mille(500));
        world.plan(after, Fault::Crash(source, power));
        settled(world, &cluster, &model, Span::seconds(200))?;
        note_acks(world, &cluster, &mut model);
        let others: Vec<_> = cluster.carriers.iter().copied().filter(|no| *no != source).collect();
        let safe = ids.iter().all(|id| copies(world, &cluster, &others, id) >= 2);
        expect(safe, || "every block safe without the one that died".to_owned())?;
        world.calm();
        world.until(Span::seconds(300), "3 copies of every block", |world| ids.iter().all(|id| cluster.copies(world, id) >= 3))?;
        cluster.read_back(world, &model, &ids, Span::seconds(300))
    });
}

#[test]
fn a_carrier_that_falls_silent_while_others_wait_for_its_copies_costs_seconds() {
    seeds(5, |world| {
        let cluster = Cluster::found(world, 5, Kind::Client)?;
        let mut model = Blocks::default();
        slow(world, &cluster, &mut model)?;
        let ids = place(world, &cluster, &mut model, 16);
        let silent = cluster.carriers[world.rng.below(5) as usize];
        world.inflict(Fault::Freeze(silent));
        let others: Vec<_> = cluster.carriers.iter().copied().filter(|no| *no != silent).collect();
        let bound = Span(3 * (16 * SIZE) as u64 / UPLINK + 6_000);
        let safe = |world: &World| ids.iter().all(|id| copies(world, &cluster, &others, id) >= 2);
        world.until(bound, "every block is on two carriers that are alive", safe)?;
        cluster.read_back(world, &model, &ids, Span::seconds(300))
    });
}

#[test]
fn a_carrier_that_only_says_that_it_has_blocks_costs_seconds_and_its_own_copy() {
    seeds(5, |world| {
        let client = world.add(Kind::Client);
        let honest: Vec<_> = (0..3).map(|n| world.add(Kind::Carrier(format!("zone{n}"), u64::MAX))).collect();
        let liar = world.add(Kind::Hostile(Malice::Boast));
        let cluster = Cluster::of(world, client, honest.iter().copied().chain([liar]).collect())?;
        let mut model = Blocks::default();
        slow(world, &cluster, &mut model)?;
        let began = world.now();
        // So few that the holders would wait for the liar longer than they take from here.
        let ids = place(world, &cluster, &mut model, 16);
        settled(world, &cluster, &model, Span::seconds(120))?;
        let took = world.now().since(began);
        // Three copies of each from here, and two times two waits until the uplink is seen to idle.
        let bound = Span(3 * (16 * SIZE) as u64 / UPLINK + 10_000);
        expect(took < bound, || format!("all settled in {bound}, not {took}"))?;
        let safe = ids.iter().all(|id| copies(world, &cluster, &honest, id) >= 2);
        expect(safe, || "two honest copies of every block".to_owned())?;
        cluster.read_back(world, &model, &ids, Span::seconds(300))
    });
}

/// Bytes of a block: the tail of a commit of many photos.
const SIZE: usize = 128 << 10;
/// Bytes per millisecond: 8 Mbit/s.
const UPLINK: u64 = 1000;
/// Blocks that are enough to learn what the uplink carries.
const LEARN: usize = 64;
