//! An invitation: what a node's operator hands to somebody whose vault the node is to carry, as one text to paste or retype.
//!
//! `cachette-invite-` ‖ base32(version ‖ length of body, 2 bytes ‖ body ‖ checksum), where `body` is `[peer, addresses, token, limit, name, zone]` in
//! the encoding of [`crate::codec`] and the checksum the first 5 bytes of `derive_key(INVITATION_TEXT, everything before it)`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use thiserror::Error;

use crate::address::Address;
use crate::base::{BASE32, shown};
use crate::codec;
use crate::id::PeerId;
use crate::labels;
use crate::limits::{ADDRESS_MAX, ADDRESSES_MAX, LABEL_MAX};

/// A node's invitation to one vault. Whoever holds the text may use it, once: `Debug` does not show the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The node.
    pub peer: PeerId,
    /// Where it can be reached, without the peer id.
    pub addresses: Vec<String>,
    /// The secret that admits.
    pub token: [u8; 16],
    /// Bytes that the vault may take there.
    pub limit: u64,
    /// What its operator calls it.
    pub name: String,
    /// What it fails together with.
    pub zone: String,
}

/// A text is not an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// It begins otherwise.
    #[error("an invitation begins with {PREFIX}")]
    NotAnInvitation,
    /// A later release issued it.
    #[error("the invitation was issued by a later release (version {0})")]
    Version(u8),
    /// A character that no invitation has.
    #[error("the invitation has a character that does not belong there: {}", shown(*.0))]
    Character(char),
    /// The end is missing.
    #[error("the invitation is cut short; copy it to its end")]
    Truncated,
    /// The checksum does not hold.
    #[error("the invitation is mistyped or altered")]
    Mistyped,
    /// The checksum holds and the contents are none.
    #[error("the invitation's contents are not valid")]
    Contents,
}

impl Invitation {
    /// Reads an invitation in small or capital letters, broken over lines or not.
    ///
    /// # Errors
    /// [`InvitationError`].
    pub fn parse(text: &str) -> Result<Self, InvitationError> {
        if text.len() > TEXT_MAX {
            return Err(InvitationError::NotAnInvitation);
        }
        let text: String = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
        let symbols = text.strip_prefix(PREFIX).ok_or(InvitationError::NotAnInvitation)?.replace('-', "");
        if let Some(foreign) = symbols.chars().find(|c| !c.is_ascii_alphanumeric() || *c == '9') {
            return Err(InvitationError::Character(foreign));
        }
        let whole = symbols.len() - [0, 1, 0, 1, 0, 0, 1, 0][symbols.len() % 8];
        // A last symbol whose spare bits are set is a slip like any other: the checksum is asked, not the decoder.
        let bytes = BASE32.decode_lenient(&symbols.as_bytes()[..whole]).ok_or(InvitationError::Mistyped)?;
        let [version, high, low, rest @ ..] = bytes.as_slice() else { return Err(InvitationError::Truncated) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let parts = rest.get(..length).zip(rest.get(length..length + CHECKSUM));
        let Some((body, checksum)) = parts else {
            return Err(if *version == VERSION { InvitationError::Truncated } else { InvitationError::Mistyped });
        };
        if checksum != checksum_of(&bytes[..LEAD + length]) || rest.len() > length + CHECKSUM {
            return Err(InvitationError::Mistyped);
        }
        if *version != VERSION {
            return Err(InvitationError::Version(*version));
        }
        let Body(peer, addresses, token, limit, name, zone) = codec::decode(body).map_err(|_| InvitationError::Contents)?;
        let valid = |address: &String| address.len() <= ADDRESS_MAX && Address::of(peer, address).is_ok();
        let label = |text: &str| text.len() <= LABEL_MAX && !text.chars().any(char::is_control);
        if addresses.len() > ADDRESSES_MAX || !addresses.iter().all(valid) || !label(&name) || !label(&zone) {
            return Err(InvitationError::Contents);
        }
        Ok(Self { peer, addresses, token: token.into_array(), limit, name, zone })
    }

    /// Returns the node's addresses, best first.
    pub fn dialable(&self) -> impl Iterator<Item = Address> + '_ {
        self.addresses.iter().filter_map(|address| Address::of(self.peer, address).ok())
    }
}

impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, zone) = (self.name.clone(), self.zone.clone());
        let body = codec::encode(&Body(self.peer, self.addresses.clone(), ByteArray::new(self.token), self.limit, name, zone));
        let length = u16::try_from(body.len()).map_err(|_| fmt::Error)?;
        let mut bytes = [&[VERSION], length.to_be_bytes().as_slice(), body.as_slice()].concat();
        bytes.extend(checksum_of(&bytes));
        write!(f, "{PREFIX}{}", BASE32.encode(&bytes))
    }
}

impl FromStr for Invitation {
    type Err = InvitationError;

    fn from_str(text: &str) -> Result<Self, InvitationError> {
        Self::parse(text)
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation")
            .field("peer", &self.peer)
            .field("addresses", &self.addresses)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Body(PeerId, Vec<String>, ByteArray<16>, u64, String, String);

fn checksum_of(bytes: &[u8]) -> [u8; CHECKSUM] {
    let hash = blake3::derive_key(labels::INVITATION_TEXT, bytes);
    std::array::from_fn(|i| hash[i])
}

const PREFIX: &str = "cachette-invite-";
const VERSION: u8 = 1;
/// Bytes before the body: version and length.
const LEAD: usize = 3;
/// Bytes of the checksum: one slip in 2^40 goes unnoticed.
const CHECKSUM: usize = 5;
/// Characters of an invitation with all its addresses at full length, with room for line breaks.
const TEXT_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        let addresses = vec!["wss://attic.example:4001".to_owned(), "ws://192.168.0.7:4001".to_owned()];
        Invitation { peer: PeerId([0xc5; 32]), addresses, token: [0x5a; 16], limit: 100 << 30, name: "attic".into(), zone: "home".into() }
    }

    #[test]
    fn an_invitation_is_read_as_people_paste_and_type_it() {
        let text = invitation().to_string();
        assert_eq!(Invitation::parse(&text), Ok(invitation()));
        assert_eq!(Invitation::parse(&format!("  {}\n", text.to_uppercase())), Ok(invitation()));
        let broken: String = text.char_indices().map(|(i, c)| if i % 40 == 39 { format!("{c}\n  ") } else { c.to_string() }).collect();
        assert_eq!(Invitation::parse(&broken), Ok(invitation()));
        let symbols = text.strip_prefix(PREFIX).expect("written by us").replace('o', "0").replace('l', "1").replace('b', "8");
        assert_eq!(Invitation::parse(&format!("{PREFIX}{symbols}")), Ok(invitation()));
        assert_eq!(invitation().dialable().count(), 2);
    }

    #[test]
    fn every_slip_of_one_character_is_noticed() {
        let text = invitation().to_string();
        for at in PREFIX.len()..text.len() {
            for other in "abcdefghijklmnopqrstuvwxyz234567".chars().filter(|c| !text[at..].starts_with(*c)) {
                let slip = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                let last_bits = at + 1 == text.len() && Invitation::parse(&slip) == Ok(invitation());
                assert!(last_bits || Invitation::parse(&slip).is_err(), "{at} {other}");
            }
        }
    }

    #[test]
    fn an_invitation_cut_short_says_so() {
        let text = invitation().to_string();
        for end in PREFIX.len()..text.len() {
            let result = Invitation::parse(&text[..end]);
            // The checksum's last byte may be complete before the last symbol's spare bits.
            assert!(result == Err(InvitationError::Truncated) || end + 1 == text.len(), "{end}: {result:?}");
        }
    }

    #[test]
    fn mistakes_have_names() {
        let text = invitation().to_string();
        assert_eq!(Invitation::parse("hello"), Err(InvitationError::NotAnInvitation));
        assert_eq!(Invitation::parse(&text.replacen("invite-", "invite-9", 1)), Err(InvitationError::Character('9')));
        assert_eq!(Invitation::parse(&text.replacen("invite-", "invite-ü", 1)), Err(InvitationError::Character('ü')));
        assert_eq!(Invitation::parse(&format!("{text}aaaaaaaa")), Err(InvitationError::Mistyped));
        assert_eq!(Invitation::parse(&"x".repeat(1 << 20)), Err(InvitationError::NotAnInvitation));

        let mut later = vec![2, 0, 1, 7];
        later.extend(checksum_of(&later));
        assert_eq!(Invitation::parse(&format!("{PREFIX}{}", BASE32.encode(&later))), Err(InvitationError::Version(2)));
        let mut empty = vec![1, 0, 1, 7];
        empty.extend(checksum_of(&empty));
        assert_eq!(Invitation::parse(&format!("{PREFIX}{}", BASE32.encode(&empty))), Err(InvitationError::Contents));
    }

    #[test]
    fn k10_debug_output_does_not_show_the_token() {
        let shown = format!("{:?}", Invitation { token: *b"canary canary ca", ..invitation() });
        assert!(!shown.contains("token") && !shown.contains("99, 97") && !shown.contains("canary"), "{shown}");
    }
}
