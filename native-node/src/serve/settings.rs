//! A node's settings, parsed and checked against one another.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use bytesize::ByteSize;
use cachette_core::address::Address;
use cachette_core::limits::{ADDRESSES_MAX, LABEL_MAX};
use thiserror::Error;

use crate::config::{Config, ConfigError, keys};
use crate::printable::is_unruly;
use crate::socket::gate::GateLimits;
use crate::socket::origin::Origin;
use crate::socket::tls::TlsFiles;

/// How a node runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where everything of this machine lives.
    pub data_dir: PathBuf,
    /// Where peers and browsers reach it.
    pub listen: SocketAddr,
    /// Where commands of this machine and collectors of metrics reach it.
    pub local_listen: SocketAddr,
    /// Bytes that all vaults together may take.
    pub store_limit: u64,
    /// Bytes that stay free on the disk.
    pub reserve: u64,
    /// What it fails together with.
    pub zone: String,
    /// What people call it.
    pub name: String,
    /// TLS, if it speaks it itself.
    pub tls: Option<TlsFiles>,
    /// What invitations say.
    pub public_addresses: Vec<Address>,
    /// Pages that may connect.
    pub allow_origins: Vec<Origin>,
    /// Bounds on connections.
    pub gate: GateLimits,
    /// Certificate authorities to trust beside the public ones.
    pub ca_file: Option<PathBuf>,
}

/// Settings that do not go together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// One value is wrong by itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Certificate without key, or key without certificate.
    #[error("tls_cert and tls_key go together: only one of them is set")]
    HalfTls,
    /// The port for commands and metrics is open to other machines.
    #[error("local_listen must be a loopback address, and {0} is not")]
    LocalNotLoopback(SocketAddr),
    /// A label is too long for what peers take.
    #[error("{0} is at most {LABEL_MAX} bytes long")]
    LongLabel(&'static str),
    /// A label would do something to whatever shows it.
    #[error("{0} has a character that moves the cursor or turns the direction of text; such a name could pass for another one")]
    UnrulyLabel(&'static str),
    /// The node would keep nothing.
    #[error("{} is at least 1 MiB: a node that keeps less keeps nothing", keys::STORE_LIMIT)]
    NoStore,
    /// More addresses than an invitation takes.
    #[error("at most {ADDRESSES_MAX} public addresses fit an invitation")]
    ManyAddresses,
}

impl Settings {
    /// Reads the settings of a node.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn from_config(config: &Config) -> Result<Self, SettingsError> {
        let size = |key| Ok::<u64, ConfigError>(config.value::<ByteSize>(key)?.as_u64());
        let tls = match (config.optional(keys::TLS_CERT)?, config.optional(keys::TLS_KEY)?) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => return Err(SettingsError::HalfTls),
        };
        let settings = Self {
            data_dir: config.value(keys::DATA_DIR)?,
            listen: config.value(keys::LISTEN)?,
            local_listen: config.value(keys::LOCAL_LISTEN)?,
            store_limit: size(keys::STORE_LIMIT)?,
            reserve: size(keys::RESERVE)?,
            zone: config.optional(keys::ZONE)?.unwrap_or_default(),
            name: config.optional(keys::NAME)?.unwrap_or_else(host_name),
            tls,
            public_addresses: config.list(keys::PUBLIC_ADDRESSES)?.into_iter().map(|Public(address)| address).collect(),
            allow_origins: config.list(keys::ALLOW_ORIGINS)?,
            gate: GateLimits {
                total: config.value(keys::MAX_CONNECTIONS)?,
                per_ip: config.value(keys::MAX_CONNECTIONS_PER_IP)?,
                rate_per_ip: config.value(keys::CONNECTS_PER_SECOND_PER_IP)?,
            },
            ca_file: config.optional(keys::CA_FILE)?,
        };
        if !settings.local_listen.ip().is_loopback() {
            return Err(SettingsError::LocalNotLoopback(settings.local_listen));
        }
        for (label, text) in [(keys::ZONE, &settings.zone), (keys::NAME, &settings.name)] {
            if text.len() > LABEL_MAX {
                return Err(SettingsError::LongLabel(label));
            }
            if text.chars().any(is_unruly) {
                return Err(SettingsError::UnrulyLabel(label));
            }
        }
        if settings.store_limit < STORE_MIN {
            return Err(SettingsError::NoStore);
        }
        if settings.public_addresses.len() > ADDRESSES_MAX {
            return Err(SettingsError::ManyAddresses);
        }
        Ok(settings)
    }

    /// Returns what invitations say: the public addresses, or where the node listens when nobody said anything.
    #[must_use]
    pub fn addresses(&self, bound: SocketAddr) -> Vec<String> {
        if !self.public_addresses.is_empty() {
            return self.public_addresses.iter().map(Address::url).collect();
        }
        let host = match bound.ip() {
            // Everywhere is no address. The host's name at least works in its own network.
            ip if ip.is_unspecified() => host_name(),
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        };
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        vec![format!("{scheme}://{host}:{}", bound.port())]
    }
}

/// A public address; the node's own id is added by the invitation.
struct Public(Address);

impl std::str::FromStr for Public {
    type Err = cachette_core::address::AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Any id will do for reading: what is kept is where, not who.
        Address::of(cachette_core::id::PeerId([0; 32]), text).map(Self)
    }
}

fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// Bytes below which no invitation can be made.
const STORE_MIN: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(changes: &[(&'static str, &str)]) -> Result<Settings, SettingsError> {
        let mut config = Config::defaults().expect("a home");
        for (key, value) in changes {
            config.take_flag(key, "--test", [(*value).to_owned()]);
        }
        Settings::from_config(&config)
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        assert!(matches!(settings(&[(keys::TLS_CERT, "cert.pem")]), Err(SettingsError::HalfTls)));
        assert!(matches!(settings(&[(keys::LOCAL_LISTEN, "0.0.0.0:9")]), Err(SettingsError::LocalNotLoopback(_))));
        assert!(matches!(settings(&[(keys::ZONE, &"z".repeat(65))]), Err(SettingsError::LongLabel("serve.zone"))));
        for (key, text) in [(keys::NAME, "a\u{202e}b"), (keys::ZONE, "a\nb"), (keys::NAME, "a\x1b[2Jb"), (keys::ZONE, "\u{2069}")] {
            assert!(matches!(settings(&[(key, text)]), Err(SettingsError::UnrulyLabel(label)) if label == key), "{text:?}");
        }
        assert!(matches!(settings(&[(keys::STORE_LIMIT, "0")]), Err(SettingsError::NoStore)));
        assert!(matches!(settings(&[(keys::STORE_LIMIT, "lots")]), Err(SettingsError::Config(_))));
        assert!(matches!(settings(&[(keys::PUBLIC_ADDRESSES, "attic.example")]), Err(SettingsError::Config(_))));
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let read = |text| settings(&[(keys::STORE_LIMIT, text)]).expect("a size").store_limit;
        assert_eq!([read("10GiB"), read("500 MB"), read("1048577")], [10 << 30, 500_000_000, 1_048_577]);
    }

    #[test]
    fn an_invitation_names_what_the_operator_said_or_where_the_node_listens() {
        let bound = "127.0.0.1:7".parse().expect("an address");
        assert_eq!(settings(&[]).expect("defaults").addresses(bound), ["ws://127.0.0.1:7"]);
        let said = settings(&[(keys::PUBLIC_ADDRESSES, "wss://Attic.example")]).expect("an address");
        assert_eq!(said.addresses(bound), ["wss://attic.example:443"]);
        let everywhere = settings(&[]).expect("defaults").addresses("0.0.0.0:7".parse().expect("an address"));
        assert!(everywhere[0].starts_with("ws://") && !everywhere[0].contains("0.0.0.0"), "{everywhere:?}");
    }
}
