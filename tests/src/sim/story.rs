//! The story of a run: who did what when, in lines that people can read, and one hash over all of them.

use std::fmt::{Display, Write};

use cachette_core::time::Time;

use super::HostNo;

/// What has happened in a world.
#[derive(Debug)]
pub struct Story {
    start: Time,
    lines: Vec<Line>,
    hash: blake3::Hasher,
}

#[derive(Debug)]
struct Line {
    at: u64,
    who: Option<HostNo>,
    text: String,
}

impl Story {
    /// Starts at a moment.
    #[must_use]
    pub fn new(start: Time) -> Self {
        Self { start, lines: Vec::new(), hash: blake3::Hasher::new() }
    }

    /// Tells one thing; `who` is `None` for what nobody did.
    pub fn tell(&mut self, now: Time, who: Option<HostNo>, what: impl Display) {
        let line = Line { at: now.since(self.start).millis(), who, text: what.to_string() };
        self.hash.update(line.render().as_bytes());
        self.lines.push(line);
    }

    /// Returns the hash of the story so far: equal for equal stories.
    #[must_use]
    pub fn hash(&self) -> blake3::Hash {
        self.hash.finalize()
    }

    /// Returns how many lines were told.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Says whether nothing was told yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the last lines.
    #[must_use]
    pub fn end(&self, lines: usize) -> String {
        let skipped = self.lines.len().saturating_sub(lines);
        let mut text = String::new();
        if skipped > 0 {
            let _ = writeln!(text, "  … {skipped} earlier lines");
        }
        self.lines[skipped..].iter().for_each(|line| text += &line.render());
        text
    }

    /// Returns every line that names something, at most the last `lines` of them.
    #[must_use]
    pub fn about(&self, name: &str, lines: usize) -> String {
        let found: Vec<_> = self.lines.iter().filter(|line| line.text.contains(name)).collect();
        found[found.len().saturating_sub(lines)..].iter().map(|line| line.render()).collect()
    }
}

impl Line {
    fn render(&self) -> String {
        let who = self.who.map_or_else(|| "world".to_owned(), |who| who.to_string());
        format!("  {:>8}.{:03} s  {who:<6} {}\n", self.at / 1000, self.at % 1000, self.text)
    }
}

impl Display for HostNo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "host{}", self.0)
    }
}
