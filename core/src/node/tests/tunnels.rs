//! Tunnels: who may open one, how much may be in it, and what becomes of it when a side goes away.

use bytes::Bytes;

use super::network::{Net, blocks};
use crate::id::{PeerId, VaultId};
use crate::limits::{TUNNEL_RESERVE, TUNNEL_WINDOW, TUNNELS_PER_LINK};
use crate::link::CloseReason;
use crate::message::{Ask, Denial, Ids, Message, Open, Piece, Plain, Tunnel};
use crate::node::{Event, Input, LinkId, Request, TunnelId, TunnelInput, TunnelOutput};

const DEVICE: usize = 0;
const RELAY: usize = 1;
const TAB: usize = 3;
const OTHER_TAB: usize = 4;

/// A device, two carriers and two tabs, and what the device asks the first carrier for.
fn net(seed: u64) -> (Net, VaultId) {
    let (net, chain) = Net::with_tabs(seed, 2, 2);
    (net, chain.vault())
}

fn open(net: &mut Net, from: usize, ask: u32, vault: VaultId, peer: PeerId) {
    net.forge(from, RELAY, Plain::Open(Open { ask: Ask(ask), vault, peer }).into());
    net.settle();
}

/// What the relay answered to the last question: a tunnel, or why there is none.
fn answer(net: &Net, to: usize) -> Result<Tunnel, Denial> {
    let answers = net.sent.iter().rev().filter(|(from, at, _)| (*from, *at) == (RELAY, to));
    let mut found = answers.filter_map(|(.., message)| match message {
        Message::Plain(Plain::Opened((_, tunnel))) => Some(Ok(*tunnel)),
        Message::Plain(Plain::Denied((_, why))) => Some(Err(*why)),
        _ => None,
    });
    found.next().expect("an answer")
}

fn through(tunnel: Tunnel, bytes: usize) -> Message {
    Plain::Through((tunnel, Piece(vec![7; bytes]))).into()
}

fn received(net: &Net, host: usize) -> usize {
    let bytes = |(_, output): &(TunnelId, TunnelOutput)| if let TunnelOutput::Received(bytes) = output { bytes.len() } else { 0 };
    net.hosts[host].tunnels.iter().map(bytes).sum()
}

fn gone(net: &Net, host: usize) -> usize {
    net.hosts[host].tunnels.iter().filter(|(_, output)| *output == TunnelOutput::Gone).count()
}

fn is_linked(net: &Net, host: usize) -> bool {
    net.link(host, RELAY).is_some()
}

#[test]
fn a_tunnel_is_opened_between_members_and_carries_both_ways() {
    let (mut net, vault) = net(1);
    let tab = net.hosts[TAB].peer;
    open(&mut net, DEVICE, 5, vault, tab);
    let tunnel = answer(&net, DEVICE).expect("a tunnel");
    let room = TunnelOutput::Room(TUNNEL_WINDOW - TUNNEL_RESERVE);
    let outputs: Vec<_> = net.hosts[TAB].tunnels.drain(..).collect();
    let id = outputs[0].0;
    assert_eq!(outputs, [(id, TunnelOutput::Begin { expected: None }), (id, room)]);
    net.forge(DEVICE, RELAY, through(tunnel, 1000));
    net.settle();
    assert_eq!(received(&net, TAB), 1000);
    net.input(TAB, Input::Tunnel(id, TunnelInput::Send(Bytes::from_static(b"back"))));
    net.input(TAB, Input::Tunnel(id, TunnelInput::Taken(1000)));
    net.settle();
    let back = |message: &Message| matches!(message, Message::Plain(Plain::Through((_, piece))) if piece.0 == b"back");
    let credit = |message: &Message| matches!(message, Message::Plain(Plain::Credit((_, 1000))));
    assert_eq!((net.count(RELAY, DEVICE, back), net.count(RELAY, DEVICE, credit)), (1, 1));
    let relayed = net.hosts[RELAY].node.relayed();
    assert_eq!((relayed.open, relayed.opened, relayed.refused, relayed.bytes), (1, 1, 0, 1004));
    net.forge(DEVICE, RELAY, Plain::Shut(tunnel).into());
    net.settle();
    assert_eq!((gone(&net, TAB), net.hosts[RELAY].node.relayed().open), (1, 0));
    // What was still on its way is no fault of anybody's.
    net.forge(DEVICE, RELAY, through(tunnel, 1000));
    net.settle();
    assert!(is_linked(&net, DEVICE) && is_linked(&net, TAB));
}

#[test]
fn a_tunnel_is_refused_to_strangers_to_nobody_and_beyond_the_limit() {
    let (mut net, vault) = net(2);
    let (tab, device) = (net.hosts[TAB].peer, net.hosts[DEVICE].peer);
    let stranger = net.host(crate::node::Role::Client);
    net.connect(stranger, RELAY);
    open(&mut net, stranger, 1, vault, tab);
    assert_eq!(answer(&net, stranger), Err(Denial::NoRight));
    let outsider = net.hosts[stranger].peer;
    for (vault, peer, why) in [
        (vault, outsider, Denial::NoRight),
        (vault, device, Denial::NoRight),
        (vault, net.hosts[2].peer, Denial::NoRight),
        (VaultId([9; 32]), tab, Denial::NotAdmitted),
    ] {
        open(&mut net, DEVICE, 2, vault, peer);
        assert_eq!(answer(&net, DEVICE), Err(why));
    }
    let link = net.link(OTHER_TAB, RELAY).expect("a link");
    let other = net.hosts[OTHER_TAB].peer;
    net.hosts[OTHER_TAB].frozen = true;
    net.cut(link, CloseReason::Gone);
    open(&mut net, DEVICE, 3, vault, other);
    assert_eq!(answer(&net, DEVICE), Err(Denial::NotLinked));
    for _ in 0..TUNNELS_PER_LINK {
        open(&mut net, DEVICE, 4, vault, tab);
        assert!(answer(&net, DEVICE).is_ok());
    }
    open(&mut net, DEVICE, 5, vault, tab);
    assert_eq!(answer(&net, DEVICE), Err(Denial::Busy));
    let relayed = net.hosts[RELAY].node.relayed();
    assert_eq!((relayed.open, relayed.refused), (TUNNELS_PER_LINK, 6), "those of an admitted vault");
}

#[test]
fn x02_what_waits_for_a_receiver_that_does_not_read_is_one_window() {
    let (mut net, vault) = net(3);
    let tab = net.hosts[TAB].peer;
    open(&mut net, DEVICE, 1, vault, tab);
    let tunnel = answer(&net, DEVICE).expect("a tunnel");
    for _ in 0..TUNNEL_WINDOW / (64 << 10) {
        net.forge(DEVICE, RELAY, through(tunnel, 64 << 10));
    }
    net.settle();
    assert_eq!(received(&net, TAB), TUNNEL_WINDOW);
    assert!(is_linked(&net, DEVICE));
    net.forge(DEVICE, RELAY, through(tunnel, 1));
    net.settle();
    assert_eq!(received(&net, TAB), TUNNEL_WINDOW, "not a byte more");
    assert!(!is_linked(&net, DEVICE), "who floods is cut off");
    assert!(is_linked(&net, TAB));
    assert_eq!(gone(&net, TAB), 1);
}

#[test]
fn x02_nobody_is_credited_for_more_than_was_sent() {
    let (mut net, vault) = net(4);
    let (tab, other) = (net.hosts[TAB].peer, net.hosts[OTHER_TAB].peer);
    open(&mut net, DEVICE, 1, vault, tab);
    let tunnel = answer(&net, DEVICE).expect("a tunnel");
    net.forge(DEVICE, RELAY, through(tunnel, 1000));
    net.settle();
    net.forge(TAB, RELAY, Plain::Credit((tunnel, 1001)).into());
    net.settle();
    assert!(!is_linked(&net, TAB), "a receiver that lies to the relay");
    // A relay that lies to a sender.
    open(&mut net, DEVICE, 2, vault, other);
    let tunnel = answer(&net, DEVICE).expect("a tunnel");
    let id = net.hosts[OTHER_TAB].tunnels[0].0;
    net.input(OTHER_TAB, Input::Tunnel(id, TunnelInput::Send(Bytes::from(vec![1; 500]))));
    net.settle();
    net.forge(RELAY, OTHER_TAB, Plain::Credit((tunnel, 501)).into());
    net.settle();
    assert!(!is_linked(&net, OTHER_TAB));
    assert_eq!(gone(&net, OTHER_TAB), 1);
}

#[test]
fn p15_a_relay_brings_nobody_in_whom_the_vault_does_not_name() {
    let (mut net, vault) = net(5);
    let outsider = PeerId([9; 32]);
    let device = net.hosts[DEVICE].peer;
    net.sent.clear();
    net.forge(RELAY, TAB, Plain::Incoming((Tunnel(70), vault, outsider)).into());
    net.forge(RELAY, TAB, Plain::Incoming((Tunnel(71), VaultId([9; 32]), device)).into());
    // Another tab is no carrier of the vault.
    net.connect(OTHER_TAB, TAB);
    net.forge(OTHER_TAB, TAB, Plain::Incoming((Tunnel(72), vault, device)).into());
    net.settle();
    assert_eq!(net.hosts[TAB].tunnels, []);
    let shut = |message: &Message| matches!(message, Message::Plain(Plain::Shut(_)));
    assert_eq!((net.count(TAB, RELAY, shut), net.count(TAB, OTHER_TAB, shut)), (2, 1));
    // Should it name a member and lead somebody else in, the link inside is closed once that one has proven who it is.
    net.input(TAB, Input::Linked { link: LinkId(900), peer: outsider, dialled: false });
    assert_eq!(net.hosts[TAB].node.link_of(&outsider), None);
    net.input(TAB, Input::Linked { link: LinkId(901), peer: device, dialled: false });
    assert!(net.hosts[TAB].node.link_of(&device).is_some());
}

#[test]
fn who_is_no_tab_is_not_called_through_anybody() {
    let (mut net, vault) = net(6);
    let tab = net.hosts[TAB].peer;
    net.forge(RELAY, DEVICE, Plain::Incoming((Tunnel(5), vault, tab)).into());
    net.settle();
    assert_eq!(net.hosts[DEVICE].tunnels, []);
}

#[test]
fn a_tunnel_ends_with_either_link() {
    for dying in [DEVICE, TAB] {
        let (mut net, vault) = net(7);
        let tab = net.hosts[TAB].peer;
        open(&mut net, DEVICE, 1, vault, tab);
        answer(&net, DEVICE).expect("a tunnel");
        let link = net.link(dying, RELAY).expect("a link");
        net.cut(link, CloseReason::Gone);
        net.settle();
        assert_eq!(net.hosts[RELAY].node.relayed().open, 0);
        assert_eq!(gone(&net, TAB), 1);
    }
}

#[test]
fn a_call_that_no_relay_takes_ends_and_the_block_is_unavailable() {
    let (mut net, vault) = net(8);
    let lost = blocks(1).remove(0);
    net.request(TAB, Request::Place(vault, lost.clone()));
    net.settle();
    for carrier in 1..=2 {
        net.hosts[carrier].store.blocks.clear();
    }
    // The carriers still know the tab when its links to them are gone without a word.
    net.request(DEVICE, Request::Need(vault, vec![lost.id()]));
    net.settle();
    // Nobody runs the link in the tunnel: the driver reports that it came to nothing.
    let tunnels: Vec<_> = net.hosts[DEVICE].tunnels.drain(..).collect();
    let tab = net.hosts[TAB].peer;
    assert!(matches!(tunnels[0].1, TunnelOutput::Begin { expected: Some(peer) } if peer == tab), "{tunnels:?}");
    for _ in 0..2 {
        let failed = crate::node::DialError::Handshake(CloseReason::HandshakeTimeout);
        net.input(DEVICE, Input::Unreachable(tab, failed));
        net.settle();
    }
    let unavailable = |event: &Event| matches!(event, Event::Unavailable(..));
    assert_eq!(net.hosts[DEVICE].events.iter().filter(|event| unavailable(event)).count(), 1);
}

/// The second of two tunnels with one number took the first one's place without a word, and whoever had called through that waited for ever.
#[test]
fn p15_a_relay_that_gives_two_tunnels_one_number_is_given_one() {
    let (mut net, chain) = Net::with_tabs(9, 1, 2);
    let (vault, blocks) = (chain.vault(), blocks(2));
    let ids = [blocks[0].id(), blocks[1].id()];
    let tabs = [net.hosts[2].peer, net.hosts[3].peer];
    net.hosts[RELAY].frozen = true;
    net.request(DEVICE, Request::Need(vault, ids.to_vec()));
    net.settle();
    net.forge(RELAY, DEVICE, Plain::Absent(Ids { vault, ids: ids.to_vec() }).into());
    net.settle();
    let question = |message: &Message| if let Message::Plain(Plain::Where(has)) = message { Some(has.ask) } else { None };
    let asked = net.sent.iter().find_map(|(.., message)| question(message)).expect("the relay is asked");
    net.forge(RELAY, DEVICE, Plain::Held((asked, vec![(tabs[0], vec![ids[0]]), (tabs[1], vec![ids[1]])])).into());
    net.settle();
    let call = |message: &Message| if let Message::Plain(Plain::Open(open)) = message { Some(open.ask) } else { None };
    let calls: Vec<Ask> = net.sent.iter().filter_map(|(.., message)| call(message)).collect();
    assert_eq!(calls.len(), 2);
    for ask in calls {
        net.forge(RELAY, DEVICE, Plain::Opened((ask, Tunnel(7))).into());
    }
    net.settle();
    let begun = net.hosts[DEVICE].tunnels.iter().filter(|(_, output)| matches!(output, TunnelOutput::Begin { .. })).count();
    assert_eq!(begun, 1);
    assert!(net.events().iter().any(|event| matches!(event, Event::Unavailable(id, _) if *id == ids[1])));
}
