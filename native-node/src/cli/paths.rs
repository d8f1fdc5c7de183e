//! Paths as people type them: of the vault, and of this machine.

use cachette_core::vault::tree::Path;

use super::error::{CliError, ExitKind};

/// Reads a path of the vault; `/` is its root.
pub(super) fn vault_path(text: &str) -> Result<Path, CliError> {
    if text.is_empty() {
        // More likely a variable that was never set than a wish for the root.
        return Err(CliError::new(ExitKind::Usage, "a path of the vault is empty").hint("the root is written /"));
    }
    Path::parse(text).map_err(|error| {
        CliError::new(ExitKind::Usage, format!("{text}: {error}")).hint("a path of the vault is written from its root, as in /photos/2026")
    })
}

/// Writes a path of the vault as people type it, for what machines read; see [`printable`].
pub(super) fn shown(path: &Path) -> String {
    let text = path.to_string();
    if text.starts_with('/') { text } else { format!("/{text}") }
}

/// Writes a name so that it cannot move the cursor, change colours or look like another: control characters and those that turn the
/// direction of writing are shown as `\u{…}`.
pub(super) fn printable(text: &str) -> String {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().flat_map(|c| if c.is_control() || turns(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_talk_to_the_terminal() {
        assert_eq!(printable("a\x1b[31mred\nüber"), "a\\u{1b}[31mred\\nüber");
        assert_eq!(printable("rtl\u{202e}txt.exe"), "rtl\\u{202e}txt.exe", "it is no text");
    }
}
