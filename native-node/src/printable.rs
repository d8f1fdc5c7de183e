//! How what others chose is shown: names of files, of nodes and of zones, and addresses.

/// Writes a name so that it cannot move the cursor, change colours or turn the direction of what follows: such characters are shown as
/// `\u{…}`.
pub(crate) fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if is_unruly(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// Says whether a character does something to the text around it.
pub(crate) fn is_unruly(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_talk_to_the_terminal_or_turn_it_round() {
        assert_eq!(printable("a\x1b[31mred\nüber"), "a\\u{1b}[31mred\\nüber");
        assert_eq!(printable("photo\u{202e}gpj.exe\u{2066}x\u{2069}"), "photo\\u{202e}gpj.exe\\u{2066}x\\u{2069}");
    }
}
