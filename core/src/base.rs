//! Bytes as text: hexadecimal, base32 and base64 of RFC 4648, without padding. Any number of bits goes through the same few lines, because
//! tuned code for each of them is 13 KiB of a browser's download.

/// A way to write bytes as digits of so many bits each.
#[derive(Debug, Clone, Copy)]
pub struct Base {
    digits: &'static [u8],
    bits: u32,
    /// Whether capitals are read as the small letters of the alphabet.
    any_case: bool,
    /// What people write in place of a digit, and that digit.
    alike: &'static [(u8, u8)],
}

impl Base {
    /// Writes bytes as text.
    #[must_use]
    pub fn encode(&self, bytes: &[u8]) -> String {
        let mut text = String::with_capacity((bytes.len() * 8).div_ceil(self.bits as usize));
        let (mut held, mut count) = (0u32, 0);
        for byte in bytes {
            held = held << 8 | u32::from(*byte);
            count += 8;
            while count >= self.bits {
                count -= self.bits;
                text.push(self.digit(held >> count));
            }
        }
        if count > 0 {
            text.push(self.digit(held << (self.bits - count)));
        }
        text
    }

    /// Reads bytes; `None` for other characters, and for text that [`Self::encode`] would not end like this.
    #[must_use]
    pub fn decode(&self, text: &[u8]) -> Option<Vec<u8>> {
        let (bytes, spare) = self.split(text)?;
        (spare == 0).then_some(bytes)
    }

    /// Reads bytes, whatever the spare bits of the last digit are.
    #[must_use]
    pub fn decode_lenient(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.split(text).map(|(bytes, _)| bytes)
    }

    /// Reads bytes and the bits that are left over.
    fn split(&self, text: &[u8]) -> Option<(Vec<u8>, u32)> {
        let mut bytes = Vec::with_capacity(text.len() * self.bits as usize / 8);
        let (mut held, mut count) = (0u32, 0);
        for symbol in text {
            held = held << self.bits | self.value(*symbol)?;
            count += self.bits;
            if count >= 8 {
                count -= 8;
                bytes.push((held >> count) as u8);
            }
        }
        // A whole digit without a byte of its own says nothing.
        (count < self.bits).then_some((bytes, held & ((1 << count) - 1)))
    }

    fn digit(&self, bits: u32) -> char {
        self.digits[bits as usize & (self.digits.len() - 1)].into()
    }

    fn value(&self, symbol: u8) -> Option<u32> {
        let symbol = if self.any_case { symbol.to_ascii_lowercase() } else { symbol };
        let symbol = self.alike.iter().find(|(alike, _)| *alike == symbol).map_or(symbol, |(_, digit)| *digit);
        self.digits.iter().position(|digit| *digit == symbol).map(|value| value as u32)
    }
}

/// Shows a character that is no digit: by its number when it may be one that turns, joins or hides what a terminal shows. `{:?}`, which knows
/// which those are, would bring tables of all characters to a browser.
pub(crate) fn shown(foreign: char) -> String {
    if foreign.is_ascii_graphic() { format!("'{foreign}'") } else { format!("U+{:04X}", u32::from(foreign)) }
}

/// Hexadecimal in small letters; reads capitals too.
pub const HEX: Base = Base { digits: b"0123456789abcdef", bits: 4, any_case: true, alike: &[] };

/// Base32 in small letters; reads capitals too, and 0, 1 and 8, which are not in the alphabet, as the letters that they look like.
pub const BASE32: Base =
    Base { digits: b"abcdefghijklmnopqrstuvwxyz234567", bits: 5, any_case: true, alike: &[(b'0', b'o'), (b'1', b'l'), (b'8', b'b')] };

/// Base64 in the alphabet for addresses.
pub const BASE64URL: Base =
    Base { digits: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", bits: 6, any_case: false, alike: &[] };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_hold() {
        let examples = [
            ("", "", "", ""),
            ("f", "66", "my", "Zg"),
            ("fo", "666f", "mzxq", "Zm8"),
            ("foo", "666f6f", "mzxw6", "Zm9v"),
            ("foob", "666f6f62", "mzxw6yq", "Zm9vYg"),
            ("fooba", "666f6f6261", "mzxw6ytb", "Zm9vYmE"),
            ("foobar", "666f6f626172", "mzxw6ytboi", "Zm9vYmFy"),
        ];
        for (bytes, hex, base32, base64) in examples {
            for (base, text) in [(HEX, hex), (BASE32, base32), (BASE64URL, base64)] {
                assert_eq!(base.encode(bytes.as_bytes()), text);
                assert_eq!(base.decode(text.as_bytes()).as_deref(), Some(bytes.as_bytes()), "{text}");
            }
        }
        assert_eq!(BASE64URL.encode(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn bytes_of_any_length_come_back() {
        for len in 0..100u8 {
            let bytes: Vec<u8> = (0..len).map(|i| i.wrapping_mul(167) ^ len).collect();
            for base in [HEX, BASE32, BASE64URL] {
                assert_eq!(base.decode(base.encode(&bytes).as_bytes()), Some(bytes.clone()));
            }
        }
    }

    #[test]
    fn what_was_not_written_like_this_is_refused() {
        for text in ["6", "666", "6g", "6 6", "66\n"] {
            assert_eq!(HEX.decode(text.as_bytes()), None, "{text}");
        }
        for text in ["m", "mzx", "mzxw6y", "mz", "my======", "m9"] {
            assert_eq!(BASE32.decode(text.as_bytes()), None, "{text}");
        }
        for text in ["Z", "Zm9vY", "Zh", "Zg==", "Zm+v"] {
            assert_eq!(BASE64URL.decode(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_people_write_is_read() {
        assert_eq!(HEX.decode(b"AbCd"), Some(vec![0xab, 0xcd]));
        assert_eq!(BASE32.decode(b"MZXW6"), Some(b"foo".to_vec()));
        assert_eq!(BASE32.decode(b"0018aaaa"), BASE32.decode(b"oolbaaaa"));
        assert_eq!(BASE64URL.decode_lenient(b"Zh"), Some(b"f".to_vec()));
    }
}
