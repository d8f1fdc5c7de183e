//! Messages, events and ids in few words, for the story.

use std::fmt::{self, Display};

use cachette_core::id::BlockId;
use cachette_core::message::{Message, Plain};
use cachette_core::node::Event;

/// Shows something in few words.
pub struct Brief<T>(pub T);

impl Display for Brief<&BlockId> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_bytes()[..3].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Display for Brief<&[BlockId]> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.len())?;
        self.0.iter().take(3).try_for_each(|id| write!(f, " {}", Brief(id)))?;
        f.write_str(if self.0.len() > 3 { " …" } else { "" })
    }
}

impl Display for Brief<&Message> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match self.0 {
            Message::Block(_, block) => return write!(f, "block {}", Brief(&block.id())),
            Message::Plain(plain) => plain,
        };
        match plain {
            Plain::Offer(offer) => {
                let ids: Vec<_> = offer.blocks.iter().map(|(id, _)| *id).collect();
                write!(f, "offer {}", Brief(ids.as_slice()))
            }
            Plain::Want(ids) => write!(f, "want {}", Brief(ids.ids.as_slice())),
            Plain::Stored(ids) => write!(f, "stored {}", Brief(ids.ids.as_slice())),
            Plain::Fetch(ids) => write!(f, "fetch {}", Brief(ids.ids.as_slice())),
            Plain::Absent(ids) => write!(f, "absent {}", Brief(ids.ids.as_slice())),
            Plain::Refused(refused) => write!(f, "refused {} ({})", Brief(refused.ids.as_slice()), refused.why),
            Plain::Has(has) => write!(f, "has {}?", Brief(has.ids.as_slice())),
            Plain::Have((_, ids)) => write!(f, "have {}", Brief(ids.as_slice())),
            Plain::Publish((_, record)) => write!(f, "publish record of kind {:?}", record.0.get(1)),
            Plain::RecordsAre(answer) => write!(f, "records are {}", answer.records.len()),
            Plain::Redeem(_) => f.write_str("redeem an invitation"),
            Plain::Carries(ids) => write!(f, "carries {}", Brief(ids.ids.as_slice())),
            Plain::Drops(ids) => write!(f, "drops {}", Brief(ids.ids.as_slice())),
            Plain::Where(has) => write!(f, "where {}?", Brief(has.ids.as_slice())),
            Plain::Held((_, rows)) => write!(f, "held by {}", rows.len()),
            Plain::Through((tunnel, piece)) => write!(f, "through {}: {} bytes", tunnel.0, piece.0.len()),
            Plain::Denied((ask, why)) => write!(f, "denied {}: {why}", ask.0),
            other => write!(f, "{other:?}"),
        }
    }
}

impl Display for Brief<&Event> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Event::Placed(id, copies) => write!(f, "placed {}: {} of {}", Brief(id), copies.durable, copies.wanted),
            Event::Settled(id, copies) => write!(f, "settled {}: {} of {}", Brief(id), copies.durable, copies.wanted),
            Event::Unplaced(id, _, trouble) => write!(f, "unplaced {}: {trouble}", Brief(id)),
            Event::Got(block) => write!(f, "got {}", Brief(&block.id())),
            Event::Unavailable(id, troubles) => {
                write!(f, "unavailable {}", Brief(id))?;
                troubles.iter().try_for_each(|(_, trouble)| write!(f, "; {trouble}"))
            }
            Event::Lost(id) => write!(f, "lost {}", Brief(id)),
            Event::Published(_, copies) => write!(f, "published: {} of {}", copies.durable, copies.wanted),
            Event::Records(_, _, records) => write!(f, "got {} records", records.len()),
            other => write!(f, "{other:?}"),
        }
    }
}
