//! The recovery phrase: a seed as 24 English words of BIP39, with a checksum of eight bits. A way to write a seed down, not a coin wallet.

use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::identity::Seed;

/// How many words write a seed of 256 bits and its checksum.
pub const WORDS: usize = 24;

/// A text is not a recovery phrase. `Debug` shows positions only: what was typed is nearly a secret.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PhraseError {
    /// Too few or too many words.
    #[error("a recovery phrase has {WORDS} words, these are {0}")]
    Count(usize),
    /// A word is in no list.
    #[error("word {position} is unknown{}", guesses(.nearest))]
    UnknownWord {
        /// Counts from 1, as on the recovery sheet.
        position: usize,
        /// Up to three words that look like it, the nearest first.
        nearest: Vec<String>,
    },
    /// Every word is known, but the checksum does not hold.
    #[error("the words do not belong together: one of them is another one, or two have changed places")]
    Checksum,
}

/// Writes a seed as its words, separated by spaces.
#[must_use]
pub fn phrase(seed: &Seed) -> Zeroizing<String> {
    let bytes = with_checksum(seed.expose());
    let mut text = Zeroizing::new(String::with_capacity(WORDS * 9));
    for word in 0..WORDS {
        let index = bits_of(word).fold(0, |index, (byte, bit)| index << 1 | usize::from(bytes[byte] & bit != 0));
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&list().nth(index).expect("invariant: eleven bits number a word of the list"));
    }
    text
}

/// Reads a seed from its words: in any case, over any number of lines, with or without the numbers of the recovery sheet.
///
/// # Errors
/// [`PhraseError`].
pub fn parse_phrase(text: &str) -> Result<Seed, PhraseError> {
    let text = Zeroizing::new(text.to_ascii_lowercase());
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == ',').filter(|token| !is_numbering(token)).collect();
    let mut bytes = Zeroizing::new([0; SEED + 1]);
    for (position, word) in words.iter().enumerate() {
        let Some(index) = list().position(|known| *known == *word) else {
            return Err(PhraseError::UnknownWord { position: position + 1, nearest: nearest(word) });
        };
        if position < WORDS {
            for (place, (byte, bit)) in bits_of(position).enumerate() {
                if index >> (WORD_BITS - 1 - place) & 1 == 1 {
                    bytes[byte] |= bit;
                }
            }
        }
    }
    if words.len() != WORDS {
        return Err(PhraseError::Count(words.len()));
    }
    let seed: Zeroizing<[u8; SEED]> = Zeroizing::new(std::array::from_fn(|i| bytes[i]));
    if *with_checksum(&seed) == *bytes { Ok(Seed::new(*seed)) } else { Err(PhraseError::Checksum) }
}

/// The list in the order of the alphabet. A table of where its words begin would be 5 KiB of a browser's download.
///
/// Which words were taken last says a part of a secret, so they are wiped.
fn list() -> impl Iterator<Item = Zeroizing<String>> {
    let (mut rest, mut last) = (LIST.as_bytes(), Zeroizing::new(String::with_capacity(LONGEST)));
    std::iter::from_fn(move || {
        let (shared, after) = rest.split_first()?;
        last.truncate(usize::from(shared - b'0'));
        let letters = after.iter().take_while(|letter| letter.is_ascii_lowercase()).count();
        last.extend(after[..letters].iter().copied().map(char::from));
        rest = &after[letters..];
        Some(last.clone())
    })
}

/// Returns where the bits of a word are, the highest first: byte and bit in it.
fn bits_of(word: usize) -> impl Iterator<Item = (usize, u8)> {
    (word * WORD_BITS..(word + 1) * WORD_BITS).map(|bit| (bit / 8, 0x80 >> (bit % 8)))
}

fn with_checksum(seed: &[u8; SEED]) -> Zeroizing<[u8; SEED + 1]> {
    let mut bytes = Zeroizing::new([0; SEED + 1]);
    bytes[..SEED].copy_from_slice(seed);
    bytes[SEED] = Sha256::digest(seed)[0];
    bytes
}

/// `7`, `7.`, `7)`, `7:` and nothing at all.
fn is_numbering(token: &str) -> bool {
    token.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ')' | ':'))
}

/// Finds up to three words of the list at the smallest distance, of one or two slips of the pen.
fn nearest(word: &str) -> Vec<String> {
    let word: Vec<char> = word.chars().take(LONGEST).collect();
    let within = |most| list().filter(|known| slips(&word, known) <= most).take(3).map(|known| String::clone(&known)).collect();
    let one: Vec<_> = within(1);
    if one.is_empty() { within(2) } else { one }
}

/// Counts the letters to change, add, drop or swap with their neighbour to get from one word to the other.
fn slips(from: &[char], to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut cost = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

fn guesses(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        [one] => format!("; did you mean {one}"),
        [others @ .., last] => format!("; did you mean {} or {last}", others.join(", ")),
    }
}

impl fmt::Debug for PhraseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "Count({count})"),
            Self::UnknownWord { position, .. } => write!(f, "UnknownWord({position})"),
            Self::Checksum => f.write_str("Checksum"),
        }
    }
}

/// The English words of BIP39, each as how many letters it shares with the one before, and the rest.
const LIST: &str = include_str!("words.txt");
/// Letters of a typed word that are looked at: the list's longest word has eight.
const LONGEST: usize = 16;
/// Bytes of a seed.
const SEED: usize = 32;
/// Bits that a word says.
const WORD_BITS: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;

    /// The published BIP39 vector for 32 bytes of 0x7f.
    const LEGAL: &str = "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title";

    #[test]
    fn the_list_is_the_published_one() {
        assert!(list().map(|word| String::clone(&word)).eq(bip39::Language::English.word_list().iter().copied().map(str::to_owned)));
        assert_eq!(list().count(), 1 << WORD_BITS);
    }

    fn message(text: &str) -> String {
        parse_phrase(text).err().map_or_else(|| "understood".to_owned(), |error| error.to_string())
    }

    #[test]
    fn words_and_seed_are_the_same_thing() {
        assert_eq!(phrase(&Seed::new([0x7f; 32])).as_str(), LEGAL);
        assert_eq!(parse_phrase(LEGAL).expect("the published vector").expose(), &[0x7f; 32]);
        for seed in 0..=255u8 {
            let seed = blake3::hash(&[seed]).into();
            assert_eq!(parse_phrase(&phrase(&Seed::new(seed))).expect("written by us").expose(), &seed);
        }
    }

    #[test]
    fn a_phrase_is_read_as_people_type_it() {
        let numbered: String = LEGAL.split(' ').enumerate().map(|(i, word)| format!("{}. {}\n", i + 1, word.to_uppercase())).collect();
        assert_eq!(parse_phrase(&numbered).expect("numbered, upper case").expose(), &[0x7f; 32]);
        assert_eq!(parse_phrase(&LEGAL.replace(' ', ",  ")).expect("commas").expose(), &[0x7f; 32]);
    }

    #[test]
    fn a_mistake_is_named() {
        assert_eq!(message(&LEGAL.replacen("winner", "winer", 1)), "word 2 is unknown; did you mean wine, winner or winter");
        assert_eq!(message(&LEGAL.replacen("year", "yaer", 1)), "word 4 is unknown; did you mean year");
        assert_eq!(message(&LEGAL.replacen("wave", "qqqqqqq", 1)), "word 5 is unknown");
        assert_eq!(message(LEGAL.trim_end_matches(" title")), "a recovery phrase has 24 words, these are 23");
        assert_eq!(message(""), "a recovery phrase has 24 words, these are 0");
        assert!(message(&LEGAL.replacen("winner thank", "thank winner", 1)).starts_with("the words do not belong together"));
        assert!(message(&"abandon ".repeat(24)).starts_with("the words do not belong together"));
    }

    #[test]
    fn hostile_text_costs_little() {
        assert_eq!(message(&"x".repeat(1 << 20)), "word 1 is unknown");
        assert_eq!(message(&"zoo ".repeat(1 << 16)), "a recovery phrase has 24 words, these are 65536");
    }

    #[test]
    fn k10_a_mistyped_word_stays_out_of_debug_output() {
        let error = parse_phrase(&LEGAL.replacen("winner", "canary", 1)).err().expect("canary is no word of the list");
        assert_eq!(format!("{error:?}"), "UnknownWord(2)");
    }
}
