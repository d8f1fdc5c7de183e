//! Every configuration key, once: its name, its default and what it is for.

/// Where everything of this machine lives: the node's store and seed, the client's vaults.
pub const DATA_DIR: &str = "data_dir";
/// How logs look.
pub const LOG_FORMAT: &str = "log_format";
/// What is logged, in the syntax of `tracing`'s filters.
pub const LOG_FILTER: &str = "log_filter";
/// Certificate authorities to trust beside the public ones.
pub const CA_FILE: &str = "network.ca_file";
/// Where a node listens.
pub const LISTEN: &str = "serve.listen";
/// Where a node answers commands of its own machine and shows its metrics.
pub const LOCAL_LISTEN: &str = "serve.local_listen";
/// Bytes that all vaults together may take.
pub const STORE_LIMIT: &str = "serve.store_limit";
/// Free space that stays free.
pub const RESERVE: &str = "serve.reserve";
/// What the node fails together with.
pub const ZONE: &str = "serve.zone";
/// What people call the node.
pub const NAME: &str = "serve.name";
/// The certificate chain for `wss` and `https`.
pub const TLS_CERT: &str = "serve.tls_cert";
/// Its private key.
pub const TLS_KEY: &str = "serve.tls_key";
/// Where others reach the node.
pub const PUBLIC_ADDRESSES: &str = "serve.public_addresses";
/// Web pages that may connect.
pub const ALLOW_ORIGINS: &str = "serve.allow_origins";
/// Open connections.
pub const MAX_CONNECTIONS: &str = "serve.max_connections";
/// Open connections of one address.
pub const MAX_CONNECTIONS_PER_IP: &str = "serve.max_connections_per_ip";
/// New connections of one address.
pub const CONNECTS_PER_SECOND_PER_IP: &str = "serve.connects_per_second_per_ip";

/// A key of the configuration file.
#[derive(Debug)]
pub struct Key {
    /// `section.key`, or `key` at the top.
    pub name: &'static str,
    /// Whether it takes a list.
    pub many: bool,
    /// The default as it would be written; empty when there is none.
    pub default: &'static [&'static str],
    /// What it does, in one line.
    pub about: &'static str,
}

impl Key {
    /// Returns the environment variable of the key: `CACHETTE_SECTION_KEY`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("CACHETTE_{}", self.name.replace('.', "_").to_uppercase())
    }
}

/// Returns the key with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Returns the known key that looks most like a mistyped one.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    let distance = |key: &Key| edits(name.as_bytes(), key.name.as_bytes());
    KEYS.iter().map(|key| (distance(key), key.name)).min().filter(|(distance, _)| *distance <= 3).map(|(_, name)| name)
}

/// Levenshtein distance.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

const fn one(name: &'static str, default: &'static [&'static str], about: &'static str) -> Key {
    Key { name, many: false, default, about }
}

const fn many(name: &'static str, about: &'static str) -> Key {
    Key { name, many: true, default: &[], about }
}

/// All keys, in the order in which they are documented.
pub const KEYS: &[Key] = &[
    one(DATA_DIR, &[], "where everything of this machine lives"),
    one(LOG_FORMAT, &["text"], "how logs look: text or json"),
    one(LOG_FILTER, &["warn,cachette=info"], "what is logged, as a filter such as `info` or `cachette=debug`"),
    one(CA_FILE, &[], "a PEM file of certificate authorities to trust beside the public ones"),
    one(LISTEN, &["0.0.0.0:4747"], "address and port for peers and the web"),
    one(LOCAL_LISTEN, &["127.0.0.1:0"], "loopback address and port for /metrics and for commands on this machine"),
    one(STORE_LIMIT, &["100GiB"], "bytes that all vaults together may take"),
    one(RESERVE, &["1GiB"], "free space of the disk that stays free"),
    one(ZONE, &[""], "what the node fails together with: a house, a rack, a provider"),
    one(NAME, &[], "what people call the node; the host's name when nothing is said"),
    one(TLS_CERT, &[], "a PEM file with the certificate chain for wss and https"),
    one(TLS_KEY, &[], "the PEM file with its private key"),
    many(PUBLIC_ADDRESSES, "where others reach the node, as wss://host:port; what invitations say"),
    many(ALLOW_ORIGINS, "origins of web pages that may connect beside the node's own and loopback"),
    one(MAX_CONNECTIONS, &["1024"], "open connections, all together"),
    one(MAX_CONNECTIONS_PER_IP, &["32"], "open connections of one address; loopback is exempt"),
    one(CONNECTS_PER_SECOND_PER_IP, &["10"], "new connections a second of one address; loopback is exempt"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_environment_variables() {
        assert_eq!(find(LISTEN).map(Key::variable).as_deref(), Some("CACHETTE_SERVE_LISTEN"));
        assert_eq!(find(DATA_DIR).map(Key::variable).as_deref(), Some("CACHETTE_DATA_DIR"));
    }

    #[test]
    fn a_typing_mistake_finds_the_key() {
        assert_eq!(nearest("serve.stor_limt"), Some(STORE_LIMIT));
        assert_eq!(nearest("something.else.entirely"), None);
    }
}
