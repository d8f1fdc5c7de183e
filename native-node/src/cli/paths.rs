//! Paths as people type them: of the vault, and of this machine.

use cachette_core::vault::tree::Path;

use super::error::{CliError, ExitKind};

/// Reads a path of the vault; `/` is its root.
pub(super) fn vault_path(text: &str) -> Result<Path, CliError> {
    Path::parse(text).map_err(|error| {
        CliError::new(ExitKind::Usage, format!("{text}: {error}")).hint("a path of the vault is written from its root, as in /photos/2026")
    })
}

/// Writes a path of the vault as people type it.
pub(super) fn shown(path: &Path) -> String {
    let text = path.to_string();
    if text.starts_with('/') { text } else { format!("/{text}") }
}

/// Writes a name so that it cannot move the cursor or change colours: control characters are shown as `\u{…}`.
pub(super) fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_talk_to_the_terminal() {
        assert_eq!(printable("a\x1b[31mred\nüber"), "a\\u{1b}[31mred\\nüber");
    }
}
