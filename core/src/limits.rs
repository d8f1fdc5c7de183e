//! Every limit of the protocol, with its unit and its reason. Hard caps: configuration can only lower them.

use crate::time::Span;

/// The smallest block as a power of two: 4 KiB, one page of most disks.
pub const BLOCK_SIZE_LOG_MIN: u8 = 12;
/// The largest block as a power of two: 1 MiB, so that per-block costs vanish and a seek still fetches little.
pub const BLOCK_SIZE_LOG_MAX: u8 = 20;
/// Bytes of the authenticator that sealing adds to a pack.
pub const SEAL_OVERHEAD: usize = 16;
/// Bytes of plaintext in the largest block.
pub const PACK_MAX: usize = (1 << BLOCK_SIZE_LOG_MAX) - SEAL_OVERHEAD;

/// Bytes of the smallest chunk but a file's last one.
pub const CHUNK_MIN: usize = 64 << 10;
/// Bytes of the average chunk: four to a block keep references few and an edit's cost small.
pub const CHUNK_AVERAGE: usize = 256 << 10;
/// Bytes of the largest chunk: what fits one pack, so that a chunk touches at most two blocks.
pub const CHUNK_MAX: usize = PACK_MAX;

/// How deep encoded values nest: no format of ours needs more than 8, and a wasm stack is small.
pub const CODEC_DEPTH: usize = 16;
/// Items in any list of a message: a list of ids of this length is 136 KiB.
pub const LIST_MAX: usize = 4096;
/// Bytes of a signed record: kept whole by every carrier and sent in one message.
pub const RECORD_MAX: usize = 64 << 10;
/// Bytes of a message's header: a full list of ids with room beside it.
pub const HEADER_MAX: usize = 256 << 10;
/// Bytes of one Noise transport message, authenticator included: the Noise specification's own cap.
pub const FRAME_MAX: usize = 65_535;
/// Bytes of one WebSocket message: a few whole frames of one lane, so that a heartbeat waits for no more than this.
pub const SOCKET_MESSAGE_MAX: usize = 256 << 10;
/// Bytes of one that a link sends: with what a tunnel adds, it fits the header of a message of the link around it.
pub const SOCKET_MESSAGE_FILL: usize = SOCKET_MESSAGE_MAX - (1 << 10);

/// Entries of one directory page: bounds what a rename rewrites and what a reader decodes at once.
pub const DIR_PAGE_ENTRIES: usize = 128;
/// Chunks of one file page, or child pages of one node of it: 16 KiB of plaintext to a page.
pub const FILE_PAGE_ENTRIES: usize = 256;
/// Chunks that a directory entry holds itself: a small file needs no page of its own.
pub const INLINE_CHUNKS: usize = 4;
/// Bytes of one name: what Linux, macOS and Windows file systems take.
pub const NAME_MAX: usize = 255;
/// Folders below one another.
pub const PATH_DEPTH: usize = 64;
/// Levels of pages in one directory or file: 128^5 entries are more than anyone has.
pub const PAGE_LEVELS: usize = 6;
/// Blocks in one object's table: a full directory page of inline files, each chunk in two blocks of its own.
pub const TABLE_MAX: usize = 2 * INLINE_CHUNKS * DIR_PAGE_ENTRIES;
/// Blocks that a tree walk names as missing at once: they fit the cache together, with room for the pages on the way to them.
pub const WALK_AHEAD: usize = 16;
/// Snapshots that one snapshot merges: one per member.
pub const SNAPSHOT_PARENTS: usize = MEMBERS_MAX;
/// Bytes of a snapshot's message: a paragraph.
pub const SNAPSHOT_MESSAGE_MAX: usize = 1024;
/// Bytes of a symlink's target: Linux's `PATH_MAX`.
pub const SYMLINK_MAX: usize = 4096;

/// Carriers in one certificate.
pub const CARRIERS_MAX: usize = 64;
/// Members in one certificate, active and removed.
pub const MEMBERS_MAX: usize = 256;
/// Bytes of an address with its peer id.
pub const ADDRESS_MAX: usize = 512;
/// Addresses of one carrier.
pub const ADDRESSES_MAX: usize = 8;
/// Bytes of a zone's or device's name.
pub const LABEL_MAX: usize = 64;

/// Certificates of lost branches that a chain keeps: enough to show who forked and when, too few to fill a disk with.
pub const EVIDENCE_MAX: usize = 32;
/// Bytes of an epoch secret sealed for one member: 32 and the authenticator.
pub const WRAP_SEALED: usize = 48;
/// Bytes of an epoch secret sealed under the next one: nonce, 32 and the authenticator.
pub const PREVIOUS_EPOCH_SEALED: usize = 72;
/// Bytes of a head's sealed content at least: nonce and authenticator.
pub const HEAD_SEALED_MIN: usize = 40;
/// Bytes of a head's sealed content at most: a reference takes a few hundred.
pub const HEAD_SEALED_MAX: usize = 4096;

/// Nodes that a link's text names: it stays short enough to be sent as a message, and two of them may be gone.
pub const LINK_NODES: usize = 3;
/// Characters of a link with the URL around it.
pub const LINK_TEXT_MAX: usize = 8 << 10;
/// Share records that a carrier keeps of one vault, withdrawn ones among them: those are short and stay for ever.
pub const SHARES_MAX: usize = 4096;
/// Share records of one vault that are not withdrawn: all its devices fetch all of them whenever they look for news.
pub const SHARES_LIVE_MAX: usize = 1024;
/// Bytes of what a share record holds for those who have the link, at most: room for every carrier with an address or two.
pub const SHARE_CONTENTS_MAX: usize = 32 << 10;
/// Bytes of what a share record holds for the vault's devices, at most: the longest path.
pub const SHARE_OWNER_MAX: usize = 20 << 10;
/// Blocks whose shared parts are noted while a link is made, 256 GiB of full ones; what lies in others is sealed anew.
pub const SHARE_COVER: usize = 262_144;

/// Bytes of blocks that a vault has placed and that are not durable yet: fills a fast disk's queue, bounds a re-send.
pub const PLACE_WINDOW: usize = 64 << 20;
/// The same in a tab, which shares its browser's memory with everything else that is open: still longer than the way to any disk.
pub const TAB_PLACE_WINDOW: usize = 16 << 20;
/// Bytes of blocks that a read asks for ahead of its reader.
pub const READ_WINDOW: usize = 16 << 20;
/// The same in a tab: what a film of 60 Mbit/s shows in a second.
pub const TAB_READ_WINDOW: usize = 8 << 20;
/// Bytes of blocks that one link may be asked for and not have delivered yet.
pub const LINK_WINDOW: usize = 8 << 20;
/// The same in a tab.
pub const TAB_LINK_WINDOW: usize = 4 << 20;
/// Bytes that wait in a link for room: what both sides may have open at once, and control messages beside it.
pub const LINK_OUTBOX: usize = 2 * LINK_WINDOW + (4 << 20);
/// Bytes of memory that a waiting message takes beside its content.
pub const MESSAGE_COST: usize = 256;
/// Bytes of blocks that a node has invited over all links together.
pub const NODE_WINDOW: usize = 64 << 20;
/// Store operations that a node leaves unanswered.
pub const STORE_WINDOW: usize = 256;
/// Questions that one link may leave unanswered.
pub const ASKS_PER_LINK: usize = 256;
/// Offered blocks that one link may leave unanswered: two full lists, so that one is on its way while the other is looked at.
pub const OFFERS_PER_LINK: usize = 2 * LIST_MAX;
/// Bytes of blocks that are safe and kept in memory for the copies that still lack: a holder slower than the others costs no more.
pub const LINGER_WINDOW: usize = 32 << 20;
/// The same in a tab.
pub const TAB_LINGER_WINDOW: usize = 8 << 20;
/// Blocks that one tab tells a node of: 64 GiB of the largest ones, and 2 MiB of the node's memory.
pub const CARRIED_PER_LINK: usize = 16 * LIST_MAX;
/// Blocks that all tabs together tell a node of.
pub const CARRIED_PER_NODE: usize = 16 * CARRIED_PER_LINK;
/// Blocks that a peer is asked the holders of at once: the answer has room for several tabs that hold all of them.
pub const WHERE_MAX: usize = 512;
/// Bytes that an end of a tunnel has sent and the other has not taken: half a megabyte a round trip.
pub const TUNNEL_WINDOW: usize = 512 << 10;
/// Bytes of that which are kept for what a link says without room: its handshake and goodbye.
pub const TUNNEL_RESERVE: usize = 1 << 10;
/// Tunnels that lead over one link.
pub const TUNNELS_PER_LINK: usize = 8;
/// Tunnels through one carrier: with all windows full and nobody reading, 64 MiB.
pub const TUNNELS_PER_NODE: usize = 64;
/// A link through a tunnel is closed by who opened it after this long without use.
pub const TUNNEL_IDLE: Span = Span::seconds(60);
/// Bytes of blocks on their way into a cache: a disk slower than the network makes the cache lack some, and the memory no fuller.
pub const CACHE_WINDOW: usize = 16 << 20;
/// The same in a tab.
pub const TAB_CACHE_WINDOW: usize = 8 << 20;
/// For so long a tab keeps what it reads before its store rests: a small file is kept whole.
pub const TAB_CACHE_STRETCH: Span = Span(100);
/// The longest of those rests, which otherwise take twice as long as the store wrote: it may have written for long what was put.
pub const TAB_CACHE_REST: Span = Span::seconds(1);
/// Blocks whose missing copies are remembered for holders that may come back; the rest is for an audit to find.
pub const OWED_MAX: usize = 65_536;
/// Blocks that are fetched at once only to be handed to holders that lack them.
pub const MEND_WINDOW: usize = 16;
/// Bytes of the smallest block that a holder is sent to from another holder: what is smaller costs less than the detour.
pub const PULL_MIN: usize = 64 << 10;
/// While its uplink has nothing to do, a writer waits so long for holders that pull from others, and then sends the blocks itself: some
/// round trips, and the time of a disk.
pub const PULL_PATIENCE: Span = Span::seconds(2);
/// What a writer offers anew because it came from nowhere is no longer waited for from a source that has delivered nothing for so long.
pub const PULL_STALL: Span = Span::seconds(1);
/// Bytes of blocks that a holder fetches from another one at once: 2 MB/s at a second's round trip, and little to wait for in vain.
pub const PULL_WINDOW: usize = 2 << 20;
/// An offered block waits so long for its turn to be fetched from another holder, and so long again until it comes; then the writer is
/// asked for it. Both together end before the writer takes the silence for death ([`SUSPECT_AFTER`]).
pub const PULL_TIMEOUT: Span = Span::seconds(15);
/// A link that was dialled to fetch blocks for other holders' sake is closed after this long without use.
pub const PULL_IDLE: Span = Span::seconds(60);
/// Peers that a carrier fetches offered blocks from, or does not because they failed lately: those of a few vaults of the largest kind.
pub const PULL_SOURCES: usize = 256;
/// A question for a block is put to another holder too after this long at the earliest.
pub const HEDGE_MIN: Span = Span(100);
/// The same while nothing is known of the holders' pace.
pub const HEDGE_START: Span = Span::seconds(1);
/// Bytes of decoded tree pages that a vault keeps.
pub const PAGE_CACHE: usize = 32 << 20;
/// Bytes of tree blocks that a client keeps on its disk to read them again: the folders of about a million files.
pub const TREE_CACHE: u64 = 256 << 20;
/// Bytes of a store's limit for each block that it may hold: a vault of nothing but the smallest blocks would cost the index of a
/// carrier far more than its bytes say.
pub const LIMIT_PER_BLOCK: u64 = 16 << 10;
/// Blocks that any limit allows: a small vault is many small commits.
pub const LIMIT_BLOCKS_MIN: u64 = 1024;
/// Chunks that the writer's index remembers: 64 GiB of content at the average size.
pub const CHUNK_INDEX: usize = 262_144;

/// A handshake that takes longer is closed.
pub const HANDSHAKE_TIMEOUT: Span = Span::seconds(5);
/// Bytes of one handshake message: nobody has proven anything yet.
pub const HANDSHAKE_MAX: usize = 4096;
/// A silent link is asked for a sign of life after this long.
pub const HEARTBEAT: Span = Span::seconds(25);
/// A peer that is silent for this long is suspect: others are asked too.
pub const SUSPECT_AFTER: Span = Span::seconds(60);
/// A link that is silent for this long is closed: tolerates a hidden tab with one timer a minute.
pub const IDLE_CLOSE: Span = Span::seconds(150);
/// A link whose other side said that it is suspended is closed after this long without a word: a person comes back to a tab within minutes
/// or not at all.
pub const SUSPENDED_CLOSE: Span = Span::seconds(15 * 60);
/// Who was suspended gives its peers this long for a sign of life, and calls those again that give none: connections die unnoticed meanwhile.
pub const RESUME_PATIENCE: Span = Span::seconds(5);
/// The first pause before a lost link is dialled again; doubles up to [`REDIAL_MAX`], with jitter.
pub const REDIAL_MIN: Span = Span(500);
/// The longest pause before a lost link is dialled again.
pub const REDIAL_MAX: Span = Span::seconds(60);
/// Bytes that a holder lacks and no other holder delivers are looked for again after this long.
pub const BODY_RETRY: Span = Span::seconds(30);
/// A question is given up after this long.
pub const ASK_TIMEOUT: Span = Span::seconds(30);
/// How long an answer in several messages may take: hundreds of MiB of records over a line of 8 Mbit/s.
pub const ANSWER_TIMEOUT: Span = Span::seconds(10 * 60);
