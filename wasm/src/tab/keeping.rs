//! Keeping a copy of a file in this browser: all of it, or it is said what is missing.

use cachette_core::id::BlockId;
use cachette_core::node::{Answer, Request};
use cachette_core::vault::tree::Path;

use super::whereabouts;
use crate::client::Client;
use crate::failure::Failure;
use crate::js::{Shape, number};

/// Keeps every block of a file; `tell` hears how many bytes of it are here so far.
pub(super) async fn keep(client: &Client, path: Path, tell: impl Fn(u64)) -> Result<(), Failure> {
    let (blocks, len) = whereabouts::blocks(client, path).await?;
    let vault = client.look(|peer| peer.vault().id())?;
    let ids: Vec<BlockId> = blocks.keys().copied().collect();
    let (mut here, mut missing) = (0, 0);
    for ids in ids.chunks(AT_ONCE) {
        let Answer::Kept(lacking) = client.ask(|ask| Request::Keep(ask, vault, ids.to_vec())).await? else { continue };
        missing += lacking.len();
        here += ids.iter().filter(|id| !lacking.contains(id)).filter_map(|id| blocks.get(id)).sum::<u64>();
        tell(here);
    }
    // What came last may have pushed out what was kept first.
    let thrown = client.look(|peer| {
        // A vault without nodes has all of its blocks here, and nobody to be told of them.
        let lives_here = peer.vault().chain().tip().carriers.is_empty();
        ids.iter().filter(|id| !lives_here && !peer.node().carries(&vault, id)).count()
    })?;
    match missing.max(thrown) {
        0 => {
            // Halves of chunks are rounded down.
            tell(len);
            Ok(())
        }
        missing => {
            let failure = Failure::new("not-complete", format!("{missing} of the file's {} parts are not on this device", ids.len()));
            Err(failure
                .hint("make room for this site in the browser, or wait until more nodes answer, and keep it again: what is here is not sent again")
                .details(Shape::new().with("missing", number(missing)).with("parts", number(ids.len())).done()))
        }
    }
}

/// Blocks that are asked for in one go, between two words on how far it is.
const AT_ONCE: usize = 16;
