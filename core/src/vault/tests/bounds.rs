//! Stories of caches that are too small: nothing is asked for again and again for ever.

use super::*;
use crate::vault::opened::Opened;
use crate::vault::tree::Pages;

#[test]
fn a_walk_whose_pages_do_not_fit_the_cache_together_ends_with_an_error() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    // Each folder on the way lies in a block of its own.
    for name in ["/a/b/c/file", "/a/b/file", "/a/file", "/file"] {
        device.put(&mut world, name, b"content");
        device.commit(&mut world);
    }
    let mut device = device.killed();
    assert!(device.run(&mut world, Command::Stat(path("/a/b/c/file"))).is_ok());
    device.vault.reader.pages = Pages::with_limit(0);
    assert_eq!(device.run(&mut world, Command::Stat(path("/a/b/c/file"))).map(|_| ()), Err(CommandError::CacheTooSmall));
    assert_eq!(device.read(&mut world, "/a/b/c/file", 0, None), Err(CommandError::CacheTooSmall));
    assert_eq!(device.run(&mut world, Command::Live).map(|_| ()), Ok(()), "a walk that gets on is not stopped");
    device.put(&mut world, "/a/b/c/new", b"content");
    assert_eq!(device.run(&mut world, Command::Commit(String::new())).map(|_| ()), Err(CommandError::CacheTooSmall));
    device.vault.reader.pages = Pages::new();
    assert_eq!(device.names(&mut world, "/a/b/c"), ["file"]);
}

#[test]
fn reads_that_push_one_anothers_blocks_out_still_end() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let contents: Vec<Vec<u8>> = (0..4).map(|seed| noise(3_000_000, seed)).collect();
    for (number, content) in contents.iter().enumerate() {
        device.put(&mut world, &format!("/{number}"), content);
    }
    device.commit(&mut world);
    device.vault.reader.content = Opened::with_limit(1);
    world.needed = 0;
    let reads: Vec<CommandId> =
        (0..4).map(|number| device.start(&mut world, Command::Read { path: path(&format!("/{number}")), from: 0, len: None })).collect();
    while reads.iter().any(|id| !device.replies.contains_key(id)) {
        for id in &reads {
            device.handle(&mut world, Input::Pull(*id, 300_000));
        }
    }
    for (id, content) in reads.iter().zip(contents) {
        assert_eq!(device.replies[id].as_ref().map(|_| ()), Ok(()));
        assert!(device.bytes[id] == content);
    }
    assert!(world.needed < 500, "{} blocks were asked for", world.needed);
}

#[test]
fn a_reader_that_takes_less_than_a_chunk_at_a_time_is_not_given_more_than_it_has_room_for() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let content = noise(20_000_000, 1);
    device.put(&mut world, "/film", &content);
    device.commit(&mut world);
    let id = device.start(&mut world, Command::Read { path: path("/film"), from: 0, len: None });
    let (ahead, mut taken) = (1_000_000, 0);
    device.handle(&mut world, Input::Pull(id, ahead));
    while !device.replies.contains_key(&id) {
        taken += 10_000;
        device.handle(&mut world, Input::Pull(id, 10_000));
        let given = device.bytes[&id].len();
        assert!(given <= taken + ahead + crate::limits::CHUNK_MAX, "{given} bytes given, {taken} taken");
    }
    assert!(device.bytes[&id] == content);
}
