//! Single cases of vaults among carriers that are full, gone, rotten, curious or hostile.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use cachette_core::node::{Answer, AskId, Event, Request};
use cachette_core::record::Record;
use cachette_core::time::Span;
use cachette_core::vault::tree::Path;
use cachette_core::vault::{Command, CommandError, Reply};
use cachette_tests::sim::cluster::Cluster;
use cachette_tests::sim::faults::{Fault, Kinds};
use cachette_tests::sim::files::{Change, difference};
use cachette_tests::sim::host::Kind;
use cachette_tests::sim::hostile::Malice;
use cachette_tests::sim::model::Files;
use cachette_tests::sim::world::Settings;
use cachette_tests::sim::{Violation, World, expect, seeds};

#[test]
fn d03_a_put_onto_full_disks_everywhere_fails_and_succeeds_when_there_is_room() {
    seeds(20, |world| {
        let cluster = Cluster::with_devices(world, 1, 3)?;
        let batch = Change::draw(&mut world.rng, &Files::default(), 4);
        cluster.carriers.iter().for_each(|no| world.inflict(Fault::Full(*no)));
        let refused = world.change(cluster.client, &[batch.as_slice(), &file("one", b"more")].concat())?;
        expect(matches!(refused, Err(CommandError::NotSafe(_))), || format!("a refusal, not {refused:?}"))?;
        world.calm();
        let done = world.change(cluster.client, &batch)?;
        expect(done.is_ok(), || format!("a commit, not {done:?}"))?;
        let mut files = Files::default();
        batch.iter().for_each(|change| change.apply(&mut files));
        let found = world.tree(cluster.client)?;
        expect(found == files, || format!("nothing of the first attempt: {}", difference(&files, &found)))
    });
}

#[test]
fn n05_with_too_few_holders_nothing_is_called_safe_until_one_more_is_back() {
    seeds(30, |world| {
        let carriers = world.rng.between(2, 4) as usize;
        let cluster = Cluster::with_devices(world, 1, carriers)?;
        let (one, many) = cluster.carriers.split_at(1);
        for no in many {
            // Gone, or there without being of any use.
            match world.rng.below(3) {
                0 => world.crash(*no, true),
                1 => world.inflict(Fault::Freeze(*no)),
                _ => world.crash(*no, false),
            }
        }
        let batch = file("file", b"content");
        let staged = world.stage(cluster.client, &batch)?;
        expect(staged.is_ok(), || format!("a staged file, not {staged:?}"))?;
        let commit = world.command(cluster.client, Command::Commit(String::new()), None);
        world.run(Span::seconds(600))?;
        let reply = world.host(cluster.client).app.reply(commit);
        expect(reply.is_none(), || format!("nothing to be said with one holder, not {reply:?}"))?;
        let is_head = |bytes: &Bytes| matches!(Record::decode(bytes.clone()), Ok(Record::Head(_)));
        let shown = world.host(one[0]).disk.records().any(|(_, bytes)| is_head(bytes));
        expect(!shown, || "no head to be shown".to_owned())?;
        world.calm();
        let reply = world.replied(cluster.client, commit, Span::seconds(300), "the commit stands at last")?;
        expect(matches!(reply, Ok(Reply::Committed(_))), || format!("a commit, not {reply:?}"))
    });
}

#[test]
fn n04_acks_that_are_lost_make_nothing_happen_twice() {
    seeds(40, |world| {
        let cluster = Cluster::with_devices(world, 1, 3)?;
        world.draw_weather(40);
        world.draw_faults(Kinds { breaks: true, ..Kinds::default() }, &cluster.carriers, 10, Span::seconds(6));
        let mut files = Files::default();
        for _ in 0..3 {
            let batch = Change::draw(&mut world.rng, &files, 3);
            let mut after = files.clone();
            batch.iter().for_each(|change| change.apply(&mut after));
            let stood = after == files;
            let committed = world.change(cluster.client, &batch)?;
            expect(matches!(&committed, Ok(committed) if committed.changed || stood), || format!("a commit, not {committed:?}"))?;
            files = after;
        }
        world.calm();
        world.run(Span::seconds(60))?;
        let found = world.tree(cluster.client)?;
        expect(found == files, || format!("what was committed, not {}", difference(&files, &found)))?;
        let sealed = world.invariants.sealings();
        let mut held: BTreeMap<_, usize> = BTreeMap::new();
        for no in &cluster.carriers {
            world.host(*no).disk.ids(cluster.vault).for_each(|id| *held.entry(id).or_default() += 1);
        }
        expect(held.len() <= sealed, || format!("{sealed} blocks, not {}", held.len()))?;
        expect(held.values().all(|copies| *copies == 3), || "three copies of each".to_owned())
    });
}

#[test]
fn c10_what_travelled_before_a_device_died_does_not_travel_again() {
    seeds(3, |world| {
        let cluster = Cluster::with_devices(world, 1, 1)?;
        let mut content = vec![0; 40 * MIB];
        world.rng.fill(&mut content);
        let batch = file("large", &content);
        let (put, content) = batch[0].command();
        world.command(cluster.client, put, content);
        let held = |world: &World| world.host(cluster.carriers[0]).disk.blocks().map(|(_, bytes)| bytes.len()).sum::<usize>();
        let enough = world.rng.between(20, 38) as usize * MIB;
        world.until(Span::seconds(600), "a part is durable", |world| held(world) >= enough)?;
        let power = world.seed.is_multiple_of(2);
        world.crash(cluster.client, power);
        let (durable, sent) = (held(world), world.invariants.sent_by(cluster.client));
        world.inflict(Fault::Restart(cluster.client));
        let committed = world.change(cluster.client, &batch)?;
        expect(committed.is_ok(), || format!("a commit, not {committed:?}"))?;
        let again = world.invariants.sent_by(cluster.client) - sent;
        // What was sealed since the journal was last written may travel twice: 16 packs, and the one that was open.
        let bound = (40 + 1) * MIB - durable + 17 * MIB;
        expect(again <= bound, || format!("at most {bound} bytes after {durable} were durable, not {again}"))?;
        let found = world.tree(cluster.client)?;
        expect(found.entries.values().flatten().any(|bytes| bytes.len() == 40 * MIB), || "the file".to_owned())
    });
}

#[test]
fn r02_as_long_as_one_good_copy_is_left_every_copy_is_made_good_again() {
    seeds(40, |world| {
        let cluster = Cluster::with_devices(world, 1, 3)?;
        let batch = Change::draw(&mut world.rng, &Files::default(), 5);
        let committed = world.change(cluster.client, &batch)?;
        expect(committed.is_ok(), || format!("a commit, not {committed:?}"))?;
        let Ok(Reply::Live(live)) = world.done(cluster.client, Command::Live, None, Span::seconds(60))? else {
            return Err(Violation::Expected("the live blocks".to_owned()));
        };
        // Two of three copies of every block rot, never the same two.
        for id in &live {
            let spared = world.rng.index(3);
            for (n, no) in cluster.carriers.iter().enumerate().filter(|(n, _)| *n != spared) {
                expect(world.host_mut(*no).disk.rot(cluster.vault, *id), || format!("{id} on carrier {n}"))?;
                world.invariants.harmed(*no, *id);
            }
        }
        // Reading meets rotten copies, whose holders set them aside; what is missing then is brought back.
        for round in 0..12 {
            for no in &cluster.carriers {
                world.ask(cluster.client, Request::Need(cluster.vault, live.clone()));
                let pause = world.rng.span(500, 1000);
                world.run(pause)?;
                let whole = |id| cluster.copies(world, id) > 0;
                expect(live.iter().all(whole), || format!("a good copy of every block, whatever {no} is told"))?;
            }
            let ask = AskId(900 + round);
            world.ask(cluster.client, Request::Audit { ask, vault: cluster.vault, live: live.clone(), mend: true });
            let over = |event: &Event| matches!(event, Event::Answered(found, Answer::Audited(_)) if *found == ask);
            world.until(Span::seconds(120), "the audit ends", |world| world.host(cluster.client).events.iter().any(over))?;
            expect(live.iter().all(|id| cluster.copies(world, id) > 0), || "a good copy of every block".to_owned())?;
        }
        for id in &live {
            let untouched = cluster.carriers.iter().filter(|no| {
                let disk = &world.host(**no).disk;
                disk.holds(&cluster.vault, id) && !disk.holds_whole(&cluster.vault, id)
            });
            let rotten = untouched.count();
            expect(cluster.copies(world, id) + rotten == 3, || format!("{id} made good wherever its rot was met"))?;
        }
        let mut files = Files::default();
        batch.iter().for_each(|change| change.apply(&mut files));
        let found = world.tree(cluster.client)?;
        expect(found == files, || format!("what was committed, not {}", difference(&files, &found)))
    });
}

#[test]
fn p12_a_carrier_that_means_harm_does_not_harm_the_files() {
    seeds(48, |world| {
        let malice = Malice::ALL[world.seed as usize % Malice::ALL.len()];
        let device = world.add(Kind::Device);
        let mut carriers: Vec<_> = (0..3).map(|n| world.add(Kind::Carrier(format!("zone{n}"), u64::MAX))).collect();
        carriers.push(world.add(Kind::Hostile(malice)));
        let cluster = Cluster::shared(world, &[device], carriers)?;
        let mut files = Files::default();
        for _ in 0..2 {
            let batch = Change::draw(&mut world.rng, &files, 4);
            let mut after = files.clone();
            batch.iter().for_each(|change| change.apply(&mut after));
            world.insist(cluster.client, &batch, &files, &after)?;
            files = after;
        }
        world.crash(cluster.client, false);
        let found = world.tree(cluster.client)?;
        expect(found == files, || format!("what was committed, not {}", difference(&files, &found)))
    });
}

#[test]
fn g07_whoever_puts_the_same_content_however_no_key_seals_two_blocks() {
    seeds(20, |world| {
        let cluster = Cluster::with_devices(world, 2, 3)?;
        let mut content = vec![0; 100_000];
        world.rng.fill(&mut content);
        // The same bytes alone, beside others, cut off, by another device, and again after a loss of all that it remembered.
        for round in 0..6 {
            let no = *world.rng.pick(&cluster.devices);
            let len = content.len() - world.rng.index(3) * 1000;
            let mut batch = file(&format!("same{round}"), &content[..len]);
            if world.rng.per_mille(500) {
                batch.extend(file(&format!("beside{round}"), &content[..world.rng.index(3000)]));
            }
            if world.rng.per_mille(300) {
                world.crash(no, true);
                world.inflict(Fault::Restart(no));
            }
            let committed = world.change(no, &batch)?;
            expect(committed.is_ok(), || format!("a commit, not {committed:?}"))?;
        }
        // Every seal is looked at by the invariants of the world.
        expect(world.invariants.sealings() >= 6, || format!("blocks, not {}", world.invariants.sealings()))
    });
}

#[test]
fn m20_a_commit_shows_how_many_blocks_of_which_sizes_and_nothing_of_what_is_in_them() {
    seeds(20, |world| {
        // The same sizes with other content, names and folders, each in a vault of its own: a carrier sees the same.
        let lens: Vec<usize> = (0..world.rng.between(1, 4)).map(|_| world.rng.index(30_000)).collect();
        let mut views = Vec::new();
        let mut ids = Vec::new();
        for names in [["a", "b", "c", "d"], ["w", "x", "y", "z"]] {
            let world = &mut World::new(world.rng.next(), Settings::default());
            let cluster = Cluster::with_devices(world, 1, 1)?;
            let mut batch = Vec::new();
            for (name, len) in names.iter().zip(&lens) {
                let mut content = vec![0; *len];
                world.rng.fill(&mut content);
                batch.extend(file(name, &content));
            }
            let committed = world.change(cluster.client, &batch)?;
            expect(committed.is_ok(), || format!("a commit, not {committed:?}"))?;
            let disk = &world.host(cluster.carriers[0]).disk;
            let mut sizes: Vec<usize> = disk.blocks().map(|(_, bytes)| bytes.len()).collect();
            sizes.sort_unstable();
            expect(sizes.iter().all(|size| size.is_power_of_two()), || format!("sizes of blocks, not {sizes:?}"))?;
            let records: Vec<usize> = disk.records().map(|(_, bytes)| bytes.len()).collect();
            views.push((sizes, records.len()));
            ids.extend(disk.blocks().map(|(id, _)| id));
        }
        expect(views[0] == views[1], || format!("the same seen twice, not {views:?}"))?;
        let distinct: BTreeSet<_> = ids.iter().collect();
        expect(distinct.len() == ids.len(), || "no block of one vault in the other".to_owned())
    });
}

/// Puts one file.
fn file(path: &str, content: &[u8]) -> Vec<Change> {
    vec![Change::File(Path::parse(path).expect("a path"), Bytes::copy_from_slice(content))]
}

const MIB: usize = 1 << 20;
