//! The one encoding: MessagePack as fixed-order arrays, in its shortest form and no other.
//!
//! [`decode`] is total: hostile bytes cost no more than a walk over them. Before anything is allocated it checks that lengths fit
//! the input, that nesting stays below [`CODEC_DEPTH`] and that only the kinds of value occur that our formats use (no maps, floats
//! or extensions). What passes is decoded, encoded again and compared, so that one value has one encoding: duplicate or trailing
//! items, long integers and other spellings are refused. What is signed or hashed is always the received bytes.

mod reader;
mod writer;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use self::reader::{Reader, Shape};
use self::writer::Writer;
use crate::limits::CODEC_DEPTH;

/// Encoded bytes are not a value of the expected type in its canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A length reaches beyond the end, or the input ends early.
    #[error("the encoding is cut short")]
    Truncated,
    /// Arrays nest deeper than [`CODEC_DEPTH`].
    #[error("the encoding nests too deep")]
    TooDeep,
    /// A kind of value that no format here uses.
    #[error("the encoding holds a kind of value that is not used here (marker {0:#04x})")]
    ForeignMarker(u8),
    /// Bytes follow the value.
    #[error("bytes follow the encoded value")]
    Trailing,
    /// The value is not of the expected type.
    #[error("the encoded value is not of the expected shape: expected {0}")]
    Shape(&'static str),
    /// The same value has a shorter or other spelling.
    #[error("the encoding is not canonical")]
    NotCanonical,
}

/// Encodes a value; structs and tuples become arrays.
#[must_use]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut writer = Writer(Vec::new());
    let Ok(()) = value.serialize(&mut writer);
    writer.0
}

/// Decodes a value that fills `bytes` exactly and canonically.
///
/// # Errors
/// [`DecodeError`]; nothing is allocated beyond a small multiple of the input.
pub fn decode<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, DecodeError> {
    let value = T::deserialize(&mut whole(bytes)?).map_err(shapeless)?;
    same(bytes, &encode(&value))?;
    Ok(value)
}

/// Returns a reader of bytes that [`scan`] has let pass to their end.
fn whole(bytes: &[u8]) -> Result<Reader<'_>, DecodeError> {
    if scan(bytes)? == bytes.len() { Ok(Reader::new(bytes)) } else { Err(DecodeError::Trailing) }
}

fn same(read: &[u8], written: &[u8]) -> Result<(), DecodeError> {
    if read == written { Ok(()) } else { Err(DecodeError::NotCanonical) }
}

fn shapeless(expected: Shape) -> DecodeError {
    DecodeError::Shape(expected.words())
}

/// Returns the length of the first value in `bytes`, which need not fill them.
///
/// # Errors
/// [`DecodeError`] as in [`decode`], but for shape and canonical form, which are not looked at.
pub fn scan(bytes: &[u8]) -> Result<usize, DecodeError> {
    let mut at = 0;
    let mut open: [usize; CODEC_DEPTH] = [0; CODEC_DEPTH];
    let mut depth = 0;
    loop {
        let marker = *bytes.get(at).ok_or(DecodeError::Truncated)?;
        at += 1;
        let mut items = 0;
        let skip = match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => 0,
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 => 2,
            0xce | 0xd2 => 4,
            0xcf | 0xd3 => 8,
            0xa0..=0xbf => usize::from(marker & 0x1f),
            0xc4 | 0xd9 => length(bytes, &mut at, 1)?,
            0xc5 | 0xda => length(bytes, &mut at, 2)?,
            0xc6 | 0xdb => length(bytes, &mut at, 4)?,
            0x90..=0x9f => {
                items = usize::from(marker & 0x0f);
                0
            }
            0xdc => {
                items = length(bytes, &mut at, 2)?;
                0
            }
            0xdd => {
                items = length(bytes, &mut at, 4)?;
                0
            }
            _ => return Err(DecodeError::ForeignMarker(marker)),
        };
        let left = bytes.len().checked_sub(at).ok_or(DecodeError::Truncated)?;
        if skip > left || items > left {
            return Err(DecodeError::Truncated);
        }
        at += skip;
        if items > 0 {
            *open.get_mut(depth).ok_or(DecodeError::TooDeep)? = items;
            depth += 1;
            continue;
        }
        loop {
            let Some(parent) = depth.checked_sub(1) else { return Ok(at) };
            open[parent] -= 1;
            if open[parent] > 0 {
                break;
            }
            depth = parent;
        }
    }
}

/// Reads a big-endian length of `width` bytes.
fn length(bytes: &[u8], at: &mut usize, width: usize) -> Result<usize, DecodeError> {
    let field = bytes.get(*at..*at + width).ok_or(DecodeError::Truncated)?;
    *at += width;
    Ok(field.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
}

/// Declares an enum whose variants travel as `[tag, body]`.
macro_rules! tagged {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$doc:meta])* $tag:literal => $variant:ident($body:ty), )+
        }
    ) => {
        $(#[$meta])*
        pub enum $name {
            $( $(#[$doc])* $variant($body), )+
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $( Self::$variant(body) => ($tag as u8, body).serialize(serializer), )+
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Tagged;
                impl<'de> serde::de::Visitor<'de> for Tagged {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("[tag, body] of ", stringify!($name)))
                    }

                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<$name, A::Error> {
                        let missing = || serde::de::Error::custom("an array of two");
                        match seq.next_element::<u8>()?.ok_or_else(missing)? {
                            $( $tag => Ok($name::$variant(seq.next_element()?.ok_or_else(missing)?)), )+
                            tag => Err(serde::de::Error::custom(format_args!("unknown tag {tag}"))),
                        }
                    }
                }
                deserializer.deserialize_tuple(2, Tagged)
            }
        }
    };
}
pub(crate) use tagged;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_bytes::ByteBuf;

    use super::*;

    proptest! {
        /// `rmp-serde` is MessagePack by other hands: it writes the same bytes, and reads what was written here.
        #[test]
        fn another_codec_writes_and_reads_the_same(
            numbers in (any::<u64>(), any::<i64>(), any::<u16>(), any::<bool>()),
            (text, bytes, list) in (len(), len(), 0..20usize),
            some in any::<Option<u32>>(),
            long in prop::collection::vec(any::<i64>().prop_map(|number| number >> (number & 63)), 0..40),
        ) {
            let value = (numbers, "x".repeat(text), ByteBuf::from(vec![7; bytes]), vec![some; list], long);
            let written = encode(&value);
            prop_assert!(written == rmp_serde::to_vec(&value).expect("written"));
            prop_assert!(rmp_serde::from_slice::<(_, String, ByteBuf, Vec<Option<u32>>, Vec<i64>)>(&written).expect("read") == value);
            prop_assert!(decode(&written) == Ok(value));
        }
    }

    /// Lengths about which MessagePack's forms change.
    fn len() -> impl Strategy<Value = usize> {
        prop_oneof![0..40usize, 250..260usize, 65_530..65_540usize]
    }

    tagged! {
        #[derive(Debug, PartialEq)]
        #[expect(unreachable_pub, reason = "the macro makes public enums")]
        pub enum Shape {
            1 => Dot(()),
            2 => Line((u64, u64)),
        }
    }

    #[test]
    fn values_travel_and_come_back() {
        for shape in [Shape::Dot(()), Shape::Line((1, u64::MAX))] {
            assert_eq!(decode::<Shape>(&encode(&shape)), Ok(shape));
        }
        assert_eq!(encode(&Shape::Line((1, 2))), [0x92, 2, 0x92, 1, 2]);
        assert!(matches!(decode::<Shape>(&[0x92, 9, 0xc0]), Err(DecodeError::Shape(_))));
    }

    #[test]
    fn p02_nesting_is_capped() {
        for depth in [17, 33, 1025, 1_000_000] {
            let mut bytes = vec![0x91; depth];
            bytes.push(0);
            assert_eq!(decode::<Vec<u8>>(&bytes), Err(DecodeError::TooDeep));
        }
        let mut bytes = vec![0x91; CODEC_DEPTH];
        bytes.push(0);
        assert_eq!(scan(&bytes), Ok(CODEC_DEPTH + 1));
        for marker in [0x81, 0xd4] {
            assert_eq!(scan(&[marker; 33]), Err(DecodeError::ForeignMarker(marker)));
        }
    }

    #[test]
    fn p03_huge_lengths_are_refused_before_anything_is_allocated() {
        for marker in [0xdd, 0xdb, 0xc6] {
            let mut bytes = vec![marker, 0xff, 0xff, 0xff, 0xff];
            bytes.extend([0; 10]);
            assert_eq!(decode::<Vec<u64>>(&bytes), Err(DecodeError::Truncated));
        }
        assert_eq!(scan(&[0xdf, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::ForeignMarker(0xdf)));
    }

    #[test]
    fn p04_other_spellings_of_a_value_are_refused() {
        assert_eq!(decode::<u64>(&[0xcc, 5]), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<u64>(&[5, 5]), Err(DecodeError::Trailing));
        assert_eq!(decode::<Vec<u64>>(&[0xdc, 0, 1, 5]), Err(DecodeError::NotCanonical));
        assert!(matches!(decode::<String>(&[0xa1, 0xff]), Err(DecodeError::Shape(_))));
        assert_eq!(decode::<f64>(&[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]), Err(DecodeError::ForeignMarker(0xcb)));
        assert!(decode::<(u64, u64)>(&[0x93, 1, 2, 3]).is_err());
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = encode(&(7u64, "name", serde_bytes::Bytes::new(&[1, 2, 3]), vec![1u64, 1 << 40]));
        for end in 0..bytes.len() {
            assert_eq!(scan(&bytes[..end]), Err(DecodeError::Truncated));
        }
    }
}
