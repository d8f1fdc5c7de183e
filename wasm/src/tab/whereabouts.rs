//! Where a file's copies lie, and what would be lost if a peer were.

use cachette_core::id::{BlockId, PeerId};
use cachette_core::limits::WHERE_MAX;
use cachette_core::map::Map;
use cachette_core::node::{Answer, Request, Whereabouts};
use cachette_core::vault::tree::Path;
use cachette_core::vault::{Command, Reply};
use wasm_bindgen::JsValue;

use crate::client::Client;
use crate::failure::Failure;
use crate::js::{Shape, list, number};

/// What one peer holds of a file.
#[derive(Default)]
struct Held {
    blocks: u64,
    bytes: u64,
    /// Blocks that nobody else holds.
    alone: u64,
}

/// Asks all nodes who holds a file.
pub(super) async fn whereabouts(client: &Client, path: Path) -> Result<JsValue, Failure> {
    let (blocks, _) = blocks(client, path).await?;
    let (vault, me) = client.look(|peer| (peer.vault().id(), peer.vault().device()))?;
    let mut holders: Map<(PeerId, bool), Held> = Map::new();
    for ids in blocks.keys().copied().collect::<Vec<_>>().chunks(WHERE_MAX) {
        let Answer::Whereabouts(rows) = client.ask(|ask| Request::Locate(ask, vault, ids.to_vec())).await? else { continue };
        let carried = |id: &BlockId| client.look(|peer| peer.node().carries(&vault, id)).unwrap_or(false);
        for Whereabouts { id, carriers, mut tabs } in rows {
            tabs.extend(carried(&id).then_some(me));
            let peers = || carriers.iter().map(|peer| (*peer, *peer != me)).chain(tabs.iter().map(|peer| (*peer, false)));
            let alone = peers().count() == 1;
            for holder in peers() {
                let held = holders.entry(holder).or_default();
                held.blocks += 1;
                held.bytes += blocks.get(&id).copied().unwrap_or_default();
                held.alone += u64::from(alone);
            }
        }
    }
    let holders = list(holders.iter().map(|((peer, is_node), held)| {
        let shape = Shape::new().with("peer", peer.to_string()).with("kind", if *is_node { "node" } else { "tab" });
        shape.with("blocks", number(held.blocks)).with("bytes", number(held.bytes)).with("alone", number(held.alone)).done()
    }));
    let shape = Shape::new().with("blocks", number(blocks.len())).with("bytes", number(blocks.values().sum::<u64>()));
    Ok(shape.with("holders", holders).done())
}

/// Lists a file's blocks, how many bytes of the file each has (of a chunk that lies in two, half of it each), and how many it has in all.
pub(super) async fn blocks(client: &Client, path: Path) -> Result<(Map<BlockId, u64>, u64), Failure> {
    let (mut blocks, mut from) = (Map::new(), 0);
    loop {
        let Reply::Layout(page) = client.run(Command::Layout { path: path.clone(), from, limit: PAGE }).await? else { break };
        let Some(last) = page.last() else { break };
        from = last.start + u64::from(last.len);
        for chunk in &page {
            let share = u64::from(chunk.len) / chunk.blocks.len().max(1) as u64;
            chunk.blocks.iter().for_each(|id| *blocks.entry(*id).or_default() += share);
        }
        if page.len() < PAGE {
            break;
        }
    }
    Ok((blocks, from))
}

/// Chunks that are listed at once.
const PAGE: usize = 1024;
