//! Links are made while the vault goes on and nodes die; whoever has one sees what was shared, until it is withdrawn.

use cachette_core::time::Span;
use cachette_core::vault::tree::Path;
use cachette_core::vault::{Command, CommandError, LinkError, Reply};
use cachette_tests::sim::cluster::Cluster;
use cachette_tests::sim::faults::Fault;
use cachette_tests::sim::files::{Change, difference};
use cachette_tests::sim::host::Kind;
use cachette_tests::sim::model::Files;
use cachette_tests::sim::{HostNo, Violation, World, expect, seeds};

const PATIENCE: Span = Span::seconds(400);

fn change(world: &mut World, no: HostNo, files: &mut Files) -> Result<(), Violation> {
    let count = world.rng.between(2, 6) as usize;
    let batch = Change::draw(&mut world.rng, files, count);
    let mut after = files.clone();
    batch.iter().for_each(|change| change.apply(&mut after));
    world.catch_up(no)?;
    world.insist(no, &batch, files, &after)?;
    *files = after;
    Ok(())
}

fn share(world: &mut World, no: HostNo) -> Result<cachette_core::share_link::ShareLink, Violation> {
    match world.done(no, Command::Share(Path::root()), None, PATIENCE)? {
        Ok(Reply::Shared { link, copies, .. }) => {
            expect(copies.is_some_and(|copies| copies.is_safe()), || format!("a safe link, not {copies:?}"))?;
            Ok(link)
        }
        other => Err(Violation::Expected(format!("a link, not {other:?}"))),
    }
}

#[test]
fn a_link_shows_what_was_shared_while_nodes_die() {
    seeds(24, |world| {
        let cluster = Cluster::with_devices(world, 2, 3)?;
        world.draw_weather(3);
        let mut files = Files::default();
        for _ in 0..2 {
            change(world, cluster.devices[0], &mut files)?;
        }
        let link = share(world, cluster.devices[0])?;
        let shared = files.clone();
        change(world, cluster.devices[1], &mut files)?;
        // Any one node may be gone before the link is opened, or die while it is read.
        let victim = *world.rng.pick(&cluster.carriers);
        let (after, power) = (world.rng.span(0, 800), world.rng.per_mille(500));
        world.plan(after, Fault::Crash(victim, power));
        let visitor = world.add(Kind::Visitor(link.to_string()));
        let seen = world.tree(visitor)?;
        expect(seen == shared, || format!("what was shared, not {}", difference(&shared, &seen)))?;
        // It has taken nothing but what it asked for: nobody counts on it, and it offered nobody anything.
        expect(world.invariants.sent_by(visitor) == 0, || "a visitor to send no block".to_owned())
    });
}

#[test]
fn a_withdrawn_link_opens_nothing_even_at_a_node_that_was_away() {
    seeds(24, |world| {
        let cluster = Cluster::with_devices(world, 2, 3)?;
        world.draw_weather(3);
        let mut files = Files::default();
        change(world, cluster.devices[0], &mut files)?;
        let link = share(world, cluster.devices[0])?;
        let away = *world.rng.pick(&cluster.carriers);
        let power = world.rng.per_mille(500);
        world.inflict(Fault::Crash(away, power));
        // Another device withdraws it.
        let other = cluster.devices[1];
        world.catch_up(other)?;
        let withdrawn = world.done(other, Command::Withdraw(link.id()), None, PATIENCE)?;
        expect(matches!(withdrawn, Ok(Reply::Done)), || format!("a withdrawn link, not {withdrawn:?}"))?;
        // The node that missed it is back, and whoever withdrew it is gone.
        world.crash(other, true);
        world.start(away);
        world.run(Span::seconds(5))?;
        let visitor = world.add(Kind::Visitor(link.to_string()));
        world.run(Span::seconds(20))?;
        let opened = world.done(visitor, Command::Stat(Path::root()), None, PATIENCE)?;
        expect(opened.is_err_and(|error| error == CommandError::Link(LinkError::Withdrawn)), || "a withdrawn link".to_owned())?;
        // The first device hears of it from the others, and tells the one that missed it.
        world.catch_up(cluster.devices[0])?;
        world.run(Span::seconds(30))?;
        for no in cluster.carriers.iter().filter(|no| **no != away).copied().collect::<Vec<_>>() {
            world.crash(no, true);
        }
        let late = world.add(Kind::Visitor(link.to_string()));
        let opened = world.done(late, Command::Stat(Path::root()), None, PATIENCE)?;
        expect(opened.is_err_and(|error| error == CommandError::Link(LinkError::Withdrawn)), || "withdrawn at the late node too".to_owned())
    });
}
