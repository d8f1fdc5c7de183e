//! Writes values in their shortest form. A writer for everything that MessagePack knows, into anything that takes bytes, which may fail at each
//! of them, is twenty times as much code for a browser to load.

use std::fmt::{self, Display};

use serde::ser::{self, Impossible, Serialize, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct, Serializer};

/// What was written.
pub(super) struct Writer(pub(super) Vec<u8>);

/// There is none of these, so that no code is made for what to do with one.
#[derive(Debug)]
pub(super) enum Never {}

/// The markers of a kind of value that has a length: the highest length that a short form has and its marker, and those with a length of 1, 2
/// and 4 bytes.
struct Lengths {
    short: (usize, u8),
    wide: [u8; 3],
}

impl Writer {
    fn number(&mut self, number: u64) {
        match number {
            0..0x80 => self.0.push(number as u8),
            0x80..=0xff => self.fixed(0xcc, number, 1),
            0x100..=0xffff => self.fixed(0xcd, number, 2),
            0x1_0000..=0xffff_ffff => self.fixed(0xce, number, 4),
            _ => self.fixed(0xcf, number, 8),
        }
    }

    fn negative(&mut self, number: i64) {
        let bits = number as u64;
        match number {
            -0x20.. => self.0.push(number as u8),
            -0x80.. => self.fixed(0xd0, bits, 1),
            -0x8000.. => self.fixed(0xd1, bits, 2),
            -0x8000_0000.. => self.fixed(0xd2, bits, 4),
            _ => self.fixed(0xd3, bits, 8),
        }
    }

    /// Writes a marker and the lowest bytes of a number, the highest of them first.
    fn fixed(&mut self, marker: u8, number: u64, width: usize) {
        self.0.push(marker);
        self.0.extend_from_slice(&number.to_be_bytes()[8 - width..]);
    }

    fn length(&mut self, len: usize, kind: &Lengths) {
        let number = u32::try_from(len).expect("invariant: nothing that is written has four billion items").into();
        match number {
            _ if len < kind.short.0 => self.0.push(kind.short.1 | len as u8),
            ..=0xff if kind.wide[0] != 0 => self.fixed(kind.wide[0], number, 1),
            ..=0xffff => self.fixed(kind.wide[1], number, 2),
            _ => self.fixed(kind.wide[2], number, 4),
        }
    }

    fn array(&mut self, len: usize) {
        self.length(len, &Lengths { short: (0x10, 0x90), wide: [0, 0xdc, 0xdd] });
    }
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = &'w mut Writer;
    type SerializeTuple = &'w mut Writer;
    type SerializeTupleStruct = &'w mut Writer;
    type SerializeStruct = &'w mut Writer;
    type SerializeTupleVariant = Impossible<(), Never>;
    type SerializeMap = Impossible<(), Never>;
    type SerializeStructVariant = Impossible<(), Never>;

    fn serialize_bool(self, value: bool) -> Result<(), Never> {
        self.0.push(0xc2 | u8::from(value));
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Never> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Never> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Never> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Never> {
        self.number(value);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Never> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Never> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Never> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Never> {
        match u64::try_from(value) {
            Ok(number) => self.number(number),
            Err(_) => self.negative(value),
        }
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Never> {
        self.length(text.len(), &Lengths { short: (0x20, 0xa0), wide: [0xd9, 0xda, 0xdb] });
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Never> {
        self.length(bytes.len(), &Lengths { short: (0, 0), wide: [0xc4, 0xc5, 0xc6] });
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Never> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Never> {
        self.0.push(0xc0);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Never> {
        self.array(len.expect("invariant: our lists know their lengths"));
        Ok(self)
    }

    fn serialize_tuple(self, len: usize) -> Result<Self, Never> {
        self.array(len);
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Self, Never> {
        self.serialize_tuple(len)
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Self, Never> {
        self.serialize_tuple(len)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    // What no format here uses.

    fn serialize_f32(self, _: f32) -> Result<(), Never> {
        foreign("a fraction")
    }

    fn serialize_f64(self, _: f64) -> Result<(), Never> {
        foreign("a fraction")
    }

    fn serialize_char(self, _: char) -> Result<(), Never> {
        foreign("a character")
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Never> {
        foreign(name)
    }

    fn serialize_unit_variant(self, name: &'static str, _: u32, _: &'static str) -> Result<(), Never> {
        foreign(name)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, name: &'static str, _: u32, _: &'static str, _: &T) -> Result<(), Never> {
        foreign(name)
    }

    fn serialize_tuple_variant(self, name: &'static str, _: u32, _: &'static str, _: usize) -> Result<Impossible<(), Never>, Never> {
        foreign(name)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Impossible<(), Never>, Never> {
        foreign("a map")
    }

    fn serialize_struct_variant(self, name: &'static str, _: u32, _: &'static str, _: usize) -> Result<Impossible<(), Never>, Never> {
        foreign(name)
    }
}

impl SerializeSeq for &mut Writer {
    type Ok = ();
    type Error = Never;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Never> {
        Ok(())
    }
}

impl SerializeTuple for &mut Writer {
    type Ok = ();
    type Error = Never;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Never> {
        Ok(())
    }
}

impl SerializeTupleStruct for &mut Writer {
    type Ok = ();
    type Error = Never;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Never> {
        Ok(())
    }
}

impl SerializeStruct for &mut Writer {
    type Ok = ();
    type Error = Never;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Never> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Never> {
        Ok(())
    }
}

impl Display for Never {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: Display>(message: T) -> Self {
        panic!("invariant: our types can be written: {message}")
    }
}

fn foreign(what: &str) -> ! {
    panic!("invariant: no format here uses {what}")
}

#[cfg(test)]
mod tests {
    use super::super::{encode, scan};

    /// Numbers and lengths on both sides of every border between two forms.
    fn borders(bits: &[u32]) -> impl Iterator<Item = u64> {
        bits.iter().flat_map(|bits| [(1u64 << bits) - 1, 1 << bits])
    }

    #[test]
    fn numbers_take_their_shortest_form() {
        let lens = [1, 2, 2, 3, 3, 5, 5, 9];
        assert_eq!(borders(&[7, 8, 16, 32]).map(|number| encode(&number).len()).collect::<Vec<_>>(), lens);
        assert_eq!(encode(&0x1_0000u32), [0xce, 0, 1, 0, 0]);
        assert_eq!(encode(&u64::MAX), [[0xcf].as_slice(), &[0xff; 8]].concat());
        assert_eq!(encode(&300i64), encode(&300u16));
        for (number, bytes) in [
            (-1i64, &[0xff][..]),
            (-32, &[0xe0]),
            (-33, &[0xd0, 0xdf]),
            (-128, &[0xd0, 0x80]),
            (-129, &[0xd1, 0xff, 0x7f]),
            (-0x8000, &[0xd1, 0x80, 0]),
            (-0x8001, &[0xd2, 0xff, 0xff, 0x7f, 0xff]),
            (-0x8000_0000, &[0xd2, 0x80, 0, 0, 0]),
            (-0x8000_0001, &[0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
            (i64::MIN, &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            assert_eq!(encode(&number), bytes, "{number}");
            assert_eq!(super::super::decode::<i64>(bytes), Ok(number));
        }
    }

    #[test]
    fn lengths_take_their_shortest_form() {
        for (len, text, bytes, array) in [
            (15, 1, 2, 1),
            (16, 1, 2, 3),
            (31, 1, 2, 3),
            (32, 2, 2, 3),
            (255, 2, 2, 3),
            (256, 3, 3, 3),
            (65_535, 3, 3, 3),
            (65_536, 5, 5, 5),
        ] {
            let forms = [
                (encode(&"x".repeat(len)), text),
                (encode(serde_bytes::Bytes::new(&vec![7; len])), bytes),
                (encode(&vec![7u8; len]), array),
            ];
            for (encoded, lead) in forms {
                assert_eq!((encoded.len(), scan(&encoded)), (len + lead, Ok(len + lead)));
            }
        }
        assert_eq!(encode(&(None::<u8>, Some(1u8), true, false, ())), [0x95, 0xc0, 1, 0xc3, 0xc2, 0xc0]);
    }
}
