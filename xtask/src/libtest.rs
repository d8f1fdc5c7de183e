//! What test binaries print: the sums of their closing lines.

/// How many tests ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Count {
    /// Adds a line of output, if it is the closing line of a test binary.
    pub(crate) fn take(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else { return };
        for field in rest.split(['.', ';']) {
            let Some((number, what)) = field.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// Says whether a line only reports that one test passed.
pub(crate) fn is_pass(line: &str) -> bool {
    line.starts_with("test ") && line.ends_with(" ... ok")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_add_up() {
        let mut count = Count::default();
        for line in [
            "running 3 tests",
            "test block::tests::one ... ok",
            "test result: FAILED. 2 passed; 1 failed; 4 ignored; 0 measured; 7 filtered out; finished in 1.25s",
            "test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s; merged doctests compilation took 0.1s",
        ] {
            count.take(line);
        }
        assert_eq!(count, Count { passed: 42, failed: 1, ignored: 4 });
    }
}
