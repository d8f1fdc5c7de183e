//! Paths as people type them: of the vault, and of this machine.

use cachette_core::vault::tree::Path;

use super::error::{CliError, ExitKind};
pub(super) use crate::printable::printable;

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
