//! The recovery sheet: 24 words in a grid and the addresses that find the vault, for the screen and for paper.

use cachette_core::id::VaultId;
use serde::Serialize;
use zeroize::Zeroizing;

use super::Context;

#[derive(Serialize)]
struct Sheet<'a> {
    event: &'static str,
    words: &'a str,
    nodes: &'a [String],
}

/// Lays the sheet out.
pub(super) fn text(words: &str, vault: &VaultId, addresses: &[String]) -> Zeroizing<String> {
    let mut sheet = Zeroizing::new(String::with_capacity(2048));
    sheet.push_str("Cachette recovery sheet\n");
    sheet.push_str(&format!("vault {}\n\n", &vault.to_string()[..16]));
    let words: Vec<&str> = words.split_whitespace().collect();
    for row in 0..6 {
        for column in 0..4 {
            let at = row + 6 * column;
            if let Some(word) = words.get(at) {
                sheet.push_str(&format!("{:>4}. {word:<10}", at + 1));
            }
        }
        sheet.push('\n');
    }
    sheet.push_str(
        "\nWhoever has these words can read everything. Without them, and without this\ndevice, nobody can. They are shown once.\n",
    );
    if addresses.is_empty() {
        sheet.push_str("\nNodes: none yet. Write down an address when you add one: words without any\naddress find nothing.\n");
    } else {
        sheet.push_str("\nNodes:\n");
        addresses.iter().for_each(|address| sheet.push_str(&format!("  {address}\n")));
        sheet.push_str(
            "\nBring the vault back with: cachette init --restore --phrase-file SHEET\nor, from the words alone: cachette init --restore --node ADDRESS\n",
        );
    }
    sheet
}

/// Shows the sheet.
pub(super) fn show(context: &Context, sheet: &str, words: &str, addresses: &[String]) {
    context.output.event(&Sheet { event: "recovery-sheet", words, nodes: addresses }, || sheet.to_owned());
}

/// Finds the words in what a person pasted: bare, or the whole sheet with its numbers.
pub(super) fn words(text: &str) -> Zeroizing<String> {
    let mut numbered: Vec<(usize, &str)> = Vec::new();
    let mut tokens = text.split_whitespace().peekable();
    while let Some(token) = tokens.next() {
        if let Some(number) = token.strip_suffix('.').and_then(|number| number.parse().ok())
            && let Some(word) = tokens.peek()
        {
            numbered.push((number, word));
        }
    }
    if numbered.len() < 24 {
        return Zeroizing::new(text.split_whitespace().filter(|token| !is_address(token)).collect::<Vec<_>>().join(" "));
    }
    numbered.sort_unstable();
    Zeroizing::new(numbered.into_iter().map(|(_, word)| word).collect::<Vec<_>>().join(" "))
}

/// Finds the addresses that stand beside the words.
pub(super) fn addresses(text: &str) -> Vec<String> {
    text.split_whitespace().filter(|token| is_address(token)).map(str::to_owned).collect()
}

fn is_address(token: &str) -> bool {
    token.starts_with("ws://") || token.starts_with("wss://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_found_in_the_sheet_and_bare() {
        let expected: Vec<String> = (0..24).map(|number| format!("word{number}")).collect();
        let expected = expected.join(" ");
        let sheet = text(&expected, &VaultId([1; 32]), &["wss://attic.example:4001/#PEER".to_owned()]);
        assert_eq!(*words(&sheet), expected);
        assert_eq!(*words(&format!("  {}\n", expected.replace(' ', "\n"))), expected);
        assert_eq!(addresses(&sheet), ["wss://attic.example:4001/#PEER"]);
        assert_eq!(*words(&format!("{expected}\nwss://attic.example:4001/#PEER\n")), expected);
    }
}
