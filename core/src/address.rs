//! Addresses of peers: `wss://host:port/#PEERID`. The id after `#` never reaches a server; it says who must prove to answer there.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

use crate::base::BASE32;
use crate::id::PeerId;
use crate::limits::ADDRESS_MAX;

/// Where a peer can be reached, and who it must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// `wss`, or plain `ws`.
    pub secure: bool,
    /// A name or an IP address, an IPv6 one without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Who must answer.
    pub peer: Option<PeerId>,
}

/// A text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Longer than [`ADDRESS_MAX`].
    #[error("an address is at most {ADDRESS_MAX} characters long")]
    TooLong,
    /// Begins neither with `ws://` nor with `wss://`.
    #[error("an address begins with wss:// or ws://")]
    Scheme,
    /// No host, or characters that no host has.
    #[error("the address names no valid host")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the address's port is no number from 1 to 65535")]
    Port,
    /// Something stands between host and `#`.
    #[error("an address has no path: wss://host:port/#PEERID")]
    Path,
    /// What follows `#` is no peer id.
    #[error("what follows # is no peer id")]
    Peer,
    /// `ws://` to another machine without an id: nobody could say who answers.
    #[error("ws:// without a peer id reaches this machine only; add #PEERID or use wss://")]
    Unauthenticated,
}

impl Address {
    /// Reads an address that a person typed or an invitation holds, and that could be dialled as it is.
    ///
    /// # Errors
    /// [`AddressError`]; `ws://` without a peer id is [`AddressError::Unauthenticated`] unless it leads to this machine.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let address = Self::split(text)?;
        if address.secure || address.peer.is_some() || address.is_loopback() { Ok(address) } else { Err(AddressError::Unauthenticated) }
    }

    /// Reads a carrier's address, which stands in the certificate beside the peer id.
    ///
    /// # Errors
    /// [`AddressError`]; an id of another peer is [`AddressError::Peer`].
    pub fn of(peer: PeerId, text: &str) -> Result<Self, AddressError> {
        let address = Self::split(text)?;
        if address.peer.is_some_and(|named| named != peer) {
            return Err(AddressError::Peer);
        }
        Ok(Self { peer: Some(peer), ..address })
    }

    /// Says whether the address leads to this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Returns the address without the peer id, as a socket library and a certificate want it: `wss://host:port`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        if self.host.contains(':') {
            format!("{scheme}://[{}]:{}", self.host, self.port)
        } else {
            format!("{scheme}://{}:{}", self.host, self.port)
        }
    }

    fn split(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.len() > ADDRESS_MAX {
            return Err(AddressError::TooLong);
        }
        let (scheme, rest) =
            text.split_once(':').and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("//")?))).ok_or(AddressError::Scheme)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "wss" => true,
            "ws" => false,
            _ => return Err(AddressError::Scheme),
        };
        let (rest, peer) = match rest.split_once('#') {
            Some((rest, peer)) => (rest, Some(parse_peer(peer).ok_or(AddressError::Peer)?)),
            None => (rest, None),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?']) {
            return Err(AddressError::Path);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, rest) = bracketed.split_once(']').ok_or(AddressError::Host)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| AddressError::Host)?;
                (host, rest.strip_prefix(':').or((!rest.is_empty()).then_some("not a port")))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let host = host.to_ascii_lowercase();
        let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        if host.is_empty() || host.len() > HOST_MAX || !(named || host.parse::<IpAddr>().is_ok()) {
            return Err(AddressError::Host);
        }
        let port = match port {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().map_err(|_| AddressError::Port)?,
            Some(_) => return Err(AddressError::Port),
            None if secure => 443,
            None => 80,
        };
        if port == 0 { Err(AddressError::Port) } else { Ok(Self { secure, host, port, peer }) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.peer {
            Some(peer) => write!(f, "{}/#{}", self.url(), short_peer(peer)),
            None => f.write_str(&self.url()),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

/// Writes a peer id for people: 52 letters and digits of base32 in place of 64 hexadecimal digits.
#[must_use]
pub fn short_peer(peer: &PeerId) -> String {
    BASE32.encode(&peer.0)
}

/// Reads a peer id in its long form (64 hexadecimal digits) or its short one (52 letters and digits).
#[must_use]
pub fn parse_peer(text: &str) -> Option<PeerId> {
    text.parse().ok().or_else(|| Some(PeerId(BASE32.decode(text.as_bytes())?.try_into().ok()?)))
}

/// Characters of a DNS name.
const HOST_MAX: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: PeerId = PeerId([0xab; 32]);

    #[test]
    fn addresses_travel_as_text_and_back() {
        for text in ["wss://files.example.org:4433", "ws://127.0.0.1:4001", "ws://[::1]:80", "wss://[2001:db8::1]:443"] {
            let address = Address::parse(text).expect("valid");
            assert_eq!(address.to_string(), text);
            let named = Address { peer: Some(PEER), ..address };
            assert_eq!(Address::parse(&named.to_string()), Ok(named));
        }
        let long = format!("WSS://Attic.Example/#{PEER}");
        assert_eq!(Address::parse(&long), Ok(Address { secure: true, host: "attic.example".into(), port: 443, peer: Some(PEER) }));
    }

    #[test]
    fn mistakes_have_names() {
        use AddressError::*;
        let cases = [
            ("http://host:1", Scheme),
            ("host:1", Scheme),
            ("wss://", Host),
            ("wss://:1", Host),
            ("wss://a b:1", Host),
            ("wss://user@host:1", Host),
            ("wss://[::1:80", Host),
            ("wss://[localhost]:80", Host),
            ("wss://[::1]80", Port),
            ("wss://host:", Port),
            ("wss://host:0", Port),
            ("wss://host:65536", Port),
            ("wss://host:+1", Port),
            ("wss://host/peer", Path),
            ("wss://host?x", Path),
            ("wss://host:1/#abc", Peer),
        ];
        for (text, error) in cases {
            assert_eq!(Address::parse(text), Err(error), "{text}");
        }
        assert_eq!(Address::parse(&format!("wss://{}", "a".repeat(600))), Err(TooLong));
        assert_eq!(Address::of(PEER, &format!("ws://host:1/#{}", short_peer(&PeerId([1; 32])))), Err(Peer));
    }

    #[test]
    fn g03_plain_ws_without_a_peer_id_reaches_this_machine_only() {
        for text in ["ws://localhost:1", "ws://127.0.0.1:1", "ws://127.9.9.9", "ws://[::1]:1"] {
            assert!(Address::parse(text).is_ok(), "{text}");
        }
        for text in
            ["ws://192.168.0.2:1", "ws://localhost.evil.example:1", "ws://127.0.0.1.evil.example", "ws://[2001:db8::1]:1", "ws://0.0.0.0:1"]
        {
            assert_eq!(Address::parse(text), Err(AddressError::Unauthenticated), "{text}");
            assert!(Address::parse(&format!("{text}/#{PEER}")).is_ok(), "{text}");
            assert!(Address::of(PEER, text).is_ok(), "{text}");
        }
    }
}
