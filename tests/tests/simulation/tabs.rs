//! Tabs hold what every node lost, and members get it from them through a node that sees nothing.

use cachette_core::id::{BlockId, PeerId};
use cachette_core::link::CloseReason;
use cachette_core::node::{Answer, AskId, Event, Request};
use cachette_core::time::Span;
use cachette_tests::sim::cluster::Cluster;
use cachette_tests::sim::faults::Fault;
use cachette_tests::sim::host::Kind;
use cachette_tests::sim::hostile::{Saboteur, Tamper};
use cachette_tests::sim::model::Blocks;
use cachette_tests::sim::{HostNo, Violation, World, expect, seeds};

use super::blocks_reach_their_holders::{note_acks, settled};

/// A tab that has put blocks, other tabs, and carriers that have lost every copy of them.
struct Lost {
    cluster: Cluster,
    model: Blocks,
    ids: Vec<BlockId>,
    tab: HostNo,
    reader: HostNo,
}

impl Lost {
    /// A tab or a client that will read, and so many other tabs that have kept a copy while carriers still had them.
    fn everywhere(world: &mut World, count: usize, also: usize) -> Result<Self, Violation> {
        let tab = world.add(Kind::Tab(1 << 30));
        let reader = world.add(if world.seed.is_multiple_of(2) { Kind::Tab(1 << 30) } else { Kind::Client });
        let others: Vec<_> = (0..also).map(|_| world.add(Kind::Tab(1 << 30))).collect();
        let carriers: Vec<_> = (0..3).map(|n| world.add(Kind::Carrier(format!("zone{n}"), u64::MAX))).collect();
        let devices: Vec<_> = [tab, reader].into_iter().chain(others.iter().copied()).collect();
        let cluster = Cluster::shared(world, &devices, carriers)?;
        let mut model = Blocks::default();
        let ids = cluster.place(world, &mut model, count);
        settled(world, &cluster, &model, Span::seconds(120))?;
        note_acks(world, &cluster, &mut model);
        for other in others {
            world.ask(other, Request::Keep(AskId(1), cluster.vault, ids.clone()));
            let kept = |event: &Event| matches!(event, Event::Answered(AskId(1), Answer::Kept(missing)) if missing.is_empty());
            world.until(Span::seconds(60), "a copy to be kept", |world| world.host(other).events.iter().any(kept))?;
        }
        world.run(Span::seconds(5))?;
        for no in &cluster.carriers {
            for id in &ids {
                world.host_mut(*no).disk.lose(cluster.vault, *id);
            }
        }
        Ok(Self { cluster, model, ids, tab, reader })
    }

    /// The reader gets everything back.
    fn read(&self, world: &mut World, within: Span) -> Result<(), Violation> {
        let cluster = Cluster { client: self.reader, ..self.cluster.clone() };
        cluster.read_back(world, &self.model, &self.ids, within)
    }

    /// Asks for everything and waits until each block came or cannot be had; returns how many came.
    fn try_read(&self, world: &mut World, within: Span) -> Result<usize, Violation> {
        let before = world.host(self.reader).events.len();
        world.ask(self.reader, Request::Need(self.cluster.vault, self.ids.clone()));
        self.answered(world, before, within)
    }

    /// Which carrier relays for the reader now.
    fn relay(&self, world: &World) -> Option<HostNo> {
        self.cluster.carriers.iter().copied().find(|no| world.host(*no).relayed().is_some_and(|relayed| relayed.open > 0))
    }

    fn answered(&self, world: &mut World, before: usize, within: Span) -> Result<usize, Violation> {
        let count =
            |world: &World, pass: fn(&Event) -> bool| world.host(self.reader).events[before..].iter().filter(|event| pass(event)).count();
        let answers = |event: &Event| matches!(event, Event::Got(_) | Event::Unavailable(..));
        world.until(within, "every block came or cannot be had", |world| count(world, answers) >= self.ids.len())?;
        Ok(count(world, |event| matches!(event, Event::Got(_))))
    }
}

#[test]
fn what_every_node_lost_is_read_from_a_tab_through_a_node() {
    seeds(24, |world| {
        let lost = Lost::everywhere(world, 12, 0)?;
        world.draw_weather(0);
        lost.read(world, Span::seconds(120))?;
        let sent = world.invariants.sent_by(lost.tab);
        expect(sent > 0, || "the tab to have delivered".to_owned())?;
        // Who read it gives it back to the nodes, and the tunnel is closed when it is of no use any more.
        world.run(Span::seconds(200))?;
        let copies: Vec<_> = lost.ids.iter().map(|id| lost.cluster.copies(world, id)).collect();
        expect(copies.iter().all(|copies| *copies == 3), || format!("3 copies of all again, not {copies:?}"))?;
        let tab = world.host(lost.tab).peer;
        expect(!world.host(lost.reader).is_linked(&tab), || "the tunnel to be closed".to_owned())
    });
}

#[test]
fn a_relay_that_dies_in_the_middle_is_replaced_by_another_one() {
    seeds(32, |world| {
        let lost = Lost::everywhere(world, 30, 0)?;
        world.draw_weather(0);
        let before = world.host(lost.reader).events.len();
        world.ask(lost.reader, Request::Need(lost.cluster.vault, lost.ids.clone()));
        let tab = world.host(lost.tab).peer;
        world.until(Span::seconds(60), "the tab is linked", |world| world.host(lost.reader).is_linked(&tab))?;
        let pause = world.rng.span(0, 400);
        world.run(pause)?;
        let Some(relay) = lost.relay(world) else { return Ok(()) };
        let power = world.rng.per_mille(500);
        world.inflict(Fault::Crash(relay, power));
        let got = lost.answered(world, before, Span::seconds(400))?;
        expect(got == lost.ids.len(), || format!("all of {} through another relay, not {got}", lost.ids.len()))
    });
}

#[test]
fn p15_a_relay_that_changes_what_passes_is_found_out_and_delivers_nothing_false() {
    seeds(48, |world| {
        let lost = Lost::everywhere(world, 12, 0)?;
        // All relays but one mean harm: the honest one may come last.
        let honest = *world.rng.pick(&lost.cluster.carriers);
        for no in lost.cluster.carriers.clone() {
            if no != honest {
                let (tamper, rng) = (Tamper::draw(&mut world.rng), world.rng.fork());
                world.host_mut(no).meddler = Some(Saboteur::new(tamper, rng));
            }
        }
        let got = lost.try_read(world, Span::seconds(400))?;
        // Whatever came was verified: read_back compares it; what did not come can be asked for again.
        expect(got <= lost.ids.len(), || "no more than was asked for".to_owned())?;
        lost.read(world, Span::seconds(400))?;
        let blames = |(no, _, reason): &(HostNo, Option<PeerId>, CloseReason)| {
            *reason == CloseReason::Malformed && [lost.tab, lost.reader].contains(no)
        };
        let blamed = world.invariants.closings().iter().any(blames);
        expect(!blamed, || "the way to be blamed, and no peer".to_owned())
    });
}

#[test]
fn p17_a_tab_that_claims_what_it_does_not_have_costs_bounded_time() {
    seeds(24, |world| {
        let lost = Lost::everywhere(world, 8, 1)?;
        // The tab that put them says that it has them; it has nothing, or stands still.
        if world.rng.per_mille(500) {
            let owners: Vec<_> = world.host(lost.tab).disk.blocks().map(|(id, _)| id).collect();
            expect(!owners.is_empty(), || "copies in the tab".to_owned())?;
            world.host_mut(lost.tab).disk.forget_all();
        } else {
            world.inflict(Fault::Freeze(lost.tab));
        }
        lost.read(world, Span::seconds(100))
    });
}

#[test]
fn what_no_tab_has_either_is_said_in_bounded_time() {
    seeds(24, |world| {
        let lost = Lost::everywhere(world, 8, 0)?;
        let silent = world.rng.per_mille(500);
        if silent {
            world.inflict(Fault::Freeze(lost.tab));
        } else {
            world.host_mut(lost.tab).disk.forget_all();
        }
        let got = lost.try_read(world, Span::seconds(200))?;
        expect(got == 0, || format!("nothing to come, not {got}"))
    });
}

#[test]
fn b11_a_tab_that_is_hidden_or_frozen_in_the_middle_of_its_work_goes_on_within_seconds_when_it_is_back() {
    seeds(48, |world| {
        let cluster = Cluster::found(world, 3, Kind::Tab(1 << 30))?;
        world.draw_weather(0);
        let mut model = Blocks::default();
        let ids = cluster.place(world, &mut model, 12);
        let (begun, hidden, away) = (world.rng.span(0, 400), world.rng.span(0, 2_000), world.rng.span(1_000, 20 * 60_000));
        world.run(begun)?;
        world.ask(cluster.client, Request::Suspend(true));
        world.run(hidden)?;
        let frozen = world.rng.per_mille(700);
        if frozen {
            world.inflict(Fault::Freeze(cluster.client));
        }
        if world.rng.per_mille(300) {
            // Connections die unnoticed while nobody looks.
            world.inflict(Fault::HalfOpen(cluster.client));
        }
        world.run(away)?;
        if frozen {
            world.inflict(Fault::Thaw(cluster.client));
        }
        world.ask(cluster.client, Request::Suspend(false));
        settled(world, &cluster, &model, Span::seconds(30))?;
        note_acks(world, &cluster, &mut model);
        let whole = model.acked_ids(3);
        expect(whole.len() == ids.len(), || format!("3 copies of all blocks, not of {} only", whole.len()))?;
        cluster.read_back(world, &model, &ids, Span::seconds(30))
    });
}
