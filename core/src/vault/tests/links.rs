//! Stories of links: made, listed, kept alive and withdrawn on any device, and gone for good then.

use super::sharing::{Guest, carrier, contents, device, share};
use super::*;
use crate::record::Share;

fn listed(device: &mut Device, world: &mut World) -> Vec<String> {
    match device.run(world, Command::Shares) {
        Ok(Reply::Shares(listed)) => listed.iter().map(|share| share.path.to_string()).collect(),
        other => panic!("not listed: {other:?}"),
    }
}

fn second_device(first: &mut Device, world: &mut World) -> Device {
    let chain = first.vault.chain().clone();
    let newcomer = Newcomer::device(&Identity::from_seed(&seed(2)));
    let certificate =
        Amendment::of(&chain).enrol(newcomer).expect("enrolled").sign(&Identity::from_seed(&seed(1)), &[5; 32]).expect("signed");
    world.records.insert(certificate.id(), Record::Certificate(certificate.clone()));
    let certificates = chain.certificates().iter().chain([&certificate]);
    let notes = certificates.map(|one| (notes::certificate_key(one.number), one.bytes().to_vec())).collect();
    let mut second = Device::open(2, notes);
    first.refresh(world);
    second.refresh(world);
    second
}

fn shares(world: &World) -> Vec<Share> {
    let share = |record: &Record| match record {
        Record::Share(share) => Some(share.clone()),
        _ => None,
    };
    world.records.values().filter_map(share).collect()
}

#[test]
fn a_link_is_frozen_and_lasts_while_the_vault_goes_on() {
    let mut world = World::default();
    let mut device = device(&mut world);
    device.put(&mut world, "/album/one", &noise(400_000, 1));
    device.put(&mut world, "/album/deep/two", b"two");
    device.commit(&mut world);
    let link = share(&mut device, &mut world, "/album");
    device.put(&mut world, "/album/one", b"changed");
    device.run(&mut world, Command::Remove(path("/album/deep"))).expect("staged");
    device.commit(&mut world);
    let seen = Guest::new(&world, &link).everything(&world);
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["/deep/two", "/one"]);
    assert!(seen["/one"] == noise(400_000, 1));
    // Every block that it needs is live.
    let Ok(Reply::Live(live)) = device.run(&mut world, Command::Live) else { panic!("not walked") };
    let kept: World = World {
        blocks: live.iter().filter_map(|id| Some((*id, world.blocks.get(id)?.clone()))).collect(),
        records: world.records.clone(),
        ..World::default()
    };
    assert_eq!(Guest::new(&kept, &link).everything(&kept).len(), 2);
    // And so is it after a restart, and on another device.
    let mut second = second_device(&mut device, &mut world);
    assert_eq!(listed(&mut second, &mut world), ["album"]);
    let mut again = device.killed();
    assert_eq!(listed(&mut again, &mut world), ["album"]);
    let Ok(Reply::Live(same)) = again.run(&mut world, Command::Live) else { panic!("not walked") };
    assert_eq!(same.len(), live.len());
    let Ok(Reply::Live(same)) = second.run(&mut world, Command::Live) else { panic!("not walked") };
    assert_eq!(same.len(), live.len());
}

#[test]
fn a_link_is_told_only_when_it_is_safe() {
    let mut world = World::default();
    let mut device = device(&mut world);
    device.put(&mut world, "/file", &noise(100_000, 1));
    device.commit(&mut world);
    device.refuse = true;
    let command = device.start(&mut world, Command::Share(path("/file")));
    assert!(device.replies.is_empty() && shares(&world).is_empty(), "its blocks are not safe");
    let placed: Vec<BlockId> =
        device.journal.iter().rev().map_while(|line| line.strip_prefix("place ")).map(|id| id.parse().expect("an id")).collect();
    assert!(!placed.is_empty());
    device.mute = true;
    for id in placed {
        device.handle(&mut world, Input::Settled(id, SAFE));
    }
    assert!(device.replies.is_empty(), "no carrier has its record");
    device.mute = false;
    let kept = device.journal.iter().rposition(|line| line == "keep").expect("kept");
    assert!(device.journal.iter().rposition(|line| line.starts_with("publish")).expect("published") > kept);
    let mut again = device.killed();
    assert_eq!(listed(&mut again, &mut world), ["file"], "it may have been seen, so it is known after a restart");
    let _ = command;
}

#[test]
fn a_withdrawn_link_stays_withdrawn() {
    let mut world = World::default();
    let mut first = device(&mut world);
    first.put(&mut world, "/file", b"content");
    first.commit(&mut world);
    let link = share(&mut first, &mut world, "/file");
    let live = shares(&world);
    let mut second = second_device(&mut first, &mut world);
    // Any device may.
    assert!(matches!(second.run(&mut world, Command::Withdraw(link.id())), Ok(Reply::Done)));
    assert!(listed(&mut second, &mut world).is_empty());
    let withdrawal = shares(&world).into_iter().find(Share::is_withdrawn).expect("published");
    assert!(withdrawal.proves_withdrawal_of(&live[0]));
    first.refresh(&mut world);
    assert!(listed(&mut first, &mut world).is_empty());
    assert!(matches!(first.run(&mut world, Command::Withdraw(link.id())), Err(CommandError::NotFound(_))));
    // A carrier that was away shows the link again: it does not come back, and the carrier is told.
    let mut first = first.killed();
    world.records.retain(|_, record| !matches!(record, Record::Share(share) if share.is_withdrawn()));
    first.refresh(&mut world);
    assert!(listed(&mut first, &mut world).is_empty());
    assert!(shares(&world).iter().any(Share::is_withdrawn), "the carrier got the withdrawal");
    let mut again = first.killed();
    again.refresh(&mut world);
    assert!(listed(&mut again, &mut world).is_empty());
}

#[test]
fn links_outlive_nodes_and_the_devices_that_made_them() {
    let mut world = World::default();
    let mut device = device(&mut world);
    device.put(&mut world, "/file", b"content");
    device.commit(&mut world);
    let link = share(&mut device, &mut world, "/file");
    assert_eq!(link.nodes, [(carrier(50).peer, "wss://node-50.example:4001".to_owned())], "what a browser can call comes first");
    assert!(matches!(device.run(&mut world, Command::Amend(Change::Carrier(carrier(51)))), Ok(Reply::Done)));
    device.run(&mut world, Command::Spread).expect("spread");
    let newest = shares(&world).into_iter().max_by_key(|share| share.fields.sequence).expect("a share");
    assert_eq!(newest.fields.sequence, 2);
    let carriers = Shared::contents_of(&link, &newest).expect("the same link opens it").carriers;
    assert_eq!(carriers.len(), 2);
    assert!(carriers.iter().all(|carrier| carrier.name.is_empty()), "what the operators call their nodes is nobody's business");
    device.run(&mut world, Command::Spread).expect("spread");
    assert_eq!(shares(&world).iter().map(|share| share.fields.sequence).max(), Some(2), "and then nothing changes any more");
}

#[test]
fn what_cannot_be_shared_is_said_and_harms_nothing() {
    let mut world = World::default();
    let mut alone = Device::open(1, founded().1);
    assert_eq!(alone.run(&mut world, Command::Share(path("/"))).map(|_| ()), Err(CommandError::NoCarriers));
    let mut device = device(&mut world);
    device.run(&mut world, Command::Put(path("/link"), New::Symlink(META, b"target".to_vec()))).expect("staged");
    device.commit(&mut world);
    let putting = device.start(&mut world, Command::Put(path("/file"), New::File(META)));
    device.handle(&mut world, Input::Bytes(putting, Bytes::from_static(b"content")));
    assert!(matches!(device.run(&mut world, Command::Share(path("/nothing"))), Err(CommandError::NotFound(_))));
    assert!(matches!(device.run(&mut world, Command::Share(path("/link"))), Err(CommandError::NotAFile(_))));
    // A whole vault can be, beside a put that has not ended.
    let link = share(&mut device, &mut world, "/");
    let Ok(Reply::List(entries)) = Guest::new(&world, &link).run(&world, Command::List { path: Path::root(), after: None, limit: 10 })
    else {
        panic!("not listed")
    };
    assert_eq!(entries.len(), 1);
    device.handle(&mut world, Input::End(putting));
    device.commit(&mut world);
    assert_eq!(device.read(&mut world, "/file", 0, None).expect("the put went on"), b"content");
}

#[test]
fn what_a_link_opens_can_only_be_read() {
    let mut world = World::default();
    let mut device = device(&mut world);
    device.put(&mut world, "/file", b"content");
    device.commit(&mut world);
    let link = share(&mut device, &mut world, "/file");
    let mut guest = Guest::new(&world, &link);
    assert!(matches!(guest.run(&world, Command::Remove(path("/file"))), Err(CommandError::NoRight(_))));
    assert!(matches!(guest.run(&world, Command::Share(path("/file"))), Err(CommandError::NoRight(_))));
    assert!(matches!(guest.read(&world, "/other"), Err(CommandError::NotFound(_))));
    assert_eq!(guest.read(&world, "/file").expect("it is read"), b"content");
    world.blocks.clear();
    let mut late = Guest::new(&world, &link);
    assert!(matches!(late.read(&world, "/file"), Err(CommandError::Unavailable(_))));
    assert!(contents(&world, &link).is_some());
}
