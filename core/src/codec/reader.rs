//! Reads what the scan has let pass. Each kind of value is read by one small function, so that a hundred types do not make a hundred copies of
//! a reader for everything: in a browser that is most of a second's download.

use std::fmt::{self, Display};

use serde::de::{self, DeserializeSeed, Deserializer, Expected, SeqAccess, Unexpected, Visitor};

/// Bytes of one value and how far they are read.
pub(super) struct Reader<'de> {
    rest: &'de [u8],
}

/// The value is not of the expected type: what was expected. One byte with words elsewhere, because every field of every type may fail: to
/// put together better ones is 10 KiB of a browser's download.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    More,
    Integer,
    Array,
    Text,
    Binary,
    Bool,
    Nothing,
    FewerItems,
    OtherFields,
    OtherItems,
    OtherKind,
    Bounds,
    Known,
}

impl Shape {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::More => "more",
            Self::Integer => "an integer",
            Self::Array => "an array",
            Self::Text => "text",
            Self::Binary => "bytes",
            Self::Bool => "true or false",
            Self::Nothing => "nothing",
            Self::FewerItems => "fewer items",
            Self::OtherFields => "another number of fields",
            Self::OtherItems => "another number of items",
            Self::OtherKind => "a value of another kind",
            Self::Bounds => "a value within its bounds",
            Self::Known => "a kind of value that a format here uses",
        }
    }
}

/// An integer as it stands there.
enum Number {
    Positive(u64),
    Negative(i64),
}

struct Items<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
}

/// The fields of a structure, which are as many as it asks for.
struct Fields<'r, 'de>(&'r mut Reader<'de>);

impl<'de> Reader<'de> {
    pub(super) const fn new(bytes: &'de [u8]) -> Self {
        Self { rest: bytes }
    }

    fn marker(&self) -> Result<u8, Shape> {
        self.rest.first().copied().ok_or(Shape::More)
    }

    fn take(&mut self, len: usize) -> Result<&'de [u8], Shape> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Shape::More)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes a big-endian number of so many bytes.
    fn fixed(&mut self, len: usize) -> Result<u64, Shape> {
        Ok(self.take(len)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn number(&mut self) -> Result<Number, Shape> {
        let marker = self.marker()?;
        self.take(1)?;
        Ok(match marker {
            0x00..=0x7f => Number::Positive(marker.into()),
            0xcc..=0xcf => Number::Positive(self.fixed(1 << (marker & 3))?),
            0xe0..=0xff => Number::Negative(i64::from(marker as i8)),
            0xd0 => Number::Negative(i64::from(self.fixed(1)? as u8 as i8)),
            0xd1 => Number::Negative(i64::from(self.fixed(2)? as u16 as i16)),
            0xd2 => Number::Negative(i64::from(self.fixed(4)? as u32 as i32)),
            0xd3 => Number::Negative(self.fixed(8)? as i64),
            _ => return Err(Shape::Integer),
        })
    }

    /// Takes the length of a value whose markers are these: the short form's, and those with a length of 1, 2 and 4 bytes.
    fn length(&mut self, short: (u8, u8), wide: [u8; 3], what: Shape) -> Result<usize, Shape> {
        let marker = self.marker()?;
        self.take(1)?;
        if marker & !short.1 == short.0 && short.1 > 0 {
            return Ok(usize::from(marker & short.1));
        }
        let width = wide.iter().position(|wide| *wide == marker && marker != NONE).ok_or(what)?;
        usize::try_from(self.fixed(1 << width)?).map_err(|_| what)
    }

    fn array(&mut self) -> Result<usize, Shape> {
        self.length((0x90, 0x0f), [NONE, 0xdc, 0xdd], Shape::Array)
    }

    fn text(&mut self) -> Result<&'de str, Shape> {
        let len = self.length((0xa0, 0x1f), [0xd9, 0xda, 0xdb], Shape::Text)?;
        std::str::from_utf8(self.take(len)?).map_err(|_| Shape::Text)
    }

    fn binary(&mut self) -> Result<&'de [u8], Shape> {
        let len = self.length((0, 0), [0xc4, 0xc5, 0xc6], Shape::Binary)?;
        self.take(len)
    }

    fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Shape> {
        match self.number()? {
            Number::Positive(number) => visitor.visit_u64(number),
            Number::Negative(number) => visitor.visit_i64(number),
        }
    }

    fn items<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Shape> {
        let left = self.array()?;
        let mut items = Items { reader: self, left };
        let value = visitor.visit_seq(&mut items)?;
        if items.left == 0 { Ok(value) } else { Err(Shape::FewerItems) }
    }

    fn fields<V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Result<V::Value, Shape> {
        if self.array()? != count {
            return Err(Shape::OtherFields);
        }
        visitor.visit_seq(Fields(self))
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Shape;

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        match self.take(1)? {
            [0xc2] => visitor.visit_bool(false),
            [0xc3] => visitor.visit_bool(true),
            _ => Err(Shape::Bool),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        self.integer(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        self.integer(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        self.integer(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        self.integer(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        self.integer(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        visitor.visit_borrowed_bytes(self.binary()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        if self.marker()? == NIL {
            self.take(1)?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        if self.take(1)? == [NIL] { visitor.visit_unit() } else { Err(Shape::Nothing) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Shape> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Shape> {
        self.items(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Shape> {
        self.fields(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, len: usize, visitor: V) -> Result<V::Value, Shape> {
        self.fields(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Shape> {
        self.fields(fields.len(), visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Shape> {
        Err(Shape::Known)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    serde::forward_to_deserialize_any! { i8 i16 i32 i128 u128 f32 f64 char unit_struct map enum identifier ignored_any }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Shape;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Shape> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> SeqAccess<'de> for Fields<'_, 'de> {
    type Error = Shape;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Shape> {
        seed.deserialize(&mut *self.0).map(Some)
    }
}

impl de::Error for Shape {
    fn custom<T: Display>(_: T) -> Self {
        Self::Bounds
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::OtherKind
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::Bounds
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::OtherItems
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl std::error::Error for Shape {}

/// The marker of nothing.
const NIL: u8 = 0xc0;
/// A marker that no value has.
const NONE: u8 = 0xc1;
