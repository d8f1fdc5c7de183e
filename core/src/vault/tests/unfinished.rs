//! Stories of what ends before it is done, and of what waits for its turn.

use super::*;
use crate::limits::PACK_MAX;
use crate::record::{Carrier, Rights};

/// The records that were published to nobody, for a device that is mute.
fn published(device: &Device) -> Vec<RecordId> {
    device.journal.iter().filter_map(|line| line.strip_prefix("publish ")).map(|id| id.parse().expect("an id")).collect()
}

fn join(number: u8) -> Command {
    let peer = Identity::from_seed(&seed(number)).peer();
    let name = format!("node {number}");
    Command::Amend(Change::Carrier(Carrier { peer, name, addresses: vec![], weight: 100, zone: String::new(), draining: false }))
}

/// A commit that fails while it builds may have sealed the last chunks and placed nothing of them. The journal named their block all the
/// same, and the next put of the same content counted on it: that commit failed too, for a copy that never was.
#[test]
fn c10_what_a_failed_commit_sealed_and_did_not_place_is_not_counted_on() {
    for killed in [false, true] {
        let (mut world, (_, notes)) = (World::default(), founded());
        let mut device = Device::open(1, notes);
        for name in ["/folder/first", "/beside"] {
            device.put(&mut world, name, b"content");
            device.commit(&mut world);
        }
        let mut device = device.killed();
        // The list of its chunks fills the pack that both files' tail begins.
        let (large, small) = (noise(2 * PACK_MAX - 200, 1), noise(100, 2));
        // The folder's page lies in a block of its own, which the commit cannot have.
        assert_eq!(device.names(&mut world, "/"), ["beside", "folder"]);
        let blocks = std::mem::take(&mut world.blocks);
        device.put(&mut world, "/a", &large);
        device.put(&mut world, "/folder/b", &small);
        assert!(matches!(device.run(&mut world, Command::Commit(String::new())), Err(CommandError::Unavailable(_))));
        assert_eq!(world.blocks.len(), 1, "the tail was not placed");

        world.blocks.extend(blocks);
        let mut device = if killed { device.killed() } else { device };
        device.put(&mut world, "/a", &large);
        device.put(&mut world, "/folder/b", &small);
        assert!(device.commit(&mut world).changed);
        let mut device = device.killed();
        assert!(device.read(&mut world, "/a", 0, None) == Ok(large));
        assert!(device.read(&mut world, "/folder/b", 0, None) == Ok(small));
    }
}

/// Packs that a long put fills while a commit waits for its last copies were in no commit's flight any more when the journal was written.
#[test]
fn c10_what_was_sealed_beside_the_end_of_a_commit_is_found_again() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let film = noise(5_000_000, 1);
    let put = device.start(&mut world, Command::Put(path("/film"), New::File(META)));
    device.mute = true;
    device.put(&mut world, "/note", b"content");
    let commit = device.start(&mut world, Command::Commit(String::new()));
    device.handle(&mut world, Input::Bytes(put, Bytes::copy_from_slice(&film[..4_000_000])));
    let head = published(&device)[0];
    device.handle(&mut world, Input::Published(head, SAFE));
    assert!(matches!(device.replies.get(&commit), Some(Ok(Reply::Committed(_)))));
    device.mute = false;
    let mut device = device.killed();
    world.placed_bytes = 0;
    device.put(&mut world, "/film", &film);
    device.commit(&mut world);
    assert!(world.placed_bytes < 3_000_000, "{} of what was sent is sent again", world.placed_bytes);
    assert!(device.read(&mut world, "/film", 0, None) == Ok(film));
}

/// Whoever cancelled a commit that waited for another one was not heard, and saw it done.
#[test]
fn a_commit_that_waits_for_another_is_cancelled_once_and_takes_nothing_with_it() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.mute = true;
    device.put(&mut world, "/one", b"content");
    let first = device.start(&mut world, Command::Commit(String::new()));
    device.put(&mut world, "/two", b"content");
    let second = device.start(&mut world, Command::Commit(String::new()));
    device.handle(&mut world, Input::Cancel(second));
    assert_eq!(device.replies.remove(&second).and_then(Result::err), Some(CommandError::Cancelled));
    device.handle(&mut world, Input::Cancel(second));
    device.mute = false;
    device.handle(&mut world, Input::Published(published(&device)[0], SAFE));
    assert!(matches!(device.replies.remove(&first), Some(Ok(Reply::Committed(_)))));
    assert!(device.replies.is_empty(), "it is answered once");
    assert_eq!(device.names(&mut world, "/"), ["one"]);
    // What was staged for it is taken by the next one.
    device.commit(&mut world);
    assert_eq!(device.names(&mut world, "/"), ["one", "two"]);
}

/// Of two commits, one behind the other, the first one failed and gave up what was staged for the second as well, which then said that nothing
/// had changed, and that all was safe.
#[test]
fn d03_a_commit_behind_one_that_fails_does_not_call_safe_what_went_with_it() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.mute = true;
    device.put(&mut world, "/one", b"content");
    let first = device.start(&mut world, Command::Commit(String::new()));
    device.put(&mut world, "/two", b"content");
    let second = device.start(&mut world, Command::Commit(String::new()));
    device.handle(&mut world, Input::Unpublished(published(&device)[0], Some(Denial::Conflict)));
    for commit in [first, second] {
        assert_eq!(device.replies.remove(&commit).and_then(Result::err), Some(CommandError::Refused(Denial::Conflict)));
    }
    device.mute = false;
    device.put(&mut world, "/two", b"content");
    assert!(device.commit(&mut world).changed);
    assert_eq!(device.names(&mut world, "/"), ["one", "two"]);
}

/// A link whose copy no node took gave up what was staged beside it, without a word, and the next commit called all of it safe.
#[test]
fn d03_a_link_that_fails_takes_nothing_with_it_that_is_staged() {
    let mut world = World::default();
    let mut device = sharing::device(&mut world);
    device.put(&mut world, "/one", b"content");
    device.commit(&mut world);
    device.put(&mut world, "/two", b"content");
    device.refuse = true;
    let share = device.start(&mut world, Command::Share(path("/one")));
    let placed = device.journal.iter().rev().find_map(|line| line.strip_prefix("place ")).expect("a block").parse().expect("an id");
    let nowhere = Copies { durable: 0, safe_at: 1, wanted: 1 };
    device.handle(&mut world, Input::Settled(placed, nowhere));
    assert_eq!(device.replies.remove(&share).and_then(Result::err), Some(CommandError::NotSafe(nowhere)));
    device.refuse = false;
    // Whether what is staged counted on that block is not known: it says so rather than to be wrong.
    let commit = device.run(&mut world, Command::Commit(String::new()));
    assert_eq!(commit.map(|_| ()), Err(CommandError::NotSafe(nowhere)));
    device.put(&mut world, "/two", b"content");
    device.commit(&mut world);
    assert_eq!(device.names(&mut world, "/"), ["one", "two"]);
    // With nothing beside it, it leaves nothing behind.
    device.refuse = true;
    device.start(&mut world, Command::Share(path("/two")));
    let placed = device.journal.iter().rev().find_map(|line| line.strip_prefix("place ")).expect("a block").parse().expect("an id");
    device.handle(&mut world, Input::Settled(placed, nowhere));
    device.refuse = false;
    device.put(&mut world, "/three", b"content");
    assert!(device.commit(&mut world).changed);
}

/// The word that a cancelled commit's head was kept was taken for the next one's, which others then saw before it was durable here: had the
/// device died, it would have written another one in its place.
#[test]
fn c11_others_see_a_head_when_it_is_kept_itself_and_not_the_one_before() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.slow = true;
    device.put(&mut world, "/one", b"content");
    let first = device.start(&mut world, Command::Commit(String::new()));
    device.handle(&mut world, Input::Cancel(first));
    device.put(&mut world, "/two", b"content");
    let second = device.start(&mut world, Command::Commit(String::new()));
    let [one, two] = device.keeping[..] else { panic!("two heads are being kept") };
    device.handle(&mut world, Input::Kept(one, true));
    assert!(published(&device).is_empty());
    device.handle(&mut world, Input::Kept(two, true));
    assert_eq!(published(&device).len(), 1);
    assert!(matches!(device.replies.remove(&second), Some(Ok(Reply::Committed(_)))));
}

/// After a pack that could not be sealed, a commit waited for it for ever unless one was under way just then.
#[test]
fn r06_a_commit_of_what_could_not_be_sealed_fails() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let content = noise(3_000_000, 1);
    device.faulty = true;
    device.put(&mut world, "/file", &content);
    assert_eq!(device.run(&mut world, Command::Commit(String::new())).map(|_| ()), Err(CommandError::SelfCheck));
    device.faulty = false;
    device.put(&mut world, "/file", &content);
    device.commit(&mut world);
    assert!(device.killed().read(&mut world, "/file", 0, None) == Ok(content));
}

/// The walk over everything that is live was kept for a command that had ended: all block ids of a vault, at every failure.
#[test]
fn x05_a_walk_over_everything_that_comes_to_nothing_leaves_nothing_behind() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    for name in ["/a/b/file", "/a/file", "/file"] {
        device.put(&mut world, name, b"content");
        device.commit(&mut world);
    }
    let mut device = device.killed();
    assert_eq!(device.names(&mut world, "/"), ["a", "file"]);
    let blocks = std::mem::take(&mut world.blocks);
    assert!(matches!(device.run(&mut world, Command::Live), Err(CommandError::Unavailable(_))));
    assert!(device.vault.live_walks.is_empty(), "after a failure");
    let id = CommandId(77);
    device.vault.handle(Time(1_000), Input::Command(id, Command::Live));
    assert!(!device.vault.live_walks.is_empty());
    device.vault.handle(Time(1_000), Input::Cancel(id));
    assert!(device.vault.live_walks.is_empty(), "after it was cancelled");
    world.blocks = blocks;
    device.settle(&mut world);
    assert_eq!(device.replies.remove(&id).and_then(Result::err), Some(CommandError::Cancelled));
    let Ok(Reply::Live(live)) = device.run(&mut world, Command::Live) else { panic!("no list") };
    assert_eq!(live.into_iter().collect::<Set<_>>(), world.blocks.keys().copied().collect());
}

/// The second of two nodes that were joined at once was answered with “cancelled”, by nobody.
#[test]
fn two_nodes_that_are_joined_at_once_are_joined_one_after_the_other() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.mute = true;
    let joins = [3, 4, 5].map(|number| device.start(&mut world, join(number)));
    assert!(device.replies.is_empty());
    assert_eq!(published(&device).len(), 1, "one at a time");
    // One that still waits is taken back.
    device.handle(&mut world, Input::Cancel(joins[1]));
    assert_eq!(device.replies.remove(&joins[1]).and_then(Result::err), Some(CommandError::Cancelled));
    device.handle(&mut world, Input::Published(published(&device)[0], SAFE));
    assert!(matches!(device.replies.remove(&joins[0]), Some(Ok(Reply::Done))));
    device.handle(&mut world, Input::Published(published(&device)[1], SAFE));
    assert!(matches!(device.replies.remove(&joins[2]), Some(Ok(Reply::Done))));
    let names: Vec<&str> = device.vault.chain().tip().carriers.iter().map(|carrier| carrier.name.as_str()).collect();
    assert_eq!(names, ["node 3", "node 5"]);
    assert_eq!(device.killed().vault.chain().certificates().len(), 3);
}

#[test]
fn a_change_that_most_nodes_refuse_makes_way_for_the_next() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.mute = true;
    let joins = [3, 4].map(|number| device.start(&mut world, join(number)));
    device.handle(&mut world, Input::Unpublished(published(&device)[0], Some(Denial::Conflict)));
    assert_eq!(device.replies.remove(&joins[0]).and_then(Result::err), Some(CommandError::Refused(Denial::Conflict)));
    device.handle(&mut world, Input::Published(published(&device)[1], SAFE));
    assert!(matches!(device.replies.remove(&joins[1]), Some(Ok(Reply::Done))));
}

/// A certificate that the disk did not take was gone by all the same. The next one was written down behind the gap, and the device could not
/// be opened again.
#[test]
fn c11_a_certificate_that_was_not_kept_leaves_no_gap_before_the_next() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.full = true;
    assert_eq!(device.run(&mut world, join(3)).map(|_| ()), Err(CommandError::NotKept));
    assert_eq!(device.vault.chain().tip().number, 0, "nobody else knows it");
    device.full = false;
    assert!(device.run(&mut world, join(4)).is_ok());
    let device = device.killed();
    assert_eq!(device.vault.chain().tip().carriers.len(), 1);
    assert!(device.vault.chain().tip().may(&device.vault.device(), Rights::ADMIN));
}
