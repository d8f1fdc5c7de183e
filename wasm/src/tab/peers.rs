//! What is known of the peers that this one works with: links as they are now, and what nodes say of themselves.

use cachette_core::id::PeerId;
use cachette_core::map::{Map, Set};
use cachette_core::message::NodeStatus;
use cachette_core::node::{Answer, CarrierState, PeerStanding, Request};
use wasm_bindgen::JsValue;

use crate::client::Client;
use crate::driver::World;
use crate::failure::Failure;
use crate::js::{Shape, list, number};
use crate::timer::within;

/// Lists the vault's nodes and whoever else is linked.
pub(super) async fn peers(client: &Client) -> Result<JsValue, Failure> {
    let vault = client.look(|peer| peer.vault().id())?;
    let mut said = Map::new();
    if let Some(Answer::Carriers(states)) = within(PATIENCE, client.ask(|ask| Request::Survey(ask, vault))).await.transpose()? {
        said = states.into_iter().map(|CarrierState { peer, status, .. }| (peer, status.ok())).collect();
    }
    client.look_at_world(|world| list_of(world, &said))
}

/// Lists carriers and whoever else is linked, with what they said of themselves.
pub(crate) fn list_of(world: &World, said: &Map<PeerId, Option<NodeStatus>>) -> JsValue {
    let standings: Map<PeerId, PeerStanding> = world.node().peers().map(|standing| (standing.peer, standing)).collect();
    let nodes = world.carriers();
    let linked = standings.values().filter(|standing| standing.link.is_some()).map(|standing| standing.peer);
    let all: Set<PeerId> = nodes.iter().map(|node| node.peer).chain(linked).collect();
    let said = |peer| said.get(&peer).and_then(Option::as_ref);
    list(all.into_iter().map(|peer| shape(world, peer, standings.get(&peer), said(peer))))
}

fn shape(world: &World, peer: PeerId, standing: Option<&PeerStanding>, said: Option<&NodeStatus>) -> JsValue {
    let node = world.carriers().iter().find(|node| node.peer == peer);
    let link = standing.and_then(|standing| standing.link);
    let state = match standing {
        Some(PeerStanding { link: Some(_), suspended: true, .. }) => "suspended",
        Some(PeerStanding { link: Some(_), .. }) => "up",
        _ => "down",
    };
    let (sent, received) = link.map(|(link, _)| world.network.traffic(link)).unwrap_or_default();
    let relayed = link.is_some_and(|(link, _)| world.network.is_relayed(link));
    let reason = standing.filter(|standing| standing.link.is_none()).and_then(|standing| standing.down).map(|why| why.to_string());
    Shape::new()
        .with("peer", peer.to_string())
        .with("name", node.map_or("", |node| &node.name))
        .with("kind", if node.is_some() { "node" } else { "tab" })
        .with("state", state)
        .with("path", if relayed { "relayed" } else { "direct" })
        .with_some("since", link.map(|(_, since)| number(since.0)))
        .with_some("reason", reason)
        .with_some("roundTrip", standing.and_then(|standing| standing.round_trip).map(|span| number(span.millis())))
        .with_some("used", said.map(|status| number(status.used)))
        .with_some("limit", said.map(|status| number(status.limit)))
        .with_some("blocks", said.map(|status| number(status.blocks)))
        .with("sent", number(sent))
        .with("received", number(received))
        .with_some("zone", node.map(|node| node.zone.as_str()))
        .done()
}

/// Milliseconds that nodes get to say how they are; of those that are slower, only the link is shown.
const PATIENCE: u32 = 3_000;
