//! The time that each part of `cargo xtask test` may take on two cores from a fresh clone, and the account of what it took.

use std::time::Duration;

/// A part of the test command with a budget of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Toolchain parts and crates fetched.
    Install,
    /// Formatting, structure, clippy, rustdoc, the wasm.
    Checks,
    /// Everything that the tests run.
    Build,
    /// The tests.
    Tests,
}

impl Part {
    /// A part is stopped at this many times its budget.
    pub(crate) const GROSS: u64 = 3;

    pub(crate) const ALL: [Self; 4] = [Self::Install, Self::Checks, Self::Build, Self::Tests];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Checks => "checks",
            Self::Build => "build",
            Self::Tests => "tests",
        }
    }

    pub(crate) const fn budget(self) -> Duration {
        let minutes = match self {
            Self::Install => 3,
            Self::Checks => 4,
            Self::Build => 10,
            Self::Tests => 6,
        };
        Duration::from_secs(minutes * 60)
    }

    /// Returns when a part is stopped and counts as failed: something hangs, or grew far beyond what a busy machine explains.
    pub(crate) const fn limit(self) -> Duration {
        Duration::from_secs(self.budget().as_secs() * Self::GROSS)
    }
}

/// What the parts took so far.
#[derive(Debug, Default)]
pub(crate) struct Account {
    spent: Vec<(Part, Duration)>,
}

impl Account {
    pub(crate) fn add(&mut self, part: Part, time: Duration) {
        self.spent.push((part, time));
    }

    pub(crate) fn spent(&self, part: Part) -> Duration {
        self.spent.iter().filter(|(of, _)| *of == part).map(|(_, time)| *time).sum()
    }

    /// Returns what is left until a part is stopped.
    pub(crate) fn left(&self, part: Part) -> Duration {
        part.limit().saturating_sub(self.spent(part))
    }

    /// Lays budget and time side by side.
    pub(crate) fn table(&self) -> String {
        let mut table = format!("{:<10}{:>10}{:>10}\n", "part", "budget", "took");
        for part in Part::ALL {
            let over = if self.spent(part) > part.budget() { "  over budget" } else { "" };
            table += &format!("{:<10}{:>10}{:>10}{over}\n", part.name(), clock(part.budget()), clock(self.spent(part)));
        }
        table
    }
}

/// Writes a time as minutes and seconds.
pub(crate) fn clock(time: Duration) -> String {
    let tenths = time.as_millis().div_ceil(100);
    if tenths < 600 { format!("{}.{} s", tenths / 10, tenths % 10) } else { format!("{}:{:02} min", tenths / 600, tenths % 600 / 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_over_its_budget_is_named() {
        let mut account = Account::default();
        account.add(Part::Checks, Duration::from_secs(200));
        assert!(!account.table().contains("over budget"));
        account.add(Part::Checks, Duration::from_secs(41));
        let table = account.table();
        let line = table.lines().find(|line| line.starts_with("checks")).expect("a line for the checks");
        assert!(line.contains("4:01 min") && line.ends_with("over budget"), "{line}");
        assert_eq!(account.left(Part::Checks), Duration::from_secs(720 - 241));
    }

    #[test]
    fn times_read_well() {
        assert_eq!(clock(Duration::from_millis(1_234)), "1.3 s");
        assert_eq!(clock(Duration::from_secs(60)), "1:00 min");
        assert_eq!(clock(Duration::from_secs(605)), "10:05 min");
    }
}
