//! Stories of several devices: what they did at the same time, and what none of them goes back on.

use super::*;

/// Two devices of one vault that know its first snapshot.
fn two_devices(world: &mut World) -> (Device, Device) {
    let (mut chain, mut notes) = founded();
    let second = Identity::from_seed(&seed(2));
    let certificate = Amendment::of(&chain).enrol(Newcomer::device(&second)).expect("new").sign(&Identity::from_seed(&seed(1)), &[4; 32]);
    let certificate = certificate.expect("signed");
    notes.insert(notes::certificate_key(1), certificate.bytes().to_vec());
    chain.extend(certificate).expect("it stands");
    let (mut one, mut two) = (Device::open(1, notes.clone()), Device::open(2, notes));
    for (name, content) in [("/both", "base"), ("/kept", "base"), ("/gone", "base"), ("/dir/x", "base")] {
        one.put(world, name, content.as_bytes());
    }
    one.commit(world);
    two.refresh(world);
    assert_eq!(two.names(world, "/"), ["both", "dir", "gone", "kept"]);
    (one, two)
}

#[test]
fn n03_two_devices_that_changed_the_same_lose_nothing_whatever_the_order() {
    let mut trees = Set::new();
    for swapped in [false, true] {
        let mut world = World::default();
        let (mut one, mut two) = two_devices(&mut world);
        one.put(&mut world, "/both", b"one's");
        one.put(&mut world, "/dir/one", b"1");
        one.run(&mut world, Command::Remove(path("/gone"))).expect("removed");
        two.put(&mut world, "/both", b"two's");
        two.put(&mut world, "/dir/two", b"2");
        two.put(&mut world, "/gone", b"changed after all");
        if swapped {
            two.commit(&mut world);
            one.commit(&mut world);
        } else {
            one.commit(&mut world);
            two.commit(&mut world);
        }
        for device in [&mut one, &mut two] {
            device.refresh(&mut world);
            assert_eq!(device.names(&mut world, "/dir"), ["one", "two", "x"]);
            let seen = device.names(&mut world, "/");
            device.commit(&mut world);
            assert_eq!(device.names(&mut world, "/"), seen, "what was seen is what is written down");
            assert_eq!(device.names(&mut world, "/dir"), ["one", "two", "x"]);
            let mut names = device.names(&mut world, "/");
            assert_eq!(names.len(), 5, "{names:?}");
            let conflict = names.iter().find(|name| name.starts_with("both (device")).expect("both versions stay").clone();
            let contents: Set<Vec<u8>> =
                ["/both", &format!("/{conflict}")].iter().map(|name| device.read(&mut world, name, 0, None).expect("there")).collect();
            assert_eq!(contents, Set::from([b"one's".to_vec(), b"two's".to_vec()]));
            assert_eq!(device.read(&mut world, "/gone", 0, None), Ok(b"changed after all".to_vec()), "a change wins over a deletion");
            names.push(String::from_utf8(device.read(&mut world, "/both", 0, None).expect("there")).expect("text"));
            trees.insert(names);
        }
    }
    assert_eq!(trees.len(), 1, "all devices see one tree: {trees:?}");
}

/// Of heads that nobody had merged, only the first one's tree was shown: to the device that wrote the other one, its own safe file was
/// gone until somebody committed something.
#[test]
fn what_two_devices_did_at_once_is_seen_before_anybody_writes_it_down() {
    let mut world = World::default();
    let (mut one, mut two) = two_devices(&mut world);
    let large = noise(3_000_000, 3);
    one.put(&mut world, "/dir/one", b"1");
    two.put(&mut world, "/dir/two", &large);
    one.commit(&mut world);
    two.commit(&mut world);
    let placed = world.placed;
    for device in [&mut one, &mut two] {
        device.refresh(&mut world);
        assert_eq!(device.names(&mut world, "/dir"), ["one", "two", "x"]);
        assert_eq!(device.read(&mut world, "/dir/one", 0, None), Ok(b"1".to_vec()));
        assert!(device.read(&mut world, "/dir/two", 0, None) == Ok(large.clone()));
    }
    assert_eq!(world.placed, placed, "nobody who only looks writes anything");

    // A folder that is moved as it was seen takes the pages along that no commit has written down.
    assert!(one.run(&mut world, Command::Move(path("/dir"), path("/moved"))).is_ok());
    assert!(two.run(&mut world, Command::Remove(path("/kept"))).is_ok());
    one.commit(&mut world);
    let mut one = one.killed();
    assert_eq!(one.names(&mut world, "/"), ["both", "gone", "kept", "moved"]);
    assert_eq!(one.names(&mut world, "/moved"), ["one", "two", "x"]);
    assert!(one.read(&mut world, "/moved/two", 0, None) == Ok(large));
    two.refresh(&mut world);
    two.commit(&mut world);
    assert_eq!(two.names(&mut world, "/"), ["both", "gone", "moved"]);
}

#[test]
fn m10_an_older_head_is_never_gone_back_to() {
    let mut world = World::default();
    let (mut one, mut two) = two_devices(&mut world);
    let old = world.records.clone();
    one.put(&mut world, "/new", b"new");
    one.commit(&mut world);
    two.refresh(&mut world);
    assert!(two.names(&mut world, "/").contains(&"new".to_owned()));
    let new = std::mem::replace(&mut world.records, old);
    two.refresh(&mut world);
    assert!(two.names(&mut world, "/").contains(&"new".to_owned()), "a rolled-back carrier changes nothing");
    let mut two = two.killed();
    two.refresh(&mut world);
    assert!(two.names(&mut world, "/").contains(&"new".to_owned()), "nor after a restart");
    world.records = new;
    two.refresh(&mut world);
    assert_eq!(two.alarms, []);
}

#[test]
fn m11_a_certificate_beside_the_one_that_was_seen_is_an_alarm() {
    let mut world = World::default();
    let (chain, mut notes) = founded();
    let grown = |replicas| {
        let policy = Policy { replicas, ..chain.tip().policy.clone() };
        Amendment::of(&chain).set_policy(policy).sign(&Identity::from_seed(&seed(1)), &[4; 32]).expect("signed")
    };
    let (one, other) = (grown(2), grown(4));
    notes.insert(notes::certificate_key(1), one.bytes().to_vec());
    let mut device = Device::open(1, notes);
    for certificate in [chain.tip().clone(), other] {
        let record = Record::Certificate(certificate);
        world.records.insert(record.id(), record);
    }
    device.refresh(&mut world);
    device.refresh(&mut world);
    assert_eq!(device.alarms, [Alarm::CertificateFork], "said once, however often it is shown");
    assert_eq!(device.vault.alarms(), [Alarm::CertificateFork]);
    assert_eq!(device.vault.chain().tip().number, 1);
}

#[test]
fn k09_an_older_chain_than_seen_changes_nothing() {
    let mut world = World::default();
    let (chain, mut notes) = founded();
    let old = Record::Certificate(chain.tip().clone());
    let rotated = Amendment::of(&chain).rotate().sign(&Identity::from_seed(&seed(1)), &[4; 32]).expect("signed");
    notes.insert(notes::certificate_key(1), rotated.bytes().to_vec());
    let mut device = Device::open(1, notes);
    world.records.insert(old.id(), old);
    device.refresh(&mut world);
    assert_eq!((device.vault.chain().tip().number, device.vault.chain().tip().epoch), (1, 1));
    let mut device = device.killed();
    device.refresh(&mut world);
    assert_eq!(device.vault.chain().tip().epoch, 1);
}

#[test]
fn another_vaults_records_are_ignored() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let other = found(&Identity::from_seed(&seed(5)), &Identity::from_seed(&seed(6)), Policy::default(), &[3; 32]).expect("founded");
    let certificate = Record::Certificate(other.chain.tip().clone());
    world.records.insert(certificate.id(), certificate);
    let mut device = Device::open(1, notes);
    device.refresh(&mut world);
    assert_ne!(device.vault.id(), VaultId([0; 32]));
    assert_eq!(device.vault.chain().tip().number, 0);
    assert!(matches!(device.run(&mut world, Command::Stat(path("/x"))), Err(CommandError::NotFound(_))));
    let Ok(Reply::Stat(Node::Dir { .. })) = device.run(&mut world, Command::Stat(Path::root())) else { panic!("the root is a folder") };
}

/// Carriers answer one after the other and the disk takes its time: what a carrier that lagged behind showed was written down over the newer
/// head that was just being kept. After a restart the device could be led back to it, and would not have noticed.
#[test]
fn m10_an_older_head_that_is_shown_while_a_newer_one_is_being_kept_does_not_lower_the_floor() {
    for together in [false, true] {
        let mut world = World::default();
        let (mut one, mut two) = two_devices(&mut world);
        let mut heads = Vec::new();
        for name in ["/second", "/third"] {
            one.put(&mut world, name, b"content");
            one.commit(&mut world);
            heads.extend(one.vault.heads().filter(|head| head.device == one.vault.device()).cloned().map(Record::Head));
        }
        let (older, newer) = (heads[0].clone(), heads[1].clone());
        let shown = if together { vec![vec![newer, older]] } else { vec![vec![newer], vec![older]] };
        for records in shown {
            two.vault.handle(Time(1_000), Input::Records(PeerId([0; 32]), records));
        }
        two.settle(&mut world);
        let two = two.killed();
        let floor = two.vault.heads().find(|head| head.device == one.vault.device()).map(|head| head.sequence);
        assert_eq!(floor, Some(3), "shown together: {together}");
    }
}

/// A carrier that has both of two heads of one sequence shows them in one answer.
#[test]
fn m11_two_histories_that_are_shown_at_once_are_noticed_at_once() {
    let mut world = World::default();
    let (mut one, mut two) = two_devices(&mut world);
    let mut clone = Device::open(1, one.notes.clone());
    for (device, content) in [(&mut one, b"one history"), (&mut clone, b"the other  ")] {
        device.put(&mut world, "/file", content);
        device.commit(&mut world);
    }
    two.refresh(&mut world);
    assert_eq!(two.alarms, [Alarm::Fork(one.vault.device())]);
}
