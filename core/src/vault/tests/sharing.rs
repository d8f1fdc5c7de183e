//! What a link opens: exactly what was shared, to the last byte of every block that it holds a key of.

use proptest::prelude::*;

use super::*;
use crate::record::Carrier;
use crate::share_link::ShareLink;
use crate::vault::seal::{BlockKey, open};
use crate::vault::tree::{BlockWalk, Pages, WalkError};

pub(super) fn carrier(number: u8) -> Carrier {
    Carrier {
        peer: Identity::from_seed(&seed(number)).peer(),
        name: format!("node {number}"),
        addresses: vec![format!("ws://10.0.0.{number}:4001"), format!("wss://node-{number}.example:4001")],
        weight: 100,
        zone: "home".into(),
        draining: false,
    }
}

/// A device of a vault that has a node.
pub(super) fn device(world: &mut World) -> Device {
    let mut device = Device::open(1, founded().1);
    assert!(matches!(device.run(world, Command::Amend(Change::Carrier(carrier(50)))), Ok(Reply::Done)));
    device
}

pub(super) fn share(device: &mut Device, world: &mut World, what: &str) -> ShareLink {
    match device.run(world, Command::Share(path(what))) {
        Ok(Reply::Shared { id, link, .. }) => {
            assert_eq!(id, link.id());
            link
        }
        other => panic!("not shared: {other:?}"),
    }
}

/// Finds what a link's record holds, as whoever has the link does.
pub(super) fn contents(world: &World, link: &ShareLink) -> Option<ShareContents> {
    let shares = world.records.values().filter_map(|record| match record {
        Record::Share(share) => Some(share),
        _ => None,
    });
    shares.filter_map(|share| Shared::contents_of(link, share)).next()
}

/// Somebody with a link and nothing else.
pub(super) struct Guest {
    shared: Shared,
    next: u64,
    pub(super) replies: Map<CommandId, Result<Reply, CommandError>>,
    bytes: Map<CommandId, Vec<u8>>,
}

impl Guest {
    pub(super) fn new(world: &World, link: &ShareLink) -> Self {
        let mut shared = Shared::new();
        shared.open(contents(world, link).expect("the record opens"));
        Self { shared, next: 0, replies: Map::new(), bytes: Map::new() }
    }

    fn handle(&mut self, world: &World, input: Input) {
        self.shared.handle(input);
        while let Some(output) = self.shared.poll() {
            match output {
                Output::Need(ids) | Output::NeedAgain(ids) => {
                    for id in ids {
                        self.shared.handle(world.blocks.get(&id).map_or(Input::Unavailable(id), |block| Input::Got(block.clone())));
                    }
                }
                Output::Job(id, job) => self.shared.handle(Input::Done(id, job.run())),
                Output::Bytes(id, bytes) => self.bytes.entry(id).or_default().extend_from_slice(&bytes),
                Output::Reply(id, reply) => drop(self.replies.insert(id, reply)),
                Output::Forget(_) => {}
                other => panic!("a guest wants nothing else: {other:?}"),
            }
        }
    }

    pub(super) fn run(&mut self, world: &World, command: Command) -> Result<Reply, CommandError> {
        self.next += 1;
        let id = CommandId(self.next);
        self.handle(world, Input::Command(id, command));
        self.replies.remove(&id).expect("the command is done")
    }

    pub(super) fn read(&mut self, world: &World, from: &str) -> Result<Vec<u8>, CommandError> {
        self.next += 1;
        let id = CommandId(self.next);
        self.handle(world, Input::Command(id, Command::Read { path: path(from), from: 0, len: None }));
        while !self.replies.contains_key(&id) {
            self.handle(world, Input::Pull(id, 700_000));
        }
        self.replies.remove(&id).expect("done").map(|_| self.bytes.remove(&id).unwrap_or_default())
    }

    /// Reads everything, by path.
    pub(super) fn everything(&mut self, world: &World) -> Map<String, Vec<u8>> {
        let (mut found, mut folders) = (Map::new(), vec![String::new()]);
        while let Some(folder) = folders.pop() {
            let Ok(Reply::List(entries)) = self.run(world, Command::List { path: path(&folder), after: None, limit: 1000 }) else {
                panic!("{folder} is not listed")
            };
            for entry in entries {
                let below = format!("{folder}/{}", entry.name);
                match entry.node {
                    Node::Dir { .. } => folders.push(below),
                    Node::File { .. } => drop(found.insert(below.clone(), self.read(world, &below).expect("it is read"))),
                    other => panic!("nobody put {other:?}"),
                }
            }
        }
        found
    }
}

/// Opens every block that a key can be found for from a link's root on, and returns their packs.
fn opened(world: &World, contents: &ShareContents) -> Map<BlockId, Bytes> {
    let (mut pages, mut walk, mut packs) = (Pages::new(), BlockWalk::new(), Map::new());
    let mut take = |key: &BlockKey, pages: &mut Pages| {
        let pack = open(world.blocks.get(&key.id).expect("it is kept").clone(), key).expect("it opens");
        pages.insert(key.id, pack.clone());
        packs.insert(key.id, pack);
    };
    contents.root.iter().for_each(|root| walk.add_dir(root));
    loop {
        match walk.next(&pages) {
            Ok(Some(visited)) => visited.blocks.iter().for_each(|key| take(key, &mut pages)),
            Ok(None) => return packs,
            Err(WalkError::Missing(keys)) => keys.iter().for_each(|key| take(key, &mut pages)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Bytes that stand for a file: no sixteen of them occur anywhere else.
fn content_of(name: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Probes of content: sixteen bytes at its beginning, at its end and every 256 bytes between.
fn probes(content: &[u8]) -> impl Iterator<Item = [u8; 16]> {
    let last = content.len().saturating_sub(16);
    let places = (0..=last).step_by(256).chain([last]);
    places.filter_map(|at| content.get(at..at + 16)?.try_into().ok())
}

fn holds_any(packs: &Map<BlockId, Bytes>, probes: &Set<[u8; 16]>) -> bool {
    // Most windows are told apart by how they begin.
    let begin = |window: &[u8]| usize::from(window[0]) << 12 | usize::from(window[1]) << 4 | usize::from(window[2]) >> 4;
    let mut begins = vec![false; 1 << 20];
    probes.iter().for_each(|probe| begins[begin(probe)] = true);
    packs.values().any(|pack| pack.windows(16).any(|window| begins[begin(window)] && probes.contains(window)))
}

#[derive(Debug, Clone)]
struct Put {
    folder: u8,
    len: usize,
    commit: bool,
}

fn puts() -> impl Strategy<Value = Vec<Put>> {
    let len = prop_oneof![3 => 40usize..9_000, 2 => 50_000usize..400_000, 2 => 900_000usize..2_500_000];
    let put = (0u8..4, len, any::<bool>()).prop_map(|(folder, len, commit)| Put { folder, len, commit });
    prop::collection::vec(put, 1..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Files share packs with one another and with the vault's tree, in one commit or several; one folder is shared.
    #[test]
    fn m26_a_link_opens_exactly_what_was_shared(puts in puts(), chosen in 0u8..4, nested in any::<bool>()) {
        let mut world = World::default();
        let mut device = device(&mut world);
        let mut files = Map::new();
        for (number, Put { folder, len, commit }) in puts.iter().enumerate() {
            let inner = if nested && number % 2 == 1 { "/inner-folder" } else { "" };
            let name = format!("/folder-number-{folder}{inner}/file-with-a-name-{number}");
            let content = content_of(&name, *len);
            device.put(&mut world, &name, &content);
            files.insert(name, content);
            if *commit {
                device.commit(&mut world);
            }
        }
        device.run(&mut world, Command::Put(path("/folder-number-0"), New::Dir(META))).expect("staged");
        device.run(&mut world, Command::Put(path(&format!("/folder-number-{chosen}")), New::Dir(META))).expect("staged");
        device.commit(&mut world);
        let link = share(&mut device, &mut world, &format!("/folder-number-{chosen}"));

        let prefix = format!("/folder-number-{chosen}/");
        let (shared, private): (Map<_, _>, Map<_, _>) = files.into_iter().partition(|(name, _)| name.starts_with(&prefix));
        let contents = contents(&world, &link).expect("it opens");
        prop_assert_eq!((contents.files, contents.bytes), (shared.len() as u64, shared.values().map(|file| file.len() as u64).sum()));
        let seen = Guest::new(&world, &link).everything(&world);
        let expected: Map<String, Vec<u8>> = shared.iter().map(|(name, file)| (name[prefix.len() - 1..].to_owned(), file.clone())).collect();
        prop_assert!(seen == expected, "everything that was shared");

        let packs = opened(&world, &contents);
        let foreign: Set<[u8; 16]> = private.values().flat_map(|file| probes(file)).collect();
        prop_assert!(!holds_any(&packs, &foreign), "no byte beside it");
        let names: Vec<&[u8]> = private.keys().filter_map(|name| name.rsplit('/').next()).map(str::as_bytes).collect();
        for pack in packs.values() {
            for name in &names {
                // A private name that is the beginning of a shared one would be found in that.
                let found = pack.windows(name.len() + 1).any(|window| window.starts_with(name) && !window[name.len()].is_ascii_digit());
                prop_assert!(!found || shared.keys().any(|shared| shared.as_bytes().ends_with(name)), "no name beside it");
            }
            prop_assert!(!pack.windows(14).any(|window| window == b"folder-number-"), "not even its own folder's name");
        }
        // What the probes would find is there to be found: with the vault's keys, in the vault's blocks.
        let own: Set<[u8; 16]> = shared.values().flat_map(|file| probes(file)).collect();
        prop_assert_eq!(holds_any(&packs, &own), !own.is_empty());
    }
}

#[test]
fn sharing_a_large_file_seals_no_more_than_its_edges_anew() {
    let mut world = World::default();
    let mut device = device(&mut world);
    device.put(&mut world, "/before", &noise(300_000, 1));
    device.put(&mut world, "/film", &noise(24_000_000, 2));
    device.put(&mut world, "/behind", &noise(300_000, 3));
    device.commit(&mut world);
    world.placed_bytes = 0;
    let link = share(&mut device, &mut world, "/film");
    assert!(world.placed_bytes <= 4 << 20, "{} bytes", world.placed_bytes);
    let mut guest = Guest::new(&world, &link);
    assert!(guest.read(&world, "/film").expect("it is read") == noise(24_000_000, 2));
    assert_eq!(contents(&world, &link).expect("it opens").kind, SharedKind::File);
    assert!(matches!(guest.run(&world, Command::Stat(path("/before"))), Err(CommandError::NotFound(_))));
}

#[test]
fn nothing_in_a_link_is_sealed_or_named_by_the_vaults_keys() {
    let mut world = World::default();
    let mut device = device(&mut world);
    device.put(&mut world, "/folder/text", &noise(10_000, 1));
    device.commit(&mut world);
    let before: Set<BlockId> = world.blocks.keys().copied().collect();
    let links = [share(&mut device, &mut world, "/folder"), share(&mut device, &mut world, "/folder")];
    let packs = links.each_ref().map(|link| opened(&world, &contents(&world, link).expect("it opens")));
    assert!(packs.iter().flat_map(Map::keys).all(|id| !before.contains(id)), "all is sealed anew");
    assert!(packs[0].keys().all(|id| !packs[1].contains_key(id)), "under a key of each link's own");
    let chunks = packs.each_ref().map(|packs| packs.values().map(Bytes::len).sum::<usize>());
    assert_eq!(chunks[0], chunks[1]);
    let Ok(Reply::Stat(Node::File { content: tree::Content::Inline(chunks), .. })) =
        device.run(&mut world, Command::Stat(path("/folder/text")))
    else {
        panic!("a small file")
    };
    for chunk in chunks {
        assert!(packs.iter().flat_map(Map::values).all(|pack| !pack.windows(32).any(|window| window == chunk.id.0)));
    }
}
