//! What a share record holds: for those who have the link where the tree lies and what it is, for the vault's devices the secret and the path.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use zeroize::Zeroizing;

use crate::address::Address;
use crate::codec;
use crate::id::PeerId;
use crate::labels;
use crate::limits::{ADDRESSES_MAX, CARRIERS_MAX, NAME_MAX, SHARE_CONTENTS_MAX, SHARE_OWNER_MAX};
use crate::map::Map;
use crate::record::{Carrier, Certificate};
use crate::share_link::{ShareDigest, ShareSecret};
use crate::time::Time;
use crate::vault::reference::{Reference, Resolved};
use crate::vault::tree::Path;

/// What was shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedKind {
    /// A file: the link's root is a folder that holds it and nothing else.
    File,
    /// A folder: the link's root is a copy of it.
    Folder,
}

/// What a link leads to, as its record says before anything is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareContents {
    /// The page at the root directory's root of the copy; none when the folder is empty.
    pub root: Option<Reference>,
    /// What was shared.
    pub kind: SharedKind,
    /// Its name; none for a whole vault.
    pub name: Vec<u8>,
    /// Bytes of all files in it.
    pub bytes: u64,
    /// How many files.
    pub files: u64,
    /// When the link was made, as the device's clock had it.
    pub created: Time,
    /// Copies that each of its blocks has.
    pub replicas: u8,
    /// The vault's carriers when the link was made, without their names. Zones are numbers, which tell no more than which are equal.
    pub carriers: Vec<Carrier>,
}

/// What the vault's devices keep of a link.
pub(crate) struct ShareOwner {
    pub(crate) secret: Zeroizing<[u8; 32]>,
    pub(crate) path: Path,
}

/// `[peer, addresses, weight, zone, draining]`.
#[derive(Serialize, Deserialize)]
struct Place(PeerId, Vec<String>, u32, u8, bool);

type Stored = (Option<Resolved>, u8, ByteBuf, u64, u64, Time, u8, Vec<Place>);
type StoredOwner = (ByteArray<32>, Path);

impl ShareContents {
    /// Takes the carriers of a certificate, each with at most two addresses: one that a browser takes if it has one, and its first.
    pub(crate) fn carriers_of(tip: &Certificate) -> Vec<Carrier> {
        let mut zones: Map<&str, usize> = Map::new();
        for carrier in &tip.carriers {
            let next = zones.len();
            zones.entry(&carrier.zone).or_insert(next);
        }
        let mut room = PLACES_ROOM;
        let mut carriers = Vec::new();
        for carrier in &tip.carriers {
            let addresses = addresses(carrier);
            let bytes: usize = PLACE + addresses.iter().map(|address| address.len() + 3).sum::<usize>();
            if bytes > room {
                break;
            }
            room -= bytes;
            let zone = zones[carrier.zone.as_str()].to_string();
            carriers.push(Carrier { name: String::new(), addresses, zone, ..carrier.clone() });
        }
        carriers
    }

    /// Encodes and pads: the length says how long the addresses are together, and nothing of the rest. None while a block is not sealed.
    pub(crate) fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let root = match &self.root {
            Some(root) => Some(Resolved::of(root)?),
            None => None,
        };
        let kind = self.kind.number();
        let place = |carrier: &Carrier| {
            let zone = carrier.zone.parse().unwrap_or(0);
            Place(carrier.peer, carrier.addresses.clone(), carrier.weight, zone, carrier.draining)
        };
        let places: Vec<Place> = self.carriers.iter().map(place).collect();
        let room = (REST + codec::encode(&places).len()).next_power_of_two().clamp(CONTENTS_MIN, SHARE_CONTENTS_MAX);
        let name = ByteBuf::from(self.name.clone());
        let stored: Stored = (root, kind, name, self.bytes, self.files, self.created, self.replicas, places);
        pad(codec::encode(&stored), room)
    }

    /// Returns what names the copy in its link: the start of `derive_key(SHARE_DIGEST, encode([root, kind, name, bytes, files, created]))`. What
    /// may change for one link, its carriers, is not in it.
    pub(crate) fn digest(&self) -> Option<ShareDigest> {
        let root = match &self.root {
            Some(root) => Some(Resolved::of(root)?),
            None => None,
        };
        let name = ByteBuf::from(self.name.clone());
        let encoded = codec::encode(&(root, self.kind.number(), name, self.bytes, self.files, self.created));
        let hash = blake3::derive_key(labels::SHARE_DIGEST, &encoded);
        Some(std::array::from_fn(|at| hash[at]))
    }

    /// Reads what [`ShareContents::encode`] wrote; `None` when a later release wrote it, or nobody of ours.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (root, kind, name, bytes, files, created, replicas, places): Stored = unpad(bytes)?;
        let kind = match kind {
            1 => SharedKind::File,
            2 => SharedKind::Folder,
            _ => return None,
        };
        if name.len() > NAME_MAX || places.len() > CARRIERS_MAX {
            return None;
        }
        let carrier = |Place(peer, addresses, weight, zone, draining): Place| {
            let valid = addresses.len() <= ADDRESSES_MAX && addresses.iter().all(|address| Address::of(peer, address).is_ok());
            let carrier = Carrier { peer, name: String::new(), addresses, weight, zone: zone.to_string(), draining };
            valid.then_some(carrier)
        };
        let carriers = places.into_iter().map(carrier).collect::<Option<Vec<_>>>()?;
        let root = root.map(Resolved::into_reference);
        Some(Self { root, kind, name: name.into_vec(), bytes, files, created, replicas, carriers })
    }
}

impl SharedKind {
    const fn number(self) -> u8 {
        match self {
            Self::File => 1,
            Self::Folder => 2,
        }
    }
}

impl ShareOwner {
    pub(crate) fn encode(secret: &ShareSecret, path: &Path) -> Option<Zeroizing<Vec<u8>>> {
        let stored: StoredOwner = (ByteArray::new(*secret.expose()), path.clone());
        let encoded = codec::encode(&stored);
        let room = if encoded.len() <= OWNER_MIN { OWNER_MIN } else { SHARE_OWNER_MAX };
        pad(encoded, room)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (secret, path): StoredOwner = unpad(bytes)?;
        Some(Self { secret: Zeroizing::new(secret.into_array()), path })
    }
}

/// Returns the addresses of a carrier that strangers are told: one over TLS, if there is one, and the first.
pub(crate) fn addresses(carrier: &Carrier) -> Vec<String> {
    let secure = carrier.addresses.iter().find(|address| address.starts_with("wss:"));
    let mut addresses: Vec<String> = secure.into_iter().chain(carrier.addresses.first()).cloned().collect();
    addresses.dedup();
    addresses
}

fn pad(encoded: Vec<u8>, room: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut padded = Zeroizing::new(encoded);
    if padded.len() > room {
        return None;
    }
    padded.resize(room, 0);
    Some(padded)
}

/// Reads a value that is followed by zeros and nothing else.
fn unpad<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Option<T> {
    let len = codec::scan(bytes).ok()?;
    let (value, zeros) = bytes.split_at_checked(len)?;
    if zeros.iter().any(|byte| *byte != 0) { None } else { codec::decode(value).ok() }
}

/// Bytes of everything but the carriers, however long the name is and wherever the root lies.
const REST: usize = 512;
/// Bytes of the smallest contents: a vault with half a dozen carriers.
const CONTENTS_MIN: usize = 1 << 10;
/// Bytes that the carriers may take.
const PLACES_ROOM: usize = SHARE_CONTENTS_MAX - REST;
/// Bytes of a carrier without its addresses, at most.
const PLACE: usize = 48;
/// Bytes of what the vault's devices keep, for all paths but very long ones.
const OWNER_MIN: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::BlockId;
    use crate::vault::compress::Codec;
    use crate::vault::reference::At;
    use crate::vault::seal::BlockKey;

    fn contents(name: usize, root: bool) -> ShareContents {
        let key = BlockKey { suite: 1, id: BlockId([9; 32]), key: [8; 32] };
        let root = Reference { first: At::Block(key), next: root.then_some(At::Block(key)), offset: 7, stored: 99, codec: Codec::Raw };
        let carrier = |number: u8| Carrier {
            peer: PeerId([number; 32]),
            name: String::new(),
            addresses: vec![format!("wss://node-{number}.example:4001")],
            weight: 100,
            zone: (number % 2).to_string(),
            draining: false,
        };
        ShareContents {
            root: Some(root),
            kind: SharedKind::Folder,
            name: vec![b'n'; name],
            bytes: 1 << 40,
            files: 3,
            created: Time(1_800_000_000_000),
            replicas: 3,
            carriers: (1..=3).map(carrier).collect(),
        }
    }

    #[test]
    fn contents_come_back_and_their_length_tells_nothing() {
        let lengths = [(0, false), (1, true), (255, true)].map(|(name, root)| {
            let contents = contents(name, root);
            let encoded = contents.encode().expect("it fits");
            assert_eq!(ShareContents::decode(&encoded), Some(contents));
            encoded.len()
        });
        assert_eq!(lengths, [1024; 3]);
        let many = |path: &str| ShareOwner::encode(&ShareSecret::new([1; 32]), &Path::parse(path).expect("a path")).expect("it fits").len();
        assert_eq!([many("a"), many(&"b".repeat(200)), many(&vec!["c".repeat(250); 60].join("/"))], [512, 512, SHARE_OWNER_MAX]);
    }

    #[test]
    fn what_is_padded_with_anything_but_zeros_is_refused() {
        let mut encoded = contents(3, true).encode().expect("it fits");
        *encoded.last_mut().expect("padding") = 1;
        assert_eq!(ShareContents::decode(&encoded), None);
        assert_eq!(ShareContents::decode(&encoded[..40]), None);
        assert_eq!(ShareContents::decode(&[]), None);
    }

    #[test]
    fn a_reader_is_led_to_a_carriers_number_of_places_and_to_addresses_only() {
        let altered = |change: &dyn Fn(&mut ShareContents)| {
            let mut contents = contents(3, true);
            change(&mut contents);
            ShareContents::decode(&contents.encode().expect("it fits"))
        };
        assert!(altered(&|_| {}).is_some());
        assert_eq!(altered(&|contents| contents.carriers[0].addresses = vec!["ws://a:1".into(); ADDRESSES_MAX + 1]), None);
        assert_eq!(altered(&|contents| contents.carriers[0].addresses = vec!["http://a/x".into()]), None);
        assert_eq!(altered(&|contents| contents.carriers = vec![contents.carriers[0].clone(); CARRIERS_MAX + 1]), None);
    }

    #[test]
    fn as_many_carriers_as_a_vault_may_have_fit() {
        let mut contents = contents(255, true);
        let address = format!("wss://{}.example:4001", "a".repeat(200));
        contents.carriers = (0..64)
            .map(|number| Carrier { peer: PeerId([number; 32]), addresses: vec![address.clone()], ..contents.carriers[0].clone() })
            .collect();
        let encoded = contents.encode().expect("it fits");
        assert_eq!((encoded.len(), ShareContents::decode(&encoded)), (SHARE_CONTENTS_MAX, Some(contents)));
    }
}
