//! Devices change a vault one after the other while everything fails around them: the tree is what a plain map of files says.

use cachette_core::time::Span;
use cachette_core::vault::tree::Path;
use cachette_tests::sim::cluster::Cluster;
use cachette_tests::sim::faults::Kinds;
use cachette_tests::sim::files::{Change, difference};
use cachette_tests::sim::model::Files;
use cachette_tests::sim::{HostNo, Violation, World, expect, seeds};

/// Lets devices take turns at changing the vault while faults of these kinds befall the carriers, and others the devices.
pub(super) fn taking_turns(world: &mut World, carriers_suffer: Kinds, devices_suffer: Kinds) -> Result<(), Violation> {
    let (devices, carriers) = (world.rng.between(2, 3) as usize, world.rng.between(3, 5) as usize);
    let cluster = Cluster::with_devices(world, devices, carriers)?;
    world.draw_weather(5);
    world.draw_faults(carriers_suffer, &cluster.carriers, 8, Span::seconds(12));
    world.draw_faults(devices_suffer, &cluster.devices, 8, Span::seconds(12));
    let mut files = Files::default();
    for _ in 0..4 {
        let no = *world.rng.pick(&cluster.devices);
        let pause = world.rng.span(0, 2000);
        world.run(pause)?;
        world.catch_up(no)?;
        let size = world.rng.between(1, 5) as usize;
        let batch = Change::draw(&mut world.rng, &files, size);
        let mut after = files.clone();
        batch.iter().for_each(|change| change.apply(&mut after));
        world.insist(no, &batch, &files, &after)?;
        files = after;
        read_somewhere(world, &cluster.devices, &files)?;
    }
    world.calm();
    world.run(Span::seconds(60))?;
    for no in &cluster.devices {
        world.catch_up(*no)?;
        let found = world.tree(*no)?;
        expect(found == files, || format!("on {no} what was committed, not {}", difference(&files, &found)))?;
    }
    Ok(())
}

/// Every kind of fault.
pub(super) const ALL: Kinds = Kinds { crashes: true, breaks: true, cuts: true, freezes: true, disks: true };

/// Reads a part of some file on some device that has caught up.
fn read_somewhere(world: &mut World, devices: &[HostNo], files: &Files) -> Result<(), Violation> {
    let known: Vec<(&Path, _)> = files.entries.iter().filter_map(|(path, item)| Some((path, item.as_ref()?))).collect();
    if known.is_empty() {
        return Ok(());
    }
    let no = *world.rng.pick(devices);
    let (path, content) = known[world.rng.index(known.len())];
    world.catch_up(no)?;
    let from = world.rng.index(content.len() + 2);
    let len = world.rng.index(content.len() + 2);
    let Ok(found) = world.read(no, path, from as u64, Some(len as u64))? else { return Ok(()) };
    let expected = content.slice(from.min(content.len())..(from + len).min(content.len()));
    expect(found == expected, || format!("{len} bytes of {path} from {from} on as they were put"))
}

#[test]
fn what_was_committed_is_there_when_carriers_crash_and_connections_break() {
    let carriers = Kinds { crashes: true, breaks: true, ..Kinds::default() };
    seeds(30, |world| taking_turns(world, carriers, Kinds { breaks: true, ..Kinds::default() }));
}

#[test]
fn what_was_committed_is_there_when_the_network_parts_and_machines_stand_still() {
    let suffer = Kinds { cuts: true, freezes: true, ..Kinds::default() };
    seeds(20, |world| taking_turns(world, suffer, Kinds { freezes: true, ..Kinds::default() }));
}

#[test]
fn c10_a_device_that_dies_in_the_middle_of_a_put_leaves_all_of_it_or_nothing() {
    seeds(40, |world| taking_turns(world, Kinds::default(), Kinds { crashes: true, ..Kinds::default() }));
}

#[test]
fn d03_a_commit_on_full_and_failing_disks_is_safe_or_no_commit() {
    seeds(30, |world| taking_turns(world, Kinds { disks: true, ..Kinds::default() }, Kinds::default()));
}

#[test]
fn c07_whatever_happens_a_head_is_shown_only_when_its_blocks_are_safe() {
    seeds(40, |world| taking_turns(world, ALL, Kinds { disks: false, ..ALL }));
}
