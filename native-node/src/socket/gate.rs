//! Who may open a connection now: bounds on all connections, on those of one address, and on how fast one address opens them.
//!
//! An address is an IPv4 address or an IPv6 /64, which is what one household or machine has. Loopback is bounded in total only: a
//! reverse proxy and a person's own commands all come from there.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use thiserror::Error;

/// Bounds of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateLimits {
    /// Open connections.
    pub total: usize,
    /// Open connections of one address.
    pub per_ip: usize,
    /// New connections a second of one address; as many may come at once after a pause.
    pub rate_per_ip: u32,
}

/// Counts connections.
#[derive(Debug)]
pub struct Gate {
    limits: GateLimits,
    state: Mutex<State>,
}

/// A counted connection, until it is dropped.
#[derive(Debug)]
pub struct Ticket {
    gate: Arc<Gate>,
    source: Option<IpAddr>,
}

/// Why a connection is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Turned {
    /// All places are taken.
    #[error("too many connections")]
    Full,
    /// The address has its share.
    #[error("too many connections from this address")]
    Share,
    /// The address opens connections too fast.
    #[error("too many connections a second from this address")]
    Rate,
}

#[derive(Debug, Default)]
struct State {
    open: usize,
    sources: HashMap<IpAddr, Seen>,
}

#[derive(Debug)]
struct Seen {
    open: usize,
    /// How many connections may come at once, in thousandths.
    tokens: u64,
    at: Instant,
}

impl Gate {
    /// Opens the gate.
    #[must_use]
    pub fn new(limits: GateLimits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// Lets a connection in, or says why not.
    ///
    /// # Errors
    /// [`Turned`].
    pub fn admit(self: &Arc<Self>, from: IpAddr, now: Instant) -> Result<Ticket, Turned> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let source = source(from);
        if let Some(source) = source {
            let full = u64::from(self.limits.rate_per_ip) * 1000;
            if state.sources.len() >= SOURCES_KEPT {
                state.sources.retain(|_, seen| seen.open > 0 || seen.refill(full, now) < full);
            }
            let seen = state.sources.entry(source).or_insert(Seen { open: 0, tokens: full, at: now });
            seen.tokens = seen.refill(full, now);
            seen.at = now;
            // A refused attempt costs a token too, so that who hammers stays out until it pauses.
            let within_rate = seen.tokens >= 1000;
            seen.tokens = seen.tokens.saturating_sub(1000);
            if !within_rate {
                return Err(Turned::Rate);
            }
            if seen.open >= self.limits.per_ip {
                return Err(Turned::Share);
            }
        }
        if state.open >= self.limits.total {
            return Err(Turned::Full);
        }
        state.open += 1;
        if let Some(seen) = source.and_then(|source| state.sources.get_mut(&source)) {
            seen.open += 1;
        }
        Ok(Ticket { gate: Arc::clone(self), source })
    }

    /// Returns how many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open
    }
}

impl Seen {
    fn refill(&self, full: u64, now: Instant) -> u64 {
        let passed = u64::try_from(now.saturating_duration_since(self.at).as_millis()).unwrap_or(u64::MAX);
        self.tokens.saturating_add(passed.saturating_mul(full) / 1000).min(full)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.gate.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open -= 1;
        if let Some(seen) = self.source.and_then(|source| state.sources.get_mut(&source)) {
            seen.open -= 1;
        }
    }
}

/// Returns what an address is counted under, or `None` for loopback.
fn source(from: IpAddr) -> Option<IpAddr> {
    match from.to_canonical() {
        ip if ip.is_loopback() => None,
        IpAddr::V6(ip) => Some(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into()),
        ip @ IpAddr::V4(_) => Some(ip),
    }
}

/// Sources remembered before those that are idle are forgotten: about 1 MiB.
const SOURCES_KEPT: usize = 16_384;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: GateLimits = GateLimits { total: 10, per_ip: 3, rate_per_ip: 5 };

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn x01_an_address_gets_its_share_and_no_more() {
        let (gate, now) = (Gate::new(LIMITS), Instant::now());
        let held: Vec<_> = (0..3).map(|_| gate.admit(ip("192.0.2.1"), now).expect("within its share")).collect();
        assert_eq!(gate.admit(ip("192.0.2.1"), now).err(), Some(Turned::Share));
        assert!(gate.admit(ip("192.0.2.2"), now).is_ok(), "others are served");
        drop(held);
        assert_eq!(gate.open(), 0);
        assert!(gate.admit(ip("192.0.2.1"), now).is_ok());
    }

    #[test]
    fn who_hammers_stays_out_until_it_pauses() {
        let (gate, now) = (Gate::new(LIMITS), Instant::now());
        let came = (0..20).filter(|_| gate.admit(ip("192.0.2.1"), now).is_ok()).count();
        assert_eq!(came, 5);
        assert_eq!(gate.admit(ip("192.0.2.1"), now + Duration::from_millis(100)).err(), Some(Turned::Rate));
        assert!(gate.admit(ip("192.0.2.1"), now + Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_source_and_loopback_is_none() {
        let (gate, now) = (Gate::new(LIMITS), Instant::now());
        let _held: Vec<_> = (1..=3).map(|i| gate.admit(ip(&format!("2001:db8::{i}")), now).expect("within its share")).collect();
        assert_eq!(gate.admit(ip("2001:db8::ffff:1"), now).err(), Some(Turned::Share));
        let _local: Vec<_> = (0..7).map(|_| gate.admit(ip("::ffff:127.0.0.1"), now).expect("loopback")).collect();
        assert_eq!(gate.admit(ip("127.0.0.1"), now).err(), Some(Turned::Full));
    }
}
