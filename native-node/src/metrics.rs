//! What a node counts for Prometheus. No label ever names a peer, a vault or a block: their number has no bound.

use cachette_core::link::CloseReason;
use cachette_core::node::{DialError, Relayed};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::socket::gate::Turned;

/// All of a node's figures.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Failures of the system to accept connections.
    pub accept_failures: Counter,
    /// Open connections, links or not.
    pub connections: Gauge,
    /// Open links.
    pub links: Gauge,
    /// Bytes of socket messages received.
    pub received: Counter,
    /// Bytes of socket messages sent.
    pub sent: Counter,
    /// Bytes of blocks held.
    pub store_bytes: Gauge,
    /// Blocks held.
    pub store_blocks: Gauge,
    /// Bytes that all vaults together may take.
    pub store_limit: Gauge,
    /// Bytes free on the disk.
    pub disk_free: Gauge,
    relay_open: Gauge,
    relay_opened: Counter,
    relay_refused: Counter,
    relay_bytes: Counter,
    refused: Family<Label, Counter>,
    closed: Family<Label, Counter>,
    dials: Family<Label, Counter>,
}

type Label = [(&'static str, &'static str); 1];

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            accept_failures: Counter::default(),
            connections: Gauge::default(),
            links: Gauge::default(),
            received: Counter::default(),
            sent: Counter::default(),
            store_bytes: Gauge::default(),
            store_blocks: Gauge::default(),
            store_limit: Gauge::default(),
            disk_free: Gauge::default(),
            relay_open: Gauge::default(),
            relay_opened: Counter::default(),
            relay_refused: Counter::default(),
            relay_bytes: Counter::default(),
            refused: Family::default(),
            closed: Family::default(),
            dials: Family::default(),
        };
        let mut registry = Registry::with_prefix("cachette");
        registry.register("accept_failures", "Times that the system could not accept a connection", metrics.accept_failures.clone());
        registry.register("connections_open", "Open connections", metrics.connections.clone());
        registry.register("connections_refused", "Connections turned away, by reason", metrics.refused.clone());
        registry.register("links_open", "Peers linked now", metrics.links.clone());
        registry.register("links_closed", "Links that ended, by reason", metrics.closed.clone());
        registry.register("dials", "Calls to peers, by outcome", metrics.dials.clone());
        registry.register_with_unit("link_received", "Encrypted bytes received from peers", Unit::Bytes, metrics.received.clone());
        registry.register_with_unit("link_sent", "Encrypted bytes sent to peers", Unit::Bytes, metrics.sent.clone());
        registry.register_with_unit("store_used", "Bytes of blocks held", Unit::Bytes, metrics.store_bytes.clone());
        registry.register("store_blocks", "Blocks held", metrics.store_blocks.clone());
        registry.register_with_unit("store_limit", "Bytes that all vaults may take", Unit::Bytes, metrics.store_limit.clone());
        registry.register_with_unit("disk_free", "Bytes free on the store's disk", Unit::Bytes, metrics.disk_free.clone());
        registry.register("relay_tunnels_open", "Tunnels between members' devices that lead through this node", metrics.relay_open.clone());
        registry.register("relay_tunnels_opened", "Tunnels that were opened", metrics.relay_opened.clone());
        registry.register("relay_tunnels_refused", "Tunnels that were refused", metrics.relay_refused.clone());
        registry.register_with_unit("relay_passed", "Encrypted bytes that passed tunnels", Unit::Bytes, metrics.relay_bytes.clone());
        metrics.registry = registry;
        metrics
    }
}

impl Metrics {
    /// Counts a connection that was turned away.
    pub fn refused(&self, why: Turned) {
        let reason = match why {
            Turned::Full => "full",
            Turned::Share => "share",
            Turned::Rate => "rate",
        };
        self.refused.get_or_create(&[("reason", reason)]).inc();
    }

    /// Counts what a node machine has relayed since it said so last.
    pub fn relayed(&self, before: Relayed, now: Relayed) {
        self.relay_open.set(i64::try_from(now.open).unwrap_or(i64::MAX));
        self.relay_opened.inc_by(now.opened.saturating_sub(before.opened));
        self.relay_refused.inc_by(now.refused.saturating_sub(before.refused));
        self.relay_bytes.inc_by(now.bytes.saturating_sub(before.bytes));
    }

    /// Counts a link that ended.
    pub fn closed(&self, why: CloseReason) {
        let reason = match why {
            CloseReason::Asked => "asked",
            CloseReason::Bye => "bye",
            CloseReason::Gone => "gone",
            CloseReason::HandshakeTimeout => "handshake_timeout",
            CloseReason::Handshake => "handshake",
            CloseReason::WrongPeer => "wrong_peer",
            CloseReason::Version => "version",
            CloseReason::Tampered => "tampered",
            CloseReason::Malformed => "malformed",
            _ => "other",
        };
        self.closed.get_or_create(&[("reason", reason)]).inc();
    }

    /// Counts a call to a peer.
    pub fn dialled(&self, outcome: Result<(), DialError>) {
        let outcome = match outcome {
            Ok(()) => "linked",
            Err(DialError::NoAddress) => "no_address",
            Err(DialError::Refused) => "refused",
            Err(DialError::NoRoute) => "no_route",
            Err(DialError::TimedOut) => "timed_out",
            Err(DialError::Tls) => "tls",
            Err(DialError::NotANode) => "not_a_node",
            Err(DialError::Handshake(_)) => "handshake",
            Err(_) => "other",
        };
        self.dials.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Writes all figures as Prometheus reads them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_names_units_and_no_unbounded_labels() {
        let metrics = Metrics::default();
        metrics.refused(Turned::Rate);
        metrics.closed(CloseReason::Tampered);
        metrics.received.inc_by(7);
        let once = Relayed { open: 2, opened: 3, refused: 1, bytes: 500 };
        metrics.relayed(Relayed::default(), once);
        metrics.relayed(once, Relayed { open: 1, bytes: 700, ..once });
        let text = metrics.text();
        for line in [
            "cachette_connections_refused_total{reason=\"rate\"} 1",
            "cachette_links_closed_total{reason=\"tampered\"} 1",
            "cachette_link_received_bytes_total 7",
            "cachette_relay_tunnels_open 1",
            "cachette_relay_tunnels_opened_total 3",
            "cachette_relay_passed_bytes_total 700",
            "cachette_store_limit_bytes 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
