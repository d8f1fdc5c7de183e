//! Names of things: each kind of 32-byte name is a type of its own, short in `Debug`, whole in `Display`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::{ByteArray, Bytes};
use thiserror::Error;

use crate::base::HEX;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// Returns the 32 bytes of the name.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &HEX.encode(&self.0[..4]))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEX.encode(&self.0))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let bytes = HEX.decode(text.as_bytes()).ok_or(InvalidId)?;
                Ok(Self(bytes.try_into().map_err(|_| InvalidId)?))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Bytes::new(&self.0).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self(ByteArray::<32>::deserialize(deserializer)?.into_array()))
            }
        }
    };
}

id_type! {
    /// The name of a vault: the BLAKE3 hash of its certificate 0.
    VaultId
}
id_type! {
    /// The name of a sealed block: the BLAKE3 hash of its bytes, so anybody can verify it without a key.
    BlockId
}
id_type! {
    /// The name of a peer: its Ed25519 public key.
    PeerId
}
id_type! {
    /// The name of a record: the BLAKE3 hash of its bytes as received, signature included.
    RecordId
}

id_type! {
    /// The name of a share: the locator of its record, derived from the secret in the link.
    ShareId
}

/// A text that should be an id is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an id of 64 hexadecimal digits")]
pub struct InvalidId;

/// One of the 4,096 parts into which a vault's blocks fall: the first 12 bits of the block's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Partition(u16);

impl Partition {
    /// How many partitions a vault has.
    pub const COUNT: u16 = 4096;
    /// The last partition; the first is the default.
    pub const LAST: Self = Self(Self::COUNT - 1);

    /// Returns the partition of a block.
    #[must_use]
    pub fn of(id: &BlockId) -> Self {
        Self(u16::from(id.0[0]) << 4 | u16::from(id.0[1] >> 4))
    }

    /// Returns the partition with this number, or `None` from 4,096 on.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// Returns the number of the partition, below 4,096.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Iterates over all partitions in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }
}

impl TryFrom<u16> for Partition {
    type Error = &'static str;

    fn try_from(number: u16) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("partition out of range")
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({:03x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_the_first_twelve_bits() {
        let mut id = BlockId([0xff; 32]);
        id.0[0] = 0xab;
        id.0[1] = 0xc7;
        assert_eq!(Partition::of(&id).number(), 0xabc);
        assert_eq!(Partition::new(4096), None);
    }

    #[test]
    fn ids_travel_as_text_and_back() {
        let id = VaultId(std::array::from_fn(|i| i as u8));
        assert_eq!(id.to_string().parse::<VaultId>(), Ok(id));
        assert_eq!(format!("{id:?}"), "VaultId(00010203)");
        assert_eq!("00".parse::<VaultId>(), Err(InvalidId));
    }
}
