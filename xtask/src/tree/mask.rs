//! Blanks out of Rust source what a textual check must not trip over. Newlines stay, so that line numbers do.

/// Blanks comments and the insides of strings and characters.
pub(super) fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut masked = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let word = at > 0 && is_word(bytes[at - 1]);
        let (keep, len) = if rest.starts_with(b"//") {
            (0, rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()))
        } else if rest.starts_with(b"/*") {
            (0, comment(rest))
        } else if !word && let Some((keep, len)) = raw_string(rest) {
            (keep, len)
        } else if rest[0] == b'"' {
            (1, string(rest))
        } else if rest[0] == b'\''
            && let Some(len) = character(rest)
        {
            (1, len)
        } else {
            at += 1;
            continue;
        };
        let end = at + len;
        // The closing quote stays too.
        let inside = if keep > 0 && len > keep { at + keep..end - 1 } else { at..end };
        for byte in &mut masked[inside] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8(masked).unwrap_or_else(|_| blank(text))
}

/// Blanks items under `#[cfg(test)]` in code whose strings are blank already.
pub(super) fn without_tests(code: &str) -> String {
    let mut masked = code.to_owned();
    let mut from = 0;
    while let Some(found) = code[from..].find(CFG_TEST) {
        let start = from + found;
        let body = &code[start..];
        let open = body.find('{').unwrap_or(body.len());
        let semicolon = body.find(';').unwrap_or(body.len());
        let len = if semicolon < open { semicolon + 1 } else { block(body, open) };
        masked.replace_range(start..start + len, &blank(&code[start..start + len]));
        from = start + len;
    }
    masked
}

/// Says whether `mod name;` stands under `#[cfg(test)]`.
pub(super) fn is_test_module(code: &str, name: &str) -> bool {
    let declaration = format!("mod {name};");
    let mut lines = code.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut test = false;
    lines.any(|line| {
        let found = test && line.ends_with(&declaration);
        test = line == CFG_TEST || test && line.starts_with("#[");
        found
    })
}

/// Turns everything but newlines into spaces.
pub(super) fn blank(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

fn block(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (index, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return index + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

fn comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

/// Returns how far a raw string's opening and the whole of it reach.
fn raw_string(rest: &[u8]) -> Option<(usize, usize)> {
    let prefix = if rest.starts_with(b"br") { 2 } else { usize::from(rest.starts_with(b"r")) };
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    let keep = prefix + hashes + 1;
    if prefix == 0 || rest.get(keep - 1) != Some(&b'"') {
        return None;
    }
    let end = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let body = rest[keep..].windows(end.len()).position(|window| window == end)?;
    Some((keep, keep + body + end.len()))
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Returns the length of a character literal, `None` for a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return rest.iter().skip(3).position(|byte| *byte == b'\'').map(|at| at + 4);
    }
    let len = std::str::from_utf8(&rest[1..rest.len().min(5)]).map_or_else(|error| error.valid_up_to(), str::len);
    let first = std::str::from_utf8(&rest[1..=len]).ok()?.chars().next()?;
    (rest.get(1 + first.len_utf8()) == Some(&b'\'')).then_some(2 + first.len_utf8())
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

const CFG_TEST: &str = "#[cfg(test)]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_characters_are_blank() {
        let text = "a /* b /* c */ d */ e // f\n\"g \\\" h\" i r#\"j \" k\"# l b\"m\" '\\'' n 'o' 'é' &'p q \"r\"";
        let masked = code(text);
        assert_eq!(masked.len(), text.len());
        let words: String = masked.chars().filter(|c| c.is_alphabetic()).collect();
        assert_eq!(words, "aeirlbnpq");
        assert_eq!(masked.matches('\n').count(), 1);
    }

    #[test]
    fn what_is_for_tests_only_is_blank() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { {} } }\nfn c() {}\n#[cfg(test)]\nmod d;\nmod e;\n";
        let shipped = without_tests(code);
        assert!(shipped.contains("fn a()") && shipped.contains("fn c()") && shipped.contains("mod e;"));
        assert!(!shipped.contains("mod tests") && !shipped.contains("fn b") && !shipped.contains("mod d;"));
        assert!(is_test_module(code, "d") && !is_test_module(code, "e"));
    }
}
