//! Peers that mean harm: they are closed or ignored, and the others do not notice.

use cachette_core::link::CloseReason;
use cachette_core::node::{AskId, Request};
use cachette_core::time::Span;
use cachette_tests::sim::cluster::Cluster;
use cachette_tests::sim::host::Kind;
use cachette_tests::sim::hostile::{Malice, Saboteur, Tamper};
use cachette_tests::sim::model::Blocks;
use cachette_tests::sim::{expect, seeds};

use super::blocks_reach_their_holders::{note_acks, settled};

#[test]
fn p12_a_stranger_that_means_harm_does_not_disturb_the_others() {
    seeds(48, |world| {
        let malice = Malice::ALL[world.seed as usize % Malice::ALL.len()];
        let cluster = Cluster::found(world, 3, Kind::Client)?;
        let stranger = world.add(Kind::Hostile(malice));
        let peer = world.host(stranger).peer;
        let address = world.host(stranger).address();
        let mut model = Blocks::default();
        let ids = cluster.place(world, &mut model, 10);
        // Everybody calls the stranger, and it speaks.
        for (n, no) in cluster.carriers.iter().chain([&cluster.client]).copied().enumerate() {
            world.ask(no, Request::Connect(AskId(500 + n as u64), peer, vec![address.clone()]));
        }
        settled(world, &cluster, &model, Span::seconds(120))?;
        note_acks(world, &cluster, &mut model);
        expect(model.acked_ids(3).len() == 10, || format!("3 copies of all, not of {}", model.acked_ids(3).len()))?;
        cluster.read_back(world, &model, &ids, Span::seconds(60))?;
        for no in &cluster.carriers {
            let foreign = world.host(*no).disk.blocks().filter(|(id, _)| model.bytes(id).is_none()).count();
            expect(foreign == 0, || format!("nothing uninvited on {no}, not {foreign} blocks"))?;
        }
        let mistaken = world.invariants.closings().iter().filter(|(no, to, reason)| {
            *no != stranger && to.is_some_and(|to| to != peer) && !matches!(reason, CloseReason::Asked | CloseReason::Bye)
        });
        let mistaken: Vec<_> = mistaken.collect();
        expect(mistaken.is_empty(), || format!("no honest link closed, not {mistaken:?}"))?;
        let cut_off = cluster.carriers.iter().all(|no| !world.host(*no).is_linked(&peer));
        expect(cut_off || malice != Malice::Uninvited, || "who sends uninvited blocks to be cut off".to_owned())
    });
}

#[test]
fn p12_a_carrier_that_means_harm_costs_no_more_than_its_own_copy() {
    seeds(48, |world| {
        let malice = Malice::ALL[world.seed as usize % Malice::ALL.len()];
        let client = world.add(Kind::Client);
        let mut carriers: Vec<_> = (0..3).map(|n| world.add(Kind::Carrier(format!("zone{n}"), u64::MAX))).collect();
        let bad = world.add(Kind::Hostile(malice));
        carriers.push(bad);
        let cluster = Cluster::of(world, client, carriers)?;
        let mut model = Blocks::default();
        let ids = cluster.place(world, &mut model, 10);
        settled(world, &cluster, &model, Span::seconds(400))?;
        note_acks(world, &cluster, &mut model);
        expect(model.acked_ids(2).len() == 10, || format!("all safe, not {} of 10", model.acked_ids(2).len()))?;
        cluster.read_back(world, &model, &ids, Span::seconds(300))
    });
}

#[test]
fn p08_a_socket_that_is_tampered_with_is_closed_and_the_work_goes_on() {
    seeds(96, |world| {
        let cluster = Cluster::found(world, 3, Kind::Client)?;
        let victim = *world.rng.pick(&[cluster.client, cluster.carriers[0], cluster.carriers[1], cluster.carriers[2]]);
        let (tamper, rng) = (Tamper::draw(&mut world.rng), world.rng.fork());
        world.host_mut(victim).saboteur = Some(Saboteur::new(tamper, rng));
        let mut model = Blocks::default();
        let ids = cluster.place(world, &mut model, 10);
        settled(world, &cluster, &model, Span::seconds(400))?;
        note_acks(world, &cluster, &mut model);
        expect(model.acked_ids(2).len() == 10, || format!("all safe, not {} of 10", model.acked_ids(2).len()))?;
        cluster.read_back(world, &model, &ids, Span::seconds(300))
    });
}
