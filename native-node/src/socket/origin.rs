//! Which host names a node answers to, and which web pages may speak to it.
//!
//! A browser opens a socket to any host for any page, with whatever name the page's owner lets point there. So a node answers only
//! under names that are its own (against DNS rebinding), and only to pages that it knows (against foreign pages using a person's
//! node). Neither check is what keeps data safe, for a page has no key; they keep strangers' pages from talking at all.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};
use thiserror::Error;

/// A web origin: scheme, host and port, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

/// The host that a request is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// The names of a node and the origins that it lets in.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    hosts: BTreeSet<String>,
    origins: BTreeSet<Origin>,
}

/// A request is not meant for this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HostError {
    /// It names no host, or two, or none that can be read.
    #[error("the request names no host that can be read")]
    Unclear,
    /// It names a host that this node does not go by.
    #[error("this node does not go by that host name")]
    Unknown,
}

/// A web page may not speak to this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OriginError {
    /// The origin is `null` or cannot be read.
    #[error("the page has no origin that could be allowed")]
    Unclear,
    /// The origin is not on the list.
    #[error("pages of this origin are not allowed to connect")]
    NotAllowed,
}

/// A text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an origin looks like https://example.org or http://example.org:8080")]
pub struct InvalidOrigin;

impl Policy {
    /// Knows the node's own names and the pages that its operator lets in.
    #[must_use]
    pub fn new(hosts: impl IntoIterator<Item = String>, origins: impl IntoIterator<Item = Origin>) -> Self {
        Self { hosts: hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect(), origins: origins.into_iter().collect() }
    }

    /// Returns the host that a request is meant for, if that is this node: one of its names, loopback, or any IP address. An IP address
    /// needs no list, for no name was resolved that could have been rebound.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<Host, HostError> {
        let mut named = headers.get_all(HOST).iter();
        let (Some(header), None) = (named.next(), named.next()) else { return Err(HostError::Unclear) };
        let host = Host::parse(header.to_str().map_err(|_| HostError::Unclear)?).ok_or(HostError::Unclear)?;
        if let Some(authority) = uri.authority()
            && Host::parse(authority.as_str()).as_ref() != Some(&host)
        {
            return Err(HostError::Unclear);
        }
        let known = host.name.parse::<IpAddr>().is_ok() || is_loopback(&host.name) || self.hosts.contains(&host.name);
        if known { Ok(host) } else { Err(HostError::Unknown) }
    }

    /// Says whether the page behind a request may speak to this node; a request without `Origin` comes from no page.
    ///
    /// # Errors
    /// [`OriginError`].
    pub fn origin(&self, host: &Host, headers: &HeaderMap) -> Result<(), OriginError> {
        let mut named = headers.get_all(ORIGIN).iter();
        let Some(header) = named.next() else { return Ok(()) };
        if named.next().is_some() {
            return Err(OriginError::Unclear);
        }
        let origin: Origin = header.to_str().ok().and_then(|text| text.parse().ok()).ok_or(OriginError::Unclear)?;
        let own = origin.host == host.name && origin.port == host.port.unwrap_or(default_port(origin.secure));
        if own || is_loopback(&origin.host) || self.origins.contains(&origin) { Ok(()) } else { Err(OriginError::NotAllowed) }
    }
}

impl Host {
    /// Says whether it names this machine itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.name)
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, port) = split_authority(text)?;
        let port = match port {
            Some(port) => Some(parse_port(port)?),
            None => None,
        };
        Some(Self { name: name.strip_suffix('.').map(str::to_owned).unwrap_or(name), port })
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (secure, authority) = match text.split_once("://") {
            Some(("https", authority)) => (true, authority),
            Some(("http", authority)) => (false, authority),
            _ => return Err(InvalidOrigin),
        };
        let (host, port) = split_authority(authority).ok_or(InvalidOrigin)?;
        let port = match port {
            Some(port) => parse_port(port).ok_or(InvalidOrigin)?,
            None => default_port(secure),
        };
        Ok(Self { secure, host, port })
    }
}

/// Says whether a host, a name or an IP address without brackets, is this machine.
fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Splits `host:port`, takes the brackets off an IPv6 address and checks that nothing else is hidden in the host.
fn split_authority(authority: &str) -> Option<(String, Option<&str>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            match rest.strip_prefix(':') {
                None if !rest.is_empty() => return None,
                port => (host, port),
            }
        }
        None => {
            let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
            let hidden = |c: char| !(c.is_ascii_alphanumeric() || "-._".contains(c));
            if host.is_empty() || host.contains(hidden) {
                return None;
            }
            (host, port)
        }
    };
    Some((host.to_ascii_lowercase(), port))
}

fn parse_port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn policy() -> Policy {
        let allowed = ["https://app.example".parse().expect("an origin"), "https://app.example:8443".parse().expect("an origin")];
        Policy::new(["Attic.example".to_owned()], allowed)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        }
        map
    }

    fn host(text: &str) -> Result<Host, HostError> {
        policy().host(&Uri::from_static("/peer"), &headers(&[("host", text)]))
    }

    fn origin(text: &str) -> Result<(), OriginError> {
        let host = host("attic.example:4747").expect("its own name");
        policy().origin(&host, &headers(&[("origin", text)]))
    }

    #[test]
    fn w02_a_rebound_name_is_no_name_of_this_node() {
        for own in
            ["attic.example", "ATTIC.example:4747", "attic.example.", "localhost:4747", "127.0.0.1", "[::1]:4747", "192.168.1.9:4747"]
        {
            assert!(host(own).is_ok(), "{own}");
        }
        for foreign in ["evil.example", "attic.example.evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "xattic.example"]
        {
            assert_eq!(host(foreign), Err(HostError::Unknown), "{foreign}");
        }
        for unclear in ["", "attic.example@evil.example", "attic.example:x", "attic.example/evil", "attic.example,evil.example"] {
            assert_eq!(host(unclear), Err(HostError::Unclear), "{unclear}");
        }
        let policy = policy();
        assert_eq!(policy.host(&Uri::from_static("/"), &headers(&[])), Err(HostError::Unclear));
        let two = headers(&[("host", "attic.example"), ("host", "evil.example")]);
        assert_eq!(policy.host(&Uri::from_static("/"), &two), Err(HostError::Unclear));
        let other = Uri::from_static("http://evil.example/peer");
        assert_eq!(policy.host(&other, &headers(&[("host", "attic.example")])), Err(HostError::Unclear));
    }

    #[test]
    fn w01_a_foreign_page_is_refused() {
        assert_eq!(origin("https://evil.example"), Err(OriginError::NotAllowed));
        assert_eq!(origin("https://attic.example:4748"), Err(OriginError::NotAllowed), "another port is another page");
        for allowed in ["https://attic.example:4747", "http://attic.example:4747", "https://app.example", "http://localhost:5173"] {
            assert_eq!(origin(allowed), Ok(()), "{allowed}");
        }
        let no_port = host("attic.example").expect("its own name");
        assert_eq!(policy().origin(&no_port, &headers(&[("origin", "https://attic.example")])), Ok(()));
    }

    #[test]
    fn w03_null_and_look_alikes_are_refused_and_a_native_client_is_not() {
        for trick in [
            "https://app.example.evil",
            "https://app.example:443.evil",
            "https://evil-app.example",
            "http://app.example",
            "https://app.example:444",
            "https://localhost.evil.example",
        ] {
            assert!(origin(trick).is_err(), "{trick}");
        }
        for unclear in ["null", "", "app.example", "https://app.example/", "https://app.example@evil", "file://", "moz-extension://id"] {
            assert_eq!(origin(unclear), Err(OriginError::Unclear), "{unclear}");
        }
        let own = host("attic.example").expect("its own name");
        assert_eq!(policy().origin(&own, &headers(&[])), Ok(()), "no page, no origin");
        let two = headers(&[("origin", "https://app.example"), ("origin", "https://evil.example")]);
        assert_eq!(policy().origin(&own, &two), Err(OriginError::Unclear));
    }
}
