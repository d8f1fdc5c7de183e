//! Stories of one vault on one or two devices, over a world that keeps blocks and records in memory.

use bytes::Bytes;

use super::keys::{Amendment, Newcomer, found};
use super::tree::{Meta, Node, Path};
use super::*;
use crate::id::VaultId;
use crate::identity::{Identity, Seed};
use crate::map::{Map, Set};
use crate::record::Policy;
use crate::time::Time;

mod bounds;
mod devices;
mod learning;
mod links;
mod sharing;
mod unfinished;

const META: Meta = Meta { mode: 0o644, modified_seconds: 1_700_000_000, modified_nanos: 5 };
const SAFE: Copies = Copies { durable: 1, safe_at: 1, wanted: 1 };

/// What all devices share: the carriers' blocks and records.
#[derive(Default)]
struct World {
    blocks: Map<BlockId, Block>,
    records: Map<RecordId, Record>,
    placed: usize,
    placed_bytes: usize,
    /// Blocks that were asked for.
    needed: usize,
}

/// One device: its vault, its notes, and what came out.
struct Device {
    vault: Vault,
    seed: [u8; 32],
    notes: Map<Vec<u8>, Vec<u8>>,
    next: u64,
    replies: Map<CommandId, Result<Reply, CommandError>>,
    bytes: Map<CommandId, Vec<u8>>,
    alarms: Vec<Alarm>,
    /// Bytes that puts were invited to give.
    invited: Map<CommandId, usize>,
    /// Blocks that get no copy however often they are placed.
    refuse: bool,
    /// Whether records reach nobody.
    mute: bool,
    /// Whether its disk takes no notes.
    full: bool,
    /// Whether its disk takes its time for notes that must last, and which those are.
    slow: bool,
    keeping: Vec<KeepId>,
    /// Whether its memory or processor is at fault.
    faulty: bool,
    /// The order of everything that matters for safety.
    journal: Vec<String>,
}

fn seed(number: u8) -> Seed {
    Seed::new([number; 32])
}

fn path(text: &str) -> Path {
    Path::parse(text).expect("a valid path")
}

/// Founds a vault; returns what its first device and its recovery phrase have to keep.
fn founded() -> (Chain, Map<Vec<u8>, Vec<u8>>) {
    let founding = found(&Identity::from_seed(&seed(1)), &Identity::from_seed(&seed(9)), Policy::default(), &[3; 32]).expect("founded");
    let notes = Map::from([(notes::certificate_key(0), founding.chain.tip().bytes().to_vec())]);
    (founding.chain, notes)
}

impl Device {
    fn open(number: u8, notes: Map<Vec<u8>, Vec<u8>>) -> Self {
        let list = notes.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let vault = Vault::open(Time(1_000), Opening { seed: seed(number), notes: list, entropy: [7; 32] }).expect("it opens");
        Self {
            vault,
            seed: [number; 32],
            notes,
            next: 0,
            replies: Map::new(),
            bytes: Map::new(),
            alarms: Vec::new(),
            invited: Map::new(),
            refuse: false,
            mute: false,
            full: false,
            slow: false,
            keeping: Vec::new(),
            faulty: false,
            journal: Vec::new(),
        }
    }

    /// Ends the process as SIGKILL would, and starts it again with what was kept.
    fn killed(self) -> Self {
        Self::open(self.seed[0], self.notes)
    }

    fn handle(&mut self, world: &mut World, input: Input) {
        self.vault.handle(Time(1_000), input);
        self.settle(world);
    }

    /// Does what the vault wants until it wants nothing more.
    fn settle(&mut self, world: &mut World) {
        while let Some(output) = self.vault.poll() {
            let input = match output {
                Output::Place(block) => {
                    self.journal.push(format!("place {}", block.id()));
                    if self.refuse {
                        continue;
                    }
                    world.placed += 1;
                    world.placed_bytes += block.bytes().len();
                    let id = block.id();
                    world.blocks.insert(id, block);
                    Input::Settled(id, SAFE)
                }
                Output::Confirm(ids) => {
                    for id in ids {
                        let input = if world.blocks.contains_key(&id) { Input::Settled(id, SAFE) } else { Input::Lost(id) };
                        self.vault.handle(Time(1_000), input);
                    }
                    continue;
                }
                Output::Need(ids) | Output::NeedAgain(ids) => {
                    world.needed += ids.len();
                    assert!(world.needed < 100_000, "it asks for ever");
                    for id in ids {
                        let input = world.blocks.get(&id).map_or(Input::Unavailable(id), |block| Input::Got(block.clone()));
                        self.vault.handle(Time(1_000), input);
                    }
                    continue;
                }
                Output::Publish(record) => {
                    self.journal.push(format!("publish {}", record.id()));
                    let id = record.id();
                    if self.mute {
                        continue;
                    }
                    world.records.insert(id, record);
                    Input::Published(id, SAFE)
                }
                Output::Refresh => {
                    let records = world.records.values().cloned().collect();
                    self.vault.handle(Time(1_000), Input::Records(PeerId([0; 32]), records));
                    Input::Refreshed(1, 1)
                }
                Output::Job(id, Job::Seal { .. }) if self.faulty => Input::Done(id, Outcome::Sealed(Err(seal::SealError::Mismatch))),
                Output::Job(id, job) => Input::Done(id, job.run()),
                Output::Keep(id, _, true) if self.slow => {
                    self.keeping.push(id);
                    continue;
                }
                Output::Keep(id, ..) if self.full => Input::Kept(id, false),
                Output::Keep(id, notes, durable) => {
                    if durable {
                        self.journal.push("keep".into());
                    }
                    for (key, value) in notes {
                        match value {
                            Some(value) => drop(self.notes.insert(key, value)),
                            None => drop(self.notes.remove(&key)),
                        }
                    }
                    Input::Kept(id, true)
                }
                Output::Bytes(id, bytes) => {
                    self.bytes.entry(id).or_default().extend_from_slice(&bytes);
                    continue;
                }
                Output::Reply(id, reply) => {
                    self.replies.insert(id, reply);
                    continue;
                }
                Output::Alarm(alarm) => {
                    self.alarms.push(alarm);
                    continue;
                }
                Output::More(id, bytes) => {
                    *self.invited.entry(id).or_default() += bytes;
                    continue;
                }
                Output::Forget(_) | Output::Follow(_) | Output::Cache(_) => continue,
            };
            self.vault.handle(Time(1_000), input);
        }
    }

    fn start(&mut self, world: &mut World, command: Command) -> CommandId {
        self.next += 1;
        let id = CommandId(self.next);
        self.handle(world, Input::Command(id, command));
        id
    }

    fn run(&mut self, world: &mut World, command: Command) -> Result<Reply, CommandError> {
        let id = self.start(world, command);
        self.replies.remove(&id).expect("the command is done")
    }

    fn put(&mut self, world: &mut World, to: &str, content: &[u8]) {
        let id = self.start(world, Command::Put(path(to), New::File(META)));
        for piece in content.chunks(300_000) {
            self.handle(world, Input::Bytes(id, Bytes::copy_from_slice(piece)));
        }
        self.handle(world, Input::End(id));
        assert!(matches!(self.replies.remove(&id), Some(Ok(Reply::Staged { .. }))));
    }

    fn commit(&mut self, world: &mut World) -> Committed {
        match self.run(world, Command::Commit(String::new())) {
            Ok(Reply::Committed(committed)) => committed,
            other => panic!("not committed: {other:?}"),
        }
    }

    fn read(&mut self, world: &mut World, from: &str, start: u64, len: Option<u64>) -> Result<Vec<u8>, CommandError> {
        let id = self.start(world, Command::Read { path: path(from), from: start, len });
        while !self.replies.contains_key(&id) {
            self.handle(world, Input::Pull(id, 700_000));
        }
        self.replies.remove(&id).expect("done").map(|_| self.bytes.remove(&id).unwrap_or_default())
    }

    fn names(&mut self, world: &mut World, folder: &str) -> Vec<String> {
        let command = Command::List { path: path(folder), after: None, limit: 1000 };
        match self.run(world, command) {
            Ok(Reply::List(entries)) => entries.iter().map(|entry| entry.name.to_string()).collect(),
            other => panic!("not listed: {other:?}"),
        }
    }

    fn refresh(&mut self, world: &mut World) {
        assert!(matches!(self.run(world, Command::Refresh), Ok(Reply::Refreshed(1, 1))));
    }
}

/// Bytes without pattern, the same for the same seed.
fn noise(len: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new_keyed(&[seed; 32]).finalize_xof().fill(&mut bytes);
    bytes
}

#[test]
fn what_was_put_is_read_back_whole_and_in_parts() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let (large, text) = (noise(5_000_000, 1), b"hello ".repeat(60_000));
    device.put(&mut world, "/films/large", &large);
    device.put(&mut world, "/text", &text);
    device.put(&mut world, "/empty", b"");
    let committed = device.commit(&mut world);
    assert!(committed.changed);
    assert!(committed.stats.new_bytes < 5_400_000);
    assert!(device.read(&mut world, "/films/large", 0, None) == Ok(large.clone()));
    assert!(device.read(&mut world, "/text", 0, None) == Ok(text));
    assert_eq!(device.read(&mut world, "/empty", 0, None), Ok(Vec::new()));
    assert!(device.read(&mut world, "/films/large", 1_234_567, Some(2_000_001)) == Ok(large[1_234_567..3_234_568].to_vec()));
    assert!(device.read(&mut world, "/films/large", 4_999_990, Some(100)) == Ok(large[4_999_990..].to_vec()));
    assert_eq!(device.read(&mut world, "/films", 0, None), Err(CommandError::NotAFile("films".into())));
    assert!(matches!(device.read(&mut world, "/nothing", 0, None), Err(CommandError::NotFound(_))));
    assert_eq!(device.names(&mut world, "/"), ["empty", "films", "text"]);
    // A device that starts again, and one that holds nothing but the notes, see the same.
    let mut again = device.killed();
    assert!(again.read(&mut world, "/films/large", 0, None) == Ok(large));
}

#[test]
fn putting_the_same_again_moves_nothing_and_moving_sends_a_few_kib() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let large = noise(5_000_000, 1);
    device.put(&mut world, "/large", &large);
    device.commit(&mut world);
    let before = world.placed;
    device.put(&mut world, "/large", &large);
    let committed = device.commit(&mut world);
    assert!(!committed.changed);
    assert_eq!(world.placed, before, "not a block moves");
    world.placed_bytes = 0;
    assert!(matches!(device.run(&mut world, Command::Move(path("/large"), path("/new/name"))), Ok(Reply::Staged { .. })));
    device.commit(&mut world);
    assert!(world.placed_bytes <= 16 << 10, "{}", world.placed_bytes);
    assert!(device.read(&mut world, "/new/name", 0, None) == Ok(large.clone()));
    // One byte in front costs the chunk that it is in, not the file.
    world.placed_bytes = 0;
    device.put(&mut world, "/new/name", &[b"x".as_slice(), &large].concat());
    device.commit(&mut world);
    assert!(world.placed_bytes <= 2 << 20, "{}", world.placed_bytes);
}

#[test]
fn c07_a_head_is_published_only_after_all_its_blocks_are_safe_and_it_is_kept() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.refuse = true;
    device.put(&mut world, "/file", &noise(3_000_000, 1));
    let commit = device.start(&mut world, Command::Commit(String::new()));
    assert!(device.replies.is_empty(), "nothing is safe, so nothing is said");
    assert!(world.records.is_empty(), "and nobody sees a head");
    let waiting: Vec<BlockId> =
        device.journal.iter().filter_map(|line| line.strip_prefix("place ")).map(|id| id.parse().expect("an id")).collect();
    // A copy that was counted turns out not to be there: the block has to become safe once more.
    device.handle(&mut world, Input::Placed(waiting[0], Copies { durable: 2, safe_at: 2, wanted: 3 }));
    device.handle(&mut world, Input::Placed(waiting[0], Copies { durable: 1, safe_at: 2, wanted: 3 }));
    for (number, id) in waiting.iter().enumerate().rev() {
        assert!(world.records.is_empty(), "block {number} of {} is not safe", waiting.len());
        device.handle(&mut world, Input::Placed(*id, Copies { durable: 1, safe_at: 2, wanted: 3 }));
        assert!(world.records.is_empty());
        device.handle(&mut world, Input::Placed(*id, Copies { durable: 2, safe_at: 2, wanted: 3 }));
    }
    assert_eq!(world.records.len(), 1);
    let kept = device.journal.iter().position(|line| line == "keep").expect("the head was kept");
    let published = device.journal.iter().position(|line| line.starts_with("publish")).expect("and published");
    assert!(kept < published);
    assert!(!device.replies.contains_key(&commit), "further copies are still on their way");
    for id in waiting {
        device.handle(&mut world, Input::Settled(id, Copies { durable: 3, safe_at: 2, wanted: 3 }));
    }
    assert!(matches!(device.replies.get(&commit), Some(Ok(Reply::Committed(_)))));
}

#[test]
fn c10_an_interrupted_put_goes_on_where_it_was() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let large = noise(40 << 20, 1);
    let id = device.start(&mut world, Command::Put(path("/large"), New::File(META)));
    for piece in large[..36 << 20].chunks(1 << 20) {
        device.handle(&mut world, Input::Bytes(id, Bytes::copy_from_slice(piece)));
    }
    let sent = world.placed_bytes;
    assert!(sent > 30 << 20);
    let mut device = device.killed();
    world.placed_bytes = 0;
    device.put(&mut world, "/large", &large);
    device.commit(&mut world);
    assert!(world.placed_bytes < 26 << 20, "{} of what was sent is sent again", world.placed_bytes);
    assert!(device.read(&mut world, "/large", 0, None) == Ok(large));
}

#[test]
fn a_commit_whose_blocks_are_refused_fails_and_the_next_one_sends_them_again() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let content = noise(3_000_000, 1);
    device.refuse = true;
    device.put(&mut world, "/file", &content);
    let commit = device.start(&mut world, Command::Commit(String::new()));
    let refused: Vec<BlockId> =
        device.journal.iter().filter_map(|line| line.strip_prefix("place ")).map(|id| id.parse().expect("an id")).collect();
    let nowhere = Copies { durable: 0, safe_at: 2, wanted: 3 };
    refused.iter().for_each(|id| device.handle(&mut world, Input::Settled(*id, nowhere)));
    assert_eq!(device.replies.remove(&commit).map(|reply| reply.map(|_| ())), Some(Err(CommandError::NotSafe(nowhere))));
    assert!(world.records.is_empty(), "nobody sees a head");
    device.refuse = false;
    device.put(&mut world, "/file", &content);
    assert!(device.commit(&mut world).changed);
    assert_eq!(world.placed, refused.len(), "what nobody took is not counted on");
    assert!(device.killed().read(&mut world, "/file", 0, None) == Ok(content));
}

#[test]
fn what_is_put_while_a_commit_fails_is_given_up_and_never_mixed_with_what_follows() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let (doomed, content) = (noise(5_000_000, 1), noise(5_000_000, 2));
    device.put(&mut world, "/staged", &doomed[..2_500_000]);
    let put = device.start(&mut world, Command::Put(path("/doomed"), New::File(META)));
    device.refuse = true;
    doomed.chunks(300_000).for_each(|piece| device.handle(&mut world, Input::Bytes(put, Bytes::copy_from_slice(piece))));
    let commit = device.start(&mut world, Command::Commit(String::new()));
    assert!(!device.replies.contains_key(&commit), "it waits for copies");
    device.refuse = false;
    device.handle(&mut world, Input::Cancel(commit));
    assert_eq!([put, commit].map(|id| device.replies.remove(&id).and_then(Result::err)), [const { Some(CommandError::Cancelled) }; 2]);
    device.put(&mut world, "/file", &content);
    device.commit(&mut world);
    assert_eq!(device.names(&mut world, "/"), ["file"]);
    assert!(device.killed().read(&mut world, "/file", 0, None) == Ok(content));
}

/// A film of hours is put while small things come and go: each commit takes what was staged, the film goes on, and nothing of it is sent
/// twice.
#[test]
fn a_long_put_holds_no_commit_back() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let film = noise(9_000_000, 1);
    let put = device.start(&mut world, Command::Put(path("/film"), New::File(META)));
    let mut pieces = film.chunks(1_500_000);
    let mut go_on = |device: &mut Device, world: &mut World| {
        device.handle(world, Input::Bytes(put, Bytes::copy_from_slice(pieces.next().expect("more of the film"))));
    };
    go_on(&mut device, &mut world);
    device.put(&mut world, "/note", b"of some length, and not the film");
    assert!(device.commit(&mut world).changed);
    assert_eq!(device.names(&mut world, "/"), ["note"]);

    // One holds the film's first bytes: what lies in the pack that both fill is of the commit.
    go_on(&mut device, &mut world);
    device.put(&mut world, "/teaser", &film[..2_000_000]);
    assert!(device.commit(&mut world).changed);
    go_on(&mut device, &mut world);
    assert!(device.run(&mut world, Command::Move(path("/note"), path("/moved"))).is_ok());
    assert!(device.commit(&mut world).changed);
    // What stands already, put once more, changes nothing and takes nothing from the film.
    go_on(&mut device, &mut world);
    device.put(&mut world, "/teaser", &film[..2_000_000]);
    assert!(!device.commit(&mut world).changed);
    let mut other = Device::open(1, device.notes.clone());
    assert_eq!(other.names(&mut world, "/"), ["moved", "teaser"]);
    assert!(other.read(&mut world, "/teaser", 0, None) == Ok(film[..2_000_000].to_vec()));

    go_on(&mut device, &mut world);
    go_on(&mut device, &mut world);
    device.handle(&mut world, Input::End(put));
    assert!(matches!(device.replies.remove(&put), Some(Ok(Reply::Staged { .. }))));
    assert!(device.commit(&mut world).changed);
    assert!(world.placed_bytes < film.len() + (2 << 20), "{} bytes were sent", world.placed_bytes);
    assert!(device.killed().read(&mut world, "/film", 0, None) == Ok(film));
}

#[test]
fn a_commit_invites_no_bytes_of_what_goes_on_beside_it() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.start(&mut world, Command::Put(path("/film"), New::File(META)));
    device.mute = true;
    device.put(&mut world, "/note", b"a note");
    let commit = device.start(&mut world, Command::Commit(String::new()));
    assert!(!device.replies.contains_key(&commit), "its head is on its way");
    let id = device.start(&mut world, Command::Put(path("/other"), New::File(META)));
    assert_eq!(device.invited.get(&id), None, "beside bytes that go on and on, not everything would ever be safe");
    let head = device.journal.iter().find_map(|line| line.strip_prefix("publish ")).expect("a head").parse().expect("an id");
    device.handle(&mut world, Input::Published(head, SAFE));
    assert!(matches!(device.replies.get(&commit), Some(Ok(Reply::Committed(_)))));
    assert!(device.invited.contains_key(&id));
}

#[test]
fn c07_a_head_that_was_kept_and_never_shown_is_shown_before_anything_is_called_safe() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.mute = true;
    device.put(&mut world, "/file", b"content");
    let commit = device.start(&mut world, Command::Commit(String::new()));
    assert!(!device.replies.contains_key(&commit));
    let mut device = device.killed();
    device.put(&mut world, "/file", b"content");
    assert!(!device.commit(&mut world).changed, "it stands already");
    assert_eq!(world.records.len(), 1, "and now others know");
    let mut device = device.killed();
    assert!(device.read(&mut world, "/file", 0, None) == Ok(b"content".to_vec()));
}

/// A device that was removed, or one of two clones, waited for ever: no node would take its head.
#[test]
fn a_head_that_most_nodes_refuse_ends_its_commit() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.mute = true;
    device.put(&mut world, "/file", b"content");
    let commit = device.start(&mut world, Command::Commit(String::new()));
    let head = device.journal.iter().find_map(|line| line.strip_prefix("publish ")).expect("a head").parse().expect("an id");
    device.handle(&mut world, Input::Unpublished(head, None));
    assert!(!device.replies.contains_key(&commit), "who is away may come back");
    device.handle(&mut world, Input::Unpublished(head, Some(Denial::Conflict)));
    assert_eq!(device.replies.remove(&commit).and_then(Result::err), Some(CommandError::Refused(Denial::Conflict)));
    // What stands here is shown again before anything is called safe.
    device.mute = false;
    assert!(!device.commit(&mut world).changed);
    assert_eq!(world.records.len(), 1);
}

#[test]
fn c10_what_was_sealed_and_not_safe_when_a_device_died_is_not_counted_on() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let large = noise(20 << 20, 1);
    device.refuse = true;
    device.put(&mut world, "/large", &large);
    let mut device = device.killed();
    device.put(&mut world, "/large", &large);
    assert!(device.commit(&mut world).changed);
    assert!(device.killed().read(&mut world, "/large", 0, None) == Ok(large));
}

#[test]
fn a_block_that_vanished_is_noticed_and_sent_again_the_next_time() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    let content = noise(3_000_000, 1);
    device.put(&mut world, "/one", &content);
    device.commit(&mut world);
    let gone = *world.blocks.keys().next().expect("blocks");
    let lost = world.blocks.remove(&gone).expect("there");
    device.put(&mut world, "/two", &content);
    let result = device.run(&mut world, Command::Commit(String::new()));
    if lost.bytes().len() == 1 << 20 {
        assert_eq!(result.map(|_| ()), Err(CommandError::Lost(gone)));
    }
    let mut device = device.killed();
    world.blocks.insert(gone, lost);
    device.put(&mut world, "/two", &content);
    device.commit(&mut world);
    assert!(device.read(&mut world, "/two", 0, None) == Ok(content));
}

#[test]
fn a_read_of_what_nobody_has_says_so() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.put(&mut world, "/file", &noise(3_000_000, 1));
    device.commit(&mut world);
    let mut device = device.killed();
    world.blocks.clear();
    assert!(matches!(device.read(&mut world, "/file", 0, None), Err(CommandError::Unavailable(_))));
}

#[test]
fn a_read_that_is_pulled_before_its_pages_are_here_is_not_forgotten() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.put(&mut world, "/file", b"content");
    device.commit(&mut world);
    let mut device = device.killed();
    let id = CommandId(77);
    device.vault.handle(Time(1_000), Input::Command(id, Command::Read { path: path("/file"), from: 0, len: None }));
    device.vault.handle(Time(1_000), Input::Pull(id, 1_000));
    device.settle(&mut world);
    assert!(matches!(device.replies.get(&id), Some(Ok(Reply::Read(7)))));
}

#[test]
fn a_tree_that_could_not_be_read_is_tried_again() {
    let (mut world, (_, notes)) = (World::default(), founded());
    let mut device = Device::open(1, notes);
    device.put(&mut world, "/file", b"content");
    device.commit(&mut world);
    let mut device = device.killed();
    let blocks = std::mem::take(&mut world.blocks);
    device.settle(&mut world);
    assert!(matches!(device.read(&mut world, "/file", 0, None), Err(CommandError::Unavailable(_))));
    assert!(matches!(device.run(&mut world, Command::Commit(String::new())), Err(CommandError::Unavailable(_))));
    world.blocks = blocks;
    assert!(!device.commit(&mut world).changed);
    assert!(device.read(&mut world, "/file", 0, None) == Ok(b"content".to_vec()));
}
