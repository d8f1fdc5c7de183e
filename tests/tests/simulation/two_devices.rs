//! Devices that work at the same time, and what they believe when carriers lie or they are set back.

use std::collections::BTreeSet;

use bytes::Bytes;
use cachette_core::time::Span;
use cachette_core::vault::tree::Path;
use cachette_core::vault::{Alarm, Vault};
use cachette_tests::sim::cluster::Cluster;
use cachette_tests::sim::faults::{Fault, Kinds};
use cachette_tests::sim::files::{Change, difference};
use cachette_tests::sim::model::Files;
use cachette_tests::sim::{HostNo, Violation, World, expect, seeds};

/// Puts one file.
fn put(path: &str, content: &[u8]) -> Vec<Change> {
    vec![Change::File(Path::parse(path).expect("a path"), Bytes::copy_from_slice(content))]
}

/// Commits a batch that nothing disturbs.
fn committed(world: &mut World, no: HostNo, batch: &[Change]) -> Result<(), Violation> {
    let result = world.change(no, batch)?;
    expect(result.is_ok(), || format!("a commit on {no}, not {result:?}"))
}

/// Returns the sequence of a device's newest head as another one sees it.
fn seen(world: &World, by: HostNo, of: HostNo) -> u64 {
    let device = world.host(of).peer;
    let head = world.host(by).vault().and_then(|vault| vault.heads().find(|head| head.device == device).map(|head| head.sequence));
    head.unwrap_or(0)
}

/// Sets the records of all carriers back to an earlier moment.
struct Past(Vec<(HostNo, Vec<(cachette_core::store::RecordSlot, Bytes)>)>);

impl Past {
    fn remember(world: &World, cluster: &Cluster) -> Self {
        let records = |no: &HostNo| world.host(*no).disk.records().map(|(slot, bytes)| (*slot, bytes.clone())).collect();
        Self(cluster.carriers.iter().map(|no| (*no, records(no))).collect())
    }

    /// Carriers read their records when they start.
    fn return_to(self, world: &mut World) -> Result<(), Violation> {
        for (no, records) in self.0 {
            world.crash(no, false);
            world.host_mut(no).disk.roll_back(records);
            world.inflict(Fault::Restart(no));
        }
        world.run(Span::seconds(5))
    }
}

/// Looks whether a tree is what two devices made of a base: every version that somebody changed is there, and nothing that nobody wrote.
fn check_merge(base: &Files, one: &Files, other: &Files, merged: &Files) -> Result<(), Violation> {
    let paths: BTreeSet<&Path> = [base, one, other].iter().flat_map(|files| files.entries.keys()).collect();
    for path in paths {
        let [before, a, b] = [base, one, other].map(|files| files.entries.get(path));
        // Changed on one side wins over unchanged; a change wins over a deletion; two changes stay side by side.
        let standing: Vec<_> = [(a, b), (b, a)].into_iter().filter(|(mine, theirs)| *mine == *theirs || *mine != before).collect();
        for version in standing.into_iter().filter_map(|(mine, _)| mine) {
            let (stem, folder) = (path.to_string(), path.parent());
            let bears = |(at, item): (&Path, &Option<Bytes>)| {
                item == version && (at == path || (at.parent() == folder && at.to_string().starts_with(&stem)))
            };
            expect(merged.entries.iter().any(bears), || format!("{path} in a version that was committed; {}", difference(one, merged)))?;
        }
    }
    for (path, item) in &merged.entries {
        let written = [base, one, other].iter().any(|files| files.entries.values().any(|known| known == item));
        expect(written, || format!("{path} as somebody wrote it"))?;
        let removed_by_both = base.entries.contains_key(path) && ![one, other].iter().any(|files| files.entries.contains_key(path));
        expect(!removed_by_both, || format!("{path} gone, for both removed it"))?;
    }
    Ok(())
}

/// Lets two devices change the same vault at the same time, twice.
pub(super) fn at_the_same_time(world: &mut World, carriers_suffer: Kinds, devices_suffer: Kinds) -> Result<(), Violation> {
    let carriers = world.rng.between(3, 5) as usize;
    let cluster = Cluster::with_devices(world, 2, carriers)?;
    world.draw_weather(0);
    let (one, other) = (cluster.devices[0], cluster.devices[1]);
    let mut base = Files::default();
    for round in 0..3 {
        if round > 0 {
            world.draw_faults(carriers_suffer, &cluster.carriers, 4, Span::seconds(4));
            world.draw_faults(devices_suffer, &cluster.devices, 2, Span::seconds(4));
        }
        let mut changed = Vec::new();
        for _ in 0..2 {
            let size = world.rng.between(1, 5) as usize;
            let batch = Change::draw(&mut world.rng, &base, size);
            let mut after = base.clone();
            batch.iter().for_each(|change| change.apply(&mut after));
            changed.push((batch, after));
        }
        let [(first, a), (second, b)] = &changed[..] else { return Ok(()) };
        // The second one's files are on their way while the first one commits.
        let life = world.host(other).lives;
        let staged = world.stage(other, second)?;
        world.insist(one, first, &base, a)?;
        // What is staged dies with its device.
        let lives = world.host(other).is_up() && world.host(other).lives == life;
        if !(lives && staged.is_ok() && world.commit(other)?.is_ok()) {
            world.insist(other, second, &base, b)?;
        }
        world.calm();
        world.run(Span::seconds(60))?;
        let mut seen = Vec::new();
        for no in &cluster.devices {
            world.catch_up(*no)?;
            seen.push(world.tree(*no)?);
        }
        let merged = world.agree(&cluster.devices)?;
        expect(seen.iter().all(|seen| *seen == merged), || "what is written down to be what was seen before".to_owned())?;
        check_merge(&base, a, b, &merged)?;
        base = merged;
    }
    Ok(())
}

#[test]
fn n03_what_two_devices_change_at_the_same_time_is_kept_and_all_agree() {
    seeds(30, |world| at_the_same_time(world, Kinds::default(), Kinds::default()));
}

#[test]
fn n03_what_two_devices_change_while_machines_crash_is_kept_and_all_agree() {
    let carriers = Kinds { crashes: true, breaks: true, ..Kinds::default() };
    seeds(30, |world| at_the_same_time(world, carriers, Kinds { crashes: true, breaks: true, ..Kinds::default() }));
}

#[test]
fn c11_a_head_that_was_acted_on_is_not_forgotten_by_a_crash() {
    seeds(60, |world| {
        let cluster = Cluster::with_devices(world, 2, 3)?;
        let (writer, reader) = (cluster.devices[0], cluster.devices[1]);
        committed(world, writer, &put("/file", b"old"))?;
        world.catch_up(reader)?;
        let past = Past::remember(world, &cluster);
        committed(world, writer, &put("/file", b"new"))?;
        // The reader dies at some moment around the one at which it learns of the new head.
        let (after, power) = (world.rng.span(0, 250), world.rng.per_mille(800));
        world.plan(after, Fault::Crash(reader, power));
        let before = world.now();
        world.command(reader, cachette_core::vault::Command::Refresh, None);
        let mut shown = 0;
        while world.host(reader).is_up() && world.now().since(before) < Span::seconds(2) {
            shown = shown.max(seen(world, reader, writer));
            world.step(before + Span::seconds(2))?;
        }
        world.crash(reader, power);
        past.return_to(world)?;
        world.inflict(Fault::Restart(reader));
        expect(seen(world, reader, writer) >= shown, || format!("head {shown} still known, not {}", seen(world, reader, writer)))?;
        world.catch_up(reader)?;
        expect(seen(world, reader, writer) >= shown, || format!("nothing older than head {shown}"))?;
        let known = world.tree(reader)?;
        let content: &[u8] = if seen(world, reader, writer) == 2 { b"new" } else { b"old" };
        expect(known.entries.values().any(|item| item.as_deref() == Some(content)), || {
            "the tree of the newest head that it knows".to_owned()
        })
    });
}

#[test]
fn m10_carriers_that_all_go_back_in_time_take_no_device_along() {
    seeds(20, |world| {
        let cluster = Cluster::with_devices(world, 2, 3)?;
        let (writer, reader) = (cluster.devices[0], cluster.devices[1]);
        committed(world, writer, &put("/file", b"old"))?;
        let past = Past::remember(world, &cluster);
        committed(world, writer, &put("/file", b"new"))?;
        world.catch_up(reader)?;
        past.return_to(world)?;
        world.catch_up(reader)?;
        let files = world.tree(reader)?;
        expect(files.entries.values().any(|item| item.as_deref() == Some(b"new")), || {
            "what was seen before, not an older tree".to_owned()
        })?;
        // What is written next brings the carriers back to the present.
        committed(world, reader, &put("/other", b"more"))?;
        committed(world, writer, &put("/third", b"most"))?;
        let files = world.agree(&cluster.devices)?;
        expect(files.entries.len() == 3, || format!("three files, not {:?}", files.entries.keys()))
    });
}

#[test]
fn m12_a_device_that_is_set_up_with_the_newest_state_accepts_no_older_one() {
    seeds(20, |world| {
        let cluster = Cluster::with_devices(world, 2, 3)?;
        let (writer, newcomer) = (cluster.devices[0], cluster.devices[1]);
        committed(world, writer, &put("/file", b"old"))?;
        let past = Past::remember(world, &cluster);
        committed(world, writer, &put("/file", b"new"))?;
        // Whoever sets a device up hands it the heads that it knows, beside the certificates: the least that it is to accept.
        let heads: Vec<_> =
            world.host(writer).notes.all().into_iter().filter(|(key, _)| key[0] == cachette_core::vault::notes::HEAD).collect();
        world.crash(newcomer, false);
        heads.into_iter().for_each(|(key, value)| world.host_mut(newcomer).notes.set(key, value));
        past.return_to(world)?;
        world.inflict(Fault::Restart(newcomer));
        world.catch_up(newcomer)?;
        let files = world.tree(newcomer)?;
        expect(files.entries.values().any(|item| item.as_deref() == Some(b"new")), || "no tree older than it was told of".to_owned())
    });
}

#[test]
fn m10_one_carrier_that_hides_what_it_has_hides_nothing() {
    seeds(20, |world| {
        let cluster = Cluster::with_devices(world, 2, 3)?;
        let (writer, reader) = (cluster.devices[0], cluster.devices[1]);
        let Past(mut old) = Past::remember(world, &cluster);
        committed(world, writer, &put("/file", b"new"))?;
        world.rng.shuffle(&mut old);
        old.truncate(1);
        Past(old).return_to(world)?;
        world.catch_up(reader)?;
        let files = world.tree(reader)?;
        expect(files.entries.len() == 1, || "the file that two honest carriers know of".to_owned())
    });
}

#[test]
fn c14_a_device_that_is_set_back_and_writes_on_is_found_out() {
    seeds(20, |world| {
        let cluster = Cluster::with_devices(world, 2, 3)?;
        let (writer, reader) = (cluster.devices[0], cluster.devices[1]);
        committed(world, writer, &put("/file", b"one"))?;
        let backup = world.host(writer).notes.all();
        committed(world, writer, &put("/file", b"two"))?;
        world.catch_up(reader)?;
        world.crash(writer, false);
        world.host_mut(writer).notes.replace(backup);
        world.inflict(Fault::Restart(writer));
        // It does not ask what the others know, and signs its second head a second time.
        let command = cachette_core::vault::Command::Commit(String::new());
        let staged = world.stage(writer, &put("/file", b"three"))?;
        expect(staged.is_ok(), || format!("a staged file, not {staged:?}"))?;
        world.command(writer, command, None);
        world.run(Span::seconds(30))?;
        world.refresh(reader)?;
        world.refresh(writer)?;
        let device = world.host(writer).peer;
        let told = cluster.devices.iter().any(|no| world.host(*no).app.alarms.contains(&Alarm::Fork(device)));
        expect(told, || "an alarm: one device wrote two histories".to_owned())?;
        expect(world.host(reader).vault().map(Vault::id) == Some(cluster.vault), || "the same vault".to_owned())
    });
}
