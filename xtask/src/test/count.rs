//! How many tests ran, read from the closing lines of the runners: cargo's, Node's and Vitest's.

use std::fmt;

use super::Outcome;

/// Tests by their result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: u32,
    pub(super) failed: u32,
    pub(super) skipped: u32,
}

impl Count {
    /// A line of output; most say nothing.
    pub(super) fn read(&mut self, line: &str) {
        let line = strip_colour(line);
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("test result: ") {
            // `ok. 34 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
            for part in rest.split(['.', ';']) {
                self.add(part);
            }
        } else if let Some(rest) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
            // `# pass 5`, in Node's TAP and in its spec reporter
            let mut words = rest.split(' ');
            if let (Some(word), Some(number), None) = (words.next(), words.next(), words.next()) {
                self.add(&format!("{number} {word}"));
            }
        } else if let Some(rest) = line.strip_prefix("Tests ") {
            // `Tests  1 failed | 41 passed (42)`, Vitest's
            for part in rest.split('|') {
                self.add(part);
            }
        }
    }

    fn add(&mut self, part: &str) {
        let mut words = part.split_whitespace();
        let (Some(number), Some(word)) = (words.next(), words.next()) else { return };
        let Ok(number) = number.parse::<u32>() else { return };
        let slot = match word {
            "passed" | "pass" => &mut self.passed,
            "failed" | "fail" | "cancelled" => &mut self.failed,
            "ignored" | "skipped" | "todo" => &mut self.skipped,
            _ => return,
        };
        *slot = slot.saturating_add(number);
    }

    pub(super) fn outcome(self) -> Outcome {
        if self == Self::default() { Outcome::Passed } else { Outcome::Counted(self) }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed", self.passed)?;
        if self.failed > 0 {
            write!(f, ", {} FAILED", self.failed)?;
        }
        if self.skipped > 0 {
            write!(f, ", {} left out", self.skipped)?;
        }
        Ok(())
    }
}

fn strip_colour(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, code)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = code.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &code[end + 1..]);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, passed: u32, failed: u32, skipped: u32) {
        let mut count = Count::default();
        output.lines().for_each(|line| count.read(line));
        assert_eq!(count, Count { passed, failed, skipped }, "{output}");
    }

    #[test]
    fn every_runners_closing_lines_are_understood() {
        let cargo = "test result: ok. 34 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
        check(cargo, 34, 0, 1);
        check(&cargo.repeat(2), 68, 0, 2);
        check("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out", 1, 2, 0);
        check("test result: \x1b[32mok\x1b[0m. 3 passed; 0 failed", 3, 0, 0);
        check("# tests 6\n# pass 4\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0", 4, 1, 1);
        check("\x1b[34mℹ pass 5\x1b[39m\nℹ fail 0\nℹ duration_ms 12.3", 5, 0, 0);
        check(" Test Files  3 passed (3)\n      Tests  1 failed | 41 passed (42)", 41, 1, 0);
        check("# a comment with 5 pass\npass 5\ntest a ... ok", 0, 0, 0);
    }
}
