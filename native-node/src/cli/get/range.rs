//! Ranges of bytes as people type them.

use crate::cli::error::{CliError, ExitKind};

/// Reads `FIRST-LAST`, `FIRST-` or `-COUNT` and returns the first byte and how many.
pub(super) fn range_of(text: &str, len: u64) -> Result<(u64, u64), CliError> {
    let wrong = || {
        CliError::new(ExitKind::Usage, format!("`{text}` is no range"))
            .hint("0-99 are the first hundred bytes, 100- all but those, -100 the last hundred")
    };
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    Ok(match (first, last) {
        ("", "") => return Err(wrong()),
        ("", count) => {
            let count = number(count)?.min(len);
            (len - count, count)
        }
        (first, "") => {
            let first = number(first)?.min(len);
            (first, len - first)
        }
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return Err(wrong());
            }
            (first.min(len), (last + 1).min(len).saturating_sub(first))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        for (text, expected) in
            [("0-99", (0, 100)), ("100-", (100, 900)), ("-10", (990, 10)), ("990-2000", (990, 10)), ("5-5", (5, 1)), ("2000-", (1000, 0))]
        {
            assert_eq!(range_of(text, 1000).expect("a range"), expected, "{text}");
        }
        for text in ["", "-", "5", "a-b", "9-3"] {
            assert!(range_of(text, 1000).is_err(), "{text}");
        }
    }
}
