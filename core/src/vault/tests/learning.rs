//! Stories of a device that does not remember what the vault stores: it learns that from the tree.

use super::*;
use crate::vault::notes;

/// The device after its chunk index was lost.
fn forgetful(device: Device) -> Device {
    let mut kept = device.notes;
    kept.retain(|key, _| key.first() != Some(&notes::SEGMENT));
    Device::open(device.seed[0], kept)
}

#[test]
fn a_put_in_the_place_of_a_file_sends_only_what_is_new() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let mut content = noise(20_000_000, 1);
    device.put(&mut world, "/film", &content);
    device.commit(&mut world);
    let mut device = forgetful(device);
    world.placed_bytes = 0;
    device.put(&mut world, "/film", &content);
    let committed = device.commit(&mut world);
    assert_eq!((committed.stats.new_bytes, committed.changed, world.placed_bytes), (0, false, 0));
    let mut device = forgetful(device);
    content[10_000_000] ^= 1;
    device.put(&mut world, "/film", &content);
    assert!(device.commit(&mut world).stats.new_bytes < 3_000_000, "around the change only");
    assert!(device.read(&mut world, "/film", 0, None).expect("it is read") == content);
}

#[test]
fn a_put_in_the_place_of_a_file_whose_list_cannot_be_read_sends_all_of_it() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    // Long enough for a list of its own.
    let content = noise(6_000_000, 1);
    device.put(&mut world, "/film", &content);
    device.commit(&mut world);
    let mut device = forgetful(device);
    let blocks = std::mem::take(&mut world.blocks);
    let id = device.start(&mut world, Command::Put(path("/film"), New::File(META)));
    device.handle(&mut world, Input::Bytes(id, Bytes::from(content)));
    device.handle(&mut world, Input::End(id));
    assert!(matches!(device.replies.remove(&id), Some(Ok(Reply::Staged { len: 6_000_000, new: 6_000_000 }))));
    world.blocks.extend(blocks);
    assert!(device.commit(&mut world).stats.new_bytes == 6_000_000);
}

#[test]
fn everything_that_is_gone_is_found_in_one_attempt_and_sent_in_the_next() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let content = noise(5_300_000, 1);
    device.put(&mut world, "/film", &content);
    device.commit(&mut world);
    // The content's blocks; the tree of so small a vault lies in a smaller one.
    world.blocks.retain(|_, block| block.bytes().len() < 1 << 20);
    device.put(&mut world, "/film", &content);
    assert!(matches!(device.run(&mut world, Command::Commit(String::new())), Err(CommandError::Lost(_))));
    device.put(&mut world, "/film", &content);
    assert!(device.commit(&mut world).changed);
    assert!(device.read(&mut world, "/film", 0, None) == Ok(content));
}
